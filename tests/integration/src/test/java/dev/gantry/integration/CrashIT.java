package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Kills the engine with SIGKILL again and again while containers start, log, exec and exit, and
/// holds it to the promise: no running container dies or restarts, no line of its log is lost, exit
/// codes are right, and nothing is left behind.
class CrashIT {
  private static final int CONTAINERS = 20;
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final int WRITERS = CONTAINERS / 2;
  private static final String WRITER =
      "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo line $i; sleep 0.05; done; echo last $i; exit 17";

  private final long seed = Long.getLong("gantry.seed", System.nanoTime());
  private final Random random = new Random(seed);

  @Test
  void nothingIsLostWhenTheEngineIsKilled() throws InterruptedException {
    int crashes = Integer.parseInt(System.getProperty("gantry.crashes", "50"));
    System.out.println("CrashIT: " + crashes + " times, -Dgantry.seed=" + seed);
    try (Engine engine = Engine.start()) {
      engine.busybox();
      Map<String, Long> writers = startWriters(engine);
      Load load = new Load(engine);
      for (int i = 0; i < crashes; i++) {
        ExecutorService threads = load.start(CONTAINERS - WRITERS);
        Thread.sleep(random.nextInt(20, 900));
        if (i % 5 == 0) {
          load.awaitStart(); // a busy machine may not come so far by itself
        }
        engine.kill();
        load.stop(threads);
        engine.restart();
        assertStillRunning(engine, writers, i);
      }
      load.assertEndedRight();
      writers.keySet().forEach(id -> assertLogWhole(engine, id));
    }
  }

  /// Ids of the writers, with the pid of each.
  private static Map<String, Long> startWriters(Engine engine) {
    Map<String, Long> writers = new ConcurrentHashMap<>();
    for (int i = 0; i < WRITERS; i++) {
      String id = create(engine, WRITER).orElseThrow("create");
      engine.request("POST", "/containers/" + id + "/start", "").expect(204);
      writers.put(id, state(engine, id).number("Pid", 0));
    }
    return writers;
  }

  private static void assertStillRunning(Engine engine, Map<String, Long> writers, int crash) {
    writers.forEach(
        (id, pid) -> {
          Json.JsonObject state = state(engine, id);
          assertTrue(state.bool("Running", false), () -> "after crash " + crash + ": " + state);
          assertEquals(pid, state.number("Pid", 0), () -> "restarted at crash " + crash);
        });
  }

  /// Ends a writer and reads its log: every line once, in order, and the exit code it chose.
  private static void assertLogWhole(Engine engine, String id) {
    Exec.run(engine, id, "touch", "/stop");
    Eventually.within(PATIENCE, "the writer ends", () -> !state(engine, id).bool("Running", true));
    assertEquals(17, state(engine, id).number("ExitCode", -1));
    List<String> lines = log(engine, id);
    int count = lines.size() - 1;
    List<String> expected = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      expected.add("line " + i);
    }
    expected.add("last " + count);
    for (int i = 0; i < expected.size(); i++) {
      int at = i;
      assertEquals(expected.get(i), lines.get(i), () -> "line " + at + " of the log of " + id);
    }
    assertTrue(count > 0, "the writer wrote nothing");
  }

  /// Container logs come in frames: stream, three zeros, length in four bytes, payload.
  private static List<String> log(Engine engine, String id) {
    byte[] body = engine.get("/containers/" + id + "/logs?stdout=1&stderr=1").expect(200).body();
    StringBuilder text = new StringBuilder();
    ByteBuffer frames = ByteBuffer.wrap(body);
    while (frames.remaining() >= 8) {
      frames.getInt();
      byte[] payload = new byte[frames.getInt()];
      frames.get(payload);
      text.append(new String(payload, StandardCharsets.UTF_8));
    }
    return text.toString().lines().toList();
  }

  private static Json.JsonObject state(Engine engine, String id) {
    return ((Json.JsonObject) engine.json("/containers/" + id + "/json"))
        .object("State")
        .orElseThrow();
  }

  private record Created(int status, String id, String text) {
    String orElseThrow(String what) {
      if (status != 201) {
        throw new AssertionError(what + ": " + status + " " + text);
      }
      return id;
    }
  }

  private static Created create(Engine engine, String script) {
    Json.JsonObject body =
        Json.object()
            .put("Image", engine.busybox())
            .put("Cmd", Json.array().add("sh").add("-c").add(script));
    Answer answer = engine.request("POST", "/containers/create", body.toString());
    String id = answer.status() == 201 ? Json.parseObject(answer.text()).string("Id", "") : "";
    return new Created(answer.status(), id, answer.text());
  }

  /// Exec over the API, detached.
  private static final class Exec {
    static void run(Engine engine, String id, String... words) {
      Json.JsonArray command = Json.array();
      for (String word : words) {
        command.add(word);
      }
      Answer created =
          engine.request(
              "POST", "/containers/" + id + "/exec", Json.object().put("Cmd", command).toString());
      String exec = Json.parseObject(created.expect(201).text()).string("Id", "");
      engine.request("POST", "/exec/" + exec + "/start", "{\"Detach\":true}").expect(200);
    }
  }

  /// Short-lived containers that other threads create, start, exec into and remove; a request cut
  /// by the crash is no failure, a wrong exit code is.
  private static final class Load {
    private final Engine engine;
    private final Map<String, Integer> started = new ConcurrentHashMap<>();
    private volatile boolean stopped;

    Load(Engine engine) {
      this.engine = engine;
    }

    ExecutorService start(int threads) {
      stopped = false;
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      for (int i = 0; i < threads; i++) {
        int code = i;
        pool.execute(() -> work(code));
      }
      return pool;
    }

    private void work(int code) {
      while (!stopped) {
        try {
          String script = "echo begin; sleep 0." + code + "; exit " + code;
          Created created = create(engine, script);
          if (created.status() != 201) {
            return;
          }
          int status =
              engine.request("POST", "/containers/" + created.id() + "/start", "").status();
          if (status == 204) {
            started.put(created.id(), code);
            Exec.run(engine, created.id(), "true");
          }
        } catch (UncheckedIOException | NumberFormatException e) {
          return; // the engine was killed meanwhile
        } catch (AssertionError e) {
          continue; // the container had ended before the exec
        }
      }
    }

    void awaitStart() {
      int before = started.size();
      Eventually.within(PATIENCE, "a container is started", () -> started.size() > before);
    }

    void stop(ExecutorService pool) throws InterruptedException {
      stopped = true;
      pool.shutdown();
      assertTrue(pool.awaitTermination(30, TimeUnit.SECONDS), "requests hang on a killed engine");
    }

    void assertEndedRight() {
      started.forEach(
          (id, code) -> {
            Eventually.within(
                PATIENCE,
                () -> "ends: " + state(engine, id),
                () -> !state(engine, id).bool("Running", true));
            Json.JsonObject state = state(engine, id);
            assertEquals(code.longValue(), state.number("ExitCode", -1), () -> id + ": " + state);
            assertEquals(List.of("begin"), log(engine, id), () -> "log of " + id);
          });
      assertTrue(!started.isEmpty(), "no container was started between the crashes");
      System.out.println("CrashIT: " + started.size() + " containers ended beside the crashes");
    }
  }
}
