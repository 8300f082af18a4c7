package dev.gantry.integration;

import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/// Archives that want to do harm: to write or change files outside of where they are unpacked, to
/// eat memory, or to make the reader stumble. Each way into the engine is fed with all of them.
///
/// What shall not be touched is a folder `outside` of this machine with the file `secret` in it.
final class HostileArchives {
  private static final int HUGE = 256 << 20;

  /// One archive.
  ///
  /// @param refused whether every reader has to refuse it; others may, or unpack it and be unharmed
  /// @param bytes may be packed with gzip
  record Case(String name, boolean refused, byte[] bytes) {
    @Override
    public String toString() {
      return name;
    }

    boolean isPacked() {
      return bytes.length > 1 && bytes[0] == 0x1f && (bytes[1] & 0xff) == 0x8b;
    }
  }

  private final String outside;
  private final String secret;
  private final String up;
  private final List<Case> all = new ArrayList<>();

  private HostileArchives(Path outside) {
    this.outside = outside.toString();
    this.secret = outside.resolve("secret").toString();
    this.up = "../".repeat(24) + this.outside.substring(1);
  }

  /// All cases, against the folder `outside`.
  static List<Case> against(Path outside) {
    HostileArchives archives = new HostileArchives(outside);
    archives.names();
    archives.symbolicLinks();
    archives.hardLinks();
    archives.headers();
    archives.pax();
    archives.sparse();
    archives.devices();
    archives.duplicates();
    archives.packing();
    return List.copyOf(archives.all);
  }

  private void refused(String name, TarBytes tar) {
    all.add(new Case(name, true, tar.bytes()));
  }

  private void harmless(String name, TarBytes tar) {
    all.add(new Case(name, false, tar.bytes()));
  }

  private static TarBytes tar() {
    return new TarBytes();
  }

  // ---- paths

  private void names() {
    refused("name-up", tar().file("../escaped", "x"));
    refused("name-up-after-folder", tar().folder("a/").file("a/../../escaped", "x"));
    refused("name-up-many", tar().file(up + "/escaped", "x"));
    refused("name-of-long-record-up", tar().longName("../escaped").file("short", "x"));
    refused("name-of-pax-up", tar().pax("path", "../../escaped").file("short", "x"));
    refused(
        "name-of-sparse-up",
        tar()
            .pax("GNU.sparse.name", "../escaped", "GNU.sparse.map", "0,1", "GNU.sparse.size", "9")
            .file("s", "x"));
    harmless("name-absolute", tar().file(outside + "/escaped", "x").file(secret, "overwritten"));
    harmless("name-dots-alone", tar().file("..", "x"));
    harmless("name-folder-up", tar().mode(0777).folder("../"));
    refused("name-empty", tar().file("", "x"));
    refused("name-with-nul", tar().pax("path", "a\0b").file("short", "x"));
    refused("name-part-too-long", tar().longName("n".repeat(300)).file("short", "x"));
    refused("name-too-long", tar().longName("n/".repeat(3000) + "f").file("short", "x"));
    harmless("name-nested", tar().longName("n/".repeat(400) + "f").file("short", "x"));
    harmless("name-nested-deeper-than-paths", nested());
    harmless(
        "name-of-whiteout-up",
        tar().file(".wh...", "").file(".wh..", "").file(".wh.", "").file("a/.wh...", ""));
    harmless(
        "name-of-whiteout-through-link",
        tar().symlink("l", up).file("l/.wh.secret", "").file("l/.wh..wh..opq", ""));
  }

  /// Folders in folders, reached by links at the end of what one path can name.
  private static TarBytes nested() {
    TarBytes tar = tar();
    String part = ("n".repeat(240) + "/").repeat(15);
    String at = "";
    for (int i = 0; i < 4; i++) {
      tar.longName(at + part + "f").file("short", "x");
      tar.longLink(at + part).symlink("link" + i, "short");
      at = "link" + i + "/";
    }
    return tar;
  }

  // ---- links

