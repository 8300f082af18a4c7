package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.gantry.json.Json;
import dev.gantry.testkit.ApiSpecification;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The exchanges recorded from a real dockerd, made again with our engine: each answer must be the
/// recorded one, but for what `differences.tsv` lists with its reason.
///
/// Scenarios wait and look as clients do, so on a busy machine one may miss what the recording saw.
/// A difference therefore counts when it comes back in each of three plays.
class ReplayIT {
  private static final int PLAYS = 3;
  private static final int LANES = 3;

  /// The longest first.
  private static final List<String> SCENARIOS =
      List.of(
          "containers-logs-attach",
          "containers-create",
          "event-sequences",
          "containers-lifecycle",
          "containers-health-stats",
          "images",
          "system",
          "networks",
          "containers-list",
          "containers-exec",
          "volumes",
          "containers-archive",
          "swarm-off");

  /// What came up in every play, and what in any.
  private record Played(List<Difference> steady, Set<Difference> any) {}

  private static final Map<String, Played> PLAYED = new HashMap<>();
  private static KnownDifferences known = new KnownDifferences(List.of());

  static List<String> scenarios() {
    String only = System.getProperty("gantry.scenarios", "");
    return only.isEmpty() ? SCENARIOS : List.of(only.split(","));
  }

  @BeforeAll
  static void playAll() throws IOException, InterruptedException {
    Needs.root();
    Needs.distribution();
    Needs.program("python3");
    Needs.program("busybox");
    Path here = Needs.tree().resolve("tests/conformance");
    known = KnownDifferences.read(here.resolve("differences.tsv"));
    var queue = new ConcurrentLinkedQueue<>(scenarios());
    try (ExecutorService lanes = Executors.newFixedThreadPool(LANES)) {
      List<Future<?>> ends = new ArrayList<>();
      for (int i = 0; i < Math.min(LANES, queue.size()); i++) {
        ends.add(lanes.submit(() -> play(queue, here.resolve("recorder"))));
      }
      for (Future<?> end : ends) {
        end.get();
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }

  private static void play(ConcurrentLinkedQueue<String> queue, Path recorder) {
    try (var replay = new Replay(recorder)) {
      for (String scenario = queue.poll(); scenario != null; scenario = queue.poll()) {
        Played played = play(replay, scenario);
        synchronized (PLAYED) {
          PLAYED.put(scenario, played);
        }
      }
    }
  }

  private static Played play(Replay replay, String scenario) {
    Recording recorded = recorded(scenario);
    List<Difference> steady = Comparison.compare(recorded, replay.play(scenario));
    Set<Difference> any = new LinkedHashSet<>(steady);
    for (int i = 1; i < PLAYS && !isSettled(scenario, steady, any); i++) {
      List<Difference> again = Comparison.compare(recorded, replay.play(scenario));
      Set<String> places = again.stream().map(Difference::place).collect(Collectors.toSet());
      steady = steady.stream().filter(d -> places.contains(d.place())).toList();
      any.addAll(again);
    }
    return new Played(steady, any);
  }

  private static boolean isSettled(String scenario, List<Difference> steady, Set<Difference> any) {
    return steady.stream().allMatch(known::covers) && outdated(List.of(scenario), any).isEmpty();
  }

  private static List<KnownDifferences.Line> outdated(
      List<String> scenarios, Set<Difference> differences) {
    return known.lines().stream()
        .filter(line -> line.mustOccur() && line.within(scenarios))
        .filter(line -> differences.stream().noneMatch(line::covers))
        .toList();
  }

  private static Recording recorded(String scenario) {
    String file = "/engine-api/" + scenario + ".jsonl.gz";
    try (InputStream in = ReplayIT.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new AssertionError("no recording " + file);
      }
      return Recording.read(scenario, new GZIPInputStream(in));
    } catch (IOException e) {
      throw new AssertionError("cannot read the recording " + file, e);
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void answersAsRecorded(String scenario) {
    Played played = PLAYED.get(scenario);
    if (played == null) {
      fail(scenario + " was not played");
    }
    String unlisted =
        played.steady().stream()
            .filter(d -> !known.covers(d))
            .map(Difference::toString)
            .collect(Collectors.joining("\n"));
    assertEquals("", unlisted, "differences that differences.tsv does not list");
    assertEquals(List.of(), outdated(List.of(scenario), played.any()), "no longer different");
  }

  /// For whoever shortens the list: every difference that was seen, listed or not.
  @AfterAll
  static void write() throws IOException {
    List<String> lines = new ArrayList<>();
    PLAYED.values().forEach(played -> played.any().forEach(d -> lines.add(d.toString())));
    Files.write(Files.createDirectories(Path.of("target")).resolve("replay.tsv"), lines);
  }

  /// Every answer of the engine is held against the API's specification while tests run. What is
  /// let through there as Docker's own way is in the recordings of its daemon.
  @Test
  void whatTheSpecificationLacksWasRecorded() throws IOException {
    ApiSpecification specification =
        ApiSpecification.read(Needs.shared("spec/docker-engine-api.yaml"));
    Set<String> recorded = new HashSet<>();
    for (String scenario : SCENARIOS) {
      for (Json.JsonObject record : recorded(scenario).records().values()) {
        Json.JsonObject request = record.object("request").orElseGet(Json::object);
        record
            .object("response")
            .filter(r -> r.string("encoding", "").equals("json"))
            .ifPresent(
                r ->
                    recorded.addAll(
                        specification.everyFault(
                            request.string("method", ""),
                            request.string("path", ""),
                            (int) r.number("status", 0),
                            r.get("body"))));
      }
    }
    assertEquals(
        List.of(),
        specification.recordedFaults().stream().filter(f -> !recorded.contains(f)).toList(),
        "not in the recordings");
  }

  @Test
  void everyLineOfTheListIsNeeded() {
    Set<Difference> all = new LinkedHashSet<>();
    PLAYED.values().forEach(played -> all.addAll(played.any()));
    List<KnownDifferences.Line> unused =
        known.lines().stream()
            .filter(line -> all.stream().noneMatch(line::covers))
            .filter(line -> line.scenario().contains("*") || PLAYED.containsKey(line.scenario()))
            .toList();
    unused.forEach(line -> System.out.println("differences.tsv: no longer seen: " + line));
    if (PLAYED.keySet().containsAll(SCENARIOS)) {
      assertEquals(
          List.of(),
          unused.stream().filter(KnownDifferences.Line::mustOccur).toList(),
          "no longer different");
    }
  }
}
