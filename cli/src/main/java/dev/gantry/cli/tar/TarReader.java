package dev.gantry.cli.tar;

import dev.gantry.base.BulkInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Reads an archive member by member.
public final class TarReader {
  private static final int MAX_RECORDS = 1 << 20;

  private final InputStream in;
  private long left;
  private long padding;

  public TarReader(InputStream in) {
    this.in = in;
  }

  /// The next member, or empty at the end; what is unread of the one before is skipped.
  public Optional<Entry> next() throws IOException {
    in.skipNBytes(left + padding);
    left = 0;
    padding = 0;
    Map<String, String> records = new HashMap<>();
    while (true) {
      byte[] header = in.readNBytes(TarWriter.BLOCK);
      if (header.length == 0 || isZero(header)) {
        return Optional.empty();
      }
      if (header.length < TarWriter.BLOCK) {
        throw new EOFException("the archive ends within a header");
      }
      char type = header[156] == 0 ? '0' : (char) header[156];
      long size = number(header, 124, 12);
      switch (type) {
        case 'x' -> pax(records, content(size));
        case 'g' -> content(size);
        case 'L' -> records.put("path", name(content(size)));
        case 'K' -> records.put("linkpath", name(content(size)));
        default -> {
          return Optional.of(entry(header, type, size, records));
        }
      }
    }
  }

  private Entry entry(byte[] header, char type, long size, Map<String, String> records)
      throws IOException {
    String prefix = header[257] == 'u' && header[262] == 0 ? text(header, 345, 155) : "";
    String name = text(header, 0, 100);
    long real = decimal(records, "size", size);
    if (real < 0) {
      throw new IOException("a member of " + real + " bytes");
    }
    left = type == '0' || type == '7' ? real : 0;
    padding = (TarWriter.BLOCK - left % TarWriter.BLOCK) % TarWriter.BLOCK;
    return new Entry(
        records.getOrDefault("path", prefix.isEmpty() ? name : prefix + "/" + name),
        type == '7' ? '0' : type,
        (int) number(header, 100, 8),
        decimal(records, "uid", number(header, 108, 8)),
        decimal(records, "gid", number(header, 116, 8)),
        left,
        number(header, 136, 12),
        records.getOrDefault("linkpath", text(header, 157, 100)));
  }

  private static long decimal(Map<String, String> records, String key, long otherwise)
      throws IOException {
    String digits = records.getOrDefault(key, Long.toString(otherwise));
    if (!digits.matches("-?\\d{1,18}")) {
      throw new IOException("a bad " + key + " in a record before a file: " + digits);
    }
    return Long.parseLong(digits);
  }

  /// The bytes of the member that [#next] gave.
  public InputStream content() {
    return new BulkInputStream() {
      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        if (left == 0) {
          return -1;
        }
        int n = in.read(buffer, offset, (int) Math.min(length, left));
        if (n < 0) {
          throw new EOFException("the archive ends within a file");
        }
        left -= n;
        return n;
      }
    };
  }

  private byte[] content(long size) throws IOException {
    if (size < 0 || size > MAX_RECORDS) {
      throw new IOException("a record of " + size + " bytes before a file");
    }
    byte[] bytes = in.readNBytes((int) size);
    in.skipNBytes((TarWriter.BLOCK - size % TarWriter.BLOCK) % TarWriter.BLOCK);
    return bytes;
  }

  private static void pax(Map<String, String> records, byte[] bytes) throws IOException {
    int at = 0;
    while (at < bytes.length) {
      int space = at;
      while (space < bytes.length && bytes[space] != ' ') {
        space++;
      }
      int length;
      try {
        length = Integer.parseInt(new String(bytes, at, space - at, StandardCharsets.US_ASCII));
      } catch (NumberFormatException e) {
        throw new IOException("a bad record before a file", e);
      }
      // digits, a space, what is recorded, a line end
      if (length < space - at + 2 || length > bytes.length - at) {
        throw new IOException("a bad record before a file");
      }
      String record = new String(bytes, space + 1, at + length - space - 2, StandardCharsets.UTF_8);
      int equals = record.indexOf('=');
      if (equals > 0) {
        records.put(record.substring(0, equals), record.substring(equals + 1));
      }
      at += length;
    }
  }

  private static boolean isZero(byte[] header) {
    for (byte b : header) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  private static String name(byte[] bytes) {
    return text(bytes, 0, bytes.length);
  }

  private static String text(byte[] bytes, int at, int length) {
    int end = at;
    while (end < at + length && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, at, end - at, StandardCharsets.UTF_8);
  }

  /// Octal digits, or GNU's binary form, whose first bit is set.
  private static long number(byte[] header, int at, int length) {
    if ((header[at] & 0x80) != 0) {
      long value = header[at] & 0x3f;
      for (int i = at + 1; i < at + length; i++) {
        value = value << 8 | header[i] & 0xff;
      }
      return value;
    }
    String digits = text(header, at, length).strip();
    return digits.matches("[0-7]{1,21}") ? Long.parseLong(digits, 8) : 0;
  }
}
