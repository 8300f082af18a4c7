package dev.gantry.server;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;

/// Lists of processors and memory nodes such as `0-2,7` (cpuset(7), "List format").
final class Cpusets {
  private static final int MOST = 8192;

  private Cpusets() {}

  /// Refuses a list that is malformed or asks for what this machine lacks, in Docker's words.
  ///
  /// @param what `CPUs` or `memory nodes`
  static void check(String what, String wanted) {
    if (wanted.isEmpty()) {
      return;
    }
    String online = online(what);
    BitSet missing = parse(what, wanted);
    missing.andNot(parse(what, online));
    if (!missing.isEmpty()) {
      throw new Failure.InvalidRequest(
          "Requested "
              + what
              + " are not available - requested "
              + wanted
              + ", available: "
              + online);
    }
  }

  private static String online(String what) {
    String file =
        what.equals("CPUs") ? "/sys/devices/system/cpu/online" : "/sys/devices/system/node/online";
    try {
      return Files.readString(Path.of(file)).trim();
    } catch (IOException e) {
      return "0";
    }
  }

  static BitSet parse(String what, String text) {
    BitSet set = new BitSet();
    for (String part : text.split(",")) {
      String[] ends = part.trim().split("-", 2);
      int first = number(what, ends[0], text);
      int last = ends.length == 1 ? first : number(what, ends[1], text);
      if (last < first) {
        throw malformed(what, text);
      }
      set.set(first, last + 1);
    }
    return set;
  }

  private static int number(String what, String digits, String text) {
    if (!digits.matches("[0-9]{1,5}") || Integer.parseInt(digits) > MOST) {
      throw malformed(what, text);
    }
    return Integer.parseInt(digits);
  }

  private static Failure malformed(String what, String text) {
    return new Failure.InvalidRequest(
        "Invalid value "
            + text
            + " for cpuset "
            + (what.equals("CPUs") ? "cpus" : "mems")
            + ": invalid format: "
            + text);
  }
}
