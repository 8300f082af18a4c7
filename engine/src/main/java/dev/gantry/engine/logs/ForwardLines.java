package dev.gantry.engine.logs;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;

/// The whole lines of a file that may still grow: after the last one [#next()] says no until there
/// are more.
final class ForwardLines implements AutoCloseable {
  private static final int BLOCK = 64 * 1024;

  private final LogFile.Part part;
  private byte[] bytes;
  private int filled;
  private int start;
  private int end; // exclusive, with the newline
  private long position; // in a plain file, of what is read next

  /// @param position where to begin, a place in the text also where the file is compressed
  ForwardLines(LogFile.Part part, long position) throws IOException {
    this(part, position, BLOCK);
  }

  /// @param block how much to read at once
  ForwardLines(LogFile.Part part, long position, int block) throws IOException {
    this.part = part;
    this.bytes = new byte[block];
    this.position = position;
    if (part.stream() != null) {
      part.stream().skipNBytes(position);
    }
  }

  /// Steps to the next whole line; false if there is none yet.
  boolean next() throws IOException {
    start = end;
    int at = start;
    while (true) {
      while (at < filled) {
        if (bytes[at++] == '\n') {
          end = at;
          return true;
        }
      }
      at -= start;
      if (!fill()) {
        return false;
      }
    }
  }

  /// Moves what is left of the line to the front and reads on.
  private boolean fill() throws IOException {
    System.arraycopy(bytes, start, bytes, 0, filled - start);
    filled -= start;
    start = 0;
    end = 0;
    if (filled == bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * bytes.length);
    }
    int count = read();
    if (count <= 0) {
      return false;
    }
    filled += count;
    return true;
  }

  private int read() throws IOException {
    FileChannel plain = part.plain();
    InputStream stream = part.stream();
    if (plain != null) {
      int count = plain.read(ByteBuffer.wrap(bytes, filled, bytes.length - filled), position);
      position += Math.max(count, 0);
      return count;
    }
    return stream == null ? -1 : stream.read(bytes, filled, bytes.length - filled);
  }

  byte[] bytes() {
    return bytes;
  }

  /// Where the line begins in [#bytes()].
  int start() {
    return start;
  }

  /// The line's length without its newline.
  int length() {
    return end - start - 1;
  }

  @Override
  public void close() throws IOException {
    part.close();
  }
}
