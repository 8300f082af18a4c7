package dev.gantry.images;

import dev.gantry.kernel.Fd;
import java.io.IOException;
import java.nio.ByteBuffer;

/// Writes the files of an archive, holes left as holes. Not thread-safe.
public final class TarContent {
  private final TarReader tar;
  private final FreeSpace space;
  private final byte[] buffer = new byte[64 * 1024];
  private final ByteBuffer direct = ByteBuffer.allocateDirect(buffer.length);

  public TarContent(TarReader tar, FreeSpace space) {
    this.tar = tar;
    this.space = space;
  }

  /// Writes the content of `e`, the entry that the reader stands at, into the new file `out`; the
  /// bytes that were stored.
  public long writeTo(Fd out, TarEntry e) throws IOException {
    if (!e.isSparse()) {
      copy(out, 0, e.size());
      return e.size();
    }
    long stored = 0;
    for (TarEntry.Segment s : e.segments()) {
      copy(out, s.offset(), s.length());
      stored += s.length();
    }
    out.truncate(e.size());
    return stored;
  }

  private void copy(Fd out, long offset, long length) throws IOException {
    long end = offset + length;
    for (long at = offset; at < end; ) {
      int n = tar.read(buffer, 0, (int) Math.min(buffer.length, end - at));
      out.writeAt(at, direct.clear().put(buffer, 0, n).flip());
      at += n;
      space.used(n);
    }
  }
}
