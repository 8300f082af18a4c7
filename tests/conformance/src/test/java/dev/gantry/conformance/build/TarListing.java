package dev.gantry.conformance.build;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/// What is in a plain archive: for each path its kind, permissions, owner and content, no times.
final class TarListing {
  private static final int BLOCK = 512;
  private static final int SHOWN = 300;

  private TarListing() {}

  static Map<String, String> of(byte[] tar) {
    Map<String, String> all = new TreeMap<>();
    String longName = "";
    String longLink = "";
    for (int at = 0; at + BLOCK <= tar.length && tar[at] != 0; ) {
      int size = (int) number(tar, at + 124, 12);
      char type = (char) tar[at + 156];
      byte[] content = new byte[size];
      ByteBuffer.wrap(tar, at + BLOCK, size).get(content);
      String text = new String(content, StandardCharsets.UTF_8);
      if (type == 'x') {
        longName = record(text, "path");
        longLink = record(text, "linkpath");
      } else if (type == 'L') {
        longName = text.replace("\0", "");
      } else {
        String prefix = text(tar, at + 345, 155);
        String name =
            !longName.isEmpty()
                ? longName
                : (prefix.isEmpty() ? "" : prefix + "/") + text(tar, at, 100);
        String link = longLink.isEmpty() ? text(tar, at + 157, 100) : longLink;
        all.put("/" + name.replaceAll("^[./]*/|/+$", ""), line(tar, at, type, link, text));
        longName = "";
        longLink = "";
      }
      at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    return all;
  }

  private static String line(byte[] tar, int at, char type, String link, String content) {
    StringBuilder line = new StringBuilder().append(type == 0 ? '0' : type);
    line.append(' ').append(Long.toOctalString(number(tar, at + 100, 8) & 07777));
    line.append(' ').append(number(tar, at + 108, 8)).append(' ').append(number(tar, at + 116, 8));
    if (type == '1' || type == '2') {
      return line.append(" -> ").append(link).toString();
    }
    if (type == '0' || type == 0) {
      String shown = content.length() > SHOWN ? content.substring(0, SHOWN) + "…" : content;
      line.append(' ')
          .append(shown.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r"));
    }
    return line.toString();
  }

  private static String text(byte[] tar, int at, int length) {
    int end = at;
    while (end < at + length && tar[end] != 0) {
      end++;
    }
    return new String(tar, at, end - at, StandardCharsets.UTF_8);
  }

  private static long number(byte[] tar, int at, int length) {
    String digits = text(tar, at, length).strip();
    return digits.isEmpty() ? 0 : Long.parseLong(digits, 8);
  }

  /// A value of an extended header: lines of `LENGTH KEY=VALUE`.
  private static String record(String header, String key) {
    for (String line : header.split("\n")) {
      int space = line.indexOf(' ');
      if (line.startsWith(key + "=", space + 1)) {
        return line.substring(space + key.length() + 2);
      }
    }
    return "";
  }
}
