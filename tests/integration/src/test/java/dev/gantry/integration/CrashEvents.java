package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;

/// All that the engines so far have told of containers, each event once, in order. The API keeps
/// the last 256: they must be read often enough.
final class CrashEvents {
  private static final Set<String> OF_RUNS =
      Set.of("create", "start", "die", "pause", "unpause", "destroy");

  private final Engine engine;
  private final ConcurrentNavigableMap<String, Json.JsonObject> all = new ConcurrentSkipListMap<>();

  CrashEvents(Engine engine) {
    this.engine = engine;
  }

  /// Takes up what was told until now.
  void read() {
    String now = String.format(Locale.ROOT, "%.3f", System.currentTimeMillis() / 1000.0 + 0.001);
    String text =
        engine
            .get("/events?since=0&until=" + now + "&filters=%7B%22type%22:%5B%22container%22%5D%7D")
            .expect(200)
            .text();
    for (String line : text.lines().toList()) {
      Json.JsonObject event = Json.parseObject(line);
      String place =
          event.number("timeNano", 0) + " " + event.string("Action", "") + " " + actor(event);
      all.put(place, event);
    }
  }

  private static String actor(Json.JsonObject event) {
    return event.object("Actor").orElseThrow().string("ID", "");
  }

  private static String attribute(Json.JsonObject event, String name) {
    return event
        .object("Actor")
        .flatMap(actor -> actor.object("Attributes"))
        .orElseThrow()
        .string(name, "");
  }

  /// What was told of `id`'s life.
  List<Json.JsonObject> of(String id) {
    return all.values().stream()
        .filter(event -> actor(event).equals(id) && OF_RUNS.contains(event.string("Action", "")))
        .toList();
  }

  private static List<String> actions(List<Json.JsonObject> events) {
    return events.stream().map(event -> event.string("Action", "")).toList();
  }

  /// The events of a container tell the same story as its inspection: each run has its start and
  /// its end once, and the last of them is where it is now.
  void assertAgrees(String id, Json.JsonObject container) {
    read();
    List<Json.JsonObject> told = of(id);
    List<String> actions = actions(told);
    String story = id + ": " + actions + ", " + container.object("State");
    assertEquals("create", actions.getFirst(), story);
    String is = "created";
    for (String action : actions.subList(1, actions.size())) {
      String next = after(is, action);
      assertFalse(next.isEmpty(), () -> action + " told at the wrong time, or twice: " + story);
      is = next;
    }
    Json.JsonObject state = container.object("State").orElseThrow();
    assertEquals(state.string("Status", ""), is, story);
    if (actions.contains("start")) {
      Instant started = Instant.parse(state.string("StartedAt", ""));
      assertFalse(time(last(told, "start")).isBefore(started), () -> "start before it: " + story);
    }
    if (is.equals("exited")) {
      assertEndAgrees(last(told, "die"), state);
    }
  }

  private static void assertEndAgrees(Json.JsonObject die, Json.JsonObject state) {
    assertEquals(Long.toString(state.number("ExitCode", -1)), attribute(die, "exitCode"));
    Instant ended = Instant.parse(state.string("FinishedAt", ""));
    assertFalse(time(die).isBefore(ended), () -> die + " before " + ended);
    Duration ran = Duration.between(Instant.parse(state.string("StartedAt", "")), ended);
    assertEquals(Long.toString(ran.toSeconds()), attribute(die, "execDuration"));
  }

  /// Where an event leads; empty if it cannot come there.
  private static String after(String is, String action) {
    return switch (is + " " + action) {
      case "created start", "exited start", "paused unpause" -> "running";
      case "running pause" -> "paused";
      case "running die", "paused die" -> "exited";
      case "created destroy", "exited destroy" -> "gone";
      default -> "";
    };
  }

  private static Json.JsonObject last(List<Json.JsonObject> events, String action) {
    return events.stream()
        .filter(event -> event.string("Action", "").equals(action))
        .reduce((a, b) -> b)
        .orElseThrow();
  }

  private static Instant time(Json.JsonObject event) {
    long nanos = event.number("timeNano", 0);
    return Instant.ofEpochSecond(nanos / 1_000_000_000, nanos % 1_000_000_000);
  }

  /// Exactly so many starts and ends of `id` were told, the ends with `exitCode`. A run is there a
  /// moment before its start is told.
  void assertRuns(String id, int starts, int ends, int exitCode) {
    Eventually.within(
        Containers.PATIENCE,
        () -> starts + " starts of " + id + ": " + actions(of(id)),
        () -> {
          read();
          return count(actions(of(id)), "start") >= starts;
        });
    List<Json.JsonObject> told = of(id);
    List<String> actions = actions(told);
    assertEquals(starts, count(actions, "start"), () -> "starts of " + id + ": " + actions);
    assertEquals(ends, count(actions, "die"), () -> "ends of " + id + ": " + actions);
    List<String> codes = new ArrayList<>();
    told.stream()
        .filter(event -> event.string("Action", "").equals("die"))
        .forEach(event -> codes.add(attribute(event, "exitCode")));
    assertTrue(
        codes.stream().allMatch(Integer.toString(exitCode)::equals), () -> id + ": " + codes);
  }

  void assertDestroyedOnce(String id) {
    List<String> actions = actions(of(id));
    assertEquals(1, count(actions, "destroy"), () -> id + ": " + actions);
  }

  private static long count(List<String> actions, String action) {
    return actions.stream().filter(action::equals).count();
  }
}
