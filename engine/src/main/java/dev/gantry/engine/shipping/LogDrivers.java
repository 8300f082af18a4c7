package dev.gantry.engine.shipping;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogOptions;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The log drivers by name, and the options that each takes. Names and texts are Docker's.
public final class LogDrivers {
  private static final Pattern MILLIS = Pattern.compile("<([0-9.]{1,16})>");
  private static final Set<String> COMMON =
      Set.of("labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size");
  private static final Set<String> CACHE =
      Set.of("cache-disabled", "cache-max-size", "cache-max-file", "cache-compress");
  private static final Set<String> FILE = Set.of("max-size", "max-file", "compress");
  private static final Map<String, Set<String>> OWN =
      Map.of(
          "json-file",
          FILE,
          "local",
          FILE,
          "syslog",
          Set.of(
              "syslog-address",
              "syslog-facility",
              "syslog-format",
              "syslog-tls-ca-cert",
              "syslog-tls-cert",
              "syslog-tls-key",
              "syslog-tls-skip-verify"),
          "journald",
          Set.of(),
          "gelf",
          Set.of(
              "gelf-address",
              "gelf-compression-type",
              "gelf-compression-level",
              "gelf-tcp-max-reconnect",
              "gelf-tcp-reconnect-delay"),
          "fluentd",
          Set.of(
              "fluentd-address",
              "fluentd-async",
              "fluentd-async-connect",
              "fluentd-async-reconnect-interval",
              "fluentd-buffer-limit",
              "fluentd-max-retries",
              "fluentd-read-timeout",
              "fluentd-request-ack",
              "fluentd-retry-wait",
              "fluentd-sub-second-precision",
              "fluentd-write-timeout"));

  private LogDrivers() {}

  /// All drivers but `none`.
  public static List<String> names() {
    return List.copyOf(new TreeSet<>(OWN.keySet()));
  }

  public static boolean isKnown(String driver) {
    return driver.equals("none") || OWN.containsKey(driver);
  }

  /// True if the driver keeps lines elsewhere than in the container's own log.
  public static boolean ships(String driver) {
    return !Set.of("none", "json-file", "local").contains(driver);
  }

  /// Refuses options that the driver has not, and values that cannot be meant.
  public static void check(String driver, Map<String, String> options) {
    if (driver.equals("none")) {
      return;
    }
    for (String name : options.keySet()) {
      boolean known =
          COMMON.contains(name)
              || OWN.getOrDefault(driver, Set.of()).contains(name)
              || (ships(driver) && CACHE.contains(name));
      if (!known) {
        throw new Failure.InvalidRequest(
            "unknown log opt '" + name + "' for " + driver + " log driver");
      }
    }
    if (ships(driver)) {
      open(
              driver,
              options,
              new LogSource("", "", "", "", "", java.time.Instant.EPOCH, "", Map.of()))
          .close();
    }
  }

  /// A destination that is not connected yet; [Failure.InvalidRequest] for values that make no
  /// sense.
  public static LogDestination open(String driver, Map<String, String> options, LogSource source) {
    return switch (driver) {
      case "syslog" -> new Syslog(options, source);
      case "journald" -> new Journald(source);
      case "gelf" -> new Gelf(options, source);
      case "fluentd" -> new Fluentd(options, source);
      default -> throw new Failure.InvalidRequest("log driver " + driver + " ships nothing");
    };
  }

  /// How much may wait for a receiver, beside what the log itself has room for.
  ///
  /// @param blocks whether the container waits for a receiver that is slow
  /// @param bytes of text, `max-buffer-size`; [Long#MAX_VALUE] for no limit, as `lines`
  /// @param lines `fluentd-buffer-limit`
  public record Room(boolean blocks, long bytes, long lines) {
    boolean isLimited() {
      return bytes < Long.MAX_VALUE || lines < Long.MAX_VALUE;
    }
  }

  /// The room that the options ask for: a container that does not wait may say how many bytes do,
  /// and one whose fluentd need not be there how many lines.
  public static Room room(Map<String, String> options) {
    boolean blocks = !options.getOrDefault("mode", "").equals("non-blocking");
    boolean later = truth(options, "fluentd-async") || truth(options, "fluentd-async-connect");
    return new Room(
        blocks,
        blocks ? Long.MAX_VALUE : size(options, "max-buffer-size"),
        later ? size(options, "fluentd-buffer-limit") : Long.MAX_VALUE);
  }

  private static long size(Map<String, String> options, String name) {
    String text = options.getOrDefault(name, "");
    return text.isEmpty() ? Long.MAX_VALUE : LogOptions.bytes(text);
  }

  /// A time as Go writes it (`500ms`, `1m30s`), or a bare number of milliseconds.
  static Duration duration(Map<String, String> options, String name, Duration absent) {
    String text = options.getOrDefault(name, "");
    if (text.isEmpty()) {
      return absent;
    }
    if (text.matches("[0-9]{1,9}")) {
      return Duration.ofMillis(Long.parseLong(text));
    }
    try {
      String iso = text.replaceAll("([0-9.]+)ms", "<$1>").toUpperCase(Locale.ROOT);
      Matcher millis = MILLIS.matcher(iso);
      double extra = millis.find() ? Double.parseDouble(millis.group(1)) : 0;
      String rest = millis.replaceAll("");
      Duration whole = rest.isEmpty() ? Duration.ZERO : Duration.parse("PT" + rest);
      return whole.plusNanos((long) (extra * 1e6));
    } catch (DateTimeParseException e) {
      throw new Failure.InvalidRequest(
          "time: invalid duration \"" + text + "\" (" + name + ")", null, e);
    }
  }

  /// A number that is not negative.
  static long number(Map<String, String> options, String name, long absent) {
    String text = options.getOrDefault(name, "");
    if (text.isEmpty()) {
      return absent;
    }
    if (!text.matches("[0-9]{1,10}")) {
      throw new Failure.InvalidRequest(
          "strconv.ParseUint: parsing \"" + text + "\": invalid syntax (" + name + ")");
    }
    return Long.parseLong(text);
  }

  static boolean truth(Map<String, String> options, String name) {
    return switch (options.getOrDefault(name, "")) {
      case "", "0", "f", "F", "false", "FALSE", "False" -> false;
      case "1", "t", "T", "true", "TRUE", "True" -> true;
      default ->
          throw new Failure.InvalidRequest(
              "strconv.ParseBool: parsing \""
                  + options.get(name)
                  + "\": invalid syntax ("
                  + name
                  + ")");
    };
  }
}
