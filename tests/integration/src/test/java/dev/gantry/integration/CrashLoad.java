package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/// Short-lived containers that several threads create, start, exec into and remove. A request that
/// the crash cuts off is no failure; whatever an engine has confirmed must be true later.
final class CrashLoad {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int REMOVED = 0;
  private static final int REMOVES_ITSELF = 1;
  private static final int ON_TERMINAL = 2;
  private static final int WITHOUT_NETWORK = 3;

  private final Engine engine;
  private final int threads;
  private final Map<String, Integer> started = new ConcurrentHashMap<>();
  private final Set<String> gone = ConcurrentHashMap.newKeySet();
  private final Semaphore operations = new Semaphore(0);
  private volatile boolean stopped;

  CrashLoad(Engine engine, int threads) {
    this.engine = engine;
    this.threads = threads;
  }

  /// Works until the engine has done `count` operations, and then does `end`, which kills it.
  void runFor(int count, Runnable end) throws Exception {
    stopped = false;
    int ignored = operations.drainPermits();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<? extends Future<?>> work =
          IntStream.range(0, threads).mapToObj(code -> pool.submit(() -> work(code))).toList();
      boolean done = operations.tryAcquire(count, PATIENCE.toSeconds(), TimeUnit.SECONDS);
      stopped = true;
      end.run();
      for (Future<?> each : work) {
        each.get();
      }
      assertTrue(done, () -> "the engine does not get on: " + engine.log());
    }
  }

  private void work(int code) {
    while (!stopped) {
      try {
        once(code);
      } catch (UncheckedIOException | NumberFormatException e) {
        if (!stopped) {
          throw e;
        }
      } catch (AssertionError e) {
        // an answer cut off in its middle is no JSON
        if (!stopped) {
          throw e;
        }
      }
    }
  }

  private void once(int code) {
    Containers.Created created = Containers.create(engine, body(code));
    if (stopped && created.status() != 201) {
      return;
    }
    String id = created.orElseThrow();
    operations.release();
    Answer start = engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    started.put(id, code);
    operations.release();
    assertEquals(204, start.status());
    if (code % 2 == 0) {
      exec(id);
    }
    if (code == REMOVED) {
      started.remove(id);
      Answer removed = engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "");
      assertEquals(204, removed.status(), removed::text);
      gone.add(id);
      operations.release();
    } else if (code == REMOVES_ITSELF) {
      started.remove(id);
      gone.add(id);
    }
  }

  /// The container may have ended by itself meanwhile.
  private void exec(String id) {
    Answer created = engine.request("POST", "/containers/" + id + "/exec", "{\"Cmd\":[\"true\"]}");
    if (created.status() == 201) {
      String exec = Json.parseObject(created.text()).string("Id", "");
      Answer begun = engine.request("POST", "/exec/" + exec + "/start", "{\"Detach\":true}");
      assertFalse(begun.status() == 500 && !stopped && runs(id), begun::text);
      operations.release();
    }
  }

  private boolean runs(String id) {
    return Containers.state(engine, id).bool("Running", false);
  }

  private Json.JsonObject body(int code) {
    String script = "echo begin; sleep 0." + code + "; echo end; exit " + code;
    Json.JsonObject body =
        Containers.body(engine, script)
            .put("Volumes", Json.object().put("/kept", Json.object()))
            .put("Tty", code == ON_TERMINAL);
    return body.put(
        "HostConfig",
        Json.object()
            .put("AutoRemove", code == REMOVES_ITSELF)
            .put("NetworkMode", code == WITHOUT_NETWORK ? "none" : "default"));
  }

  void assertEndedRight() {
    started.forEach(
        (id, code) -> {
          Eventually.within(
              PATIENCE,
              () -> "ends: " + Containers.state(engine, id),
              () -> !Containers.state(engine, id).bool("Running", true));
          Json.JsonObject state = Containers.state(engine, id);
          assertEquals(code.longValue(), state.number("ExitCode", -1), () -> id + ": " + state);
          assertEquals(
              List.of("begin", "end"),
              Containers.log(engine, id, code == ON_TERMINAL, ""),
              () -> "log of " + id + ", which exited with " + code);
        });
    Eventually.within(
        PATIENCE, () -> "removed, and still there: " + back(), () -> back().isEmpty());
    System.out.println(
        "CrashIT: " + started.size() + " containers ended, " + gone.size() + " went");
    assertTrue(!started.isEmpty(), "no container was started between the crashes");
  }

  private List<String> back() {
    return engine.containers().stream().filter(gone::contains).toList();
  }
}
