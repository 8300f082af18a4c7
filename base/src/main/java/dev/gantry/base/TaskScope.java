package dev.gantry.base;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Fans work out to named virtual threads and waits for all of it; the first failure interrupts the
/// rest.
///
/// The shape is that of the JDK's `StructuredTaskScope`, which is still a preview in 25: swap it in
/// when it is final. Fork and join from the thread that opened the scope; [#close()] interrupts
/// what is still running and waits for it, so no task outlives its scope.
public final class TaskScope implements AutoCloseable {
  /// A forked task; its result is there after [TaskScope#join()].
  public static final class Task<T> {
    private volatile @Nullable T result;
    private volatile boolean done;

    /// The task's result; only after a successful join.
    public T result() {
      T value = result;
      if (!done || value == null) {
        throw new IllegalStateException("the scope has not been joined");
      }
      return value;
    }
  }

  private record Running(Thread thread, CountDownLatch ended) {}

  private final String name;
  private final Semaphore permits;
  private final List<Running> running = new ArrayList<>();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final Thread owner = Thread.currentThread();
  private volatile boolean closed;

  private TaskScope(String name, int limit) {
    this.name = name;
    this.permits = new Semaphore(limit);
  }

  /// Opens a scope whose threads are called `name-N`, of which at most `limit` work at a time.
  public static TaskScope open(String name, int limit) {
    return new TaskScope(name, limit);
  }

  /// Starts `work`; it must return a value (not null).
  public <T> Task<T> fork(Callable<T> work) {
    if (Thread.currentThread() != owner || closed) {
      throw new IllegalStateException("fork belongs to the thread that opened the scope " + name);
    }
    Task<T> task = new Task<>();
    CountDownLatch ended = new CountDownLatch(1);
    Thread thread =
        Thread.ofVirtual()
            .name(name + "-" + running.size())
            .unstarted(
                () -> {
                  try {
                    run(task, work);
                  } finally {
                    ended.countDown();
                  }
                });
    synchronized (running) {
      running.add(new Running(thread, ended));
    }
    thread.start();
    return task;
  }

  private <T> void run(Task<T> task, Callable<T> work) {
    try {
      permits.acquire();
      try {
        if (failure.get() == null && !closed) {
          task.result = work.call();
          task.done = true;
        }
      } finally {
        permits.release();
      }
    } catch (Throwable e) {
      if (failure.compareAndSet(null, e)) {
        interruptAll();
      }
    }
  }

  private void interruptAll() {
    synchronized (running) {
      running.forEach(r -> r.thread().interrupt());
    }
  }

  /// Waits for all tasks; throws the first failure (unchecked as it is, checked ones as
  /// [Failure.Internal]).
  public void join() throws InterruptedException {
    join(Duration.ofDays(365));
  }

  /// Waits for all tasks, at most `limit`; past it the tasks are interrupted and [Failure.TimedOut]
  /// is thrown.
  public void join(Duration limit) throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    for (Running task : running) {
      if (!task.ended().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        interruptAll();
        throw new Failure.TimedOut(name + " did not end within " + limit.toSeconds() + " s");
      }
    }
    Throwable first = failure.get();
    switch (first) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case InterruptedException e -> throw e;
      default -> throw new Failure.Internal(name + " failed: " + first.getMessage(), first);
    }
  }

  @Override
  public void close() {
    closed = true;
    interruptAll();
    boolean interrupted = false;
    for (Running task : running) {
      while (true) {
        try {
          task.ended().await();
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
