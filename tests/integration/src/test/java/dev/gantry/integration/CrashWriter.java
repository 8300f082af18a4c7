package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/// A container that prints numbered lines through many ends of the engine, until it is told to
/// stop.
record CrashWriter(String id, CrashLife life, Kind kind) {
  /// How it prints: now and then, in bursts on both streams, as fast as it can for a while and then
  /// with pauses, on a terminal, or pieces of lines.
  enum Kind {
    SLOW("echo line $i; sleep 0.1", false),
    BURSTS(
        "echo line $i; for j in 2 3 4 5 6 7 8; do i=$((i+1)); echo line $i; done; "
            + "echo error $i >&2; sleep 0.1",
        false),
    FAST("echo line $i; [ $((i % 500)) -gt 0 ] || sleep 0.2", false),
    TERMINAL("echo line $i; [ $((i % 20)) -gt 0 ] || sleep 0.1", true),
    PIECES("printf 'li'; sleep 0.05; printf 'ne '; sleep 0.05; echo $i", false);

    private final String step;
    private final boolean terminal;

    Kind(String step, boolean terminal) {
      this.step = step;
      this.terminal = terminal;
    }

    String script() {
      return "i=0; while [ ! -e /stop ]; do i=$((i+1)); " + step + "; done; echo last $i; exit 17";
    }
  }

  static CrashWriter start(Engine engine, Kind kind) {
    Json.JsonObject body = Containers.body(engine, kind.script()).put("Tty", kind.terminal);
    // small files: rotation is part of what is interrupted
    Json.JsonObject options =
        Json.object().put("max-size", "64k").put("max-file", "5000").put("compress", "true");
    body.put(
        "HostConfig",
        Json.object()
            .put("LogConfig", Json.object().put("Type", "json-file").put("Config", options)));
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return new CrashWriter(id, CrashLife.of(Containers.state(engine, id).number("Pid", 0)), kind);
  }

  void assertUntouched(List<String> running, int crash) {
    assertEquals(life, CrashLife.of(life.pid()), () -> kind + " has died by crash " + crash);
    assertTrue(running.contains(id), () -> kind + " is taken for dead after crash " + crash);
  }

  /// Follows and awaits all writers, ends them by exec, and compares what came.
  static void assertWhole(Engine engine, List<CrashWriter> writers) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Map<CrashWriter, Future<List<String>>> followed = new LinkedHashMap<>();
      Map<CrashWriter, Future<Long>> awaited = new LinkedHashMap<>();
      for (CrashWriter w : writers) {
        assertEquals(
            w.life.pid(), Containers.state(engine, w.id).number("Pid", 0), w.kind + "'s process");
        followed.put(
            w, threads.submit(() -> Containers.log(engine, w.id, w.kind.terminal, "&follow=1")));
        awaited.put(w, threads.submit(() -> Containers.awaitExit(engine, w.id)));
      }
      for (CrashWriter w : writers) {
        Containers.exec(engine, w.id, "touch", "/stop");
      }
      for (CrashWriter w : writers) {
        assertEquals(17, awaited.get(w).get(120, TimeUnit.SECONDS), w.kind + "'s exit code");
        w.assertNumbered(Containers.log(engine, w.id, w.kind.terminal, ""));
        w.assertNumbered(followed.get(w).get(120, TimeUnit.SECONDS));
      }
    }
  }

  private void assertNumbered(List<String> all) {
    List<String> lines = all.stream().filter(l -> !l.startsWith("error")).toList();
    int count = lines.size() - 1;
    assertTrue(count > 0, () -> kind + " wrote nothing");
    for (int i = 0; i <= count; i++) {
      int at = i;
      String expected = i < count ? "line " + (i + 1) : "last " + count;
      assertEquals(expected, lines.get(i), () -> kind + ", line " + at + " of the log of " + id);
    }
    if (kind == Kind.BURSTS) {
      List<String> errors = all.stream().filter(l -> l.startsWith("error")).toList();
      for (int i = 0; i < errors.size(); i++) {
        assertEquals("error " + 8 * (i + 1), errors.get(i), id);
      }
    }
  }
}
