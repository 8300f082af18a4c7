package dev.gantry.engine.logs;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Reads a log. Costs as much as what is asked for: the last lines are found from the end, a time
/// by bisection, and a follower reads each byte once, when the writer says that there are more.
public final class LogReader {
  // a follower looks by itself now and then, should nobody wake it
  private static final long LOOK_MILLIS = 5000;

  /// Receives the entries.
  @FunctionalInterface
  public interface Sink {
    void write(LogEntry entry) throws IOException;
  }

  /// Where reading begins: a file, a place in it, and how many wanted entries to pass over there.
  private record Start(long number, long position, long skip) {}

  // a search by time ends here: as much as is read at once
  private static final int NEAR = 4096;

  private static final Duration TICK = Duration.ofMillis(100);

  private final LogFile log;
  private final LogQuery query;
  private volatile long at = -1;

  public LogReader(LogFile log, LogQuery query) {
    this.log = log;
    this.query = query;
  }

  /// Gives the wanted entries to `sink`, oldest first; when following, until `live` is false and
  /// everything has been read.
  public void read(BooleanSupplier live, Sink sink) throws IOException, InterruptedException {
    Start start = query.tail() >= 0 ? fromEnd() : fromTime();
    long number = start.number();
    long skip = start.skip();
    at = number;
    Optional<ForwardLines> lines = open(number, start.position());
    try {
      while (true) {
        long seen = log.changes();
        boolean more = query.follow() && live.getAsBoolean() && !isOver();
        while (true) {
          long newest = log.newest();
          skip = lines.isPresent() ? drain(lines.get(), skip, sink) : 0;
          if (skip < 0) {
            return;
          }
          if (newest <= number) {
            break;
          }
          close(lines);
          number = Math.max(number + 1, log.oldest());
          at = number;
          lines = open(number, 0);
        }
        if (!more) {
          return;
        }
        log.awaitChange(seen, patience());
      }
    } finally {
      close(lines);
    }
  }

  /// The number of the file that is being read; -1 before.
  public long at() {
    return at;
  }

  private Optional<ForwardLines> open(long number, long position) throws IOException {
    Optional<LogFile.Part> part = log.open(number);
    return part.isPresent()
        ? Optional.of(new ForwardLines(part.get(), position))
        : Optional.empty();
  }

  private static void close(Optional<ForwardLines> lines) throws IOException {
    if (lines.isPresent()) {
      lines.get().close();
    }
  }

  private boolean isOver() {
    return query.until().isPresent() && Instant.now().isAfter(query.until().get());
  }

  private long patience() {
    long left =
        query.until().map(u -> Duration.between(Instant.now(), u).toMillis()).orElse(LOOK_MILLIS);
    return Math.clamp(left + 1, 1, LOOK_MILLIS);
  }

  /// Gives what there is to `sink`. How many wanted entries are still to be passed over; -1 when
  /// what follows is too late to be wanted.
  private long drain(ForwardLines lines, long skip, Sink sink) throws IOException {
    long left = skip;
    while (lines.next()) {
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      if (entry.isEmpty()) {
        continue;
      }
      if (query.isPast(entry.get())) {
        return -1;
      }
      if (query.wants(entry.get()) && --left < 0) {
        left = 0;
        sink.write(entry.get());
      }
    }
    return left;
  }

  // ---- the last lines

  private Start fromEnd() throws IOException {
    long newest = log.newest();
    long wanted = query.tail();
    Start start = new Start(newest, 0, 0);
    for (long number = newest; number >= log.oldest(); number--) {
      Optional<LogFile.Part> part = log.open(number);
      if (part.isEmpty()) {
        return start;
      }
      try (LogFile.Part p = part.get()) {
        FileChannel plain = p.plain();
        if (isOlder(p)) {
          return start;
        }
        Found found = plain == null ? forward(p, wanted) : backward(plain, wanted);
        start = new Start(number, found.position(), found.skip());
        wanted -= found.count();
        if (found.complete()) {
          return start;
        }
      }
    }
    return start;
  }

