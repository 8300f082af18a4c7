package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The sessions that clients hold open, by their ids. Thread-safe.
final class Sessions {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<String, Session> open = new HashMap<>();

  void add(Session session) {
    lock.lock();
    try {
      open.put(session.id(), session);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void remove(Session session) {
    lock.lock();
    try {
      open.remove(session.id(), session);
    } finally {
      lock.unlock();
    }
  }

  /// The session; a client opens it beside the call that names it, so it may come a little later.
  Session await(String id) throws GrpcException {
    lock.lock();
    try {
      long left = PATIENCE.toNanos();
      while (!open.containsKey(id)) {
        if (left <= 0) {
          throw new GrpcException(GrpcException.NOT_FOUND, "no active session for " + id);
        }
        left = changed.awaitNanos(left);
      }
      return java.util.Objects.requireNonNull(open.get(id));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GrpcException(GrpcException.CANCELLED, "context canceled");
    } finally {
      lock.unlock();
    }
  }
}
