package dev.gantry.images;

import dev.gantry.base.BulkInputStream;
import dev.gantry.images.TarEntry.Kind;
import dev.gantry.images.TarEntry.Segment;
import dev.gantry.kernel.FileNames;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads a hostile tar archive: POSIX ustar and PAX (pax(1)), GNU long names, big numbers and all
/// sparse formats, and the old v7 format.
///
/// Our own reader for three reasons: extended attributes are bytes and must not pass through a
/// character set, names need not be UTF-8, and everything that an archive can make us keep is
/// bounded ([#MAX_HEADER]). Any contradiction is a [Malformed] with the entry's position. Not
/// thread-safe; not split further, it is one state machine over 512-byte blocks.
public final class TarReader {
  /// The archive contradicts itself or ends too early.
  public static final class Malformed extends IOException {
    private static final long serialVersionUID = 1L;

    Malformed(String what) {
      super("invalid tar archive: " + what);
    }
  }

  /// Bytes of one extended header, long name or sparse map.
  static final int MAX_HEADER = 1 << 20;

  private static final int BLOCK = 512;
  private static final int MAX_SEGMENTS = 100_000;
  private static final String XATTR = "SCHILY.xattr.";
  private static final byte[] ZERO = new byte[BLOCK];

  private final InputStream in;
  private final byte[] block = new byte[BLOCK];
  private final byte[] scratch = new byte[16 * 1024];
  private long position;
  private long remaining;
  private int padding;
  private boolean ended;

  public TarReader(InputStream in) {
    this.in = in;
  }

  // ---- blocks

  private IOException broken(String what) {
    return new Malformed(what + " (before byte " + position + ")");
  }

  private IOException cut() {
    return new Malformed("it is cut off at byte " + position);
  }

  private void fill(byte[] bytes, int length) throws IOException {
    int read = in.readNBytes(bytes, 0, length);
    position += read;
    if (read < length) {
      throw cut();
    }
  }

  /// Reads a header block; false at the end of the archive.
  private boolean header() throws IOException {
    int read = in.readNBytes(block, 0, BLOCK);
    position += read;
    if (read == 0) {
      return false; // without the closing blocks: old writers do that
    }
    if (read < BLOCK) {
      throw cut();
    }
    if (!java.util.Arrays.equals(block, ZERO)) {
      return true;
    }
    read = in.readNBytes(block, 0, BLOCK);
    position += read;
    if (read != 0 && (read < BLOCK || !java.util.Arrays.equals(block, ZERO))) {
      throw broken("a block of zeros stands between entries");
    }
    return false;
  }

  private byte[] extended(long size) throws IOException {
    if (size < 0 || size > MAX_HEADER) {
      throw broken("an extended header of " + size + " bytes is over 1 MiB");
    }
    byte[] bytes = new byte[(int) size];
    fill(bytes, bytes.length);
    skip(pad(size));
    return bytes;
  }

  private static int pad(long size) {
    return (int) (-size & (BLOCK - 1));
  }

  private void skip(long count) throws IOException {
    // reading, not skipping: what a stream skips, a digest over it would miss
    for (long left = count; left > 0; ) {
      int n = in.read(scratch, 0, (int) Math.min(scratch.length, left));
      if (n < 0) {
        throw cut();
      }
      left -= n;
      position += n;
    }
  }

  // ---- entries

  /// The next entry, the rest of the one before being skipped; null at the end.
  public @Nullable TarEntry next() throws IOException {
    if (ended) {
      return null;
    }
    skip(remaining);
    remaining = 0;
    // `docker build -f -` ends its archive behind the last file's last byte
    ended = in.readNBytes(scratch, 0, padding) < padding;
    position += padding;
    padding = 0;
    if (ended) {
      return null;
    }
    Map<String, byte[]> pax = new LinkedHashMap<>();
    String longName = null;
    String longLink = null;
    while (header()) {
      checkSum();
      long size = number(124, 12, "size");
      switch (block[156]) {
        case 'x', 'X' -> pax = records(extended(size));
        case 'g' -> extended(size);
        case 'L' -> longName = cString(extended(size));
        case 'K' -> longLink = cString(extended(size));
        default -> {
          return entry(size, pax, longName, longLink);
        }
      }
    }
    ended = true;
    return null;
  }

