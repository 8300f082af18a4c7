package dev.gantry.kernel;

import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;

/// Work on a platform thread of its own, which ends with it: because it changes what the kernel
/// keeps per thread, or may block for long, which would hold a virtual thread's carrier.
final class OwnThread {
  private OwnThread() {}

  /// Runs `work` and waits for it; its exception is the caller's.
  static <T> T run(String name, Callable<T> work) throws Exception {
    AtomicReference<T> result = new AtomicReference<>();
    AtomicReference<Exception> failure = new AtomicReference<>();
    Thread thread =
        Thread.ofPlatform()
            .name(name)
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

  /// The same for work that fails only with what the kernel says.
  static <T> T mounting(Callable<T> work) throws Errno {
    try {
      return run("gantry-mount", work);
    } catch (Errno e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Errno(Errno.EINTR, "waiting for a thread", "mounts");
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
