package dev.gantry.cli.tar;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/// Writes an archive in POSIX's format (pax): what does not fit a header goes into a record before.
public final class TarWriter implements AutoCloseable {
  static final int BLOCK = 512;
  private static final long MOST_ID = 07_777_777L;
  private static final long MOST = 077_777_777_777L;

  private final OutputStream out;

  public TarWriter(OutputStream out) {
    this.out = out;
  }

  /// Writes one member; `content` has exactly `entry.size()` bytes.
  public void add(Entry entry, InputStream content) throws IOException {
    StringBuilder records = new StringBuilder();
    if (bytes(entry.name()).length > 99) {
      record(records, "path", entry.name());
    }
    if (bytes(entry.link()).length > 99) {
      record(records, "linkpath", entry.link());
    }
    if (entry.size() > MOST) {
      record(records, "size", Long.toString(entry.size()));
    }
    if (entry.user() > MOST_ID) {
      record(records, "uid", Long.toString(entry.user()));
    }
    if (entry.group() > MOST_ID) {
      record(records, "gid", Long.toString(entry.group()));
    }
    if (!records.isEmpty()) {
      byte[] text = bytes(records.toString());
      header(new Entry("PaxHeaders/record", 'x', 0644, 0, 0, text.length, entry.seconds(), ""));
      out.write(text);
      pad(text.length);
    }
    header(entry);
    long copied = content.transferTo(out);
    if (copied != entry.size()) {
      throw new IOException(entry.name() + " changed while it was read");
    }
    pad(copied);
  }

  private static void record(StringBuilder records, String key, String value) {
    int length = bytes(key + value).length + 3;
    int total = length + Integer.toString(length).length();
    total = length + Integer.toString(total).length();
    records.append(total).append(' ').append(key).append('=').append(value).append('\n');
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private void header(Entry entry) throws IOException {
    byte[] header = new byte[BLOCK];
    text(header, 0, 100, entry.name());
    number(header, 100, 8, entry.mode() & 07777);
    number(header, 108, 8, Math.min(entry.user(), MOST_ID));
    number(header, 116, 8, Math.min(entry.group(), MOST_ID));
    number(header, 124, 12, entry.size() > MOST ? 0 : entry.size());
    number(header, 136, 12, Math.clamp(entry.seconds(), 0, MOST));
    header[156] = (byte) entry.type();
    text(header, 157, 100, entry.link());
    text(header, 257, 6, "ustar");
    header[263] = '0';
    header[264] = '0';
    text(header, 148, 8, "        ");
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    number(header, 148, 7, sum);
    out.write(header);
  }

  private static void text(byte[] header, int at, int length, String text) {
    byte[] bytes = bytes(text);
    System.arraycopy(bytes, 0, header, at, Math.min(bytes.length, length));
  }

  private static void number(byte[] header, int at, int length, long value) {
    String digits = Long.toOctalString(value);
    text(header, at, length - 1, "0".repeat(length - 1 - digits.length()) + digits);
    header[at + length - 1] = 0;
  }

  private void pad(long written) throws IOException {
    out.write(new byte[(int) ((BLOCK - written % BLOCK) % BLOCK)]);
  }

  /// Ends the archive and closes the stream.
  @Override
  public void close() throws IOException {
    out.write(new byte[2 * BLOCK]);
    out.close();
  }
}
