package dev.gantry.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/// Streams over non-blocking descriptors. They wait in [Poller], so a virtual thread that waits
/// holds no carrier.
final class FdStreams {
  private FdStreams() {}

  static final class Input extends InputStream {
    private final Fd fd;
    private final Poller poller;

    Input(Fd fd, Poller poller) {
      this.fd = fd;
      this.poller = poller;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
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
