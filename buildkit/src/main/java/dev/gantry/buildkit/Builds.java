package dev.gantry.buildkit;

import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/// The builds under way, and the last that have ended without a place in the history (clients ask
/// for capabilities by a build). Thread-safe.
final class Builds {
  private static final Duration PATIENCE = Duration.ofSeconds(6);
  private static final int MOST_ENDED = 60;
  private static final int MOST_RESULTS = 256;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<String, OneBuild> all = new LinkedHashMap<>();
  private long version;
  private final Map<String, Result> results = new LinkedHashMap<>();

  void add(OneBuild build) throws GrpcException {
    lock.lock();
    try {
      String ref = build.request().ref();
      if (ref.isEmpty() || all.putIfAbsent(ref, build) != null) {
        throw new GrpcException(
            GrpcException.INVALID_ARGUMENT, "build " + ref + " is there already");
      }
      change();
    } finally {
      lock.unlock();
    }
  }

  /// The build; its client sends the calls that belong to it at the same time as the build itself,
  /// so it may come a little later.
  OneBuild await(String ref) throws GrpcException {
    return await(ref, r -> false).orElseThrow();
  }

  /// As above.
  ///
  /// @param over whether a build has ended already and is no longer here; then empty is returned
  Optional<OneBuild> await(String ref, Predicate<String> over) throws GrpcException {
    lock.lock();
    try {
      long left = PATIENCE.toNanos();
      while (!all.containsKey(ref)) {
        if (over.test(ref)) {
          return Optional.empty();
        }
        if (left <= 0) {
          throw new GrpcException(GrpcException.NOT_FOUND, "no such job " + ref);
        }
        left = changed.awaitNanos(left);
      }
      return Optional.of(Objects.requireNonNull(all.get(ref)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GrpcException(GrpcException.CANCELLED, "context canceled");
    } finally {
      lock.unlock();
    }
  }

  /// A build has ended.
  ///
  /// @param kept whether it is in the history now; what is not there stays here for a while:
  ///   clients ask for its progress still
  void ended(OneBuild build, boolean kept) {
    lock.lock();
    try {
      if (kept) {
        all.remove(build.request().ref(), build);
      }
      List<OneBuild> ended = all.values().stream().filter(b -> b.completed().isPresent()).toList();
      for (OneBuild old : ended.subList(0, Math.max(0, ended.size() - MOST_ENDED))) {
        all.remove(old.request().ref());
      }
      change();
    } finally {
      lock.unlock();
    }
  }

  // ---- history

  /// Builds that are to be remembered, the oldest first.
  List<OneBuild> recorded() {
    lock.lock();
    try {
      return all.values().stream().filter(b -> !b.request().internal()).toList();
    } finally {
      lock.unlock();
    }
  }

  /// Forgets a build that has ended; false if there is none.
  boolean forget(String ref) {
    lock.lock();
    try {
      OneBuild build = all.get(ref);
      if (build == null || build.completed().isEmpty()) {
        return false;
      }
      all.remove(ref);
      change();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /// The history is another.
  void changed() {
    lock.lock();
    try {
      change();
    } finally {
      lock.unlock();
    }
  }

  private void change() {
    version++;
    changed.signalAll();
  }

  /// Grows with each build that comes, ends or is forgotten.
  long version() {
    lock.lock();
    try {
      return version;
    } finally {
      lock.unlock();
    }
  }

  /// Waits until there is something newer than `seen`.
  ///
  /// @throws IOException if the client has left
  void awaitChange(long seen, Call call) throws IOException {
    lock.lock();
    try {
      while (version == seen && !call.isCancelled()) {
        changed.await();
      }
      if (call.isCancelled()) {
        throw new IOException("the client has left");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /// Lets those who wait look whether their clients are there.
  void wake() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // ---- results

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
