package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What the operator sets by flags and daemon.json, as containers and clients see it.
class EngineSettingsIT {
  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir Path folder;

  @Test
  void appliesTheDefaultsForContainers() {
    try (Engine engine =
        Engine.start(
            "--init",
            "--default-ulimit=nofile=123:456",
            "--default-shm-size=16m",
            "--no-new-privileges",
            "--default-ipc-mode=shareable",
            "--label=place=here")) {
      String script =
          "ulimit -Sn; ulimit -Hn; cat /proc/1/comm; grep NoNewPrivs /proc/self/status;"
              + " df -k /dev/shm | tail -n 1 | awk '{print $2}'";
      assertEquals(
          "123\n456\ndocker-init\nNoNewPrivs:\t1\n16384\n",
          engine.docker("run", "--rm", engine.busybox(), "sh", "-c", script).succeeded().out());
      assertEquals(
          "100\n",
          engine
              .docker(
                  "run", "--rm", "--ulimit=nofile=100", engine.busybox(), "sh", "-c", "ulimit -n")
              .succeeded()
              .out());
      Json.JsonObject info = (Json.JsonObject) engine.json("/info");
      assertEquals("[\"place=here\"]", String.valueOf(info.get("Labels")).strip());
    }
  }

  @Test
  void showsItsInsidesWithDebugOnly() throws IOException, InterruptedException {
    Path file = folder.resolve("daemon.json");
    Files.writeString(file, "{}");
    try (Engine engine = Engine.start("--config-file", file.toString())) {
      for (String path : List.of("/debug/vars", "/debug/pprof/", "/debug/pprof/goroutine")) {
        engine.get(path).expect(404);
      }
      Files.writeString(file, "{\"debug\": true}");
      hangUp(engine);
      Eventually.within(SOON, () -> engine.log(), () -> engine.get("/debug/vars").status() == 200);
      Json.JsonObject variables = (Json.JsonObject) engine.json("/debug/vars");
      assertTrue(variables.strings("cmdline").contains("--config-file"));
      assertTrue(variables.number("descriptors", 0) > 0);
      assertTrue(engine.get("/debug/pprof/goroutine").expect(200).text().contains("main #"));
      engine.get("/debug/pprof/nothing").expect(404);
    }
  }

  @Test
  void readsTheFileAgainOnHangUp() throws IOException, InterruptedException {
    Path file = folder.resolve("daemon.json");
    Files.writeString(file, "{\"labels\": [\"state=old\"]}");
    try (Engine engine = Engine.start("--config-file", file.toString())) {
      Files.writeString(file, "{\"labels\": [\"state=new\"], \"init\": true}");
      hangUp(engine);
      Eventually.within(
          SOON, () -> engine.log(), () -> engine.json("/info").text().contains("state=new"));
      assertEquals(
          "docker-init\n",
          engine.docker("run", "--rm", engine.busybox(), "cat", "/proc/1/comm").succeeded().out());
      Files.writeString(file, "{\"labels\": [\"state=newest\"], \"nosuch\": 1}");
      hangUp(engine);
      Eventually.within(SOON, () -> engine.log(), () -> engine.log().contains("nosuch"));
      assertTrue(engine.json("/info").text().contains("state=new\""), "a bad file changes nothing");
    }
  }

  private static void hangUp(Engine engine) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-HUP", Long.toString(engine.pid())).start().waitFor();
  }

  @Test
  void endsTheContainersWithTheEngineIfToldTo() {
    try (Engine engine = Engine.start("--live-restore=false", "--shutdown-timeout=2")) {
      engine
          .docker(
              "run",
              "-d",
              "--name",
              "polite",
              engine.busybox(),
              "sh",
              "-c",
              "trap 'exit 7' TERM; while :; do sleep 0.1; done")
          .succeeded();
      engine
          .docker(
              "run",
              "-d",
              "--name",
              "deaf",
              engine.busybox(),
              "sh",
              "-c",
              "trap '' TERM; while :; do sleep 0.1; done")
          .succeeded();
      engine.stop();
      engine.restart();
      String format = "{{.State.Status}} {{.State.ExitCode}}";
      assertEquals("exited 7\n", engine.docker("inspect", "-f", format, "polite").out());
      assertEquals("exited 137\n", engine.docker("inspect", "-f", format, "deaf").out());
    }
  }

  /// A group that was named to it is somebody else's.
  @Test
  void takesItsOwnControlGroupAwayWithTheLastContainer() {
    try (Engine engine = Engine.start("--cgroup-parent=")) {
      String group = "gantry-" + engine.name();
      engine.docker("run", "-d", "--name", "one", engine.busybox(), "sleep", "1000").succeeded();
      assertTrue(groups(group) > 0, "its containers are in " + group);
      engine.stop();
      assertTrue(groups(group) > 0, "they go on");
      engine.restart();
      engine.docker("rm", "-f", "one").succeeded();
      Eventually.within(SOON, group + " is empty", () -> subgroups(group) == 0);
      engine.stop();
      Eventually.within(SOON, group + " is gone", () -> groups(group) == 0);
      engine.restart();
      engine.docker("run", "--rm", engine.busybox(), "true").succeeded();
    }
  }

  private static long groups(String name) {
    return Command.of("find", "/sys/fs/cgroup", "-type", "d", "-name", name)
        .run()
        .out()
        .lines()
        .count();
  }

  private static long subgroups(String name) {
    return Command.of("find", "/sys/fs/cgroup", "-type", "d", "-path", "*/" + name + "/*")
        .run()
        .out()
        .lines()
        .count();
  }

  @Test
  void refusesASecondEngineOnTheSameData() {
    try (Engine engine = Engine.start()) {
      AssertionError refused =
          org.junit.jupiter.api.Assertions.assertThrows(
              AssertionError.class,
              () -> Engine.start("--data-root", engine.folder().resolve("data").toString()));
      assertTrue(refused.getMessage().contains("another engine uses"), refused.getMessage());
      assertEquals(200, engine.get("/_ping").status());
    }
  }
}
