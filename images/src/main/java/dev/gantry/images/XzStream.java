package dev.gantry.images;

import dev.gantry.base.Failure;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/// What an archive packed by xz holds: the machine's program `xz` unpacks it, in a process of its
/// own with a limit of memory.
final class XzStream extends FilterInputStream {
  private final Process process;
  private final Thread feeding;

  /// @throws Failure.Unavailable if this machine has no xz
  XzStream(InputStream packed) {
    this(start(), packed);
  }

  private XzStream(Process process, InputStream packed) {
    super(process.getInputStream());
    this.process = process;
    this.feeding = Thread.ofVirtual().name("xz").start(() -> feed(packed, process));
  }

  private static Process start() {
    try {
      return new ProcessBuilder("xz", "--decompress", "--stdout", "--memlimit=256MiB")
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new Failure.Unavailable(
          "archives packed by xz need the program xz on the engine's machine", e);
    }
  }

  private static void feed(InputStream packed, Process process) {
    try (OutputStream out = process.getOutputStream()) {
      packed.transferTo(out);
    } catch (IOException e) {
      process.destroy(); // a half archive shall not pass for a whole one
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    int n = super.read(bytes, offset, length);
    if (n < 0) {
      try {
        if (process.waitFor() != 0) {
          throw new IOException("the archive is not packed by xz as it should be");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while unpacking", e);
      }
    }
    return n;
  }

  @Override
  public void close() throws IOException {
    Process ignored = process.destroyForcibly();
    super.close();
    feeding.interrupt();
  }
}
