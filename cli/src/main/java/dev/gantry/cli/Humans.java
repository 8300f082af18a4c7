package dev.gantry.cli;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Sizes and times as people read and write them (docker/go-units).
final class Humans {
  private static final Pattern SIZE = Pattern.compile("(?i)(\\d+(?:\\.\\d+)?) ?([kmgtp])?(i?b)?");
  private static final String[] UNITS = {"B", "kB", "MB", "GB", "TB", "PB"};
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

  private Humans() {}

  static boolean isSize(String text) {
    return text.equals("-1") || SIZE.matcher(text).matches();
  }

  /// Bytes of a text such as `64m`, in powers of 1024.
  static long bytes(String text) {
    Matcher size = SIZE.matcher(text);
    if (!size.matches()) {
      return -1;
    }
    String unit = size.group(2) == null ? "" : size.group(2).toLowerCase(Locale.ROOT);
    int power = unit.isEmpty() ? 0 : "kmgtp".indexOf(unit) + 1;
    return new BigDecimal(size.group(1))
        .multiply(BigDecimal.valueOf(1L << (10 * power)))
        .longValue();
  }

  /// Three significant digits, powers of 1000: `1.41MB`.
  static String size(long bytes) {
    return size(bytes, 3);
  }

  static String size(long bytes, int digits) {
    return scaled(bytes, 1000, UNITS, digits);
  }

  /// Four significant digits, powers of 1024: `23.54GiB`.
  static String binary(long bytes) {
    return scaled(bytes, 1024, BINARY, 4);
  }

  private static String scaled(long bytes, int base, String[] units, int digits) {
    double value = bytes;
    int unit = 0;
    while (value >= base && unit < units.length - 1) {
      value /= base;
      unit++;
    }
    BigDecimal rounded =
        BigDecimal.valueOf(value).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    BigDecimal plain = rounded.signum() == 0 ? BigDecimal.ZERO : rounded.stripTrailingZeros();
    return plain.toPlainString() + units[unit];
  }

  /// `2 seconds`, `About an hour`.
  static String duration(Duration time) {
    long seconds = time.toSeconds();
    if (seconds < 1) {
      return "Less than a second";
    }
    if (seconds < 60) {
      return seconds == 1 ? "1 second" : seconds + " seconds";
    }
    long minutes = time.toMinutes();
    if (minutes < 60) {
      return minutes == 1 ? "About a minute" : minutes + " minutes";
    }
    long hours = Math.round(seconds / 3600.0);
    if (hours < 48) {
      return hours == 1 ? "About an hour" : hours + " hours";
    }
    long days = hours / 24;
    if (hours < 24 * 7 * 2) {
      return days + " days";
    }
    if (hours < 24 * 30 * 2) {
      return days / 7 + " weeks";
    }
    return hours < 24 * 365 * 2 ? days / 30 + " months" : days / 365 + " years";
  }
}
