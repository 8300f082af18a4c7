package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Logs of containers that print much: bounded on the disk, readable while they are rotated, and
/// read from where one asks.
@ExtendWith(EngineExtension.class)
class LogsIT {
  private static final int LINES = 300_000;
  private static final long MAX_SIZE = 1 << 20;
  private static final int MAX_FILE = 3;
  private static final int READERS = 4;

  @Test
  void logStaysWithinItsLimitWhileManyReadIt(Engine engine) throws Exception {
    Json.JsonObject body =
        Containers.body(
                engine,
                "until [ -e /go ]; do sleep 0.05; done; awk 'BEGIN { for (i = 1; i <= "
                    + LINES
                    + "; i++) printf \"%08d some more text in each line\\n\", i }'")
            .put("HostConfig", limits("false"));
    String id = start(engine, body);
    List<CompletableFuture<List<String>>> readers =
        IntStream.range(0, READERS)
            .mapToObj(
                i ->
                    CompletableFuture.supplyAsync(
                        () -> Containers.log(engine, id, false, "&follow=1")))
            .toList();
    Containers.exec(engine, id, "touch", "/go");
    assertEquals(0, Containers.awaitExit(engine, id));
    // the present file may be over by the lines of one moment
    long size = files(engine, id).stream().mapToLong(LogsIT::size).sum();
    assertTrue(size <= MAX_FILE * MAX_SIZE + (256 << 10), "the log has " + size + " bytes");
    assertEquals(MAX_FILE, files(engine, id).size());
    List<String> kept = Containers.log(engine, id);
    assertConsecutive(kept);
    for (CompletableFuture<List<String>> reader : readers) {
      List<String> lines = reader.get(Containers.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertRising(lines);
      assertEquals(kept.getLast(), lines.getLast());
    }
    assertEquals(kept.subList(kept.size() - 7, kept.size()), log(engine, id, "&tail=7"));
    assertEquals(List.of(), log(engine, id, "&tail=0"));
  }

  /// A gigabyte is a piece of 10 MB printed a hundred times, of lines that are numbered.
  @Test
  void aGigabyteIsTakenWholeAndItsEndFoundWithoutReadingTheRest(Engine engine) throws Exception {
    int lines = 200_000;
    Json.JsonObject limits =
        Json.object().put("max-size", "20m").put("max-file", "5").put("compress", "false");
    Json.JsonObject body =
        Containers.body(
                engine,
                "awk 'BEGIN { for (i = 1; i <= "
                    + lines
                    + "; i++) printf \"%08d forty-two more characters are in this line\\n\", i }' >l;"
                    + " for i in $(seq 100); do cat l; done; echo printed; until [ -e /go ]; do sleep 0.05; done;"
                    + " echo the end")
            .put(
                "HostConfig",
                Json.object()
                    .put(
                        "LogConfig", Json.object().put("Type", "json-file").put("Config", limits)));
    String id = start(engine, body);
    Eventually.within(
        Containers.PATIENCE.multipliedBy(3),
        () -> "the container has printed everything: " + log(engine, id, "&tail=3"),
        () -> log(engine, id, "&tail=1").equals(List.of("printed")));
    assertTrue(total(engine, id) <= 5 * (20 << 20) + (1 << 20), () -> total(engine, id) + " bytes");
    Instant end = Instant.now();
    Containers.exec(engine, id, "touch", "/go");
    assertEquals(0, Containers.awaitExit(engine, id));

    List<String> kept = log(engine, id, "");
    assertTrue(kept.size() > 500_000, () -> kept.size() + " lines are kept");
    assertEquals(List.of("printed", "the end"), kept.subList(kept.size() - 2, kept.size()));
    for (int i = 1; i < kept.size() - 2; i++) {
      assertEquals(number(kept.get(i - 1)) % lines + 1, number(kept.get(i)), kept.get(i));
      assertTrue(kept.get(i).endsWith(" in this line"), kept.get(i));
    }
    long before = bytesRead(engine);
    String seconds = end.getEpochSecond() + String.format(".%09d", end.getNano());
    assertEquals(List.of("the end"), log(engine, id, "&since=" + seconds));
    long read = bytesRead(engine) - before;
    assertTrue(read < 8 << 20, () -> read + " bytes were read of " + total(engine, id));
  }

  private static long total(Engine engine, String id) {
    return files(engine, id).stream().mapToLong(LogsIT::size).sum();
  }

  /// What the engine has read of files and other things until now.
  private static long bytesRead(Engine engine) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + engine.pid() + "/io"))) {
      return lines
          .filter(line -> line.startsWith("rchar: "))
          .mapToLong(line -> Long.parseLong(line.substring(7)))
          .sum();
    }
  }

  @Test
  void linesAreFoundByTimeInRotatedAndCompressedFiles(Engine engine) throws Exception {
    Json.JsonObject body =
        Containers.body(
                engine,
                "for p in 1 2 3 4 5 6; do awk 'BEGIN { for (i = 0; i < 4000; i++)"
                    + " printf \"%06d\\n\", i }'; sleep 0.02; done")
            .put(
                "HostConfig",
                Json.object()
                    .put(
                        "LogConfig",
                        Json.object()
                            .put("Type", "json-file")
                            .put(
                                "Config",
                                Json.object()
                                    .put("max-size", "200k")
                                    .put("max-file", "40")
                                    .put("compress", "true"))));
    String id = start(engine, body);
    assertEquals(0, Containers.awaitExit(engine, id));
    Eventually.within(
        Containers.PATIENCE,
        () -> "older files are compressed: " + files(engine, id),
        () -> files(engine, id).stream().filter(f -> f.toString().endsWith(".gz")).count() >= 3);
    List<String> all = log(engine, id, "&timestamps=1");
    assertEquals(24_000, all.size());
    for (int at : new int[] {1, 9_000, 15_000, 23_999}) {
      Instant time = Instant.parse(all.get(at).split(" ")[0]);
      String seconds = time.getEpochSecond() + String.format(".%09d", time.getNano());
      List<String> expected = all.stream().filter(l -> !time(l).isBefore(time)).toList();
      assertSame(expected, log(engine, id, "&timestamps=1&since=" + seconds), "since " + seconds);
      List<String> before = all.stream().filter(l -> !time(l).isAfter(time)).toList();
      assertSame(before, log(engine, id, "&timestamps=1&until=" + seconds), "until " + seconds);
    }
    assertSame(
        all.subList(all.size() - 9_000, all.size()),
        log(engine, id, "&timestamps=1&tail=9000"),
        "tail");
  }

  /// Names the first difference rather than all the lines.
  private static void assertSame(List<String> expected, List<String> found, String what) {
    int at = 0;
    while (at < Math.min(expected.size(), found.size()) && expected.get(at).equals(found.get(at))) {
      at++;
    }
    assertEquals(
        expected.stream().skip(at).limit(1).toList(),
        found.stream().skip(at).limit(1).toList(),
        what + ", line " + at + ": of " + expected.size() + " came " + found.size());
  }

  private static Instant time(String line) {
    return Instant.parse(line.substring(0, line.indexOf(' ')));
  }

  private static Json.JsonObject limits(String compress) {
    return Json.object()
        .put(
            "LogConfig",
            Json.object()
                .put("Type", "json-file")
                .put(
                    "Config",
                    Json.object()
                        .put("max-size", MAX_SIZE + "b")
                        .put("max-file", Integer.toString(MAX_FILE))
                        .put("compress", compress)));
  }

  private static String start(Engine engine, Json.JsonObject body) {
    String id = Containers.create(engine, body).orElseThrow();
    engine.request("POST", "/containers/" + id + "/start", "").expect(204);
    return id;
  }

  private static List<String> log(Engine engine, String id, String more) {
    return Containers.log(engine, id, false, more);
  }

  private static List<Path> files(Engine engine, String id) {
    try (Stream<Path> all = Files.list(engine.folder().resolve("data/containers/" + id))) {
      return all.filter(f -> f.getFileName().toString().contains("-json.log")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int number(String line) {
    return Integer.parseInt(line.substring(0, 8));
  }

  private static void assertConsecutive(List<String> lines) {
    for (int i = 1; i < lines.size(); i++) {
      assertEquals(number(lines.get(i - 1)) + 1, number(lines.get(i)));
    }
    assertEquals(LINES, number(lines.getLast()));
  }

  /// A reader that is slower than the rotation misses lines; none comes twice or out of order.
  private static void assertRising(List<String> lines) {
    for (int i = 1; i < lines.size(); i++) {
      int at = i;
      assertTrue(
          number(lines.get(i - 1)) < number(lines.get(i)),
          () -> lines.get(at - 1) + " is followed by " + lines.get(at));
    }
  }
}