  private void symbolicLinks() {
    harmless("link-absolute", tar().symlink("l", outside).file("l/escaped", "x"));
    harmless("link-up", tar().symlink("l", up).file("l/escaped", "x").file("l/secret", "x"));
    harmless(
        "link-of-link",
        tar().symlink("a", up).symlink("b", "a").symlink("c", "b/.").file("c/escaped", "x"));
    harmless("link-to-file", tar().symlink("f", secret).file("f", "x"));
    harmless("link-up-to-file", tar().symlink("f", up + "/secret").mode(06777).file("f", "x"));
    harmless(
        "link-for-folder",
        tar().mode(0777).time(1).folder("d/").symlink("d", outside).file("d/escaped", "x"));
    harmless(
        "link-up-for-folder",
        tar().mode(0777).time(1).folder("d/").symlink("d", up).file("d/escaped", "x"));
    harmless("folder-for-link", tar().symlink("d", up).mode(0777).uid(7).folder("d/"));
    harmless("link-is-the-folder", tar().symlink("./", outside).file("escaped", "x"));
    harmless("link-loop", tar().symlink("a", "b").symlink("b", "a").file("a/x", ""));
    harmless("link-without-target", tar().symlink("l", ""));
    harmless("link-to-itself", tar().symlink("l", "l").folder("l/").file("l/x", ""));
    harmless("link-with-long-target", tar().longLink("t/".repeat(3000)).symlink("l", "short"));
    harmless("link-proc", tar().symlink("l", "/proc/self/root" + outside).file("l/escaped", "x"));
    harmless("link-proc-cwd", tar().symlink("l", "/proc/1/cwd" + outside).file("l/escaped", "x"));
  }

  private void hardLinks() {
    refused("hard-link-up", tar().hardLink("h", "../secret").file("h", "x"));
    refused("hard-link-up-many", tar().hardLink("h", up + "/secret").file("h", "x"));
    refused("hard-link-absolute", tar().hardLink("h", secret).file("h", "x"));
    refused("hard-link-through-link", tar().symlink("l", up).hardLink("h", "l/secret"));
    refused("hard-link-through-absolute", tar().symlink("l", outside).hardLink("h", "l/secret"));
    harmless("hard-link-of-link", tar().symlink("s", secret).hardLink("h", "s").file("h", "x"));
    harmless("hard-link-to-itself", tar().file("h", "x").hardLink("h", "h"));
    refused("hard-link-to-nothing", tar().hardLink("h", "missing"));
    refused("hard-link-to-folder", tar().folder("d/").hardLink("h", "d"));
    refused("hard-link-of-pax-up", tar().pax("linkpath", "../secret").hardLink("h", "f"));
    harmless(
        "hard-link-with-content",
        tar().file("f", "x").entry('1', "h", "overwritten".getBytes(StandardCharsets.UTF_8)));
  }

  // ---- headers

  private void headers() {
    refused("size-negative", tar().raw(size(-1)));
    refused("size-beyond-end", tar().raw(size(Long.MAX_VALUE)));
    refused("size-of-eight-gib", tar().raw(size(8L << 30)));
    refused("size-no-number", tar().raw(field(124, "zzzzzzzzzzz\0")));
    refused("mode-no-number", tar().raw(field(100, "89abcde\0")));
    refused("owner-negative", tar().pax("uid", "-1").file("f", "x"));
    refused("owner-too-large", tar().pax("gid", "99999999999").file("f", "x"));
    refused("checksum-wrong", tar().file("first", "x").raw(wrongSum()));
    refused("kind-unknown", tar().entry('Z', "z", new byte[0]));
    refused("kind-of-old-catalog", tar().entry('D', "d/", new byte[600]));
    refused("record-of-eight-gib-claimed", tar().raw(size('L', 8L << 30)));
    all.addAll(Huge.RECORDS);
    all.add(new Case("cut-in-header", true, Arrays.copyOf(tar().file("f", "x").cut(), 300)));
    all.add(new Case("cut-in-content", true, Arrays.copyOf(big().cut(), 2000)));
    all.add(new Case("cut-in-record", true, Arrays.copyOf(big().longName("n").cut(), 5700)));
    harmless("record-without-entry", tar().longName("lonely").pax("path", "lonelier"));
    harmless("records-again-and-again", records());
  }

  private static TarBytes big() {
    return tar().entry('0', "f", new byte[4096]);
  }

  private static TarBytes records() {
    TarBytes tar = tar();
    for (int i = 0; i < 2000; i++) {
      tar.longName("n" + i).longLink("l" + i).pax("path", "p" + i);
    }
    return tar.file("f", "x");
  }

  private static byte[] size(long size) {
    return size('0', size);
  }

