package dev.gantry.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// Follows the messages of one direction of an HTTP/1.1 connection, as bytes come: heads, bodies by
/// length or in chunks, and the point from which the bytes are no HTTP any more. It never fails:
/// what it cannot follow it no longer reads.
abstract class HttpReading {
  private static final int LONGEST_LINE = 256 * 1024;

  private enum Part {
    HEAD,
    LENGTH,
    CHUNK_SIZE,
    CHUNK,
    CHUNK_END,
    TRAILER,
    TO_THE_END,
    FOREIGN
  }

  /// How long the body behind a head is: -1 in chunks, -2 to the end of the connection, -3 for what
  /// is no HTTP, else its bytes.
  static final long CHUNKED = -1;

  static final long TO_THE_END = -2;
  static final long FOREIGN = -3;

  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private Part part = Part.HEAD;
  private long left;

  /// A whole head, with its first line.
  ///
  /// @return the length of the body
  abstract long head(String head);

  abstract void body(byte[] bytes, int from, int count);

  /// The message is over, as it should be.
  abstract void end();

  /// Bytes are no HTTP from here on.
  final void leave() {
    part = Part.FOREIGN;
  }

  final void read(byte[] bytes, int count) {
    int at = 0;
    while (at < count && part != Part.FOREIGN) {
      switch (part) {
        case LENGTH, CHUNK -> {
          int now = (int) Math.min(left, count - at);
          body(bytes, at, now);
          at += now;
          left -= now;
          if (left == 0) {
            next();
          }
        }
        case TO_THE_END -> {
          body(bytes, at, count - at);
          at = count;
        }
        default -> {
          byte b = bytes[at++];
          line.write(b);
          if (line.size() > LONGEST_LINE) {
            leave();
          } else if (b == '\n') {
            line();
          }
        }
      }
    }
  }

  private void next() {
    if (part == Part.CHUNK) {
      part = Part.CHUNK_END;
    } else {
      over();
    }
  }

  private void over() {
    part = Part.HEAD;
    end();
  }

  private void line() {
    if (part == Part.HEAD) {
      byte[] bytes = line.toByteArray();
      String text = new String(bytes, StandardCharsets.ISO_8859_1);
      if (text.endsWith("\r\n\r\n") || text.endsWith("\n\n")) {
        line.reset();
        begin(head(text));
      } else if (text.isBlank()) {
        line.reset(); // between messages
      }
      return;
    }
    String text = line.toString(StandardCharsets.ISO_8859_1).strip();
    line.reset();
    switch (part) {
      case CHUNK_SIZE -> chunk(text.split(";", 2)[0].strip());
      case CHUNK_END -> part = Part.CHUNK_SIZE;
      case TRAILER -> {
        if (text.isEmpty()) {
          over();
        }
      }
      default -> leave();
    }
  }

  private void chunk(String size) {
    if (!size.matches("[0-9a-fA-F]{1,15}")) {
      leave();
      return;
    }
    left = Long.parseLong(size, 16);
    part = left == 0 ? Part.TRAILER : Part.CHUNK;
  }

  private void begin(long length) {
    if (part == Part.FOREIGN || length == FOREIGN) {
      leave();
    } else if (length == CHUNKED) {
      part = Part.CHUNK_SIZE;
    } else if (length == TO_THE_END) {
      part = Part.TO_THE_END;
    } else if (length == 0) {
      over();
    } else {
      left = length;
      part = Part.LENGTH;
    }
  }

  /// The last value of a header; empty for none.
  static String header(String head, String name) {
    String found = "";
    for (String line : head.split("\r?\n")) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).strip().equalsIgnoreCase(name)) {
        found = line.substring(colon + 1).strip();
      }
    }
    return found;
  }

  /// The body's length by the headers alone; `otherwise` where they say nothing.
  static long length(String head, long otherwise) {
    if (header(head, "Transfer-Encoding").toLowerCase(Locale.ROOT).contains("chunked")) {
      return CHUNKED;
    }
    String length = header(head, "Content-Length");
    return length.matches("[0-9]{1,18}") ? Long.parseLong(length) : otherwise;
  }
}