  /// What a file has of the last lines.
  ///
  /// @param complete if no older file is needed
  private record Found(long position, long skip, long count, boolean complete) {}

  private Found backward(FileChannel file, long wanted) throws IOException {
    BackwardLines lines = new BackwardLines(file, file.size());
    long count = 0;
    long position = file.size();
    if (wanted == 0) {
      // not file.size(): the line after the last whole one may be half written
      return new Found(lines.next() ? lines.position() + lines.length() + 1 : 0, 0, 0, true);
    }
    while (count < wanted) {
      if (!lines.next()) {
        return new Found(position, 0, count, false);
      }
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      if (entry.isEmpty()) {
        continue;
      }
      if (entry.get().time().isBefore(query.since())) {
        return new Found(position, 0, count, true);
      }
      if (query.wants(entry.get())) {
        count++;
        position = lines.position();
      }
    }
    return new Found(position, 0, count, true);
  }

  /// A compressed file is read twice: here to count, later to pass over what is too many.
  private Found forward(LogFile.Part part, long wanted) throws IOException {
    long count = 0;
    ForwardLines lines = new ForwardLines(part, 0);
    while (lines.next()) {
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      count += entry.isPresent() && query.wants(entry.get()) ? 1 : 0;
    }
    return new Found(0, Math.max(0, count - wanted), Math.min(count, wanted), count >= wanted);
  }

  /// Whether nothing in the file can be wanted. The kernel stamps files with a clock that stands
  /// still between two ticks: a file may seem older than its last lines.
  private boolean isOlder(LogFile.Part part) {
    return part.modified().isBefore(query.since())
        && Duration.between(part.modified(), query.since()).compareTo(TICK) > 0;
  }

  // ---- from a time

  private Start fromTime() throws IOException {
    long newest = log.newest();
    for (long number = log.oldest(); number <= newest; number++) {
      Optional<LogFile.Part> part = log.open(number);
      if (part.isEmpty()) {
        continue;
      }
      try (LogFile.Part p = part.get()) {
        FileChannel plain = p.plain();
        if (isOlder(p)) {
          continue;
        }
        if (plain == null) {
          return new Start(number, 0, 0);
        }
        if (number == newest || !endsEarly(plain)) {
          return new Start(number, bisect(plain), 0);
        }
      }
    }
    return new Start(newest, 0, 0);
  }

  /// Whether the last line of a file that has lines is before `since`.
  private boolean endsEarly(FileChannel file) throws IOException {
    BackwardLines lines = new BackwardLines(file, file.size());
    while (lines.next()) {
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      if (entry.isPresent()) {
        return entry.get().time().isBefore(query.since());
      }
    }
    return false;
  }

  /// A place from which a small piece leads to the first line that is not before `since`.
  private long bisect(FileChannel file) throws IOException {
    if (query.since().equals(Instant.EPOCH)) {
      return 0;
    }
    long low = 0;
    long high = file.size();
    while (high - low > NEAR) {
      long middle = (low + high) >>> 1;
      BackwardLines before = new BackwardLines(file, middle);
      long lineStart = before.next() ? before.position() + before.length() + 1 : 0;
      Line line = lineAt(file, lineStart);
      if (line.isEarly()) {
        low = Math.max(line.end(), middle + 1);
      } else {
        high = lineStart;
      }
    }
    return low;
  }

  private record Line(long end, boolean isEarly) {}

  private Line lineAt(FileChannel file, long position) throws IOException {
    ForwardLines lines =
        new ForwardLines(new LogFile.Part(file, null, Instant.MAX), position, NEAR);
    long end = position;
    while (lines.next()) {
      end += lines.length() + 1;
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      if (entry.isPresent()) {
        return new Line(end, entry.get().time().isBefore(query.since()));
      }
    }
    return new Line(file.size(), false);
  }
}
