package dev.gantry.images;

import dev.gantry.kernel.Tree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes a tar stream as Go's archive/tar does: ustar headers, and PAX records (POSIX.1-2001) for
/// what does not fit them — long or non-ASCII names, big numbers, fractions of seconds, extended
/// attributes as bytes.
public final class TarWriter implements AutoCloseable {
  public static final char FILE = '0';
  public static final char HARD_LINK = '1';
  public static final char SYMBOLIC_LINK = '2';
  public static final char CHARACTER = '3';
  public static final char BLOCK = '4';
  public static final char FOLDER = '5';
  public static final char FIFO = '6';

  private static final int BLOCK_SIZE = 512;
  private static final int NAME = 100;
  private static final long MAX_OCTAL_7 = 07777777;
  private static final long MAX_OCTAL_11 = 077777777777L;
  private static final String XATTR = "SCHILY.xattr.";

  private final OutputStream out;

  public TarWriter(OutputStream out) {
    this.out = out;
  }

  /// Writes the header of an entry; the content of a file follows by [#content].
  ///
  /// @param name as it shall stand in the archive; folders end with a slash
  /// @param target what a link points to
  /// @param size bytes of content, 0 for anything but files
  public void entry(
      String name,
      char type,
      String target,
      Tree.Status status,
      long size,
      Map<String, byte[]> attributes)
      throws IOException {
    Map<String, byte[]> pax = new LinkedHashMap<>();
    byte[] shortName = fitting(name, "path", pax);
    byte[] shortTarget = fitting(target, "linkpath", pax);
    if (status.nanos() != 0) {
      pax.put(
          "mtime",
          utf8(
              (status.seconds() + "." + String.format("%09d", status.nanos()))
                  .replaceFirst("0+$", "")));
    }
    number(status.uid(), MAX_OCTAL_7, "uid", pax);
    number(status.gid(), MAX_OCTAL_7, "gid", pax);
    number(size, MAX_OCTAL_11, "size", pax);
    attributes.forEach((key, value) -> pax.put(XATTR + key, value));
    if (!pax.isEmpty()) {
      ByteArrayOutputStream records = new ByteArrayOutputStream();
      for (Map.Entry<String, byte[]> e : pax.entrySet()) {
        records.write(record(e.getKey(), e.getValue()));
      }
      byte[] base = utf8("PaxHeaders.0/entry");
      header(base, 'x', new byte[0], 0644, 0, 0, records.size(), 0, 0, 0);
      out.write(records.toByteArray());
      pad(records.size());
    }
    boolean device = type == CHARACTER || type == BLOCK;
    long rdev = status.device();
    header(
        shortName,
        type,
        shortTarget,
        status.mode() & 07777,
        Math.min(status.uid(), MAX_OCTAL_7),
        Math.min(status.gid(), MAX_OCTAL_7),
        Math.min(size, MAX_OCTAL_11),
        Math.clamp(status.seconds(), 0, MAX_OCTAL_11),
        device ? (rdev >> 8 & 0xfff) | (rdev >> 32 & ~0xfffL) : 0,
        device ? (rdev & 0xff) | (rdev >> 12 & ~0xffL) : 0);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] fitting(String text, String key, Map<String, byte[]> pax) {
    byte[] bytes = utf8(text);
    boolean ascii = text.chars().allMatch(c -> c < 0x80);
    if (bytes.length > NAME || !ascii) {
      pax.put(key, bytes);
    }
    return bytes.length > NAME ? Arrays.copyOf(bytes, NAME) : bytes;
  }

  private static void number(long value, long most, String key, Map<String, byte[]> pax) {
    if (value > most) {
      pax.put(key, utf8(Long.toString(value)));
    }
  }

  /// `LENGTH KEY=VALUE\n`, the length counting itself.
  static byte[] record(String key, byte[] value) {
    int rest = utf8(key).length + value.length + 3;
    int length = rest + Integer.toString(rest).length();
    if (Integer.toString(length).length() > Integer.toString(rest).length()) {
      length++;
    }
    byte[] head = utf8(length + " " + key + "=");
    byte[] all = Arrays.copyOf(head, length);
    System.arraycopy(value, 0, all, head.length, value.length);
    all[length - 1] = '\n';
    return all;
  }

  private void header(
      byte[] name,
      char type,
      byte[] target,
      long mode,
      long uid,
      long gid,
      long size,
      long seconds,
      long major,
      long minor)
      throws IOException {
    byte[] h = new byte[BLOCK_SIZE];
    System.arraycopy(name, 0, h, 0, name.length);
    octal(h, 100, 8, mode);
    octal(h, 108, 8, uid);
    octal(h, 116, 8, gid);
    octal(h, 124, 12, size);
    octal(h, 136, 12, seconds);
    h[156] = (byte) type;
    System.arraycopy(target, 0, h, 157, target.length);
    System.arraycopy(utf8("ustar\00000"), 0, h, 257, 8);
    octal(h, 329, 8, major);
    octal(h, 337, 8, minor);
    Arrays.fill(h, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : h) {
      sum += b & 0xff;
    }
    octal(h, 148, 7, sum);
    out.write(h);
  }

  private static void octal(byte[] h, int at, int width, long value) {
    for (int i = at + width - 2; i >= at; i--) {
      h[i] = (byte) ('0' + (value & 7));
      value >>= 3;
    }
    h[at + width - 1] = 0;
  }

  /// Writes exactly `size` bytes: a file that shrank meanwhile is filled up with zeros, one that
  /// grew is cut.
  public void content(InputStream in, long size) throws IOException {
    byte[] buffer = new byte[64 * 1024];
    long left = size;
    while (left > 0) {
      int n = in.read(buffer, 0, (int) Math.min(buffer.length, left));
      if (n < 0) {
        Arrays.fill(buffer, (byte) 0);
        n = (int) Math.min(buffer.length, left);
      }
      out.write(buffer, 0, n);
      left -= n;
    }
    pad(size);
  }

  private void pad(long size) throws IOException {
    int rest = (int) (size % BLOCK_SIZE);
    if (rest != 0) {
      out.write(new byte[BLOCK_SIZE - rest]);
    }
  }

  /// Ends the archive; the stream below stays open.
  @Override
  public void close() throws IOException {
    out.write(new byte[2 * BLOCK_SIZE]);
    out.flush();
  }
}
