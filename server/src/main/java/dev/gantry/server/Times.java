package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/// Points in time as parameters: seconds since 1970 with a fraction. Other forms (RFC 3339, how
/// long ago) are the clients' business, as Docker has it.
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
    throw new Failure.InvalidRequest(
        "strconv.ParseInt: parsing " + Json.of(text).text() + ": invalid syntax");
  }

  /// With nine digits, as `--timestamps` prints.
  static String nanos(Instant time) {
    return NANOS.format(time);
  }
}
