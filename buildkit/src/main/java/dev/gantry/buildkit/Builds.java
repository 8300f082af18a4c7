package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// All builds of this engine: those under way, and the last that have ended. Thread-safe.
final class Builds {
  private static final Duration PATIENCE = Duration.ofSeconds(6);
  private static final int MOST_ENDED = 60;
  private static final int MOST_RESULTS = 256;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<String, OneBuild> all = new LinkedHashMap<>();
  private final Map<String, Result> results = new LinkedHashMap<>();

  void add(OneBuild build) throws GrpcException {
    lock.lock();
    try {
      String ref = build.request().ref();
      if (ref.isEmpty() || all.putIfAbsent(ref, build) != null) {
        throw new GrpcException(
            GrpcException.INVALID_ARGUMENT, "build " + ref + " is there already");
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// The build; its client sends the calls that belong to it at the same time as the build itself,
  /// so it may come a little later.
  OneBuild await(String ref) throws GrpcException {
    lock.lock();
    try {
      long left = PATIENCE.toNanos();
      while (!all.containsKey(ref)) {
        if (left <= 0) {
          throw new GrpcException(GrpcException.NOT_FOUND, "no such job " + ref);
        }
        left = changed.awaitNanos(left);
      }
      return Objects.requireNonNull(all.get(ref));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GrpcException(GrpcException.CANCELLED, "context canceled");
    } finally {
      lock.unlock();
    }
  }

  /// Forgets the builds that ended longest ago. Not at once: clients ask for their progress still.
  void ended() {
    lock.lock();
    try {
      List<OneBuild> ended = all.values().stream().filter(b -> b.completed().isPresent()).toList();
      for (OneBuild old : ended.subList(0, Math.max(0, ended.size() - MOST_ENDED))) {
        all.remove(old.request().ref());
      }
    } finally {
      lock.unlock();
    }
  }

  void remember(Result result) {
    lock.lock();
    try {
      results.put(result.id(), result);
      if (results.size() > MOST_RESULTS) {
        results.remove(results.keySet().iterator().next());
      }
    } finally {
      lock.unlock();
    }
  }

  Optional<Result> result(String id) {
    lock.lock();
    try {
      return Optional.ofNullable(results.get(id));
    } finally {
      lock.unlock();
    }
  }
}
