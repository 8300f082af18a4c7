package dev.gantry.kernel;

import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/// Waits for many descriptors with one platform thread (epoll(7)).
///
/// Each wait is one registration of its own duplicate of the descriptor, so two waiters on one
/// descriptor do not disturb each other, and closing the original under a wait is safe: the
/// duplicate is removed by its owner.
public final class Poller implements AutoCloseable {
  private static final int EPOLLIN = 1;
  private static final int EPOLLOUT = 4;
  private static final int EPOLLONESHOT = 1 << 30;
  private static final int ADD = 1;
  private static final int DELETE = 2;
  private static final int MODIFY = 3;
  // struct epoll_event is packed on x86-64 only
  private static final boolean PACKED = System.getProperty("os.arch", "").equals("amd64");
  private static final int EVENT_SIZE = PACKED ? 12 : 16;
  private static final int DATA_OFFSET = PACKED ? 4 : 8;
  private static final int BATCH = 128;

  private static final class Shared {
    static final Poller INSTANCE = open("gantry-poller");
  }

  private record Waiter(Fd duplicate, Runnable ready) {}

  private final Fd epoll;
  private final Fd wake;
  private final Map<Long, Waiter> waiters = new ConcurrentHashMap<>();
  private final AtomicLong keys = new AtomicLong(1);
  private final Thread thread;
  private volatile boolean closed;

  private Poller(Fd epoll, Fd wake, String name) {
    this.epoll = epoll;
    this.wake = wake;
    this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this::loop);
  }

  /// The poller of this process, made at first use; it is never closed.
  public static Poller shared() {
    return Shared.INSTANCE;
  }

  private static Poller open(String name) {
    try {
      Fd epoll = Fd.adopt((int) Native.call(Syscalls.EPOLL_CREATE1, "", Fd.O_CLOEXEC, 0, 0));
      Fd wake =
          Fd.adopt((int) Native.call(Syscalls.EVENTFD2, "", 0, Fd.O_CLOEXEC | Fd.O_NONBLOCK, 0));
      Poller poller = new Poller(epoll, wake, name);
      poller.control(ADD, wake.number(), EPOLLIN, 0);
      poller.thread.start();
      return poller;
    } catch (Errno e) {
      throw new dev.gantry.base.Failure.Internal("no poller: " + e.getMessage(), e);
    }
  }

  /// Waits until `fd` can be read, or its other side is gone.
  public void awaitReadable(Fd fd) throws Errno, InterruptedIOException {
    await(fd, EPOLLIN, Long.MAX_VALUE);
  }

  /// As [#awaitReadable(Fd)], for at most `nanos`; false if they passed.
  public boolean awaitReadable(Fd fd, long nanos) throws Errno, InterruptedIOException {
    return await(fd, EPOLLIN, nanos);
  }

  /// Waits until `fd` takes bytes, or its other side is gone.
  public void awaitWritable(Fd fd) throws Errno, InterruptedIOException {
    await(fd, EPOLLOUT, Long.MAX_VALUE);
  }

  /// As [#awaitWritable(Fd)], for at most `nanos`; false if they passed.
  public boolean awaitWritable(Fd fd, long nanos) throws Errno, InterruptedIOException {
    return await(fd, EPOLLOUT, nanos);
  }

  private boolean await(Fd fd, int events, long nanos) throws Errno, InterruptedIOException {
    CountDownLatch latch = new CountDownLatch(1);
    Registration registration = register(fd, events, latch::countDown);
    try {
      registration.arm();
      return latch.await(nanos, java.util.concurrent.TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for " + fd);
    } finally {
      registration.close();
    }
  }

  /// A standing interest in a descriptor. After each call of its action it sleeps until [#arm()] is
  /// called again, so the action runs at most once at a time.
  public final class Registration implements AutoCloseable {
    private final long key;
    private final int events;
    private final Fd duplicate;
    private boolean added;

    private Registration(long key, int events, Fd duplicate) {
      this.key = key;
      this.events = events;
      this.duplicate = duplicate;
    }

    /// Asks for one more call of the action.
    public synchronized void arm() throws Errno {
      if (duplicate.isOpen()) {
        control(added ? MODIFY : ADD, duplicate.number(), events | EPOLLONESHOT, key);
        added = true;
      }
    }

    @Override
    public synchronized void close() {
      waiters.remove(key);
      if (!duplicate.isOpen()) {
        return;
      }
      if (added) {
        try {
          control(DELETE, duplicate.number(), 0, 0);
        } catch (Errno e) {
          // the registration goes with the descriptor below in any case
          added = false;
        }
      }
      duplicate.close();
    }
  }

  /// Registers `ready` for the time when `fd` can be read; it runs on the poller's thread and must
  /// be short. Nothing happens before [Registration#arm()].
  public Registration onReadable(Fd fd, Runnable ready) throws Errno {
    return register(fd, EPOLLIN, ready);
  }

  private Registration register(Fd fd, int events, Runnable ready) throws Errno {
    Fd duplicate = fd.duplicate();
    long key = keys.getAndIncrement();
    waiters.put(key, new Waiter(duplicate, ready));
    return new Registration(key, events, duplicate);
  }

  private void control(int operation, int fd, int events, long key) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event = arena.allocate(16, 8);
      event.set(ValueLayout.JAVA_INT, 0, events);
      event.set(ValueLayout.JAVA_LONG_UNALIGNED, DATA_OFFSET, key);
      Native.call(Syscalls.EPOLL_CTL, "", epoll.number(), operation, fd, event.address(), 0, 0);
    }
  }

  private void loop() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment events = arena.allocate((long) EVENT_SIZE * BATCH, 8);
      while (!closed) {
        long count =
            Native.call(
                Syscalls.EPOLL_PWAIT, "", epoll.number(), events.address(), BATCH, -1, 0, 8);
        for (int i = 0; i < count; i++) {
          long key =
              events.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) i * EVENT_SIZE + DATA_OFFSET);
          Waiter waiter = waiters.get(key);
          if (waiter != null) {
            waiter.ready().run();
          }
        }
      }
    } catch (Errno e) {
      throw new dev.gantry.base.Failure.Internal("the poller ended: " + e.getMessage(), e);
    } finally {
      epoll.close();
      wake.close();
    }
  }

  @Override
  public void close() {
    closed = true;
    try {
      wake.write(new byte[] {1, 0, 0, 0, 0, 0, 0, 0}, 0, 8);
    } catch (Errno e) {
      throw new dev.gantry.base.Failure.Internal("could not wake the poller", e);
    }
  }
}
