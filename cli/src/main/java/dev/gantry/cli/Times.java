package dev.gantry.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;

/// Points in time: as `--since` and `--until` take them, and as lists show them.
final class Times {
  private static final DateTimeFormatter ZONED =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss Z z", Locale.ROOT);

  private static final DateTimeFormatter GO =
      new java.time.format.DateTimeFormatterBuilder()
          .appendPattern("yyyy-MM-dd HH:mm:ss")
          .appendFraction(java.time.temporal.ChronoField.NANO_OF_SECOND, 0, 9, true)
          .toFormatter(Locale.ROOT);

  private Times() {}

  /// As Go prints a time: `2026-11-21 07:11:00 +0000 UTC`.
  static String zoned(long seconds) {
    return ZONED.format(Instant.ofEpochSecond(seconds).atZone(zone()));
  }

  /// `2026-11-21T07:11:00Z`.
  static String offset(long seconds) {
    return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
        Instant.ofEpochSecond(seconds).atZone(zone()));
  }

  /// Go's form of a time in an answer; what is none stays as it is.
  static String dated(String time) {
    try {
      return GO.format(Instant.parse(time).atZone(ZoneOffset.UTC)) + " +0000 UTC";
    } catch (DateTimeParseException e) {
      return time;
    }
  }

  /// `3 seconds ago`.
  static String ago(long seconds) {
    return Humans.duration(Duration.between(Instant.ofEpochSecond(seconds), Instant.now()))
        + " ago";
  }

  static ZoneId zone() {
    return ZoneId.systemDefault();
  }

  /// Seconds with a fraction, as the API wants them: from a duration before now, a date, or such
  /// seconds themselves. Empty for an empty text.
  static String stamp(String flag, String text) {
    if (text.isEmpty() || text.matches("-?\\d+(\\.\\d+)?")) {
      return text;
    }
    if (Durations.is(text)) {
      return stamp(Instant.now().minusNanos(Durations.nanos(text)));
    }
    try {
      return stamp(parse(text));
    } catch (DateTimeParseException e) {
      throw new Exit(
          1,
          flag.isEmpty()
              ? "failed to parse value as time or duration: \"" + text + "\""
              : "invalid value for \""
                  + flag
                  + "\": failed to parse value as time or duration: \""
                  + text
                  + "\"");
    }
  }

  /// A date, or date and time to the hour, minute, second or finer, with or without a zone.
  private static Instant parse(String text) {
    int time = text.indexOf('T');
    if (time < 0) {
      boolean zoned = text.endsWith("Z");
      LocalDate day = LocalDate.parse(zoned ? text.substring(0, text.length() - 1) : text);
      return day.atStartOfDay(zoned ? ZoneOffset.UTC : zone()).toInstant();
    }
    String clock = text.substring(time + 1);
    String local = clock.replaceFirst("(Z|[+-]\\d\\d:\\d\\d)$", "");
    String offset = clock.substring(local.length());
    String full = local.matches("\\d\\d") ? local + ":00" : local;
    String whole = text.substring(0, time + 1) + full + offset;
    return offset.isEmpty()
        ? LocalDateTime.parse(whole).atZone(zone()).toInstant()
        : OffsetDateTime.parse(whole).toInstant();
  }

  private static String stamp(Instant instant) {
    return instant.getEpochSecond() + "." + String.format(Locale.ROOT, "%09d", instant.getNano());
  }
}
