package dev.gantry.kernel;

import dev.gantry.base.BulkInputStream;
import java.io.IOException;
import java.io.OutputStream;

/// Streams over descriptors. Those of non-blocking ones wait in [Poller], so a virtual thread that
/// waits holds no carrier.
final class FdStreams {
  private FdStreams() {}

  /// A regular file's bytes, whose reads wait for nobody.
  static final class Content extends BulkInputStream {
    private final Fd fd;

    Content(Fd fd) {
      this.fd = fd;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      return fd.read(buffer, offset, length);
    }

    @Override
    public void close() {
      fd.close();
    }
  }

  static final class Input extends BulkInputStream {
    private final Fd fd;
    private final Poller poller;

    Input(Fd fd, Poller poller) {
      this.fd = fd;
      this.poller = poller;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      while (true) {
        try {
          return fd.read(buffer, offset, length);
        } catch (Errno e) {
          // the master of a terminal whose last slave is closed says EIO: that is its end
          if (e.number() == Errno.EIO) {
            return -1;
          }
          if (e.number() != Errno.EAGAIN) {
            throw e;
          }
          poller.awaitReadable(fd);
        }
      }
    }
  }

  static final class Output extends OutputStream {
    private final Fd fd;
    private final Poller poller;

    Output(Fd fd, Poller poller) {
      this.fd = fd;
      this.poller = poller;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] buffer, int offset, int length) throws IOException {
      int at = 0;
      while (at < length) {
        try {
          at += fd.write(buffer, offset + at, length - at);
        } catch (Errno e) {
          if (e.number() != Errno.EAGAIN) {
            throw e;
          }
          poller.awaitWritable(fd);
        }
      }
    }
  }
}
