package dev.gantry.images;

import dev.gantry.base.Failure;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Work that is done once for all who want it at the same time: two pulls of one layer load it
/// once. It ends early when the last of them has lost interest. Thread-safe.
///
/// @param <K> what names a piece of work
/// @param <S> the steps that it tells of
final class Shared<K, S> {
  @FunctionalInterface
  interface Work<S> {
    void run(Consumer<S> tell) throws Exception;
  }

  private final String name;
  private final Map<K, Running> running = new HashMap<>();

  Shared(String name) {
    this.name = name;
  }

  private final class Running {
    private final K key;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Set<Handle> handles = new LinkedHashSet<>();
    private @Nullable S last;
    private @Nullable Throwable failure;
    private @Nullable Thread thread;

    Running(K key) {
      this.key = key;
    }

    void start(Work<S> work) {
      // a platform thread: it digests and writes, which would hold a carrier of virtual ones
      Thread t = Thread.ofPlatform().daemon().name(name).unstarted(() -> run(work));
      thread = t;
      t.start();
    }

    private void run(Work<S> work) {
      try {
        work.run(this::tell);
      } catch (Throwable e) {
        failure = e;
      } finally {
        synchronized (running) {
          running.remove(key, this);
        }
        ended.countDown();
      }
    }

    private void tell(S step) {
      Set<Handle> all;
      synchronized (running) {
        last = step;
        all = new LinkedHashSet<>(handles);
      }
      all.forEach(h -> h.listener.accept(step));
    }
  }

  /// Somebody's interest in a piece of work.
  final class Handle implements AutoCloseable {
    private final Running work;
    private final Consumer<S> listener;
    private final boolean first;

    private Handle(Running work, Consumer<S> listener, boolean first) {
      this.work = work;
      this.listener = listener;
      this.first = first;
    }

    /// True if this one began the work.
    boolean isFirst() {
      return first;
    }

    /// Waits for the end; throws what the work threw.
    void await() throws InterruptedException {
      work.ended.await();
      switch (work.failure) {
        case null -> {}
        case Failure e -> throw e;
        case Error e -> throw e;
        case InterruptedException e ->
            throw new Failure.Cancelled(name + " was cancelled"); // by who left it alone
        case Throwable e -> throw new Failure.Internal(name + " failed: " + e.getMessage(), e);
      }
    }

    /// Ends the interest; the work with the last one.
    @Override
    public void close() {
      Thread idle = null;
      synchronized (running) {
        work.handles.remove(this);
        if (work.handles.isEmpty() && work.ended.getCount() > 0) {
          running.remove(work.key, work);
          idle = work.thread;
        }
      }
      if (idle != null) {
        idle.interrupt();
        awaitEnd();
      }
    }

    /// What the work holds must be free when the next one begins it anew.
    private void awaitEnd() {
      boolean interrupted = false;
      while (true) {
        try {
          work.ended.await();
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Joins the work `key`, or begins it.
  Handle join(K key, Consumer<S> listener, Work<S> work) {
    Handle handle;
    S last;
    synchronized (running) {
      Running present = running.get(key);
      boolean fresh = present == null;
      Running r = present == null ? new Running(key) : present;
      handle = new Handle(r, listener, fresh);
      r.handles.add(handle);
      last = r.last;
      if (fresh) {
        running.put(key, r);
        r.start(work);
      }
    }
    if (last != null) {
      listener.accept(last);
    }
    return handle;
  }
}
