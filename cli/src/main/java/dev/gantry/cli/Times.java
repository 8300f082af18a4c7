package dev.gantry.cli;

import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Points in time as `--since` and `--until` take them.
final class Times {
  private static final Pattern PART = Pattern.compile("(\\d+(?:\\.\\d+)?)(ms|h|m|s)");

  private Times() {}

  /// Seconds with a fraction, as the API wants them: from a duration before now, a date, or such
  /// seconds themselves. Empty for an empty text.
  static String stamp(String text) {
    if (text.isEmpty() || text.matches("\\d+(\\.\\d+)?")) {
      return text;
    }
    if (text.matches("(" + PART.pattern() + ")+")) {
      double seconds = 0;
      Matcher part = PART.matcher(text);
      while (part.find()) {
        double unit =
            switch (part.group(2)) {
              case "h" -> 3600;
              case "m" -> 60;
              case "ms" -> 0.001;
              default -> 1;
            };
        seconds += Double.parseDouble(part.group(1)) * unit;
      }
      return stamp(Instant.now().minusMillis((long) (seconds * 1000)));
    }
    try {
      return stamp(parse(text));
    } catch (DateTimeParseException e) {
      throw new Exit(1, "invalid value for time: \"" + text + "\"");
    }
  }

  private static Instant parse(String text) {
    if (text.indexOf('T') < 0) {
      return LocalDate.parse(text).atStartOfDay(ZoneId.systemDefault()).toInstant();
    }
    boolean zoned = text.endsWith("Z") || text.matches(".*[+-]\\d\\d:\\d\\d");
    return zoned
        ? OffsetDateTime.parse(text).toInstant()
        : LocalDateTime.parse(text).atZone(ZoneId.systemDefault()).toInstant();
  }

  private static String stamp(Instant instant) {
    return instant.getEpochSecond() + "." + String.format("%09d", instant.getNano());
  }
}