  /// A header with a size in base 256.
  private static byte[] size(char kind, long size) {
    byte[] h = Arrays.copyOf(tar().entry(kind, "f", new byte[0]).cut(), 512);
    for (int i = 0; i < 12; i++) {
      h[135 - i] = (byte) (i < 8 ? size >> 8 * i : size < 0 ? 0xff : 0);
    }
    h[124] |= (byte) 0x80;
    TarBytes.sum(h);
    return h;
  }

  private static byte[] field(int at, String text) {
    byte[] h = Arrays.copyOf(tar().file("f", "").cut(), 512);
    TarBytes.text(h, at, text);
    TarBytes.sum(h);
    return h;
  }

  private static byte[] wrongSum() {
    byte[] h = Arrays.copyOf(tar().file("f", "").cut(), 512);
    h[0] = 'g';
    return h;
  }

  /// Made once: it takes seconds.
  private static final class Huge {
    static final List<Case> RECORDS =
        List.of(
            new Case("long-name-huge", true, endless('L')),
            new Case("long-link-huge", true, endless('K')),
            new Case("pax-record-huge", true, endless('x')),
            new Case("pax-global-huge", true, endless('g')));
  }

  /// A record of 256 MiB, all of which comes.
  private static byte[] endless(char kind) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(Arrays.copyOf(tar().header(kind, new byte[] {'r'}, HUGE).cut(), 512));
      byte[] block = new byte[1 << 20];
      Arrays.fill(block, (byte) '9');
      for (int i = 0; i < HUGE / block.length; i++) {
        out.write(block);
      }
      out.write(tar().file("f", "x").bytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }

  // ---- PAX

  private void pax() {
    for (String record :
        List.of(
            "path=x\n",
            "5 a=b\n",
            "99 path=x\n",
            "-9 path=x\n",
            "0 path=x\n",
            "10 path=xx",
            "9 pathxx\n",
            "6 =xx\n",
            "9999999999999999999 path=x\n",
            "\0\0\0\0")) {
      byte[] bytes = record.getBytes(StandardCharsets.UTF_8);
      refused(
          "pax-malformed-" + record.replaceAll("[^a-z0-9=]", "_"),
          tar().entry('x', "pax", bytes).file("f", "x"));
    }
    refused("pax-size-negative", tar().pax("size", "-5").file("f", "x"));
    refused("pax-size-no-number", tar().pax("size", "0x10").file("f", "x"));
    refused("pax-size-beyond-end", tar().pax("size", "9223372036854775807").file("f", "x"));
    refused("pax-time-no-number", tar().pax("mtime", "1e999999999").file("f", "x"));
    harmless("pax-time-extreme", tar().pax("mtime", "999999999999999999.5").file("f", "x"));
    harmless(
        "pax-overlay-attributes",
        tar()
            .pax("SCHILY.xattr.trusted.overlay.redirect", "/etc")
            .folder("d/")
            .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
            .folder("e/")
            .pax("SCHILY.xattr.user.overlay.whiteout", "y")
            .file("f", ""));
    harmless(
        "pax-attribute-no-capability",
        tar().pax("SCHILY.xattr.security.capability", "nonsense").file("f", "x"));
    harmless(
        "pax-attribute-too-large",
        tar().pax("SCHILY.xattr.user.a", "v".repeat(900_000)).file("f", ""));
    harmless(
        "pax-attribute-name-too-long",
        tar().pax("SCHILY.xattr.user." + "k".repeat(300), "v").file("f", ""));
  }

  // ---- sparse files

  private void sparse() {
    refused("sparse-overlap", sparse("0,4,2,4", "100", "abcdefgh"));
    refused("sparse-backwards", sparse("50,4,0,4", "100", "abcdefgh"));
    refused("sparse-beyond-size", sparse("0,4,98,4", "100", "abcdefgh"));
    refused("sparse-overflow", sparse("9223372036854775807,4", "9223372036854775807", "abcd"));
    refused("sparse-negative", sparse("0,-4", "100", "abcd"));
    refused("sparse-odd", sparse("0,4,5", "100", "abcd"));
    refused("sparse-no-numbers", sparse("a,b", "100", "abcd"));
    refused("sparse-too-little", sparse("0,4,50,40", "100", "abcdefgh"));
    refused("sparse-too-much", sparse("0,2", "100", "abcdefgh"));
    refused("sparse-size-negative", sparse("0,4", "-1", "abcd"));
    harmless("sparse-of-eight-eib", sparse("0,4", "9223372036854775807", "abcd"));
    refused("sparse-map-of-a-billion", newSparse("1000000000\n"));
    refused("sparse-map-without-end", newSparse("1".repeat(2048)));
    refused("sparse-map-negative", newSparse("-1\n"));
    refused("sparse-map-cut", newSparse("20000\n" + "1\n".repeat(200)));
    byte[] old = Arrays.copyOf(tar().entry('S', "s", new byte[0]).cut(), 512);
    TarBytes.octal(old, 386, 12, 50);
    TarBytes.octal(old, 398, 12, 100);
    TarBytes.octal(old, 483, 12, 60);
    TarBytes.sum(old);
    refused("sparse-old-beyond-size", tar().raw(old));
    byte[] endless = old.clone();
    endless[482] = 1;
    TarBytes.sum(endless);
    TarBytes more = tar().raw(endless);
    byte[] block = new byte[512];
    Arrays.fill(block, (byte) '0');
    for (int i = 0; i < 6000; i++) {
      more.raw(block);
    }
    refused("sparse-old-without-end", more);
  }

