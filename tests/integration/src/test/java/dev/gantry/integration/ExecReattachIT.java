package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Execs that run while the engine is killed: they go on, are never kept waiting for a reader, and
/// the next engine knows them and how they end.
class ExecReattachIT {
  // more than a pipe holds, so that it must be read
  private static final long MANY = 30_000;
  private static final String PRINTS =
      "i=0; while :; do i=$((i+1)); echo \"line $i 0123456789012345678901234567890123456789\";"
          + " [ $((i % 1000)) != 0 ] || echo $i > /count; done";

  @Test
  void execsOfAKilledEngineAreTakenUp() throws Exception {
    try (Engine engine = Engine.start()) {
      engine.busybox();
      String container = Containers.run(engine, "sleep 1000");
      final long pid = Containers.state(engine, container).number("Pid", 0);
      final Path root = Path.of("/proc", Long.toString(pid), "root");
      final String prints = exec(engine, container, PRINTS);
      final String early = exec(engine, container, until("/early") + "exit 7");
      final String late = exec(engine, container, until("/late") + "exit 8");
      Eventually.within(Containers.PATIENCE, "it prints", () -> count(root) > 0);

      engine.kill();
      Files.createFile(root.resolve("early"));
      Path folders = engine.folder().resolve("run/execs");
      Eventually.within(
          Containers.PATIENCE,
          "the exit is on record",
          () -> Files.exists(folders.resolve(early).resolve("exit")));
      engine.restart();

      assertEnded(engine, early, 7);
      assertTrue(inspect(engine, prints).bool("Running", false));
      assertTrue(inspect(engine, late).bool("Running", false));
      assertEquals(
          Set.of(prints, late),
          Set.copyOf(Containers.inspect(engine, container).strings("ExecIDs")));
      assertEquals("sh", process(engine, late).string("entrypoint", ""));
      long before = count(root);
      Eventually.within(Containers.PATIENCE, "it prints on", () -> count(root) > before + MANY);

      Files.createFile(root.resolve("late"));
      Eventually.within(
          Containers.PATIENCE,
          "the late one ends",
          () -> !inspect(engine, late).bool("Running", true));
      assertEnded(engine, late, 8);
      engine.request("DELETE", "/containers/" + container + "?force=1", "").expect(204);
      Eventually.within(
          Containers.PATIENCE, "no folder of an exec is left", () -> isEmpty(folders));
    }
  }

  @Test
  void execsOfAContainerThatEndedWithoutAnEngineAreForgotten() throws Exception {
    try (Engine engine = Engine.start()) {
      engine.busybox();
      String container = Containers.run(engine, "sleep 1000");
      final long pid = Containers.state(engine, container).number("Pid", 0);
      final String exec = exec(engine, container, "sleep 1000");
      final Path folders = engine.folder().resolve("run/execs");
      assertTrue(Files.exists(folders.resolve(exec)));
      engine.kill();
      ProcessHandle.of(pid).orElseThrow().destroyForcibly();
      Eventually.within(
          Containers.PATIENCE,
          "the container ends",
          () -> !Files.exists(Path.of("/proc", Long.toString(pid))));
      engine.restart();
      assertEquals(404, engine.get("/exec/" + exec + "/json").status());
      assertTrue(isEmpty(folders));
    }
  }

  private static String until(String file) {
    return "until [ -e " + file + " ]; do sleep 0.05; done; ";
  }

  /// Starts `script` in the container, with nobody attached.
  private static String exec(Engine engine, String container, String script) {
    String id =
        Json.parseObject(
                engine
                    .request(
                        "POST",
                        "/containers/" + container + "/exec",
                        Json.object()
                            .put("AttachStdout", true)
                            .put("Cmd", Json.strings(List.of("sh", "-c", script)))
                            .text())
                    .expect(201)
                    .text())
            .string("Id", "");
    engine.request("POST", "/exec/" + id + "/start", "{\"Detach\":true}").expect(200);
    return id;
  }

  private static Json.JsonObject inspect(Engine engine, String exec) {
    return (Json.JsonObject) engine.json("/exec/" + exec + "/json");
  }

  private static Json.JsonObject process(Engine engine, String exec) {
    return inspect(engine, exec).object("ProcessConfig").orElseThrow();
  }

  private static void assertEnded(Engine engine, String exec, int code) {
    Json.JsonObject json = inspect(engine, exec);
    assertFalse(json.bool("Running", true));
    assertEquals(code, json.number("ExitCode", -1));
  }

  /// 0 until there is a number, or while it is being written.
  private static long count(Path root) {
    try {
      String text = Files.readString(root.resolve("count")).strip();
      return text.isEmpty() ? 0 : Long.parseLong(text);
    } catch (IOException e) {
      return 0;
    }
  }

  private static boolean isEmpty(Path folder) {
    try (var children = Files.list(folder)) {
      return children.findAny().isEmpty();
    } catch (IOException e) {
      return false;
    }
  }
}
