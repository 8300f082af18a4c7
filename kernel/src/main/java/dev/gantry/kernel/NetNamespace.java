package dev.gantry.kernel;

import java.util.concurrent.Callable;

/// Work inside another network namespace.
///
/// Namespaces belong to kernel threads, and virtual threads change theirs at any park: each call
/// runs on a platform thread of its own that ends with it. Sockets opened there stay in that
/// namespace and can be used from anywhere.
public final class NetNamespace {
  private static final String THREAD = "gantry-netns";
  private static final int CLONE_NEWNET = 0x40000000;

  private NetNamespace() {}

  /// Runs `work` in the network namespace of process `pid`.
  public static <T> T of(int pid, Callable<T> work) throws Exception {
    try (Fd namespace = Fd.open("/proc/" + pid + "/ns/net", Fd.O_RDONLY | Fd.O_CLOEXEC)) {
      return in(namespace, work);
    }
  }

  /// Runs `work` in the network namespace that `namespace` is open on.
  public static <T> T in(Fd namespace, Callable<T> work) throws Exception {
    return OwnThread.run(
        THREAD,
        () -> {
          Native.call(Syscalls.SETNS, "network namespace", namespace.number(), CLONE_NEWNET, 0);
          return work.call();
        });
  }

  /// Visits of the calling thread, a platform thread, which comes back each time.
  public static Visits visits() throws Errno {
    return new Visits(Fd.open("/proc/thread-self/ns/net", Fd.O_RDONLY));
  }

  /// A thread's way into other namespaces and back. Threads that begin while it is away begin
  /// there: between [#enter] and [#leave] nothing may be started, nor a virtual thread be woken.
  public static final class Visits implements AutoCloseable {
    private final Fd home;
    private boolean away;

    private Visits(Fd home) {
      this.home = home;
    }

    /// Goes into the network namespace of process `pid`, from wherever the thread is.
    public void enter(int pid) throws Errno {
      try (Fd there = Fd.open("/proc/" + pid + "/ns/net", Fd.O_RDONLY)) {
        Native.call(Syscalls.SETNS, "network namespace", there.number(), CLONE_NEWNET, 0);
        away = true;
      }
    }

    /// Comes back.
    public void leave() throws Errno {
      if (away) {
        Native.call(Syscalls.SETNS, "network namespace", home.number(), CLONE_NEWNET, 0);
        away = false;
      }
    }

    @Override
    public void close() {
      home.close();
    }
  }

  /// What is done in a new namespace, which is open as `namespace`.
  public interface FirstWork {
    void in(Fd namespace) throws Exception;
  }

  /// Makes a network namespace, which lives as long as the descriptor (or a process in it), and
  /// does `work` in it. After a failure `work` may have kept the descriptor: it is not closed.
  public static Fd create(FirstWork work) throws Exception {
    return OwnThread.run(
        THREAD,
        () -> {
          Native.call(Syscalls.UNSHARE, "network namespace", CLONE_NEWNET, 0, 0);
          Fd namespace = Fd.open("/proc/thread-self/ns/net", Fd.O_RDONLY | Fd.O_CLOEXEC);
          work.in(namespace);
          return namespace;
        });
  }
}
