package dev.gantry.testkit;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Writes tar archives byte by byte, also such as no tool would write.
public final class TarBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private int mode = 0644;
  private long uid;
  private long gid;
  private long time = 1_000_000_000;
  private String link = "";
  private int major;
  private int minor;

  public TarBytes mode(int m) {
    mode = m;
    return this;
  }

  public TarBytes uid(long u) {
    uid = u;
    return gid(u);
  }

  public TarBytes gid(long g) {
    gid = g;
    return this;
  }

  public TarBytes time(long t) {
    time = t;
    return this;
  }

  public TarBytes file(String name, String content) {
    return entry('0', name, content.getBytes(StandardCharsets.UTF_8));
  }

  public TarBytes folder(String name) {
    mode = mode == 0644 ? 0755 : mode;
    return entry('5', name, new byte[0]);
  }

  public TarBytes symlink(String name, String target) {
    link = target;
    return entry('2', name, new byte[0]);
  }

  public TarBytes hardLink(String name, String target) {
    link = target;
    return entry('1', name, new byte[0]);
  }

  /// GNU's record with the name of the entry that follows.
  public TarBytes longName(String name) {
    return entry('L', "name", (name + "\0").getBytes(StandardCharsets.UTF_8));
  }

  /// As [#longName], of what the entry links to.
  public TarBytes longLink(String target) {
    return entry('K', "link", (target + "\0").getBytes(StandardCharsets.UTF_8));
  }

  public TarBytes device(char kind, String name, int majorNumber, int minorNumber) {
    major = majorNumber;
    minor = minorNumber;
    return entry(kind, name, new byte[0]);
  }

  /// Records for the entry that follows: key, value, key, value.
  public TarBytes pax(String... records) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (int i = 0; i < records.length; i += 2) {
      body.writeBytes(record(records[i], records[i + 1].getBytes(StandardCharsets.UTF_8)));
    }
    return entry('x', "pax", body.toByteArray());
  }

  public TarBytes paxBytes(String key, byte[] value) {
    return entry('x', "pax", record(key, value));
  }

  private static byte[] record(String key, byte[] value) {
    int rest = key.getBytes(StandardCharsets.UTF_8).length + value.length + 3;
    int length = rest + String.valueOf(rest).length();
    length = rest + String.valueOf(length).length();
    ByteArrayOutputStream record = new ByteArrayOutputStream();
    record.writeBytes((length + " " + key + "=").getBytes(StandardCharsets.UTF_8));
    record.writeBytes(value);
    record.write('\n');
    return record.toByteArray();
  }

  public TarBytes entry(char kind, String name, byte[] content) {
    return header(kind, name.getBytes(StandardCharsets.UTF_8), content.length).data(content);
  }

  public TarBytes header(char kind, byte[] name, long size) {
    byte[] h = new byte[512];
    System.arraycopy(name, 0, h, 0, Math.min(100, name.length));
    octal(h, 100, 8, mode);
    octal(h, 108, 8, uid);
    octal(h, 116, 8, gid);
    octal(h, 124, 12, size);
    octal(h, 136, 12, time);
    h[156] = (byte) kind;
    text(h, 157, link);
    text(h, 257, "ustar\00000");
    octal(h, 329, 8, major);
    octal(h, 337, 8, minor);
    sum(h);
    out.writeBytes(h);
    mode = 0644;
    uid = 0;
    gid = 0;
    link = "";
    major = 0;
    minor = 0;
    return this;
  }

  public TarBytes data(byte[] content) {
    out.writeBytes(content);
    out.writeBytes(new byte[-content.length & 511]);
    return this;
  }

  public TarBytes raw(byte[] block) {
    out.writeBytes(block);
    return this;
  }

  public static void sum(byte[] h) {
    Arrays.fill(h, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : h) {
      sum += b & 0xff;
    }
    text(h, 148, String.format("%06o\0 ", sum));
  }

  public static void octal(byte[] h, int at, int length, long value) {
    text(h, at, String.format("%0" + (length - 1) + "o", value));
  }

  public static void text(byte[] h, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(bytes, 0, h, at, Math.min(bytes.length, h.length - at));
  }

  /// The archive with its two closing blocks.
  public byte[] bytes() {
    byte[] body = out.toByteArray();
    return Arrays.copyOf(body, body.length + 1024);
  }

  /// Without the end.
  public byte[] cut() {
    return out.toByteArray();
  }
}
