package dev.gantry.registry;

import dev.gantry.base.BulkInputStream;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// One blob on its way from an upstream registry into our storage, read by any number of clients
/// while it comes.
final class BlobFetch {
  private static final int TRIES = 4;

  /// The upstream does not have it.
  static final class Missing extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /// It could not be fetched, or is not what its digest says.
  static final class Failed extends IOException {
    private static final long serialVersionUID = 1L;

    Failed(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private final Uploads uploads;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition moved = lock.newCondition();
  private Uploads.@Nullable Upload upload;
  private long size = -1;
  private boolean done;
  private @Nullable IOException failure;

  private BlobFetch(Uploads uploads) {
    this.uploads = uploads;
  }

  /// Tells whether the blob has come already.
  @FunctionalInterface
  interface Here {
    boolean isHere() throws IOException;
  }

  /// Begins to fetch; `ended` runs when it is over, well or not.
  ///
  /// @param here asked first: a fetch may have ended since the caller looked
  static BlobFetch start(
      Here here,
      Upstream upstream,
      String repository,
      RepositoryName name,
      ContentDigest digest,
      Uploads uploads,
      Runnable ended) {
    BlobFetch fetch = new BlobFetch(uploads);
    Thread.ofVirtual()
        .name("fetch-" + digest)
        .start(
            () -> {
              try {
                if (here.isHere()) {
                  throw new Missing();
                }
                fetch.run(upstream, repository, name, digest);
                fetch.end(null);
              } catch (IOException e) {
                fetch.end(e);
              } catch (RuntimeException e) {
                fetch.end(new Failed(String.valueOf(e.getMessage()), e));
              } finally {
                ended.run();
              }
            });
    return fetch;
  }

  private void run(Upstream upstream, String repository, RepositoryName name, ContentDigest digest)
      throws IOException {
    for (int left = TRIES; ; left--) {
      Uploads.Upload at = upload;
      long offset = at == null ? 0 : at.offset();
      try (Upstream.Source source =
          upstream.blob(repository, digest, offset).orElseThrow(Missing::new)) {
        if (at == null) {
          at = uploads.begin(name, digest.algorithm());
          lock.lock();
          try {
            upload = at;
            size = source.size();
            moved.signalAll();
          } finally {
            lock.unlock();
          }
        }
        at.append(new Signalling(source.in()), -1, Optional.empty());
      } catch (Missing e) {
        throw e;
      } catch (IOException e) {
        if (left <= 1) {
          throw new Failed("the upstream broke off: " + e.getMessage(), e);
        }
        continue;
      }
      if (size >= 0 && at.offset() < size && left > 1) {
        continue; // ended early without an error
      }
      at.finish(new ByteArrayInputStream(new byte[0]), 0, Optional.empty(), digest);
      return;
    }
  }

  private void end(@Nullable IOException e) {
    lock.lock();
    try {
      done = true;
      failure = e;
      moved.signalAll();
    } finally {
      lock.unlock();
    }
    Uploads.Upload at = upload;
    if (e != null && at != null) {
      try {
        at.cancel();
      } catch (IOException | RegistryError gone) {
        return; // it expires
      }
    }
  }

  /// Wakes the readers whenever another piece is asked for: then the last one is written.
  private final class Signalling extends BulkInputStream {
    private final InputStream in;

    Signalling(InputStream in) {
      this.in = in;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      lock.lock();
      try {
        moved.signalAll();
      } finally {
        lock.unlock();
      }
      return in.read(buffer, offset, length);
    }
  }

  /// One client's view of it.
  final class Reader implements Closeable {
    private final Storage.Content content;

    private Reader(Storage.Content content) {
      this.content = content;
    }

    /// The size of the whole blob.
    long size() {
      return size;
    }

    InputStream from(long offset) throws IOException {
      InputStream in = content.from(offset);
      return new BulkInputStream() {
        private long at = offset;

        @Override
        public int read(byte[] buffer, int start, int length) throws IOException {
          long here = await(at);
          int n = in.read(buffer, start, (int) Math.min(length, here - at));
          at += Math.max(0, n);
          return n;
        }
      };
    }

    @Override
    public void close() throws IOException {
      content.close();
    }
  }

  /// Waits until the size is known and what comes can be read.
  Reader reader() throws IOException {
    lock.lock();
    try {
      while (!done && (upload == null || size < 0)) {
        moved.awaitUninterruptibly();
      }
      IOException failed = failure;
      if (failed != null) {
        throw failed instanceof Missing ? new Missing() : new Failed(text(failed), failed);
      }
      Uploads.Upload at = upload;
      Optional<Storage.Content> content =
          at == null || done ? Optional.empty() : uploads.arrived(at.id());
      return new Reader(content.orElseThrow(Missing::new));
    } finally {
      lock.unlock();
    }
  }

  private static String text(IOException e) {
    return String.valueOf(e.getMessage());
  }

  /// Waits for bytes behind `at`; the last one counts only when the whole is known to be right.
  private long await(long at) throws IOException {
    lock.lock();
    try {
      while (true) {
        IOException failed = failure;
        if (failed != null) {
          throw new Failed(text(failed), failed);
        }
        Uploads.Upload running = upload;
        long here = running == null ? 0 : running.offset();
        long good = done ? size : Math.min(here, size - 1);
        if (good > at || done) {
          return good;
        }
        moved.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }
}
