package dev.gantry.build;

import java.util.ArrayList;
import java.util.List;

/// Whether a build was given up, and which threads wait for something then: a registry, a server, a
/// program, a lock. Thread-safe.
///
/// Threads are interrupted only while they wait ([#waiting]); never while they tidy up, or write
/// what others use too ([#shield]): an interrupt closes the connection that is written to.
public final class Cancellation {
  /// @param wake what ends the wait
  private record Wait(Thread thread, Runnable wake) {}

  private final List<Wait> waits = new ArrayList<>();
  private final List<Runnable> others = new ArrayList<>();
  private boolean cancelled;

  /// A stretch in which the thread that began it may be interrupted.
  public final class Waiting implements AutoCloseable {
    private final Wait wait;

    private Waiting(Wait wait) {
      this.wait = wait;
    }

    @Override
    public void close() {
      synchronized (Cancellation.this) {
        boolean ignored = waits.remove(wait);
        if (cancelled && waits.stream().noneMatch(w -> w.thread() == wait.thread())) {
          boolean _ = Thread.interrupted(); // what follows tidies up
        }
      }
    }
  }

  /// A stretch of a wait in which the thread is left alone.
  final class Shield implements AutoCloseable {
    private final List<Wait> mine;

    private Shield(List<Wait> mine) {
      this.mine = mine;
    }

    @Override
    public void close() {
      synchronized (Cancellation.this) {
        waits.addAll(mine);
        if (cancelled && !mine.isEmpty()) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  /// Begins to wait on this thread, which is interrupted if the build is given up.
  ///
  /// @throws dev.gantry.base.Failure.Cancelled if it was given up before
  public Waiting waiting() {
    return waiting(Thread.currentThread()::interrupt);
  }

  /// The same for a wait that something else ends.
  ///
  /// @param wake runs on another thread, at most once, and does not wait itself
  synchronized Waiting waiting(Runnable wake) {
    check();
    Wait wait = new Wait(Thread.currentThread(), wake);
    waits.add(wait);
    return new Waiting(wait);
  }

  /// Leaves this thread alone for a while.
  ///
  /// @throws dev.gantry.base.Failure.Cancelled if the build was given up before
  synchronized Shield shield() {
    check();
    List<Wait> mine =
        new ArrayList<>(waits.stream().filter(w -> w.thread() == Thread.currentThread()).toList());
    waits.removeAll(mine);
    return new Shield(mine);
  }

  /// `client`, of which questions may be asked in the middle of a wait.
  public BuildClient shield(BuildClient client) {
    return new ShieldedClient(client, this);
  }

  /// @throws dev.gantry.base.Failure.Cancelled if the build was given up
  public synchronized void check() {
    if (cancelled) {
      throw Builder.cancelled();
    }
  }

  /// Has something done when the build is given up; at once if it was.
  public void then(Runnable action) {
    synchronized (this) {
      if (!cancelled) {
        others.add(action);
        return;
      }
    }
    action.run();
  }

  /// Whether the build was given up.
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  /// Gives the build up: whoever waits is woken.
  public void cancel() {
    List<Runnable> actions;
    synchronized (this) {
      if (cancelled) {
        return;
      }
      cancelled = true;
      waits.forEach(w -> w.wake().run());
      actions = List.copyOf(others);
    }
    actions.forEach(Runnable::run);
  }
}