  private void checkSum() throws IOException {
    long unsigned = 0;
    long signed = 0;
    for (int i = 0; i < BLOCK; i++) {
      byte b = i >= 148 && i < 156 ? (byte) ' ' : block[i];
      unsigned += b & 0xff;
      signed += b;
    }
    long said = number(148, 8, "checksum");
    if (said != unsigned && said != signed) {
      throw broken("a header's checksum is wrong");
    }
  }

  /// An octal number, or one in base 256 if the highest bit is set.
  private long number(int offset, int length, String what) throws IOException {
    if ((block[offset] & 0x80) != 0) {
      boolean negative = (block[offset] & 0x40) != 0;
      long value = negative ? -1 : 0;
      for (int i = 0; i < length; i++) {
        int digit = block[offset + i] & (i == 0 && !negative ? 0x7f : 0xff);
        if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
          throw broken("the " + what + " is too large");
        }
        value = value << 8 | digit;
      }
      return value;
    }
    long value = 0;
    int i = offset;
    int end = offset + length;
    while (i < end && (block[i] == ' ' || block[i] == 0)) {
      i++;
    }
    for (; i < end && block[i] >= '0' && block[i] <= '7'; i++) {
      value = value << 3 | block[i] - '0';
    }
    for (; i < end; i++) {
      if (block[i] != ' ' && block[i] != 0) {
        throw broken("the " + what + " is no number");
      }
    }
    return value;
  }

  private static String cString(byte[] bytes) {
    return text(bytes, 0, bytes.length);
  }

  private static String text(byte[] bytes, int offset, int length) {
    int end = offset;
    while (end < offset + length && bytes[end] != 0) {
      end++;
    }
    return FileNames.decode(bytes, offset, end - offset);
  }

  private boolean magic(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return java.util.Arrays.equals(block, 257, 257 + bytes.length, bytes, 0, bytes.length);
  }

  private String headerName() {
    String name = text(block, 0, 100);
    if (magic("ustar\0")) {
      String prefix = text(block, 345, 155);
      return prefix.isEmpty() ? name : prefix + "/" + name;
    }
    return name;
  }

  private TarEntry entry(
      long headerSize,
      Map<String, byte[]> pax,
      @Nullable String longName,
      @Nullable String longLink)
      throws IOException {
    byte flag = block[156];
    boolean posix = magic("ustar");
    String name = string(pax, "path", longName != null ? longName : headerName());
    String link = string(pax, "linkpath", longLink != null ? longLink : text(block, 157, 100));
    long stored = integer(pax, "size", headerSize);
    if (stored < 0) {
      throw broken("the size of \"" + name + "\" is negative");
    }
    int mode = (int) number(100, 8, "mode") & 07777;
    long uid = integer(pax, "uid", number(108, 8, "owner"));
    long gid = integer(pax, "gid", number(116, 8, "group"));
    if (uid < 0 || gid < 0 || uid > 0xfffffffeL || gid > 0xfffffffeL) {
      throw broken("the owner " + uid + ":" + gid + " of \"" + name + "\" cannot be");
    }
    BigDecimal time = time(pax);
    long seconds =
        time == null ? number(136, 12, "time") : time.setScale(0, RoundingMode.FLOOR).longValue();
    int nanos =
        time == null ? 0 : time.subtract(BigDecimal.valueOf(seconds)).movePointRight(9).intValue();
    long major = posix ? number(329, 8, "device") : 0;
    long minor = posix ? number(337, 8, "device") : 0;
    Kind kind = kind(flag, name, pax);
    List<Segment> segments = List.of();
    long size = 0;
    if (kind == Kind.FILE) {
      size = stored;
      remaining = stored;
      padding = pad(stored);
      if (flag == 'S') {
        size = number(483, 12, "size");
        segments = oldSparse();
      } else if (pax.containsKey("GNU.sparse.map") || pax.containsKey("GNU.sparse.segments")) {
        segments = segments(text(pax, "GNU.sparse.map", text(pax, "GNU.sparse.segments", "")), ",");
        size = integer(pax, "GNU.sparse.size", stored);
        name = string(pax, "GNU.sparse.name", name);
      } else if (text(pax, "GNU.sparse.major", "").equals("1")) {
        size = integer(pax, "GNU.sparse.realsize", stored);
        name = string(pax, "GNU.sparse.name", name);
        segments = newSparse();
      }
      segments = checked(segments, size, name);
    }
    if (name.isEmpty() || name.indexOf('\0') >= 0 || link.indexOf('\0') >= 0) {
      throw broken("an entry has no valid name");
    }
    return new TarEntry(
        name,
        kind,
        link,
        size,
        mode,
        uid,
        gid,
        seconds,
        nanos,
        major,
        minor,
        attributes(pax),
        segments);
  }

  private Kind kind(byte flag, String name, Map<String, byte[]> pax) throws IOException {
    return switch (flag) {
      case 0, '0', '7', 'S' ->
          name.endsWith("/") && !pax.containsKey("GNU.sparse.name") ? Kind.FOLDER : Kind.FILE;
      case '1' -> Kind.HARD_LINK;
      case '2' -> Kind.SYMLINK;
      case '3' -> Kind.CHARACTER;
      case '4' -> Kind.BLOCK;
      case '5' -> Kind.FOLDER;
      case '6' -> Kind.FIFO;
      default ->
          throw broken("\"" + name + "\" is of the unknown kind '" + (char) (flag & 0xff) + "'");
    };
  }

  // ---- PAX

  /// `LENGTH KEY=VALUE\n`, again and again. The first form of sparse maps repeats its keys; they
  /// are joined to one list under `GNU.sparse.segments`.
  private Map<String, byte[]> records(byte[] bytes) throws IOException {
    Map<String, byte[]> records = new LinkedHashMap<>();
    StringBuilder segments = new StringBuilder();
    for (int at = 0; at < bytes.length; ) {
      int space = at;
      long length = 0;
      while (space < bytes.length && bytes[space] >= '0' && bytes[space] <= '9' && space - at < 8) {
        length = length * 10 + bytes[space++] - '0';
      }
      int end = (int) (at + length);
      if (space >= bytes.length
          || space == at
          || bytes[space] != ' '
          || length <= space - at + 1
          || end > bytes.length
          || bytes[end - 1] != '\n') {
        throw broken("a PAX record is malformed");
      }
      int equals = space + 1;
      while (equals < end && bytes[equals] != '=') {
        equals++;
      }
      if (equals >= end || equals == space + 1) {
        throw broken("a PAX record has no key");
      }
      String key = new String(bytes, space + 1, equals - space - 1, StandardCharsets.UTF_8);
      byte[] value = java.util.Arrays.copyOfRange(bytes, equals + 1, end - 1);
      if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
        segments.append(segments.isEmpty() ? "" : ",").append(cString(value));
      } else if (value.length == 0 && !key.startsWith(XATTR)) {
        records.remove(key);
      } else {
        records.put(key, value);
      }
      at = end;
    }
    if (!segments.isEmpty()) {
      records.put("GNU.sparse.segments", segments.toString().getBytes(StandardCharsets.US_ASCII));
    }
    return records;
  }

  private static String string(Map<String, byte[]> pax, String key, String absent) {
    byte[] value = pax.get(key);
    return value == null ? absent : FileNames.decode(value);
  }

  private static String text(Map<String, byte[]> pax, String key, String absent) {
    return string(pax, key, absent);
  }

  private long integer(Map<String, byte[]> pax, String key, long absent) throws IOException {
    byte[] value = pax.get(key);
    return value == null ? absent : integer(FileNames.decode(value), key);
  }

  private long integer(String text, String what) throws IOException {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw broken("the " + what + " is no number");
    }
  }

  private @Nullable BigDecimal time(Map<String, byte[]> pax) throws IOException {
    byte[] value = pax.get("mtime");
    if (value == null) {
      return null;
    }
    String text = FileNames.decode(value);
    if (!text.matches("-?[0-9]{1,18}(\\.[0-9]{0,30})?")) {
      throw broken("the mtime is no number");
    }
    return new BigDecimal(text);
  }

  private static Map<String, byte[]> attributes(Map<String, byte[]> pax) {
    if (pax.isEmpty()) {
      return Map.of();
    }
    Map<String, byte[]> attributes = new HashMap<>();
    pax.forEach(
        (key, value) -> {
          if (key.startsWith(XATTR) && key.length() > XATTR.length()) {
            attributes.put(key.substring(XATTR.length()), value);
          }
        });
    return attributes;
  }

  // ---- sparse files

  /// GNU's old form: four segments in the header, further blocks of 21.
  private List<Segment> oldSparse() throws IOException {
    List<Segment> segments = new ArrayList<>();
    boolean more = block[482] != 0;
    sparseBlock(segments, 386, 4);
    while (more) {
      fill(block, BLOCK);
      sparseBlock(segments, 0, 21);
      more = block[504] != 0;
      if (segments.size() > MAX_SEGMENTS) {
        throw broken("a sparse file has too many segments");
      }
    }
    if (segments.isEmpty()) {
      segments.add(new Segment(0, 0));
    }
    return segments;
  }

  private void sparseBlock(List<Segment> segments, int offset, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      int at = offset + i * 24;
      if (block[at] == 0) {
        return;
      }
      segments.add(new Segment(number(at, 12, "segment"), number(at + 12, 12, "segment")));
    }
  }

  /// PAX form 1.0: decimal lines at the beginning of the data, up to a block's end.
  private List<Segment> newSparse() throws IOException {
    StringBuilder map = new StringBuilder();
    long wanted = -1;
    long lines = 0;
    long read = 0;
    do {
      if (remaining < BLOCK || read > MAX_HEADER) {
        throw broken("a sparse map is cut off or over 1 MiB");
      }
      fill(block, BLOCK);
      remaining -= BLOCK;
      read += BLOCK;
      for (int i = 0; i < BLOCK && (wanted < 0 || lines < wanted); i++) {
        map.append((char) (block[i] & 0xff));
        if (block[i] == '\n') {
          lines++;
          if (wanted < 0) {
            long count = integer(map.toString().trim(), "sparse map");
            if (count < 0 || count > MAX_SEGMENTS) {
              throw broken("a sparse file has too many segments");
            }
            wanted = 2 * count + 1;
          }
        }
      }
    } while (wanted < 0 || lines < wanted);
    String text = map.toString();
    int first = text.indexOf('\n');
    List<Segment> segments = segments(text.substring(first + 1).trim(), "\n");
    return segments.isEmpty() ? List.of(new Segment(0, 0)) : segments;
  }

  private List<Segment> segments(String text, String separator) throws IOException {
    if (text.isEmpty()) {
      return List.of(new Segment(0, 0));
    }
    String[] parts = text.split(separator, -1);
    if (parts.length % 2 != 0 || parts.length > 2 * MAX_SEGMENTS) {
      throw broken("a sparse map is malformed");
    }
    List<Segment> segments = new ArrayList<>();
    for (int i = 0; i < parts.length; i += 2) {
      segments.add(new Segment(integer(parts[i], "segment"), integer(parts[i + 1], "segment")));
    }
    return segments;
  }

  /// Segments in order, inside the file, and as many bytes as are stored.
  private List<Segment> checked(List<Segment> segments, long size, String name) throws IOException {
    long at = 0;
    long bytes = 0;
    for (Segment s : segments) {
      if (s.offset() < at || s.length() < 0 || s.offset() > size - s.length()) {
        throw broken("the sparse map of \"" + name + "\" contradicts itself");
      }
      at = s.offset() + s.length();
      bytes += s.length();
    }
    if (size < 0 || !segments.isEmpty() && bytes != remaining) {
      throw broken("the sparse map of \"" + name + "\" contradicts its size");
    }
    return segments;
  }

  // ---- data

  /// Stored bytes of the present entry; -1 at its end.
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (remaining == 0) {
      return -1;
    }
    int n = in.read(buffer, offset, (int) Math.min(length, remaining));
    if (n < 0) {
      throw cut();
    }
    remaining -= n;
    position += n;
    return n;
  }

  /// The present entry's stored bytes as a stream, for those that want one.
  public InputStream data() {
    return new BulkInputStream() {
      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        return length == 0 ? 0 : TarReader.this.read(buffer, offset, length);
      }
    };
  }
}
