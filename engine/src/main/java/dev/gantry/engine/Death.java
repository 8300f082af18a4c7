package dev.gantry.engine;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How a container's last run ended and what was known at that moment: the answer to "why".
///
/// @param cause one of [Cause]'s names
/// @param signal number of the signal that ended the first process; 0 if it exited
/// @param sentBy who sent the last signal through the engine (`user`, `stop`, `stop-timeout`,
///   `remove`, `health`, `cleanup`); empty if nobody did
/// @param sentSignal that signal; 0 if none
/// @param oomKills processes of the container that the kernel killed for lack of memory
/// @param usage what was in use at the end, by name: `memory`, `memory.peak`, `memory.failures`,
///   `pids`
/// @param limits what could be used, by the same names
/// @param startedAt RFC 3339; empty for a start that failed
/// @param seenLate the engine did not run when it happened
/// @param changes what had changed since the last run that went well, one line each
public record Death(
    String cause,
    int exitCode,
    int signal,
    String sentBy,
    int sentSignal,
    int oomKills,
    String error,
    Map<String, Long> usage,
    Map<String, Long> limits,
    String startedAt,
    String endedAt,
    boolean seenLate,
    @Nullable String healthStatus,
    List<String> changes) {

  /// What ended it.
  public enum Cause {
    /// The program ended by itself with code 0.
    COMPLETED,
    /// The program ended by itself with another code.
    EXITED,
    /// The program could not be found or executed.
    COMMAND,
    /// The start failed before the program ran.
    START_FAILED,
    /// `stop` asked and the program went.
    STOPPED,
    /// `stop` asked, the program did not go in time and was killed.
    STOP_TIMEOUT,
    /// Somebody sent the signal through the engine.
    KILLED_BY_USER,
    /// The health check's failures ended it.
    HEALTH,
    /// The kernel killed the first process for lack of memory.
    OOM,
    /// The kernel killed a child for lack of memory, and the program ended after that.
    OOM_OF_CHILD,
    /// The program made an error for which the kernel ends it (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
    /// SIGABRT, SIGSYS).
    CRASHED,
    /// A signal that did not come through the engine.
    KILLED_FROM_OUTSIDE,
    /// Nobody saw the end: the machine went down or the monitor was killed.
    LOST
  }

  Death with(List<String> newChanges) {
    return new Death(
        cause,
        exitCode,
        signal,
        sentBy,
        sentSignal,
        oomKills,
        error,
        usage,
        limits,
        startedAt,
        endedAt,
        seenLate,
        healthStatus,
        newChanges);
  }

  /// True for an end that nobody has to explain: the program's own with code 0, or asked for.
  boolean isGood() {
    return switch (Cause.valueOf(cause)) {
      case COMPLETED, STOPPED, STOP_TIMEOUT, KILLED_BY_USER -> true;
      default -> false;
    };
  }

  /// What of these happened, in the order in which evidence outweighs appearance.
  static Cause cause(
      int exitCode, int signal, String sentBy, int sentSignal, int oomKills, boolean lost) {
    if (lost) {
      return Cause.LOST;
    }
    boolean sent = !sentBy.isEmpty();
    boolean killed = signal == 9 || exitCode == 137;
    if (oomKills > 0 && signal == 9 && sentSignal != 9) {
      return Cause.OOM;
    }
    if (sentBy.equals("health")) {
      return Cause.HEALTH;
    }
    if (sentBy.equals("stop-timeout") && killed) {
      return Cause.STOP_TIMEOUT;
    }
    if (sentBy.equals("stop") || sentBy.equals("stop-timeout")) {
      return Cause.STOPPED;
    }
    if (sent && (signal == sentSignal || exitCode == 128 + sentSignal)) {
      return Cause.KILLED_BY_USER;
    }
    if (oomKills > 0 && exitCode != 0) {
      return Cause.OOM_OF_CHILD;
    }
    // an init or a shell passes its child's signal on in its exit code
    if (isFault(signal != 0 ? signal : exitCode - 128)) {
      return Cause.CRASHED;
    }
    if (signal != 0) {
      return Cause.KILLED_FROM_OUTSIDE;
    }
    return exitCode == 0 ? Cause.COMPLETED : Cause.EXITED;
  }

  private static boolean isFault(int signal) {
    return switch (signal) {
      case 4, 5, 6, 7, 8, 11, 31 -> true;
      default -> false;
    };
  }

  /// The signal that ended the program, be it the first process or the one that an init runs.
  int fatalSignal() {
    return signal != 0 ? signal : Math.max(0, exitCode - 128);
  }
}
