package dev.gantry.engine.shipping;

import dev.gantry.engine.logs.LogEntry;
import dev.gantry.engine.logs.LogFile;
import dev.gantry.engine.logs.LogQuery;
import dev.gantry.engine.logs.LogReader;
import dev.gantry.engine.logs.Tail;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Follows a container's log and hands each line to a destination, once it is there. How far it
/// came is noted beside the log, so that an engine that comes later goes on from there; after a
/// crash the last lines may come twice, none is left out while it is in the log.
public final class LogShipper implements AutoCloseable {
  private static final long LONGEST_WAIT = 10_000;
  private static final long NOTE_EVERY_NANOS = 500_000_000L;
  private static final Duration LATE = Duration.ofSeconds(1);

  private final String name;
  private final LogDestination destination;
  private final LogFile log;
  private final Path note;
  private final BooleanSupplier live;
  private final LogDrivers.Room room;
  private final Thread thread;
  private volatile boolean hurried;
  private boolean connected;
  private volatile boolean away; // the receiver, at the last attempt to reach it
  private volatile @Nullable LogReader reader;
  private volatile boolean over;
  private int failures;
  // lines that came together have the same time: how many of that time have been handed over
  private Instant reached;
  private long together;
  private long passed;
  private long handed;
  private long noted;
  private long looked;
  private Tail.Begin kept = new Tail.Begin(Instant.EPOCH, 0); // what is before has no room to wait
  private long dropped;

  /// Begins to ship.
  ///
  /// @param connected whether `destination` has been connected already
  /// @param room how much may wait for a receiver; where it is unlimited and blocks, the container
  ///   waits for one that is slow, rather than lose lines when its log is rotated. One that is away
  ///   is never waited for
  /// @param live whether lines may still come
  public LogShipper(
      String name,
      LogDestination destination,
      boolean connected,
      LogDrivers.Room room,
      LogFile log,
      Path note,
      BooleanSupplier live) {
    this.name = name;
    this.destination = destination;
    this.log = log;
    this.note = note;
    this.live = live;
    this.reached = Instant.EPOCH;
    this.looked = System.nanoTime() - LATE.toNanos();
    read(note);
    this.connected = connected;
    this.away = !connected;
    this.room = room;
    if (room.blocks()) {
      log.keepFor(this::needs);
    }
    this.thread = Thread.ofVirtual().name("ship-" + name).start(this::run);
  }

  /// `TIME COUNT`
  private void read(Path file) {
    try {
      String[] parts = Files.readString(file).strip().split(" ");
      reached = Instant.parse(parts[0]);
      together = parts.length > 1 && parts[1].matches("[0-9]{1,18}") ? Long.parseLong(parts[1]) : 0;
    } catch (IOException | DateTimeParseException e) {
      reached = Instant.EPOCH; // nothing has been handed over, or what was comes again
    }
  }

  private boolean needs(long number) {
    LogReader at = reader;
    return !over && !away && (at == null || at.at() <= number);
  }

  private void run() {
    LogDestination.Retries retries = destination.retries();
    try (destination) {
      for (long wait = retries.first().toMillis(); ; ) {
        long before = handed;
        try {
          LogQuery rest = new LogQuery(true, true, true, reached, Optional.empty(), -1);
          passed = 0;
          LogReader next = new LogReader(log, rest);
          reader = next;
          next.read(live, this::ship);
          return;
        } catch (IOException e) {
          connected = false;
          if (failures == 0) {
            System.getLogger("gantryd")
                .log(System.Logger.Level.WARNING, "lines of " + name + " wait: " + e.getMessage());
          }
          if (hurried) {
            return; // nobody is there and nobody waits any longer
          }
        }
        failures = handed == before ? failures + 1 : 1;
        pause(wait);
        wait =
            failures > 1
                ? Math.min(Math.max(LONGEST_WAIT, retries.first().toMillis()), wait * 2)
                : retries.first().toMillis();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      over = true;
      log.wake(); // a rotation may wait for us
      if (!reached.equals(Instant.EPOCH)) {
        remember();
      }
    }
  }

  private void ship(LogEntry entry) throws IOException {
    boolean same = entry.time().equals(reached);
    if (same && passed < together) {
      passed++;
      return;
    }
    if (hasRoom(entry, same ? together : 0)) {
      if (failures <= destination.retries().most()) {
        if (!connected) {
          connect();
        }
        destination.send(entry);
      }
      failures = 0; // a line that nobody took often enough is given up
      handed++;
      tellDropped();
    } else {
      dropped++;
    }
    together = same ? together + 1 : 1;
    passed = together;
    reached = entry.time();
    if (System.nanoTime() - noted > NOTE_EVERY_NANOS) {
      remember();
    }
  }

  /// False for a line behind which more waits than may.
  ///
  /// @param index how many lines of its time come before it
  private boolean hasRoom(LogEntry entry, long index) throws IOException {
    if (!room.isLimited()) {
      return true;
    }
    long now = System.nanoTime();
    if (now - looked >= LATE.toNanos() && entry.time().isBefore(Instant.now().minus(LATE))) {
      looked = now;
      kept = Tail.begin(log, room.bytes(), room.lines());
    }
    return kept.includes(entry.time(), index);
  }

  private void tellDropped() {
    if (dropped > 0) {
      System.getLogger("gantryd")
          .log(
              System.Logger.Level.WARNING,
              dropped + " lines of " + name + " were left out: too many waited for their receiver");
      dropped = 0;
    }
  }

  private void connect() throws IOException {
    try {
      destination.connect();
      connected = true;
      away = false;
    } catch (IOException e) {
      away = true;
      throw e;
    }
  }

  private void remember() {
    noted = System.nanoTime();
    try {
      Path next = note.resolveSibling(note.getFileName() + ".next");
      Files.writeString(next, reached + " " + together);
      Files.move(next, note, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      return; // the container has been removed, or the next note succeeds
    }
  }

  private synchronized void pause(long millis) throws InterruptedException {
    long end = System.nanoTime() + millis * 1_000_000L;
    for (long left = millis; left > 0 && !hurried; ) {
      wait(left);
      left = (end - System.nanoTime()) / 1_000_000L;
    }
  }

  /// Waits at most `millis` until everything has been handed over, now that no line comes any more;
  /// a receiver that is not there is not waited for.
  public void drain(long millis) {
    hurried = true;
    synchronized (this) {
      notifyAll();
    }
    log.wake();
    try {
      thread.join(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    hurried = true;
    thread.interrupt();
  }
}
