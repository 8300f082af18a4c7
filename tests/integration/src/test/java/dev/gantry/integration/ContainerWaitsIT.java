package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/// Requests that go on while a container does: wait with its conditions, streams of statistics.
@ExtendWith(EngineExtension.class)
@Timeout(300)
class ContainerWaitsIT {
  private static final String UNTIL_GO = "until [ -e /go ]; do sleep 0.05; done; exit ";

  @AfterEach
  void removeAll(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1", ""));
  }

  private static String create(Engine engine, String script, Json.JsonObject host) {
    return Containers.create(engine, Containers.body(engine, script).put("HostConfig", host))
        .orElseThrow();
  }

  private static void start(Engine engine, String id) {
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
  }

  /// A request whose answer comes in lines of JSON, while more happens.
  private static final class Lines implements AutoCloseable {
    private final SocketChannel channel;
    private final BufferedReader in;

    /// Returns when the engine has found the container and begun to answer.
    Lines(Engine engine, String request) throws IOException {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(engine.socket()));
      in =
          new BufferedReader(
              new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
      String head = request + " HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";
      int ignored = channel.write(ByteBuffer.wrap(head.getBytes(StandardCharsets.US_ASCII)));
      String status = in.readLine();
      assertTrue(status != null && status.startsWith("HTTP/1.1 200 "), status);
      for (String line = status; line != null && !line.isEmpty(); line = in.readLine()) {
        continue;
      }
    }

