package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.awaitLog;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.run;
import static dev.gantry.integration.Containers.state;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Containers that change without being made anew.
@ExtendWith(EngineExtension.class)
class LiveChangeIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-fv", id));
  }

  private static void change(Engine engine, String name, Json.JsonObject wishes) {
    engine
        .request(
            "POST", "/containers/" + name + "/update", Json.object().put("Gantry", wishes).text())
        .expect(200);
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout((int) PATIENCE.toMillis());
      return socket.getInputStream().read() == 'h';
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void labelsHealthLogAndPortsChangeWhileItRuns(Engine engine) {
    run(
        engine,
        "live",
        "while :; do echo hi | nc -l -p 80; done",
        "--label",
        "old=1",
        "--label",
        "gone=1",
        "-p",
        "127.0.0.1::80");
    long pid = state(engine, "live").number("Pid", 0);
    String first = engine.docker("port", "live", "80").succeeded().line();
    int port = Integer.parseInt(first.substring(first.lastIndexOf(':') + 1));
    change(
        engine,
        "live",
        Json.object()
            .put("Labels", Json.object().put("new", "2").put("gone", Json.NULL))
            .put("LogConfig", Json.object().put("Config", Json.object().put("max-size", "1m")))
            .put(
                "Healthcheck",
                Json.object()
                    .put("Test", Json.strings(List.of("CMD", "true")))
                    .put("Interval", 100_000_000L))
            .put(
                "PortBindings",
                Json.object()
                    .put("80/tcp", Json.array().add(Json.object().put("HostIp", "127.0.0.1")))
                    .put("81/tcp", Json.array().add(Json.object().put("HostIp", "127.0.0.1")))));
    assertEquals("map[new:2 old:1]", inspect(engine, "live", "{{.Config.Labels}}"));
    assertEquals("live", engine.docker("ps", "-f", "label=new=2", "--format", "{{.Names}}").line());
    assertEquals(
        "1m", inspect(engine, "live", "{{index .HostConfig.LogConfig.Config \"max-size\"}}"));
    Eventually.within(
        PATIENCE,
        () -> "it is found healthy: " + state(engine, "live"),
        () -> inspect(engine, "live", "{{.State.Health.Status}}").equals("healthy"));
    assertEquals(first, engine.docker("port", "live", "80").succeeded().line());
    assertTrue(engine.docker("port", "live", "81").succeeded().line().startsWith("127.0.0.1:"));
    Eventually.within(PATIENCE, "the kept port answers", () -> answers(port));
    engine
        .gantry("update", "--publish", "127.0.0.1::80/udp", "--label", "cli=1", "live")
        .succeeded();
    Eventually.within(PATIENCE, "the port is closed", () -> !answers(port));
    assertEquals("1", inspect(engine, "live", "{{index .Config.Labels \"cli\"}}"));
    assertEquals(pid, state(engine, "live").number("Pid", 0), "it was restarted");
    engine.kill();
    engine.restart();
    assertEquals("map[cli:1 new:2 old:1]", inspect(engine, "live", "{{.Config.Labels}}"));
  }

  @Test
  void variablesCommandAndMountsChangeByOneRestartInPlace(Engine engine) {
    engine
        .docker(
            "run",
            "-d",
            "--rm",
            "--name",
            "moved",
            "--stop-signal",
            "KILL",
            "-e",
            "KEEP=1",
            "-v",
            "/anon",
            engine.busybox(),
            "sh",
            "-c",
            "echo start; touch /layer /anon/f; exec sleep 1000")
        .succeeded();
    awaitLog(engine, "moved", "start");
    String id = inspect(engine, "moved", "{{.Id}}");
    long pid = state(engine, "moved").number("Pid", 0);
    change(
        engine,
        "moved",
        Json.object()
            .put("Env", Json.strings(List.of("KEEP=1", "WORD=new")))
            .put(
                "Cmd",
                Json.strings(
                    List.of("sh", "-c", "echo $KEEP$WORD; ls /layer /anon/f /new; sleep 1000")))
            .put("Binds", Json.strings(List.of("/anon", "fresh:/new"))));
    awaitLog(engine, "moved", "1new\n/anon/f\n/layer");
    assertEquals(id, inspect(engine, "moved", "{{.Id}}"));
    assertNotEquals(pid, state(engine, "moved").number("Pid", 0));
    assertTrue(
        inspect(engine, "moved", "{{range .Mounts}}{{.Destination}} {{end}}").contains("/new"));
    assertEquals("[sh -c", inspect(engine, "moved", "{{.Config.Cmd}}").substring(0, 6));
    String refused =
        engine
            .request("POST", "/containers/moved/update", "{\"Gantry\":{\"Image\":\"x\"}}")
            .expect(400)
            .text();
    assertTrue(refused.contains("Gantry.Image cannot be changed"), refused);
  }

  @Test
  void commandLineChangesCommandAndMountsInPlace(Engine engine) {
    run(
        engine,
        "shaped",
        "echo first; exec sleep 1000",
        "--stop-signal",
        "KILL",
        "-v",
        "kept:/kept",
        "-v",
        "old:/place");
    awaitLog(engine, "shaped", "first");
    String id = inspect(engine, "shaped", "{{.Id}}");
    engine
        .gantry(
            "update",
            "--command",
            "echo $SAID; mount | grep -c -E ' /(kept|place|ram) '; exec sleep 1000",
            "--env",
            "SAID=second",
            "--volume",
            "new:/place",
            "--mount",
            "type=tmpfs,dst=/ram",
            "shaped")
        .succeeded();
    awaitLog(engine, "shaped", "second\n3");
    assertEquals(id, inspect(engine, "shaped", "{{.Id}}"));
    String names = inspect(engine, "shaped", "{{range .Mounts}}{{.Name}} {{end}}");
    assertTrue(names.contains("kept") && names.contains("new"), names);
    assertEquals(-1, names.indexOf("old"), names);
    engine.gantry("update", "--command", "[\"sleep\", \"999\"]", "shaped").succeeded();
    assertEquals("[sleep 999]", inspect(engine, "shaped", "{{.Config.Cmd}}"));
    assertEquals("running", inspect(engine, "shaped", "{{.State.Status}}"));
    engine.gantry("update", "--command", "[broken", "shaped").exited(1);
  }

  @Test
  void restartKeepsWhatIsRemovedAtItsEnd(Engine engine) {
    engine
        .docker("run", "-d", "--rm", "--name", "brief", engine.busybox(), "sleep", "1000")
        .succeeded();
    engine.docker("restart", "-t", "0", "brief").succeeded();
    assertEquals("running", inspect(engine, "brief", "{{.State.Status}}"));
    engine.docker("stop", "-t", "0", "brief").succeeded();
    Eventually.within(
        PATIENCE, "it is removed", () -> engine.docker("inspect", "brief").code() != 0);
  }

  /// Each kind of change, then the engine's sudden end: all of it is so still, and works.
  @Test
  void everyChangeOutlivesTheEngine(Engine engine) {
    run(engine, "changed", "touch /layer; echo first; exec sleep 1000", "--stop-signal", "KILL");
    awaitLog(engine, "changed", "first");
    String id = inspect(engine, "changed", "{{.Id}}");
    // what takes a restart
    String script =
        "ls -d /layer /bound /kept /ram; touch /ok;"
            + " echo $WORD; while :; do echo hi | nc -l -p 80; done";
    change(
        engine,
        "changed",
        Json.object()
            .put("Env", Json.strings(List.of("WORD=said")))
            .put("Entrypoint", Json.strings(List.of("sh", "-c")))
            .put("Cmd", Json.strings(List.of(script)))
            .put("Binds", Json.strings(List.of("/tmp:/bound:ro")))
            .put(
                "Mounts",
                Json.array()
                    .add(
                        Json.object()
                            .put("Type", "volume")
                            .put("Source", "kept")
                            .put("Target", "/kept")))
            .put("Tmpfs", Json.object().put("/ram", "size=1m")));
    awaitLog(engine, "changed", "/bound\n/kept\n/layer\n/ram\nsaid");
    long pid = state(engine, "changed").number("Pid", 0);
    // what does not
    engine
        .gantry(
            "update",
            "--memory",
            "48m",
            "--memory-swap",
            "48m",
            "--pids-limit",
            "32",
            "--restart",
            "always",
            "--label",
            "team=blue",
            "--log-opt",
            "max-size=1m",
            "--log-opt",
            "max-file=2",
            "--health-cmd",
            "test -e /ok",
            "--health-interval",
            "100ms",
            "--health-retries",
            "1",
            "--publish",
            "127.0.0.1::80",
            "changed")
        .succeeded();
    int port = port(engine, "changed");
    awaitHealth(engine, "healthy");
    engine.kill();
    engine.restart();

    assertEquals(id, inspect(engine, "changed", "{{.Id}}"));
    assertEquals(pid, state(engine, "changed").number("Pid", 0), "the process lives on");
    assertEquals(
        "50331648 32 always map[max-file:2 max-size:1m] map[team:blue]",
        inspect(
            engine,
            "changed",
            "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}"
                + " {{.HostConfig.LogConfig.Config}} {{.Config.Labels}}"));
    String limit =
        engine.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", "changed").line();
    assertTrue(limit.endsWith("/ 48MiB"), limit);
    assertEquals(port, port(engine, "changed"));
    Eventually.within(PATIENCE, "the port answers", () -> answers(port));
    engine.docker("exec", "changed", "rm", "/ok").succeeded();
    awaitHealth(engine, "unhealthy");
    // the new policy, the new environment, command and mounts, in the old layer
    assertTrue(ProcessHandle.of(pid).orElseThrow().destroyForcibly());
    awaitLog(engine, "changed", "said\n/bound\n/kept\n/layer\n/ram\nsaid");
    assertEquals(1, inspect(engine, "changed").number("RestartCount", 0));
    // nobody asked for a certain one: each run gets a port of its own
    Eventually.within(PATIENCE, "the port answers again", () -> answers(port(engine, "changed")));
    awaitHealth(engine, "healthy");
  }

  private static int port(Engine engine, String name) {
    String published = engine.docker("port", name, "80").succeeded().line();
    return Integer.parseInt(published.substring(published.lastIndexOf(':') + 1));
  }

  private static void awaitHealth(Engine engine, String status) {
    Eventually.within(
        PATIENCE,
        () -> "it becomes " + status + ": " + state(engine, "changed"),
        () -> inspect(engine, "changed", "{{.State.Health.Status}}").equals(status));
  }
}
