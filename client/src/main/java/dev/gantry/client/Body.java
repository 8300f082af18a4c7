package dev.gantry.client;

import dev.gantry.base.BulkInputStream;
import java.io.IOException;
import java.io.InputStream;

/// Reads an HTTP/1.1 body to its end: of a known length, in chunks, or until the connection closes.
final class Body extends BulkInputStream {
  private final InputStream in;
  private final boolean chunked;
  private long left;

  /// @param length -1 for a body that ends with the connection; ignored if chunked
  Body(InputStream in, boolean chunked, long length) {
    this.in = in;
    this.chunked = chunked;
    this.left = chunked ? 0 : length < 0 ? Long.MAX_VALUE : length;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (left == 0 && !(chunked && nextChunk())) {
      return -1;
    }
    int n = in.read(buffer, offset, (int) Math.min(length, left));
    if (n < 0) {
      if (left == Long.MAX_VALUE) {
        return -1;
      }
      throw new IOException("unexpected EOF");
    }
    left -= left == Long.MAX_VALUE ? 0 : n;
    if (chunked && left == 0) {
      Http.line(in);
    }
    return n;
  }

  private boolean nextChunk() throws IOException {
    if (left < 0) {
      return false;
    }
    String line = Http.line(in);
    left = Long.parseLong(line.split(";", 2)[0].strip(), 16);
    if (left == 0) {
      Http.line(in);
      left = -1;
      return false;
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