    /// The next object; empty at the end of the answer.
    Optional<Json.JsonObject> next() throws IOException {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (line.startsWith("{")) {
          return Optional.of(Json.parseObject(line));
        }
        if (line.equals("0")) {
          return Optional.empty(); // the last chunk
        }
      }
      return Optional.empty();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /// The exit code of a wait that has begun when this returns.
  private static CompletableFuture<Long> await(Engine engine, String id, String condition)
      throws IOException {
    Lines lines = new Lines(engine, "POST /containers/" + id + "/wait?condition=" + condition);
    return CompletableFuture.supplyAsync(
        () -> {
          try (lines) {
            return lines.next().orElseThrow().number("StatusCode", -1);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        task -> Thread.ofVirtual().start(task));
  }

  private static long code(CompletableFuture<Long> answer) throws Exception {
    return answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  /// As [#code], where the end may have come just before the wait for the next one: each start is
  /// followed by another.
  private static long codeOfNext(Engine engine, String id, CompletableFuture<Long> answer)
      throws Exception {
    Eventually.within(
        PATIENCE,
        "the next end",
        () -> {
          if (!answer.isDone()) {
            engine.request("POST", "/containers/" + id + "/start", "");
          }
          return answer.isDone();
        });
    return code(answer);
  }

  @Test
  void eachConditionWaitsForItsOwnMoment(Engine engine) throws Exception {
    String id = create(engine, UNTIL_GO + 7, Json.object());
    assertEquals(0, code(await(engine, id, "not-running")), "a created one does not run");
    CompletableFuture<Long> next = await(engine, id, "next-exit");
    CompletableFuture<Long> removed = await(engine, id, "removed");
    start(engine, id);
    CompletableFuture<Long> end = await(engine, id, "not-running");
    CompletableFuture<Long> plain = await(engine, id, "");
    Containers.exec(engine, id, "touch", "/go");
    assertEquals(7, code(end));
    assertEquals(7, code(plain));
    assertEquals(7, codeOfNext(engine, id, next));
    CompletableFuture<Long> second = await(engine, id, "next-exit");
    assertEquals(7, code(await(engine, id, "not-running")));
    assertFalse(removed.isDone(), "it is there");
    assertFalse(second.isDone(), "the last end is not the next one");
    engine.request("DELETE", "/containers/" + id, "").expect(204);
    assertEquals(7, code(removed));
    assertEquals(7, code(second), "no end comes any more");
    engine.request("POST", "/containers/" + id + "/wait?condition=sometime", "").expect(404);
    String other = create(engine, "exit 0", Json.object());
    engine.request("POST", "/containers/" + other + "/wait?condition=sometime", "").expect(400);
  }

  @Test
  void eachRunOfARestartedContainerEnds(Engine engine) throws Exception {
    Json.JsonObject policy =
        Json.object()
            .put(
                "RestartPolicy",
                Json.object().put("Name", "on-failure").put("MaximumRetryCount", 1));
    String id = create(engine, UNTIL_GO + 3, policy);
    start(engine, id);
    CompletableFuture<Long> last = await(engine, id, "not-running");
    Containers.exec(engine, id, "touch", "/go");
    assertEquals(3, code(last));
    Eventually.within(
        PATIENCE,
        () -> "it has had its second run: " + Containers.inspect(engine, id),
        () ->
            Containers.inspect(engine, id).number("RestartCount", 0) == 1
                && Containers.status(engine, id).equals("exited"));
  }

  @Test
  void removalAtTheEndIsWaitedFor(Engine engine) throws Exception {
    String id = create(engine, UNTIL_GO + 5, Json.object().put("AutoRemove", true));
    CompletableFuture<Long> removed = await(engine, id, "removed");
    start(engine, id);
    Containers.exec(engine, id, "touch", "/go");
    assertEquals(5, code(removed));
    engine.get("/containers/" + id + "/json").expect(404);
  }

  private static Lines stats(Engine engine, String id) throws IOException {
    return new Lines(engine, "GET /containers/" + id + "/stats");
  }

  private static Json.JsonObject memory(Json.JsonObject sample) {
    return sample.object("memory_stats").orElseThrow();
  }

  private static long total(Json.JsonObject sample, String which) {
    return sample.at(which, "cpu_usage", "total_usage") instanceof Json.JsonNumber n
        ? n.longValue()
        : -1;
  }

  @Test
  void streamedSamplesKnowTheOneBefore(Engine engine) throws IOException {
    String id = create(engine, "while :; do :; done", Json.object().put("NanoCpus", 200_000_000L));
    start(engine, id);
    List<Json.JsonObject> samples = new ArrayList<>();
    try (Lines stream = stats(engine, id)) {
      while (samples.size() < 3) {
        samples.add(stream.next().orElseThrow());
      }
    }
    assertEquals("0001-01-01T00:00:00Z", samples.getFirst().string("preread", ""));
    assertEquals(0, total(samples.getFirst(), "precpu_stats"));
    for (int i = 1; i < 3; i++) {
      Json.JsonObject before = samples.get(i - 1);
      Json.JsonObject now = samples.get(i);
      assertEquals(before.string("read"), now.string("preread"));
      assertEquals(before.get("cpu_stats"), now.get("precpu_stats"));
      assertTrue(total(now, "cpu_stats") > total(before, "cpu_stats"), "it works on");
      Duration between =
          Duration.between(
              Instant.parse(now.string("preread", "")), Instant.parse(now.string("read", "")));
      assertTrue(between.toMillis() > 500, () -> "a second lies between: " + between);
    }
    Json.JsonObject once =
        (Json.JsonObject) engine.json("/containers/" + id + "/stats?stream=0&one-shot=1");
    assertEquals(0, total(once, "precpu_stats"));
    Json.JsonObject pair = (Json.JsonObject) engine.json("/containers/" + id + "/stats?stream=0");
    assertTrue(total(pair, "precpu_stats") > 0, pair.text());
    assertTrue(total(pair, "cpu_stats") > total(pair, "precpu_stats"), pair.text());
  }

  @Test
  void streamsLiveAsLongAsTheContainerIsThere(Engine engine) throws IOException {
    String id = create(engine, UNTIL_GO + 0, Json.object());
    try (Lines stream = stats(engine, id)) {
      Json.JsonObject sample = stream.next().orElseThrow();
      assertTrue(memory(sample).isEmpty(), "nothing is used before the start");
      start(engine, id);
      while (!memory(sample).has("usage")) {
        sample = stream.next().orElseThrow();
      }
      Containers.exec(engine, id, "touch", "/go");
      while (memory(sample).has("usage")) {
        sample = stream.next().orElseThrow();
      }
      engine.request("DELETE", "/containers/" + id, "").expect(204);
      for (Optional<Json.JsonObject> more = stream.next(); more.isPresent(); ) {
        more = stream.next();
      }
    }
  }
}
