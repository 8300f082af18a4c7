package dev.gantry.images;

import dev.gantry.base.BulkInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/// Reads a stream in a thread of its own, up to 4 MiB ahead of its reader, so that the steps of
/// unpacking (load, inflate, digest, write) share the processors. What the source throws, the
/// reader gets. Closing ends the thread and closes the source.
final class ReadAhead extends BulkInputStream {
  private static final int SIZE = 256 * 1024;
  private static final int COUNT = 16;
  private static final Buffers BUFFERS = new Buffers();

  /// Buffers that go from layer to layer: new ones for each would outlive the young generation, and
  /// an image of many layers would fill the heap with them. The last reader lets go of all.
  private static final class Buffers {
    private final Queue<byte[]> spare = new ArrayDeque<>();
    private int readers;

    synchronized void join() {
      readers++;
    }

    synchronized void leave() {
      if (--readers == 0) {
        spare.clear();
      }
    }

    synchronized byte[] take() {
      byte[] buffer = spare.poll();
      return buffer == null ? new byte[SIZE] : buffer;
    }

    synchronized void give(byte[] buffer) {
      spare.add(buffer);
    }
  }

  /// @param length bytes in it; -1 at the end of the stream
  private record Chunk(byte[] bytes, int length, @Nullable IOException failure) {}

  private final InputStream source;
  private final Semaphore room = new Semaphore(COUNT);
  private final BlockingQueue<Chunk> full = new ArrayBlockingQueue<>(COUNT + 1);
  private final Thread thread;
  private @Nullable Chunk present;
  private int at;
  private boolean closed;

  ReadAhead(InputStream source, String name) {
    this.source = source;
    BUFFERS.join();
    // a platform thread: digests and inflating would hold a carrier of virtual ones
    thread = Thread.ofPlatform().daemon().name(name).start(this::pump);
  }

  private void pump() {
    try {
      int length;
      do {
        room.acquire();
        byte[] bytes = BUFFERS.take();
        length = source.readNBytes(bytes, 0, SIZE);
        if (length > 0) {
          full.put(new Chunk(bytes, length, null));
        }
      } while (length == SIZE);
      full.put(new Chunk(new byte[0], -1, null));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed: nobody reads any more
    } catch (IOException e) {
      fail(e);
    } catch (RuntimeException e) {
      fail(new IOException(e.getMessage(), e));
    }
  }

  private void fail(IOException e) {
    try {
      full.put(new Chunk(new byte[0], -1, e));
    } catch (InterruptedException closed) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    Chunk chunk = present;
    if (chunk == null) {
      try {
        chunk = full.take();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while unpacking");
      }
      present = chunk;
      at = 0;
    }
    IOException failure = chunk.failure();
    if (failure != null) {
      throw failure;
    }
    if (chunk.length() < 0) {
      return -1;
    }
    int n = Math.min(length, chunk.length() - at);
    System.arraycopy(chunk.bytes(), at, buffer, offset, n);
    at += n;
    if (at == chunk.length()) {
      present = null;
      BUFFERS.give(chunk.bytes());
      room.release();
    }
    return n;
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    full.stream().map(Chunk::bytes).filter(b -> b.length == SIZE).forEach(BUFFERS::give);
    BUFFERS.leave();
    source.close();
  }
}
