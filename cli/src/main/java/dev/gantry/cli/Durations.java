package dev.gantry.cli;

import java.math.BigDecimal;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Go's durations: `1h30m`, `1.5s`, `300ms`, `-2us`.
final class Durations {
  private static final Pattern PART =
      Pattern.compile("(\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h)");
  private static final Pattern WHOLE = Pattern.compile("[-+]?(" + PART.pattern() + ")+");

  private Durations() {}

  static boolean is(String text) {
    return text.equals("0") || text.equals("-0") || WHOLE.matcher(text).matches();
  }

  static Optional<String> problem(String text) {
    if (is(text)) {
      return Optional.empty();
    }
    return Optional.of(
        text.matches("[-+]?\\d+\\.?\\d*")
            ? "time: missing unit in duration \"" + text + "\""
            : "time: invalid duration \"" + text + "\"");
  }

  static long nanos(String text) {
    BigDecimal sum = BigDecimal.ZERO;
    Matcher part = PART.matcher(text);
    while (part.find()) {
      long unit =
          switch (part.group(2)) {
            case "ns" -> 1L;
            case "us", "µs", "μs" -> 1_000L;
            case "ms" -> 1_000_000L;
            case "s" -> 1_000_000_000L;
            case "m" -> 60_000_000_000L;
            default -> 3_600_000_000_000L;
          };
      sum = sum.add(new BigDecimal(part.group(1)).multiply(BigDecimal.valueOf(unit)));
    }
    return text.startsWith("-") ? -sum.longValue() : sum.longValue();
  }
}
