package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.log;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `logs` with every parameter, whichever driver has the lines. Nobody listens where they are sent.
@ExtendWith(EngineExtension.class)
@Timeout(300)
class LogReadingIT {
  private static final Map<String, Map<String, String>> DRIVERS =
      Map.of(
          "json-file", Map.of("max-size", "1m"),
          "local", Map.of(),
          "syslog", Map.of("syslog-address", "udp://127.0.0.1:9"),
          "gelf", Map.of("gelf-address", "udp://127.0.0.1:9"),
          "fluentd", Map.of("fluentd-address", "127.0.0.1:9", "fluentd-async", "true"));

  @AfterEach
  void removeAll(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1", ""));
  }

  private static String start(Engine engine, String driver) {
    Json.JsonObject options = Json.object().put("labels", "team").put("mode", "non-blocking");
    DRIVERS.get(driver).forEach(options::put);
    Json.JsonObject body =
        Containers.body(
                engine,
                "echo o1; until [ -e /go1 ]; do sleep 0.05; done; echo e1 >&2;"
                    + " until [ -e /go2 ]; do sleep 0.05; done; echo o2;"
                    + " until [ -e /go3 ]; do sleep 0.05; done; printf o3")
            .put("Labels", Json.object().put("team", "blue"))
            .put(
                "HostConfig",
                Json.object()
                    .put("LogConfig", Json.object().put("Type", driver).put("Config", options)));
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  private static void awaitLines(Engine engine, String id, List<String> lines) {
    Eventually.within(
        PATIENCE, () -> "lines: " + log(engine, id), () -> log(engine, id).equals(lines));
  }

  private static Instant time(String line) {
    return Instant.parse(line.substring(0, line.indexOf(' ')));
  }

  private static String seconds(Instant time) {
    return time.getEpochSecond() + String.format(".%09d", time.getNano());
  }

  private static CompletableFuture<List<String>> follow(Engine engine, String id, String more) {
    return CompletableFuture.supplyAsync(
        () -> log(engine, id, false, "&follow=1" + more), task -> Thread.ofVirtual().start(task));
  }

  @ParameterizedTest
  @ValueSource(strings = {"json-file", "local", "syslog", "gelf", "fluentd"})
  void everyParameterMeansTheSame(String driver, Engine engine) throws Exception {
    String id = start(engine, driver);
    CompletableFuture<List<String>> followed = follow(engine, id, "");
    awaitLines(engine, id, List.of("o1"));
    Containers.exec(engine, id, "touch", "/go1");
    awaitLines(engine, id, List.of("o1", "e1"));
    Containers.exec(engine, id, "touch", "/go2");
    awaitLines(engine, id, List.of("o1", "e1", "o2"));
    List<String> stamped = log(engine, id, false, "&timestamps=1");
    Instant second = time(stamped.get(1));
    Instant third = time(stamped.get(2));
    assertTrue(time(stamped.get(0)).isBefore(second) && second.isBefore(third), stamped.toString());
    CompletableFuture<List<String>> late = follow(engine, id, "&tail=1");
    CompletableFuture<List<String>> since = follow(engine, id, "&since=" + seconds(second));
    CompletableFuture<List<String>> until =
        follow(engine, id, "&until=" + seconds(third.minusNanos(1)));
    assertEquals(List.of("o1", "e1"), until.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));

    Containers.exec(engine, id, "touch", "/go3");
    assertEquals(0, Containers.awaitExit(engine, id));
    List<String> all = List.of("o1", "e1", "o2", "o3");
    assertEquals(all, followed.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
    assertEquals(all.subList(1, 4), since.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
    List<String> last = late.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    assertEquals("o3", last.getLast());
    assertEquals(all, log(engine, id));
    assertEquals(List.of("o2", "o3"), log(engine, id, false, "&tail=2"));
    assertEquals(List.of(), log(engine, id, false, "&tail=0"));
    assertEquals(all, log(engine, id, false, "&tail=all"));
    assertEquals(List.of("o2", "o3"), log(engine, id, false, "&since=" + seconds(third)));
    assertEquals(List.of("o1", "e1"), log(engine, id, false, "&until=" + seconds(second)));
    assertEquals(
        List.of("e1", "o2"),
        log(engine, id, false, "&since=" + seconds(second) + "&until=" + seconds(third)));
    assertEquals(
        List.of("o2"), log(engine, id, false, "&tail=1&until=" + seconds(third)), "of those");
    assertEquals(
        all.stream().map(line -> "team=blue " + line).toList(),
        log(engine, id, false, "&details=1"));
    assertEquals(
        stamped.get(2).replace(" ", " team=blue "),
        log(engine, id, false, "&details=1&timestamps=1").get(2));
    byte[] errors = engine.get("/containers/" + id + "/logs?stderr=1").expect(200).body();
    assertEquals("e1\n", Containers.text(errors));
    byte[] output = engine.get("/containers/" + id + "/logs?stdout=1&tail=2").expect(200).body();
    assertEquals("o2\no3", Containers.text(output));
  }
}
