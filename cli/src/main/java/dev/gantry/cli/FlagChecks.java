package dev.gantry.cli;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What is wrong with values of flags, in the words that clients know; empty if nothing is.
final class FlagChecks {
  private static final Set<String> ULIMITS =
      Set.of(
          "core",
          "cpu",
          "data",
          "fsize",
          "locks",
          "memlock",
          "msgqueue",
          "nice",
          "nofile",
          "nproc",
          "rss",
          "rtprio",
          "rttime",
          "sigpending",
          "stack");
  private static final Set<String> SYSCTLS =
      Set.of(
          "kernel.msgmax",
          "kernel.msgmnb",
          "kernel.msgmni",
          "kernel.sem",
          "kernel.shmall",
          "kernel.shmmax",
          "kernel.shmmni",
          "kernel.shm_rmid_forced");

  private FlagChecks() {}

  /// `HOST:IP` or `HOST=IP`; `host-gateway` stands for the machine itself.
  static Optional<String> extraHost(String value) {
    int split = value.indexOf('=') > 0 ? value.indexOf('=') : value.indexOf(':');
    if (split <= 0 || split == value.length() - 1) {
      return Optional.of("bad format for add-host: \"" + value + "\"");
    }
    String ip = value.substring(split + 1).replaceAll("^\\[|\\]$", "");
    boolean known =
        ip.equals("host-gateway") || ip.matches("[0-9.]{7,15}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");
    return known ? Optional.empty() : Optional.of("invalid IP address in add-host: \"" + ip + "\"");
  }

  /// `TYPE=SOFT[:HARD]`.
  static Optional<String> ulimit(String value) {
    int equals = value.indexOf('=');
    if (equals < 0) {
      return Optional.of("invalid ulimit argument: " + value);
    }
    String type = value.substring(0, equals);
    if (!ULIMITS.contains(type)) {
      return Optional.of("invalid ulimit type: " + type);
    }
    String[] limits = value.substring(equals + 1).split(":", -1);
    if (limits.length > 2) {
      return Optional.of(
          "too many limit value arguments - "
              + value.substring(equals + 1)
              + ", can only have up to two, `soft[:hard]`");
    }
    for (String limit : limits) {
      Optional<String> problem = Numbers.problem(limit, "ParseInt", Long.MIN_VALUE, Long.MAX_VALUE);
      if (problem.isPresent()) {
        return problem;
      }
    }
    long soft = Numbers.value(limits[0]);
    long hard = Numbers.value(limits[limits.length - 1]);
    return hard != -1 && (soft == -1 || soft > hard)
        ? Optional.of(
            "ulimit soft limit must be less than or equal to hard limit: " + soft + " > " + hard)
        : Optional.empty();
  }

  /// Only what is the container's own may be set.
  static Optional<String> sysctl(String value) {
    String name = value.split("=", 2)[0];
    boolean own =
        SYSCTLS.contains(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
    return value.indexOf('=') > 0 && own
        ? Optional.empty()
        : Optional.of("sysctl '" + value + "' is not allowed");
  }

  /// A device's numbers and rights, as in a cgroup's rule.
  static Optional<String> deviceRule(String value) {
    return value.matches("[acb] (\\d+|\\*):(\\d+|\\*) [rwm]{1,3}")
        ? Optional.empty()
        : Optional.of("invalid device cgroup format '" + value + "'");
  }

  /// `FILE:WEIGHT`.
  static Optional<String> weightDevice(String value) {
    Optional<String> path = devicePath(value);
    if (path.isPresent()) {
      return path;
    }
    String weight = value.substring(value.indexOf(':') + 1);
    boolean good =
        weight.matches("\\d{1,4}")
            && (weight.equals("0")
                || Integer.parseInt(weight) >= 10 && Integer.parseInt(weight) <= 1000);
    return good ? Optional.empty() : Optional.of("invalid weight for device: " + value);
  }

  /// `FILE:RATE`, the rate a size.
  static Optional<String> rateDevice(String value) {
    return devicePath(value)
        .or(
            () ->
                Humans.isSize(value.substring(value.indexOf(':') + 1))
                    ? Optional.empty()
                    : Optional.of(
                        "invalid rate for device: "
                            + value
                            + ". The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb"));
  }

  /// `FILE:NUMBER`.
  static Optional<String> operationsDevice(String value) {
    return devicePath(value)
        .or(
            () ->
                value.substring(value.indexOf(':') + 1).matches("\\d{1,18}")
                    ? Optional.empty()
                    : Optional.of(
                        "invalid rate for device: "
                            + value
                            + ". The correct format is <device-path>:<number>. Number must be a positive integer"));
  }

  private static Optional<String> devicePath(String value) {
    if (value.indexOf(':') <= 0) {
      return Optional.of("bad format: " + value);
    }
    return value.startsWith("/dev/")
        ? Optional.empty()
        : Optional.of("bad format for device path: " + value);
  }

  /// One of these words.
  static Optional<String> stream(String value) {
    return List.of("stdin", "stdout", "stderr").contains(value.toLowerCase(java.util.Locale.ROOT))
        ? Optional.empty()
        : Optional.of("valid streams are STDIN, STDOUT and STDERR");
  }
}
