package dev.gantry.build;

import dev.gantry.dockerfile.Quoted;
import java.util.List;
import java.util.stream.Collectors;

/// How an image's history shows lists, times and numbers: as Docker's builder prints them.
final class Shown {
  private Shown() {}

  /// `["a" "b c"]`.
  static String quoted(List<String> words) {
    return words.stream().map(Quoted::of).collect(Collectors.joining(" ", "[", "]"));
  }

  /// `[a b]`.
  static String plain(List<String> words) {
    return "[" + String.join(" ", words) + "]";
  }

  /// `1m30s`, `1.5s`, `20ms`, `0s`.
  static String time(long nanos) {
    if (nanos == 0) {
      return "0s";
    }
    if (nanos < 1_000_000_000) {
      return nanos % 1_000_000 == 0
          ? nanos / 1_000_000 + "ms"
          : nanos % 1_000 == 0 ? nanos / 1_000 + "µs" : nanos + "ns";
    }
    long seconds = nanos / 1_000_000_000;
    String part = Long.toString(1_000_000_000 + nanos % 1_000_000_000).substring(1);
    part = part.replaceAll("0+$", "");
    return (seconds >= 3600 ? seconds / 3600 + "h" : "")
        + (seconds >= 60 ? seconds / 60 % 60 + "m" : "")
        + seconds % 60
        + (part.isEmpty() ? "" : "." + part)
        + "s";
  }

  /// The character with that number in quotes: `'\\x04'`.
  static String character(long number) {
    String special = "\u0007\b\t\n\u000b\f\r";
    int at = number == 0 ? -1 : special.indexOf((char) number);
    if (number < 128 && at >= 0) {
      return "'\\" + "abtnvfr".charAt(at) + "'";
    }
    if (number < 32 || number == 127) {
      return String.format("'\\x%02x'", number);
    }
    String plain =
        number == 39 || number == 92 ? "\\" + (char) number : Character.toString((int) number);
    return "'" + plain + "'";
  }
}