  private static TarBytes sparse(String map, String size, String content) {
    return tar().pax("GNU.sparse.map", map, "GNU.sparse.size", size).file("s", content);
  }

  private static TarBytes newSparse(String map) {
    return tar()
        .pax("GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "100")
        .file("s", map);
  }

  // ---- devices

  private void devices() {
    harmless(
        "devices",
        tar()
            .mode(0666)
            .device('3', "memory", 1, 1)
            .mode(0666)
            .device('4', "disk", 8, 0)
            .device('4', "first", 254, 0)
            .device('3', "whiteout", 0, 0)
            .device('3', "large", 07777777, 07777777));
    harmless("file-for-pipe", tar().device('6', "p", 0, 0).file("p", "x"));
    harmless("file-for-device", tar().device('3', "n", 1, 3).file("n", "x"));
    harmless("link-to-device", tar().device('3', "n", 1, 7).hardLink("h", "n").file("h", "full"));
    harmless("file-in-pipe", tar().device('6', "p", 0, 0).file("p/x", "x"));
  }

  // ---- the same name again

  private void duplicates() {
    TarBytes again = tar();
    for (int i = 0; i < 200; i++) {
      again.file("f", "x" + i).folder("f/").file("f/g", "y").symlink("f", up).hardLink("f", "f");
    }
    harmless("duplicates-of-every-kind", again);
    harmless(
        "duplicate-link-then-file", tar().symlink("f", secret).symlink("f", up).file("f", "x"));
    harmless(
        "duplicate-folder-around-link",
        tar()
            .folder("d/")
            .file("d/f", "x")
            .symlink("d", outside)
            .mode(0777)
            .folder("d/")
            .file("d/escaped", "x"));
    refused("file-as-folder", tar().file("f", "x").file("f/g", "x"));
    harmless("zeros-between", tar().file("f", "x").raw(new byte[512]).file("../escaped", "x"));
    harmless("entries-after-the-end", tar().file("f", "x").raw(new byte[1024]).file("../g", "x"));
  }

  // ---- how it is packed

  private void packing() {
    byte[] gzip = gzip(big().bytes());
    all.add(new Case("gzip-cut", true, Arrays.copyOf(gzip, gzip.length - 12)));
    byte[] broken = gzip(big().bytes());
    broken[gzip.length - 6] ^= 0x55;
    all.add(new Case("gzip-checksum-wrong", true, broken));
    byte[] nonsense = Arrays.copyOf(gzip, 400);
    Arrays.fill(nonsense, 10, 400, (byte) 0xff);
    all.add(new Case("gzip-nonsense", true, nonsense));
    // a window of 2 TiB, and a frame that never ends
    byte[] window = new byte[600];
    byte[] start = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, (byte) 0xf8};
    System.arraycopy(start, 0, window, 0, start.length);
    all.add(new Case("zstd-window-huge", true, window));
    all.add(new Case("zstd-cut", true, Arrays.copyOf(start, 5)));
    all.add(
        new Case(
            "bzip2-nonsense", true, "BZh9nonsense".repeat(60).getBytes(StandardCharsets.UTF_8)));
    byte[] xz = new byte[600];
    System.arraycopy(new byte[] {(byte) 0xfd, '7', 'z', 'X', 'Z', 0}, 0, xz, 0, 6);
    all.add(new Case("xz-nonsense", true, xz));
  }

  static byte[] gzip(byte[] bytes) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }
}
