package dev.gantry.kernel;

import java.io.InterruptedIOException;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/// Waits for one non-blocking descriptor to have something to read, again and again, until somebody
/// says that no more will come. One thread waits; any thread may call [#finish()].
///
/// ```
/// while (true) {
///   try { read(fd); } catch (EAGAIN) { if (!wait.await()) break; }
/// }
/// ```
public final class ReadWait implements AutoCloseable {
  private final Fd fd;
  private final Semaphore ready = new Semaphore(0);
  private Poller.@Nullable Registration registration;
  private volatile boolean finished;

  public ReadWait(Fd fd) {
    this.fd = fd;
  }

  /// Waits until there is something to read, the other side is gone, or [#finish()] is called;
  /// false at once if it was called before: what could be read then has been read.
  public boolean await() throws Errno, InterruptedIOException {
    if (finished) {
      return false;
    }
    if (registration == null) {
      registration = Poller.shared().onReadable(fd, ready::release);
    }
    registration.arm();
    try {
      ready.acquire();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for " + fd);
    }
    return true;
  }

  /// What can be read now is all there is, whoever else may still hold the other side.
  public void finish() {
    finished = true;
    ready.release();
  }

  /// To be called by the thread that waits.
  @Override
  public void close() {
    if (registration != null) {
      registration.close();
    }
  }
}
