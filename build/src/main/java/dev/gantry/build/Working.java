package dev.gantry.build;

import dev.gantry.oci.Digest;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;

/// The steps that builds carry out at this time, by their keys: who comes to one that somebody else
/// is at waits, and then finds its layer in the cache. Thread-safe.
final class Working {
  private static final class Turn {
    private final Semaphore free = new Semaphore(1);
    private int users;
  }

  /// A step that is this thread's.
  final class Held implements AutoCloseable {
    private final Digest key;
    private final Turn turn;

    private Held(Digest key, Turn turn) {
      this.key = key;
      this.turn = turn;
    }

    @Override
    public void close() {
      turn.free.release();
      leave(key, turn);
    }
  }

  private final Map<Digest, Turn> turns = new HashMap<>();

  /// Waits until nobody is at the step, and begins it.
  Held begin(Digest key, Cancellation cancellation) throws InterruptedException {
    Turn turn;
    synchronized (turns) {
      turn = turns.computeIfAbsent(key, k -> new Turn());
      turn.users++;
    }
    boolean mine = turn.free.tryAcquire();
    try {
      if (!mine) {
        try (var _ = cancellation.waiting()) {
          turn.free.acquire();
          mine = true;
        }
      }
      return new Held(key, turn);
    } finally {
      if (!mine) {
        leave(key, turn);
      }
    }
  }

  private void leave(Digest key, Turn turn) {
    synchronized (turns) {
      turn.users--;
      if (turn.users == 0) {
        turns.remove(key, turn);
      }
    }
  }
}
