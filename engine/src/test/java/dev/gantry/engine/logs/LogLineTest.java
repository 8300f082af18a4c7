package dev.gantry.engine.logs;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogLineTest {
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.123456789Z");

  private static String encoded(String text, boolean all) {
    return encoded(text.getBytes(StandardCharsets.UTF_8), all);
  }

  private static String encoded(byte[] bytes, boolean all) {
    LogLine.Buffer out = new LogLine.Buffer();
    int ignored = LogFormat.JSON.encode(out, bytes, 0, bytes.length, all, "stdout", TIME, Map.of());
    return new String(out.bytes(), 0, out.length(), StandardCharsets.UTF_8);
  }

  private static List<LogEntry> decoded(String lines) {
    List<LogEntry> entries = new ArrayList<>();
    for (String line : lines.split("\n")) {
      byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
      entries.add(LogLine.decode(bytes, 0, bytes.length).orElseThrow());
    }
    return entries;
  }

  private static String text(LogEntry entry) {
    return new String(entry.text(), StandardCharsets.UTF_8);
  }

  @Test
  void writesDockersFormat() {
    assertEquals(
        "{\"log\":\"a\\tb\\\"\\\\\\u001b[1m\\n\",\"stream\":\"stdout\","
            + "\"time\":\"2026-01-02T03:04:05.123456789Z\"}\n",
        encoded("a\tb\"\\\u001b[1m\n", false));
  }

  @Test
  void keepsAttributesBeforeTheTime() {
    LogLine.Buffer out = new LogLine.Buffer();
    int used =
        LogFormat.JSON.encode(
            out, new byte[] {'x', '\n'}, 0, 2, false, "stderr", TIME, Map.of("a", "b"));
    String line = new String(out.bytes(), 0, out.length(), StandardCharsets.UTF_8);
    assertEquals(2, used);
    assertTrue(line.contains("\"stream\":\"stderr\",\"attrs\":{\"a\":\"b\"},\"time\""), line);
    assertEquals(Map.of("a", "b"), decoded(line).getFirst().attributes());
  }

  @Test
  void leavesAnUnfinishedLineForLater() {
    byte[] bytes = "one\ntwo".getBytes(StandardCharsets.UTF_8);
    LogLine.Buffer out = new LogLine.Buffer();
    assertEquals(4, LogFormat.JSON.encode(out, bytes, 0, 7, false, "stdout", TIME, Map.of()));
    assertEquals(
        List.of("one\n", "two"), decoded(encoded(bytes, true)).stream().map(e -> text(e)).toList());
  }

  @Test
  void cutsLongLinesBetweenCharacters() {
    String line = "x" + "é".repeat(20_000) + "\n";
    List<LogEntry> entries = decoded(encoded(line, false));
    assertEquals(3, entries.size());
    assertTrue(entries.stream().allMatch(e -> e.text().length <= LogLine.LONGEST));
    assertEquals(line, String.join("", entries.stream().map(e -> text(e)).toList()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "é", "€", "😀", "a\u0000b", "\u007f", "\uFFFD", "<&>\u2028"})
  void bringsTextBack(String text) {
    assertEquals(text + "\n", text(decoded(encoded(text + "\n", false)).getFirst()));
  }

  @Test
  void replacesWhatIsNoUtf8() {
    byte[] bytes = {
      'a', (byte) 0xff, (byte) 0xc3, 'b', (byte) 0xed, (byte) 0xa0, (byte) 0x80, '\n'
    };
    assertEquals(
        "a\uFFFD\uFFFDb\uFFFD\uFFFD\uFFFD\n", text(decoded(encoded(bytes, false)).getFirst()));
  }

  @Test
  void anyBytesGiveLinesThatCanBeRead() {
    Random random = new Random(7);
    for (int i = 0; i < 300; i++) {
      byte[] bytes = new byte[random.nextInt(1, 400)];
      random.nextBytes(bytes);
      // decoding as a String replaces by the same rule, but may count the pieces differently
      String expected = new String(bytes, StandardCharsets.UTF_8).replaceAll("\uFFFD+", "?");
      StringBuilder got = new StringBuilder();
      decoded(encoded(bytes, true)).forEach(e -> got.append(text(e)));
      assertEquals(expected, got.toString().replaceAll("\uFFFD+", "?"));
    }
  }

  @Test
  void aCutOffLineIsNoEntry() {
    byte[] bytes = "{\"log\":\"abc".getBytes(StandardCharsets.UTF_8);
    assertFalse(LogLine.decode(bytes, 0, bytes.length).isPresent());
  }
}
