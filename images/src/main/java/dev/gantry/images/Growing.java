package dev.gantry.images;

import dev.gantry.base.BulkInputStream;
import dev.gantry.registryclient.BlobSink;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// A blob that is being loaded, and may be read meanwhile: its readers wait for what has not come
/// yet. Written by one thread, read by any.
final class Growing implements BlobSink {
  private final ContentStore.Partial partial;
  private final LongConsumer progress;
  private final Consumer<Duration> pauses;
  private long size;
  private boolean complete;
  private @Nullable Throwable failure;

  Growing(ContentStore.Partial partial, LongConsumer progress, Consumer<Duration> pauses) {
    this.partial = partial;
    this.progress = progress;
    this.pauses = pauses;
    this.size = partial.size();
  }

  @Override
  public synchronized long size() {
    return size;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      partial.write(bytes, offset, length);
    } catch (IOException e) {
      partial.restart(); // a full disk must not stay full for what nobody can use
      throw e;
    }
    synchronized (this) {
      size += length;
      notifyAll();
    }
    progress.accept(size());
  }

  @Override
  public synchronized void restart() throws IOException {
    partial.restart();
    size = 0;
  }

  @Override
  public void waiting(Duration pause) {
    pauses.accept(pause);
  }

  /// Everything has come and was right.
  synchronized void completed() {
    complete = true;
    notifyAll();
  }

  synchronized void failed(Throwable e) {
    failure = e;
    notifyAll();
  }

  /// Waits until there are bytes behind `position`; their number, or -1 at the end.
  private synchronized long await(long position) throws IOException {
    try {
      while (size <= position && !complete && failure == null) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while loading");
    }
    if (failure != null) {
      // what has come may have been taken away again: it will not do to wait for it
      throw new IOException("the download failed", failure);
    }
    return size > position ? size - position : -1;
  }

  /// Reads from the start to the end that is still to come.
  InputStream follow() throws IOException {
    return new Follower(partial.file());
  }

  private final class Follower extends BulkInputStream {
    private final FileChannel channel;
    private long position;

    Follower(Path file) throws IOException {
      channel = FileChannel.open(file, StandardOpenOption.READ);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      while (true) {
        long there = await(position);
        if (there < 0) {
          return -1;
        }
        int n =
            channel.read(ByteBuffer.wrap(bytes, offset, (int) Math.min(length, there)), position);
        if (n > 0) {
          position += n;
          return n;
        } // else cut off behind our back by a restart: wait for it to come again
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
