package dev.gantry.engine.logs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;

/// The whole lines of a file from its end to its beginning, read in blocks. What follows the last
/// newline is no line yet.
final class BackwardLines {
  private static final int BLOCK = 64 * 1024;

  private final FileChannel file;
  private byte[] bytes = new byte[0];
  private long offset; // of bytes[0] in the file
  private int end; // exclusive: the newline of the line to answer next is at end - 1
  private int start;
  private boolean first = true;

  BackwardLines(FileChannel file, long size) {
    this.file = file;
    this.offset = size;
  }

  /// Steps to the line before; false at the beginning.
  boolean next() throws IOException {
    if (first) {
      first = false;
      end = find(0) + 1; // drops what is behind the last newline
    } else {
      end = start;
    }
    if (end == 0) {
      return false;
    }
    start = find(1) + 1;
    return true;
  }

  /// The index of the last newline before `end - skip`, -1 for the file's beginning. Reads further
  /// blocks, which moves `end`.
  private int find(int skip) throws IOException {
    int at = end - skip - 1;
    while (true) {
      for (; at >= 0; at--) {
        if (bytes[at] == '\n') {
          return at;
        }
      }
      int more = prepend();
      if (more == 0) {
        return -1;
      }
      at = more - 1;
    }
  }

  private int prepend() throws IOException {
    int count = (int) Math.min(BLOCK, offset);
    if (count == 0) {
      return 0;
    }
    byte[] joined = new byte[count + end];
    System.arraycopy(bytes, 0, joined, count, end);
    ByteBuffer block = ByteBuffer.wrap(joined, 0, count);
    while (block.hasRemaining()) {
      if (file.read(block, offset - count + block.position()) < 0) {
        Arrays.fill(joined, block.position(), count, (byte) 0); // cut short under our eyes
        break;
      }
    }
    bytes = joined;
    offset -= count;
    end += count;
    return count;
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

  /// Where the line begins in the file.
  long position() {
    return offset + start;
  }
}
