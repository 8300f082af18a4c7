package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.base.GoDuration;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;

/// The filter `until`: seconds since 1970, a date in the forms of RFC 3339 with or without its
/// parts, or how long ago in Go's form (`1h30m`).
final class PruneTime {
  private PruneTime() {}

  static Instant parse(String text) {
    try {
      if (text.matches("[0-9]{1,18}(\\.[0-9]{1,9})?")) {
        return Times.parse(text, Instant.EPOCH);
      }
      return text.matches("[0-9]{4}-.*") ? date(text) : ago(text);
    } catch (DateTimeException | ArithmeticException e) {
      throw invalid(text);
    }
  }

  private static Instant date(String text) {
    if (text.matches(".*T.*(Z|[+-][0-9]{2}:?[0-9]{2})")) {
      return OffsetDateTime.parse(text).toInstant();
    }
    return (text.contains("T") ? LocalDateTime.parse(text) : LocalDate.parse(text).atStartOfDay())
        .atZone(ZoneId.systemDefault())
        .toInstant();
  }

  private static Instant ago(String text) {
    if (text.equals("0")) {
      return Instant.now();
    }
    boolean future = text.startsWith("-");
    String amount = text.substring(future || text.startsWith("+") ? 1 : 0);
    double nanos = GoDuration.nanos(amount).orElseThrow(() -> invalid(text));
    if (nanos > Long.MAX_VALUE) {
      throw invalid(text);
    }
    Instant now = Instant.now();
    return future ? now.plusNanos((long) nanos) : now.minusNanos((long) nanos);
  }

  private static Failure invalid(String text) {
    return new Failure.InvalidRequest(
        "failed to parse value as time or duration: \"" + text + "\"");
  }
}
