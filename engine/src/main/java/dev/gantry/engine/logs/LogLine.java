package dev.gantry.engine.logs;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/// Entries as lines of Docker's json-file format: `{"log":…,"stream":…,"time":…}`, with `attrs`
/// where there are any. Output that is no UTF-8 is replaced by U+FFFD, as JSON cannot hold it.
final class LogLine {
  /// The longest piece of output in one entry; longer lines are cut into several.
  static final int LONGEST = 16 * 1024;

  private static final byte[] BEGIN = ascii("{\"log\":\"");
  private static final byte[] REPLACEMENT = "\uFFFD".getBytes(StandardCharsets.UTF_8);
  private static final byte[] HEX = ascii("0123456789abcdef");

  private LogLine() {}

  /// Bytes that grow.
  static final class Buffer {
    private byte[] bytes = new byte[4096];
    private int length;

    byte[] bytes() {
      return bytes;
    }

    int length() {
      return length;
    }

    void clear() {
      length = 0;
      if (bytes.length > 1 << 20) {
        bytes = new byte[4096];
      }
    }

    private void need(int more) {
      if (bytes.length - length < more) {
        bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
      }
    }

    void put(byte[] from, int at, int count) {
      need(count);
      System.arraycopy(from, at, bytes, length, count);
      length += count;
    }

    void put(byte b) {
      need(1);
      bytes[length++] = b;
    }
  }

  /// What follows the text in each line of one moment.
  static byte[] ending(String stream, Instant time, Map<String, String> attributes) {
    return ascii(
        "\",\"stream\":\""
            + stream
            + "\""
            + (attributes.isEmpty() ? "" : ",\"attrs\":" + Json.strings(attributes).text())
            + ",\"time\":\""
            + time
            + "\"}\n");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /// Appends an entry with the text `bytes[at..end[`.
  static void put(Buffer out, byte[] bytes, int at, int end, byte[] ending) {
    out.put(BEGIN, 0, BEGIN.length);
    text(out, bytes, at, end);
    out.put(ending, 0, ending.length);
  }

  /// The end of the entry that begins at `at`, which is a line or the most of one that an entry may
  /// hold; -1 if that is not there yet.
  static int endOfEntry(byte[] bytes, int at, int count) {
    int longest = Math.min(count, at + LONGEST);
    for (int i = at; i < longest; i++) {
      if (bytes[i] == '\n') {
        return i + 1;
      }
    }
    return count - at < LONGEST ? -1 : wholeCharacters(bytes, at, longest);
  }

  /// The end of the last character that ends before `end`, so that a cut does not spoil one.
  private static int wholeCharacters(byte[] bytes, int at, int end) {
    int start = end - 1;
    while (start > at && end - start < 4 && (bytes[start] & 0xc0) == 0x80) {
      start--;
    }
    int length = lengthByFirst(bytes[start]);
    return length > 1 && start + length > end ? start : end;
  }

  private static int lengthByFirst(byte first) {
    return (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : (first & 0xf8) == 0xf0 ? 4 : 1;
  }

  private static void text(Buffer out, byte[] bytes, int at, int end) {
    for (int i = at; i < end; ) {
      int plain = i;
      while (i < end && bytes[i] >= ' ' && bytes[i] != '"' && bytes[i] != '\\') {
        i++;
      }
      if (i > plain) {
        out.put(bytes, plain, i - plain);
      } else if (bytes[i] >= 0) {
        escape(out, bytes[i++]);
      } else {
        int length = character(bytes, i, end);
        if (length == 0) {
          out.put(REPLACEMENT, 0, REPLACEMENT.length);
          i++;
        } else {
          out.put(bytes, i, length);
          i += length;
        }
      }
    }
  }

  private static void escape(Buffer out, byte b) {
    out.need(6);
    out.bytes[out.length++] = '\\';
    switch (b) {
      case '\n' -> out.bytes[out.length++] = 'n';
      case '\r' -> out.bytes[out.length++] = 'r';
      case '\t' -> out.bytes[out.length++] = 't';
      case '"', '\\' -> out.bytes[out.length++] = b;
      default -> {
        out.bytes[out.length++] = 'u';
        out.bytes[out.length++] = '0';
        out.bytes[out.length++] = '0';
        out.bytes[out.length++] = HEX[b >> 4];
        out.bytes[out.length++] = HEX[b & 15];
      }
    }
  }

  /// The length of the character of several bytes at `i`, 0 if there is none (RFC 3629).
  private static int character(byte[] bytes, int i, int end) {
    int length = lengthByFirst(bytes[i]);
    if (length == 1 || i + length > end) {
      return 0;
    }
    int code = bytes[i] & (0x7f >> length);
    for (int k = 1; k < length; k++) {
      if ((bytes[i + k] & 0xc0) != 0x80) {
        return 0;
      }
      code = code << 6 | bytes[i + k] & 0x3f;
    }
    boolean valid =
        switch (length) {
          case 2 -> code >= 0x80;
          case 3 -> code >= 0x800 && (code < 0xd800 || code > 0xdfff);
          default -> code >= 0x10000 && code <= 0x10ffff;
        };
    return valid ? length : 0;
  }

  /// The entry in a line of either format, which is given without its newline; empty for one that a
  /// full disk or the end of the machine cut off.
  static Optional<LogEntry> decode(byte[] bytes, int at, int count) {
    if (count > 0 && bytes[at] != '{') {
      return CompactLine.decode(bytes, at, count);
    }
    try {
      Json.JsonObject line = Json.parseObject(new String(bytes, at, count, StandardCharsets.UTF_8));
      return Optional.of(
          new LogEntry(
              line.string("stream", "stdout"),
              line.string("log", "").getBytes(StandardCharsets.UTF_8),
              Instant.parse(line.string("time", "1970-01-01T00:00:00Z")),
              line.stringMap("attrs")));
    } catch (JsonException | DateTimeException e) {
      return Optional.empty();
    }
  }
}
