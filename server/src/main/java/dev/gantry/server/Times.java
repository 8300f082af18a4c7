package dev.gantry.server;

import dev.gantry.base.Failure;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;

/// Points in time as parameters: seconds with a fraction, RFC 3339, or how long ago.
final class Times {
  private static final DateTimeFormatter NANOS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSS'Z'").withZone(ZoneOffset.UTC);

  private Times() {}

  static Instant parse(String text, Instant absent) {
    if (text.isEmpty() || text.equals("0")) {
      return absent;
    }
    if (text.matches("-?[0-9]{1,18}(\\.[0-9]{1,9})?")) {
      String[] parts = text.split("\\.");
      long nanos = parts.length == 1 ? 0 : Long.parseLong((parts[1] + "000000000").substring(0, 9));
      return Instant.ofEpochSecond(Long.parseLong(parts[0]), nanos);
    }
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeParseException e) {
      return ago(text);
    }
  }

  private static Instant ago(String text) {
    try {
      return Instant.now().minus(Duration.parse("PT" + text.toUpperCase(java.util.Locale.ROOT)));
    } catch (DateTimeParseException e) {
      throw new Failure.InvalidRequest("invalid time \"" + text + "\"", null, e);
    }
  }

  /// With nine digits, as `--timestamps` prints.
  static String nanos(Instant time) {
    return NANOS.format(time);
  }
}
