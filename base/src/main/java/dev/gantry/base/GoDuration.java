package dev.gantry.base;

import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Durations as Go writes them: `1h30m`, `1.5s`, `.5s`, `300ms`.
public final class GoDuration {
  private static final Pattern PART =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h)");

  private GoDuration() {}

  /// Whether the text begins as one.
  public static boolean begins(String text) {
    return PART.matcher(text).lookingAt();
  }

  /// Its length in ns; empty if it is none.
  public static OptionalDouble nanos(String text) {
    Matcher part = PART.matcher(text);
    double nanos = 0;
    int end = 0;
    while (part.find() && part.start() == end) {
      double unit =
          switch (part.group(2)) {
            case "ns" -> 1;
            case "us", "µs" -> 1e3;
            case "ms" -> 1e6;
            case "s" -> 1e9;
            case "m" -> 60e9;
            default -> 3600e9;
          };
      nanos += Double.parseDouble(part.group(1)) * unit;
      end = part.end();
    }
    return end == 0 || end < text.length() ? OptionalDouble.empty() : OptionalDouble.of(nanos);
  }
}
