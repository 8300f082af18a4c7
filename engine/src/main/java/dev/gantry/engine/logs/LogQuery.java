package dev.gantry.engine.logs;

import java.time.Instant;
import java.util.Optional;

/// Which lines of a log are wanted.
///
/// @param follow go on with what is written later
/// @param tail how many of the last lines; -1 for all
public record LogQuery(
    boolean stdout,
    boolean stderr,
    boolean follow,
    Instant since,
    Optional<Instant> until,
    long tail) {
  boolean wants(LogEntry entry) {
    return (entry.stream().equals("stderr") ? stderr : stdout)
        && !entry.time().isBefore(since)
        && !isPast(entry);
  }

  boolean isPast(LogEntry entry) {
    return until.isPresent() && entry.time().isAfter(until.get());
  }
}
