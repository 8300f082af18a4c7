package dev.gantry.images;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.Semaphore;

/// Unpacks zstd (RFC 8878), whose frames say how much of what they unpacked must be kept (the
/// window): all streams together keep as much as one may, and a stream waits for its share.
final class ZstdStream extends FilterInputStream {
  /// Bits of the largest window that is accepted: 128 MiB, as the zstd program has it.
  private static final int MAX_WINDOW = 27;

  /// Windows of all streams, in MiB.
  private static final int BUDGET = 1 << (MAX_WINDOW - 20);

  private static final Semaphore ROOM = new Semaphore(BUDGET, true);
  private static final int HEAD = 18;
  private static final int MAGIC = 4;
  private static final int SINGLE_SEGMENT = 0x20;

  private final int share;
  private boolean closed;

  private ZstdStream(InputStream unpacked, int share) {
    super(unpacked);
    this.share = share;
  }

  /// Waits until there is room for its window.
  static ZstdStream of(InputStream packed) throws IOException {
    BufferedInputStream in = new BufferedInputStream(packed, 64 * 1024);
    in.mark(HEAD);
    byte[] head = in.readNBytes(HEAD);
    in.reset();
    int share = Math.clamp((window(head) + (1 << 20) - 1) >> 20, 1, BUDGET);
    try {
      ROOM.acquire(share);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting to unpack");
    }
    try {
      return new ZstdStream(new ZstdInputStream(in).setLongMax(MAX_WINDOW), share);
    } catch (IOException | RuntimeException e) {
      ROOM.release(share);
      throw e;
    }
  }

  /// Bytes of the window of the frame that begins so (RFC 8878 3.1.1.1); the largest accepted if it
  /// is cut off.
  static long window(byte[] head) {
    long most = 1L << MAX_WINDOW;
    if (head.length < MAGIC + 2) {
      return most;
    }
    int descriptor = head[MAGIC] & 0xff;
    if ((descriptor & SINGLE_SEGMENT) == 0) {
      int code = head[MAGIC + 1] & 0xff;
      long base = 1L << (10 + (code >> 3));
      return base + base / 8 * (code & 7);
    }
    // the window is the content, whose size follows the dictionary's number
    int at = MAGIC + 1 + new int[] {0, 1, 2, 4}[descriptor & 3];
    int width = 1 << (descriptor >> 6);
    if (head.length < at + width) {
      return most;
    }
    long size = width == 2 ? 256 : 0;
    for (int i = 0; i < width; i++) {
      size += (head[at + i] & 0xffL) << (8 * i);
    }
    return size < 0 ? most : size;
  }

  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      super.close();
    } finally {
      ROOM.release(share);
    }
  }
}
