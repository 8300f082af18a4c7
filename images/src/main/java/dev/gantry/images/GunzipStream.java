package dev.gantry.images;

import dev.gantry.base.BulkInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/// Unpacks gzip (RFC 1952) of any number of members.
///
/// The JDK's stream asks `available()` whether another member follows, which a network stream
/// cannot answer; layers made for lazy loading are hundreds of members. Trailing zeros are skipped
/// as gzip(1) does.
final class GunzipStream extends BulkInputStream {
  private static final int FHCRC = 2;
  private static final int FEXTRA = 4;
  private static final int FNAME = 8;
  private static final int FCOMMENT = 16;

  private final InputStream in;
  private final Inflater inflater = new Inflater(true);
  private final CRC32 crc = new CRC32();
  private final byte[] input = new byte[64 * 1024];
  private int at;
  private int limit;
  private boolean ended;

  GunzipStream(InputStream in) throws IOException {
    this.in = in;
    if (!member()) {
      throw new EOFException("the gzip data is empty");
    }
  }

  private int next() throws IOException {
    if (at == limit) {
      limit = in.read(input, 0, input.length);
      at = 0;
      if (limit <= 0) {
        limit = 0;
        return -1;
      }
    }
    return input[at++] & 0xff;
  }

  private int must() throws IOException {
    int b = next();
    if (b < 0) {
      throw new EOFException("the gzip data is cut off");
    }
    return b;
  }

  /// Reads a member's header; false at the end of the data.
  private boolean member() throws IOException {
    int first = next();
    while (first == 0) {
      first = next();
    }
    if (first < 0) {
      return false;
    }
    if (first != 0x1f || must() != 0x8b || must() != 8) {
      throw new IOException("the gzip data has an invalid header");
    }
    int flags = must();
    for (int i = 0; i < 6; i++) {
      must();
    }
    if ((flags & FEXTRA) != 0) {
      int length = must() | must() << 8;
      for (int i = 0; i < length; i++) {
        must();
      }
    }
    for (int flag : new int[] {FNAME, FCOMMENT}) {
      if ((flags & flag) != 0) {
        while (must() != 0) {
          continue;
        }
      }
    }
    if ((flags & FHCRC) != 0) {
      must();
      must();
    }
    inflater.reset();
    crc.reset();
    return true;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    try {
      while (!ended) {
        int n = inflater.inflate(buffer, offset, length);
        if (n > 0) {
          crc.update(buffer, offset, n);
          return n;
        }
        if (inflater.needsDictionary()) {
          throw new IOException("the gzip data asks for a dictionary");
        }
        if (inflater.finished()) {
          trailer();
        } else if (inflater.needsInput()) {
          int b = must();
          at--; // give it to the inflater with all that is here
          input[at] = (byte) b;
          inflater.setInput(input, at, limit - at);
          at = limit;
        }
      }
      return -1;
    } catch (DataFormatException e) {
      throw new IOException("the gzip data is damaged: " + e.getMessage(), e);
    }
  }

  private void trailer() throws IOException {
    at = limit - inflater.getRemaining();
    long said = four();
    long length = four();
    if (said != crc.getValue() || length != (inflater.getBytesWritten() & 0xffffffffL)) {
      throw new IOException("the gzip data is damaged: its checksum is wrong");
    }
    ended = !member();
  }

  private long four() throws IOException {
    return must() | must() << 8 | must() << 16 | (long) must() << 24;
  }

  @Override
  public void close() throws IOException {
    inflater.end();
    in.close();
  }
}
