package dev.gantry.kernel;

import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;

/// Work inside another network namespace.
///
/// Namespaces belong to kernel threads, and virtual threads change theirs at any park: each call
/// runs on a platform thread of its own that ends with it. Sockets opened there stay in that
/// namespace and can be used from anywhere.
public final class NetNamespace {
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
    return onThread(
        () -> {
          Native.call(Syscalls.SETNS, "network namespace", namespace.number(), CLONE_NEWNET, 0);
          return work.call();
        });
  }

  /// Makes a network namespace that lives as long as the descriptor (or a process in it).
  public static Fd create() throws Exception {
    return onThread(
        () -> {
          Native.call(Syscalls.UNSHARE, "network namespace", CLONE_NEWNET, 0, 0);
          return Fd.open("/proc/thread-self/ns/net", Fd.O_RDONLY | Fd.O_CLOEXEC);
        });
  }

  static <T> T onThread(Callable<T> work) throws Exception {
    AtomicReference<T> result = new AtomicReference<>();
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread thread =
        Thread.ofPlatform()
            .name("gantry-netns")
            .start(
                () -> {
                  try {
                    result.set(work.call());
                  } catch (Exception e) {
                    failure.set(e);
                  }
                });
    thread.join();
    Exception failed = failure.get();
    if (failed != null) {
      throw failed;
    }
    return result.get();
  }
}
