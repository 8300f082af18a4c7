package dev.gantry.engine.logs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CompactLineTest {
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.123456789Z");

  private static LogLine.Buffer encoded(
      byte[] bytes, String stream, Map<String, String> attributes) {
    LogLine.Buffer out = new LogLine.Buffer();
    assertEquals(
        bytes.length,
        LogFormat.COMPACT.encode(out, bytes, 0, bytes.length, true, stream, TIME, attributes));
    return out;
  }

  /// Reads lines as the log's readers find them.
  private static List<LogEntry> decoded(LogLine.Buffer lines) {
    List<LogEntry> entries = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < lines.length(); i++) {
      if (lines.bytes()[i] == '\n') {
        entries.add(LogLine.decode(lines.bytes(), start, i - start).orElseThrow());
        start = i + 1;
      }
    }
    assertEquals(lines.length(), start);
    return entries;
  }

  @Test
  void anyBytesComeBackAsTheyWere() {
    Random random = new Random(11);
    for (int i = 0; i < 200; i++) {
      byte[] bytes = new byte[random.nextInt(1, 40_000)];
      random.nextBytes(bytes);
      List<LogEntry> entries = decoded(encoded(bytes, "stderr", Map.of()));
      LogLine.Buffer all = new LogLine.Buffer();
      for (LogEntry entry : entries) {
        assertEquals("stderr", entry.stream());
        assertEquals(TIME, entry.time());
        assertTrue(entry.text().length <= LogLine.LONGEST);
        all.put(entry.text(), 0, entry.text().length);
      }
      assertArrayEquals(bytes, java.util.Arrays.copyOf(all.bytes(), all.length()));
    }
  }

  @Test
  void keepsAttributes() {
    byte[] text = "one\ntwo".getBytes(StandardCharsets.UTF_8);
    Map<String, String> attributes = Map.of("tag", "a \u0001\n\"b\"", "team", "é");
    List<LogEntry> entries = decoded(encoded(text, "stdout", attributes));
    assertEquals(2, entries.size());
    assertEquals(attributes, entries.get(0).attributes());
    assertEquals(attributes, entries.get(1).attributes());
    assertEquals("two", new String(entries.get(1).text(), StandardCharsets.UTF_8));
  }

  @Test
  void isAFractionOfTheJsonFormat() {
    byte[] text =
        "a line of a usual length, with forty-nine letters\n"
            .repeat(1000)
            .getBytes(StandardCharsets.UTF_8);
    LogLine.Buffer json = new LogLine.Buffer();
    assertEquals(
        text.length,
        LogFormat.JSON.encode(json, text, 0, text.length, true, "stdout", TIME, Map.of()));
    LogLine.Buffer compact = encoded(text, "stdout", Map.of());
    assertEquals(text.length + 12 * 1000, compact.length());
    assertTrue(compact.length() < json.length() * 0.55, compact.length() + " and " + json.length());
  }

  @Test
  void timesBeforeTheEpochAndFarAwayAreKept() {
    for (String time : List.of("1969-12-31T23:59:59.999999999Z", "2261-01-01T00:00:00Z")) {
      byte[] line = CompactLine.beginning("stdout", Instant.parse(time), Map.of());
      assertEquals(Instant.parse(time), LogLine.decode(line, 0, line.length).orElseThrow().time());
    }
  }

  @Test
  void aCutOffLineIsNoEntry() {
    byte[] line = CompactLine.beginning("stdout", TIME, Map.of("a", "b"));
    for (int length = 0; length < line.length - 1; length++) {
      assertFalse(LogLine.decode(line, 0, length).isPresent(), "of length " + length);
    }
    assertFalse(LogLine.decode(new byte[40], 0, 40).isPresent(), "zeros");
  }
}
