package dev.gantry.engine.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@EnumSource(LogFormat.class)
class LogReaderTest {
  private final LogFormat format;

  LogReaderTest(LogFormat format) {
    this.format = format;
  }

  private static final Instant BASE = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("x-json.log");
  }

  private LogFile open(LogOptions options) {
    return LogFile.open(file(), format, options);
  }

  private static Instant second(int i) {
    return BASE.plusSeconds(i);
  }

  /// Lines `from` to `to`: line i at second i, each third one on stderr.
  private void write(LogFile log, int from, int to) throws Exception {
    for (int i = from; i <= to; i++) {
      byte[] text = ("line " + i + "\n").getBytes(StandardCharsets.UTF_8);
      LogLine.Buffer out = new LogLine.Buffer();
      int ignored =
          format.encode(
              out,
              text,
              0,
              text.length,
              false,
              i % 3 == 0 ? "stderr" : "stdout",
              second(i),
              Map.of());
      boolean rotated = log.rotateFor(out.length());
      assertTrue(log.append(out.bytes(), out.length()) > 0 || rotated);
    }
  }

  private static LogQuery all() {
    return new LogQuery(true, true, false, Instant.EPOCH, Optional.empty(), -1);
  }

  private static LogQuery last(long tail) {
    return new LogQuery(true, true, false, Instant.EPOCH, Optional.empty(), tail);
  }

  private static List<Integer> read(LogFile log, LogQuery query) throws Exception {
    List<Integer> numbers = new ArrayList<>();
    new LogReader(log, query).read(() -> false, e -> numbers.add(number(e)));
    return numbers;
  }

  private static int number(LogEntry entry) {
    return Integer.parseInt(new String(entry.text(), StandardCharsets.UTF_8).substring(5).strip());
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.rangeClosed(from, to).boxed().toList();
  }

  private static void awaitCompression(Path folder) throws Exception {
    for (int i = 0; i < 500; i++) {
      try (var files = Files.list(folder)) {
        if (files.noneMatch(f -> f.toString().endsWith(".1") || f.toString().endsWith(".new"))) {
          return;
        }
      }
      Thread.sleep(10);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void readsAcrossRotatedFiles(boolean compress) throws Exception {
    try (LogFile log = open(new LogOptions(1000, 4, compress))) {
      write(log, 1, 200);
      if (compress) {
        awaitCompression(folder);
      }
      List<Integer> kept = read(log, all());
      assertEquals(range(kept.getFirst(), 200), kept);
      int least = format == LogFormat.JSON ? 30 : 120;
      assertTrue(kept.size() > least && kept.size() < 200, "kept " + kept.size());
      for (int tail : new int[] {0, 1, 5, 17, kept.size() - 1, kept.size()}) {
        assertEquals(range(201 - tail, 200), read(log, last(tail)), "tail " + tail);
      }
      assertEquals(kept, read(log, last(10_000)));
      try (var files = Files.list(folder)) {
        assertEquals(compress ? 3 : 0, files.filter(f -> f.toString().endsWith(".gz")).count());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void seeksByTime(boolean compress) throws Exception {
    try (LogFile log = open(new LogOptions(2000, 50, compress))) {
      write(log, 1, 300);
      for (int since = 0; since <= 301; since += 7) {
        LogQuery query = new LogQuery(true, true, false, second(since), Optional.empty(), -1);
        assertEquals(range(Math.max(1, since), 300), read(log, query), "since " + since);
      }
      for (int until = 1; until <= 300; until += 13) {
        LogQuery query =
            new LogQuery(true, true, false, Instant.EPOCH, Optional.of(second(until)), -1);
        assertEquals(range(1, until), read(log, query), "until " + until);
        LogQuery both =
            new LogQuery(true, true, false, second(until - 1), Optional.of(second(until)), 5);
        assertEquals(range(Math.max(1, until - 1), until), read(log, both));
      }
    }
  }

  @Test
  void tailCountsOnlyTheWantedStream() throws Exception {
    try (LogFile log = open(new LogOptions(1500, 10, false))) {
      write(log, 1, 90);
      LogQuery errors = new LogQuery(false, true, false, Instant.EPOCH, Optional.empty(), 25);
      List<Integer> expected = range(1, 90).stream().filter(i -> i % 3 == 0).skip(5).toList();
      assertEquals(expected, read(log, errors));
    }
  }

  @Test
  void longLinesAndBlocksMeet() throws Exception {
    try (LogFile log = open(LogOptions.DEFAULT)) {
      String text = "é".repeat(8000) + "\n";
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      for (int i = 0; i < 40; i++) {
        LogLine.Buffer out = new LogLine.Buffer();
        int ignored =
            format.encode(out, bytes, 0, bytes.length, false, "stdout", second(i), Map.of());
        assertTrue(log.append(out.bytes(), out.length()) > 0);
      }
      List<Integer> sizes = new ArrayList<>();
      new LogReader(log, last(20)).read(() -> false, e -> sizes.add(e.text().length));
      assertEquals(java.util.Collections.nCopies(20, bytes.length), sizes);
    }
  }

  @Test
  void followsThroughRotationsAndEndsWithTheContainer() throws Exception {
    try (LogFile log = open(new LogOptions(1000, 20, true))) {
      write(log, 1, 10);
      AtomicBoolean live = new AtomicBoolean(true);
      BlockingQueue<Integer> seen = new LinkedBlockingQueue<>();
      LogQuery query = new LogQuery(true, true, true, Instant.EPOCH, Optional.empty(), 3);
      Thread reader =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      new LogReader(log, query).read(live::get, e -> seen.add(number(e)));
                    } catch (IOException | InterruptedException e) {
                      seen.add(-1);
                    }
                  });
      for (int i = 8; i <= 10; i++) {
        assertEquals(i, seen.poll(10, TimeUnit.SECONDS));
      }
      for (int i = 11; i <= 150; i++) {
        write(log, i, i);
        assertEquals(i, seen.poll(10, TimeUnit.SECONDS));
      }
      live.set(false);
      log.wake();
      assertTrue(reader.join(java.time.Duration.ofSeconds(10)), "the reader ends");
      assertEquals(null, seen.poll());
    }
  }

  @Test
  void aTornLastLineSpoilsNeitherItselfNorTheNext() throws Exception {
    try (LogFile log = open(LogOptions.DEFAULT)) {
      write(log, 1, 3);
    }
    Files.writeString(file(), "{\"log\":\"line 4", StandardOpenOption.APPEND);
    try (LogFile log = open(LogOptions.DEFAULT)) {
      write(log, 5, 6);
      assertEquals(List.of(1, 2, 3, 5, 6), read(log, all()));
      assertEquals(List.of(3, 5, 6), read(log, last(3)));
    }
  }

  @Test
  void finishesCompressionThatACrashCutOff() throws Exception {
    try (LogFile log = open(new LogOptions(1000, 4, false))) {
      write(log, 1, 30);
    }
    Files.writeString(folder.resolve("x-json.log.1.gz.new"), "half");
    try (LogFile log = open(new LogOptions(1000, 4, true))) {
      awaitCompression(folder);
      List<Integer> kept = read(log, all());
      assertEquals(range(kept.getFirst(), 30), kept);
    }
  }
}
