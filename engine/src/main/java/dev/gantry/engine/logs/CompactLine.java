package dev.gantry.engine.logs;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/// Entries as the driver `local` keeps them: thirteen bytes beside the text, which stays as it
/// came, UTF-8 or not.
///
/// ```
/// kind  time  attributes 0x01  text  newline
///   │     └ nanoseconds since 1970, eleven digits of six bits, '0' and the 63 characters after it
///   └ '@' + 1 on stderr, + 2 where the text goes on in the next entry, + 4 if there are attributes
/// ```
///
/// No part but the last byte is a newline, so that lines are found as in a file of text; the kind
/// is never `{`, so that both formats can be read from one file.
final class CompactLine {
  private static final int STDERR = 1;
  private static final int PARTIAL = 2;
  private static final int ATTRIBUTES = 4;
  private static final int DIGITS = 11;
  private static final int HEAD = 1 + DIGITS;
  private static final byte AFTER_ATTRIBUTES = 1;
  private static final String KEPT = "attrs";

  private CompactLine() {}

  /// What precedes the text in each line of one moment.
  static byte[] beginning(String stream, Instant time, Map<String, String> attributes) {
    byte[] kept =
        attributes.isEmpty()
            ? new byte[0]
            : (Json.object().put(KEPT, Json.strings(attributes)).text() + (char) AFTER_ATTRIBUTES)
                .getBytes(StandardCharsets.UTF_8);
    byte[] beginning = new byte[HEAD + kept.length];
    System.arraycopy(kept, 0, beginning, HEAD, kept.length);
    beginning[0] =
        (byte) ('@' + (stream.equals("stderr") ? STDERR : 0) + (kept.length > 0 ? ATTRIBUTES : 0));
    long nanos =
        Math.addExact(Math.multiplyExact(time.getEpochSecond(), 1_000_000_000L), time.getNano());
    for (int i = DIGITS; i > 0; i--) {
      beginning[i] = (byte) ('0' + (nanos & 63));
      nanos >>>= 6;
    }
    return beginning;
  }

  /// Appends an entry with the text `bytes[at..end[`.
  static void put(LogLine.Buffer out, byte[] bytes, int at, int end, byte[] beginning) {
    int kind = out.length();
    out.put(beginning, 0, beginning.length);
    out.put(bytes, at, end - at);
    if (bytes[end - 1] != '\n') {
      out.bytes()[kind] |= PARTIAL;
      out.put((byte) '\n');
    }
  }

  /// The entry in a line, which is given without its newline; empty for one that was cut off.
  static Optional<LogEntry> decode(byte[] bytes, int at, int count) {
    if (count < HEAD || (bytes[at] & ~(STDERR | PARTIAL | ATTRIBUTES)) != '@') {
      return Optional.empty();
    }
    int kind = bytes[at];
    long nanos = 0;
    for (int i = at + 1; i <= at + DIGITS; i++) {
      int digit = bytes[i] - '0';
      if (digit < 0 || digit > 63) {
        return Optional.empty();
      }
      nanos = nanos << 6 | digit;
    }
    int text = at + HEAD;
    int end = at + count;
    Map<String, String> attributes = Map.of();
    if ((kind & ATTRIBUTES) != 0) {
      int after = text;
      while (after < end && bytes[after] != AFTER_ATTRIBUTES) {
        after++;
      }
      try {
        String json = new String(bytes, text, after - text, StandardCharsets.UTF_8);
        attributes = Json.parseObject(json).stringMap(KEPT);
      } catch (JsonException e) {
        return Optional.empty();
      }
      text = Math.min(after + 1, end);
    }
    boolean whole = (kind & PARTIAL) == 0;
    byte[] piece = Arrays.copyOfRange(bytes, text, whole ? end + 1 : end);
    if (whole) {
      piece[piece.length - 1] = '\n';
    }
    Instant time =
        Instant.ofEpochSecond(
            Math.floorDiv(nanos, 1_000_000_000L), Math.floorMod(nanos, 1_000_000_000L));
    return Optional.of(
        new LogEntry((kind & STDERR) != 0 ? "stderr" : "stdout", piece, time, attributes));
  }
}
