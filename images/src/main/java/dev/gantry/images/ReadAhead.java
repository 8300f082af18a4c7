package dev.gantry.images;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/// Reads a stream in a thread of its own, up to 4 MiB ahead of its reader, so that the steps of
/// unpacking (load, inflate, digest, write) share the processors. What the source throws, the
/// reader gets. Closing ends the thread and closes the source.
final class ReadAhead extends InputStream {
  private static final int SIZE = 256 * 1024;
  private static final int COUNT = 16;

  private record Chunk(byte[] bytes, int length, @Nullable IOException failure) {}

  private final InputStream source;
  private final BlockingQueue<Chunk> full = new ArrayBlockingQueue<>(COUNT + 1);
  private final BlockingQueue<byte[]> free = new ArrayBlockingQueue<>(COUNT);
  private final Thread thread;
  private @Nullable Chunk present;
  private int at;

  ReadAhead(InputStream source, String name) {
    this.source = source;
    for (int i = 0; i < COUNT; i++) {
      free.add(new byte[SIZE]);
    }
    // a platform thread: digests and inflating would hold a carrier of virtual ones
    thread = Thread.ofPlatform().daemon().name(name).start(this::pump);
  }

  private void pump() {
    try {
      while (true) {
        byte[] bytes = free.take();
        int length = source.readNBytes(bytes, 0, bytes.length);
        if (length > 0) {
          full.put(new Chunk(bytes, length, null));
        }
        if (length < bytes.length) {
          full.put(new Chunk(bytes, -1, null));
          return;
        }
      }
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
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
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
      free.add(chunk.bytes());
    }
    return n;
  }

  @Override
  public void close() throws IOException {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    source.close();
  }
}
