package dev.gantry.kernel;

import dev.gantry.base.Failure;
import java.util.List;
import java.util.Locale;

/// Signals by name and number (signal(7)).
public final class Signals {
  private static final List<String> NAMES =
      List.of(
          "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
          "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
          "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");
  private static final int RTMIN = 34;
  private static final int RTMAX = 64;

  private Signals() {}

  /// The number of `TERM`, `SIGTERM`, `15`, `RTMIN+3` or `RTMAX-1`, in any case.
  public static int number(String text) {
    String name = text.toUpperCase(Locale.ROOT);
    if (name.matches("[0-9]{1,3}")) {
      int number = Integer.parseInt(name);
      if (number < 1 || number > RTMAX) {
        throw invalid(text);
      }
      return number;
    }
    name = name.startsWith("SIG") ? name.substring(3) : name;
    int number =
        switch (name) {
          case "" -> -1;
          case "IOT" -> 6;
          case "CLD" -> 17;
          case "POLL" -> 29;
          case "UNUSED" -> 31;
          case "RTMIN" -> RTMIN;
          case "RTMAX" -> RTMAX;
          default -> NAMES.indexOf(name);
        };
    if (name.matches("RTMIN\\+[0-9]{1,2}")) {
      number = RTMIN + Integer.parseInt(name.substring(6));
    } else if (name.matches("RTMAX-[0-9]{1,2}")) {
      number = RTMAX - Integer.parseInt(name.substring(6));
    }
    if (number < 1 || number > RTMAX) {
      throw invalid(text);
    }
    return number;
  }

  /// `SIGTERM` for 15; a number without a name as `signal 33`.
  public static String name(int number) {
    if (number > 0 && number < NAMES.size() && !NAMES.get(number).isEmpty()) {
      return "SIG" + NAMES.get(number);
    }
    return number >= RTMIN && number <= RTMAX
        ? number == RTMIN ? "SIGRTMIN" : "SIGRTMIN+" + (number - RTMIN)
        : "signal " + number;
  }

  private static Failure.InvalidRequest invalid(String text) {
    return new Failure.InvalidRequest("invalid signal: " + text);
  }
}
