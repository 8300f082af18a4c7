package dev.gantry.build;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Paragraphs of `Name: value` lines with empty lines between them, as databases of packages are
/// written. Read one at a time, and no more of one than a package can have: the file may be
/// anything.
final class Paragraphs implements AutoCloseable {
  private static final int LONGEST_LINE = 4096; // what comes behind it is passed over
  private static final int MOST_LINES = 1000; // of a paragraph; as many names are kept

  private final InputStream in;
  private final String separator;
  private boolean ended;

  /// @param separator between name and value
  Paragraphs(InputStream in, String separator) {
    this.in = new BufferedInputStream(in, 64 * 1024);
    this.separator = separator;
  }

  /// The next one that is not empty; the first of equal names counts. Empty at the end.
  Map<String, String> next() throws IOException {
    Map<String, String> one = new HashMap<>();
    while (!ended) {
      String line = line();
      int at = line.indexOf(separator);
      if (line.isEmpty() && !one.isEmpty()) {
        return one;
      }
      if (at > 0 && line.charAt(0) != ' ' && one.size() < MOST_LINES) {
        one.putIfAbsent(line.substring(0, at), line.substring(at + separator.length()).strip());
      }
    }
    return one;
  }

  private String line() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int c = in.read();
    for (; c >= 0 && c != '\n'; c = in.read()) {
      if (bytes.size() < LONGEST_LINE) {
        bytes.write(c);
      }
    }
    ended = c < 0;
    String line = bytes.toString(StandardCharsets.UTF_8);
    return line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
