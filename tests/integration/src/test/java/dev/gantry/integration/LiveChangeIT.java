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
}
