package dev.gantry.engine.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TailTest {
  private static final LogOptions FILES = new LogOptions(1 << 20, 5, false);
  private static final long ANY = Long.MAX_VALUE;

  @TempDir Path folder;

  /// Lines of ten bytes, line i at second i.
  private static byte[] lines(int from, int to) {
    LogLine.Buffer out = new LogLine.Buffer();
    for (int i = from; i <= to; i++) {
      byte[] text = String.format("%09d\n", i).getBytes(StandardCharsets.UTF_8);
      int ignored =
          LogFormat.COMPACT.encode(
              out, text, 0, text.length, false, "stdout", Instant.ofEpochSecond(i), Map.of());
    }
    return java.util.Arrays.copyOf(out.bytes(), out.length());
  }

  /// Lines 1 to 10 are compressed, 11 to 20 older and 21 to 30 in the present file.
  private LogFile threeFiles() throws IOException {
    try (OutputStream out =
        new GZIPOutputStream(Files.newOutputStream(folder.resolve("x.log.2.gz")))) {
      out.write(lines(1, 10));
    }
    Files.write(folder.resolve("x.log.1"), lines(11, 20));
    Files.write(folder.resolve("x.log"), lines(21, 30));
    return LogFile.open(folder.resolve("x.log"), LogFormat.COMPACT, FILES);
  }

  @ParameterizedTest
  @CsvSource({"1, 30", "10, 21", "11, 20", "20, 11", "21, 10", "29, 2", "30, 1", "31, 0", "99, 0"})
  void lastLinesBeginAtATime(long lines, long second) throws IOException {
    try (LogFile log = threeFiles()) {
      long expected = lines == 30 ? 0 : second; // all of it
      Tail.Begin begin = new Tail.Begin(Instant.ofEpochSecond(expected), 0);
      assertEquals(begin, Tail.begin(log, ANY, lines));
      assertEquals(begin, Tail.begin(log, lines * 10 + 9, ANY), "by their bytes");
    }
  }

  @Test
  void nothingIsLaterThanAnyTime() throws IOException {
    try (LogFile log = threeFiles()) {
      assertEquals(Instant.MAX, Tail.begin(log, ANY, 0).time());
      assertEquals(Instant.MAX, Tail.begin(log, 9, ANY).time());
    }
  }

  /// Lines that came together have one time.
  @ParameterizedTest
  @CsvSource({"1, 3, 9", "4, 3, 6", "10, 3, 0", "11, 2, 9", "20, 2, 0", "21, 1, 9", "29, 1, 1"})
  void linesOfOneTimeAreCounted(long lines, long second, long before) throws IOException {
    try (OutputStream out =
        new GZIPOutputStream(Files.newOutputStream(folder.resolve("x.log.2.gz")))) {
      out.write(same(1));
    }
    Files.write(folder.resolve("x.log.1"), same(2));
    Files.write(folder.resolve("x.log"), same(3));
    try (LogFile log = LogFile.open(folder.resolve("x.log"), LogFormat.COMPACT, FILES)) {
      Tail.Begin begin = Tail.begin(log, ANY, lines);
      assertEquals(new Tail.Begin(Instant.ofEpochSecond(second), before), begin);
      assertTrue(begin.includes(Instant.ofEpochSecond(second), before));
      assertTrue(begin.includes(Instant.ofEpochSecond(second + 1), 0));
      assertFalse(begin.includes(Instant.ofEpochSecond(second), before - 1));
      assertFalse(begin.includes(Instant.ofEpochSecond(second - 1), 100));
    }
  }

  /// Ten lines at one second.
  private static byte[] same(int second) {
    LogLine.Buffer out = new LogLine.Buffer();
    for (int i = 0; i < 10; i++) {
      byte[] text = {'x', '\n'};
      int ignored =
          LogFormat.COMPACT.encode(
              out, text, 0, 2, false, "stdout", Instant.ofEpochSecond(second), Map.of());
    }
    return java.util.Arrays.copyOf(out.bytes(), out.length());
  }
}
