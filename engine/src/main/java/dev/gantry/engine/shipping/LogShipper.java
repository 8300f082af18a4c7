package dev.gantry.engine.shipping;

import dev.gantry.engine.logs.LogEntry;
import dev.gantry.engine.logs.LogFile;
import dev.gantry.engine.logs.LogQuery;
import dev.gantry.engine.logs.LogReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// Follows a container's log and hands each line to a destination, once it is there. How far it
/// came is noted beside the log, so that an engine that comes later goes on from there; after a
/// crash the last lines may come twice, none is left out while it is in the log.
public final class LogShipper implements AutoCloseable {
  private static final long FIRST_WAIT = 200;
  private static final long LONGEST_WAIT = 10_000;
  private static final long NOTE_EVERY_NANOS = 500_000_000L;

  private final LogDestination destination;
  private final LogFile log;
  private final Path note;
  private final BooleanSupplier live;
  private final Thread thread;
  private volatile boolean hurried;
  private boolean connected;
  private Instant reached;
  private long noted;

  /// Begins to ship.
  ///
  /// @param connected whether `destination` has been connected already
  /// @param live whether lines may still come
  public LogShipper(
      String name,
      LogDestination destination,
      boolean connected,
      LogFile log,
      Path note,
      BooleanSupplier live) {
    this.destination = destination;
    this.log = log;
    this.note = note;
    this.live = live;
    this.reached = read(note);
    this.connected = connected;
    this.thread = Thread.ofVirtual().name("ship-" + name).start(this::run);
  }

  private static Instant read(Path note) {
    try {
      return Instant.parse(Files.readString(note).trim());
    } catch (IOException | DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }

  private void run() {
    try (destination) {
      for (long wait = FIRST_WAIT; ; ) {
        Instant before = reached;
        try {
          LogQuery rest =
              new LogQuery(true, true, true, reached.plusNanos(1), Optional.empty(), -1);
          new LogReader(log, rest).read(live, this::ship);
          return;
        } catch (IOException e) {
          connected = false;
          if (hurried) {
            return; // nobody is there and nobody waits any longer
          }
        }
        wait = reached.equals(before) ? Math.min(LONGEST_WAIT, wait * 2) : FIRST_WAIT;
        pause(wait);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      if (!reached.equals(Instant.EPOCH)) {
        remember();
      }
    }
  }

  private void ship(LogEntry entry) throws IOException {
    if (!connected) {
      destination.connect();
      connected = true;
    }
    destination.send(entry);
    reached = entry.time();
    if (System.nanoTime() - noted > NOTE_EVERY_NANOS) {
      remember();
    }
  }

  private void remember() {
    noted = System.nanoTime();
    try {
      Path next = note.resolveSibling(note.getFileName() + ".next");
      Files.writeString(next, reached.toString());
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
