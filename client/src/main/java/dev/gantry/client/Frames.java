package dev.gantry.client;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/// The multiplexed streams of a container without a terminal (Docker API, "Stream format"): one
/// byte of stream number, three zeros, the length in four bytes, the payload.
public final class Frames {
  private static final int MAX_FRAME = 16 << 20;

  private Frames() {}

  /// Copies until the end: stream 1 to `out`, 2 to `err`.
  public static void copy(InputStream source, OutputStream out, OutputStream err)
      throws IOException {
    DataInputStream in = new DataInputStream(source);
    byte[] buffer = new byte[32 * 1024];
    while (true) {
      int stream = in.read();
      if (stream < 0) {
        return;
      }
      if (in.readUnsignedByte() + in.readUnsignedShort() != 0 || stream > 3) {
        throw new IOException("unrecognized stream: " + stream);
      }
      int left = in.readInt();
      if (left < 0 || left > MAX_FRAME) {
        throw new IOException("a frame of " + Integer.toUnsignedString(left) + " bytes");
      }
      OutputStream target = stream == 2 ? err : out;
      while (left > 0) {
        int n = in.read(buffer, 0, Math.min(left, buffer.length));
        if (n < 0) {
          throw new EOFException("unexpected EOF");
        }
        target.write(buffer, 0, n);
        left -= n;
      }
      target.flush();
    }
  }
}
