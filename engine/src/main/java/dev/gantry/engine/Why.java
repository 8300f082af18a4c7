package dev.gantry.engine;

import dev.gantry.engine.logs.LogEntry;
import dev.gantry.engine.logs.LogQuery;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Says why a container is in the state in which it is: how its last run ended, by whose hand, what
/// it had at that moment, what it said last, and what had changed since it ran well.
public final class Why {
  private static final int LAST_LINES = 10;

  /// The answer.
  ///
  /// @param sentence what happened, for people
  /// @param hint what may help; empty if nothing comes to mind
  /// @param log the last lines that it wrote in that run, without their newlines
  public record Answer(
      Container container,
      Optional<Death> death,
      String sentence,
      String hint,
      Optional<Health> health,
      List<LogEntry> log) {}

  private final Engine engine;

  Why(Engine engine) {
    this.engine = engine;
  }

  /// Explains the container `ref`.
  public Answer explain(String ref) {
    Container c = engine.require(ref);
    Optional<Death> death = c.death();
    String now =
        switch (c.state()) {
          case ContainerState.Running r -> c.name() + " runs since " + r.startedAt() + ". ";
          case ContainerState.Paused p -> c.name() + " is paused. ";
          case ContainerState.Restarting r ->
              c.name()
                  + " waits for its restart number "
                  + c.restartCount()
                  + " ("
                  + c.backoffMillis()
                  + " ms after its end). ";
          default -> "";
        };
    String sentence =
        death
            .map(d -> now + (now.isEmpty() ? "" : "Before, ") + sentence(c.name(), d))
            .orElse(now.isEmpty() ? c.name() + " has never been started." : now.strip());
    return new Answer(
        c, death, sentence, death.map(Why::hint).orElse(""), c.health(), lastLines(c, death));
  }

  static String sentence(String name, Death d) {
    String what =
        switch (Death.Cause.valueOf(d.cause())) {
          case COMPLETED -> name + " completed: its program ended by itself with exit code 0";
          case EXITED -> name + " ended by itself with exit code " + d.exitCode();
          case COMMAND -> name + " could not run its command: " + d.error();
          case START_FAILED -> name + " could not be started: " + d.error();
          case STOPPED ->
              name
                  + " was stopped: somebody asked for it through the engine's API, and it ended on "
                  + signal(d.sentSignal())
                  + " with exit code "
                  + d.exitCode();
          case STOP_TIMEOUT ->
              name
                  + " was stopped by SIGKILL: somebody asked it to stop through the engine's API,"
                  + " and it did not end in time";
          case KILLED_BY_USER ->
              name
                  + " was ended by "
                  + signal(d.sentSignal())
                  + ", which somebody sent through the engine's API";
          case HEALTH ->
              name + " was ended by the engine because its health check had failed too often";
          case OOM ->
              name + " ran out of memory: the kernel killed its main process" + limit(d) + kills(d);
          case OOM_OF_CHILD ->
              name
                  + " ran out of memory: the kernel killed a child process"
                  + limit(d)
                  + kills(d)
                  + ", after which the program ended with exit code "
                  + d.exitCode();
          case CRASHED ->
              name + " crashed: " + signal(d.fatalSignal()) + " (" + fault(d.fatalSignal()) + ")";
          case KILLED_FROM_OUTSIDE ->
              name
                  + " was ended by "
                  + signal(d.signal())
                  + " that did not come through the engine: a process of this machine or of the"
                  + " container sent it";
          case LOST ->
              name + " ended unseen: the machine went down, or the container's monitor was killed";
        };
    String time = d.endedAt().isEmpty() ? "" : " (" + d.endedAt() + after(d) + ")";
    return what + time + (d.seenLate() ? ", while no engine ran." : ".");
  }

  private static String after(Death d) {
    if (d.startedAt().isEmpty() || d.endedAt().isEmpty()) {
      return "";
    }
    Duration ran = Duration.between(Instant.parse(d.startedAt()), Instant.parse(d.endedAt()));
    return ran.isNegative() || ran.toDays() > 36_500
        ? ""
        : String.format(Locale.ROOT, ", after %.1f s", ran.toMillis() / 1000.0);
  }

  private static String limit(Death d) {
    Long limit = d.limits().get("memory");
    return limit == null ? "" : " at its limit of " + size(limit);
  }

  private static String kills(Death d) {
    return d.oomKills() > 1 ? " (" + d.oomKills() + " processes were killed)" : "";
  }

  /// Bytes for people.
  static String size(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(
        Locale.ROOT, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  }

  private static String signal(int number) {
    return dev.gantry.kernel.Signals.name(number);
  }

  private static String fault(int signal) {
    return switch (signal) {
      case 4 -> "an illegal instruction";
      case 5 -> "a trap";
      case 6 -> "it aborted itself";
      case 7 -> "a bus error";
      case 8 -> "an arithmetic error";
      case 11 -> "it touched memory that is not its own";
      case 31 -> "a system call that its seccomp profile forbids";
      default -> "an error of the program";
    };
  }

  private static String hint(Death d) {
    return switch (Death.Cause.valueOf(d.cause())) {
      case OOM, OOM_OF_CHILD ->
          d.limits().containsKey("memory")
              ? "Raise the limit: gantry update --memory SIZE --memory-swap SIZE"
              : "The machine has too little memory for it; give it a limit to protect the others";
      case STOP_TIMEOUT ->
          "It may not handle its stop signal (the first process of a container must itself); try"
              + " --init, --stop-signal or a longer --stop-timeout";
      case COMMAND -> "Look whether the image has the command, and for the right architecture";
      case HEALTH -> "The last results of the check are below";
      case LOST -> "Its output up to that moment is in its log";
      default -> "";
    };
  }

  private List<LogEntry> lastLines(Container c, Optional<Death> death) {
    List<LogEntry> lines = new ArrayList<>();
    if (!Attach.isReadable(c.spec().logging())) {
      return lines;
    }
    Instant since =
        death
            .map(Death::startedAt)
            .filter(text -> !text.isEmpty())
            .map(Instant::parse)
            .orElse(Instant.EPOCH);
    try {
      engine
          .attach()
          .logs(
              c, new LogQuery(true, true, false, since, Optional.empty(), LAST_LINES), lines::add);
    } catch (IOException e) {
      return lines; // what could be read of it
    }
    return lines;
  }

  /// A line without what ends it.
  public static String text(LogEntry line) {
    return new String(line.text(), StandardCharsets.UTF_8).stripTrailing();
  }
}
