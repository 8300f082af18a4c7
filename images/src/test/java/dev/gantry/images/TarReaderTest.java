package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.kernel.FileNames;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TarReaderTest {
  private static TarReader reader(byte[] bytes) {
    return new TarReader(new ByteArrayInputStream(bytes));
  }

  private static TarEntry only(TarBytes tar) throws IOException {
    TarReader reader = reader(tar.bytes());
    TarEntry entry = reader.next();
    assertNull(reader.next());
    assertTrue(entry != null);
    return entry;
  }

  @Test
  void entriesComeWithTheirData() throws IOException {
    TarReader reader =
        reader(new TarBytes().mode(04755).uid(7).file("a", "hello").folder("d/").bytes());
    TarEntry a = reader.next();
    assertEquals("a", a.name());
    assertEquals(04755, a.mode());
    assertEquals(7, a.uid());
    assertEquals(5, a.size());
    assertEquals(1_000_000_000, a.seconds());
    assertEquals("hello", new String(reader.data().readAllBytes(), StandardCharsets.UTF_8));
    assertEquals(TarEntry.Kind.FOLDER, reader.next().kind());
    assertNull(reader.next());
    assertNull(reader.next());
  }

  @Test
  void theLastPaddingMayBeMissing() throws IOException {
    byte[] whole = new TarBytes().file("a", "first").bytes();
    TarReader reader = reader(java.util.Arrays.copyOf(whole, 512 + 5));
    assertEquals("a", reader.next().name());
    assertEquals("first", new String(reader.data().readAllBytes(), StandardCharsets.UTF_8));
    assertNull(reader.next());
  }

  @Test
  void dataThatNobodyReadIsSkipped() throws IOException {
    TarReader reader = reader(new TarBytes().file("a", "x".repeat(2000)).file("b", "").bytes());
    reader.next();
    assertEquals("b", reader.next().name());
  }

  @Test
  void paxOverridesTheHeader() throws IOException {
    TarEntry e =
        only(
            new TarBytes()
                .pax(
                    "path",
                    "long/näme",
                    "uid",
                    "4000000000",
                    "mtime",
                    "-1.25",
                    "linkpath",
                    "x",
                    "SCHILY.xattr.user.a",
                    "v")
                .file("short", ""));
    assertEquals("long/näme", e.name());
    assertEquals(4_000_000_000L, e.uid());
    assertEquals(-2, e.seconds());
    assertEquals(750_000_000, e.nanos());
    assertEquals("v", new String(e.attributes().get("user.a"), StandardCharsets.UTF_8));
  }

  @Test
  void attributesAreBytes() throws IOException {
    byte[] value = {1, 0, 0, 2, (byte) 0x80, (byte) 0xff, 0, '\n', '='};
    TarEntry e =
        only(new TarBytes().paxBytes("SCHILY.xattr.security.capability", value).file("ping", ""));
    assertArrayEquals(value, e.attributes().get("security.capability"));
  }

  @Test
  void namesNeedNotBeText() throws IOException {
    byte[] name = {'a', (byte) 0xe9, 'b'};
    TarEntry e = only(new TarBytes().header('0', name, 0));
    assertArrayEquals(name, FileNames.encode(e.name()));
  }

  @Test
  void gnuLongNames() throws IOException {
    String name = "n".repeat(300);
    TarEntry e =
        only(
            new TarBytes()
                .entry('L', "././@LongLink", (name + "\0").getBytes(StandardCharsets.UTF_8))
                .entry('K', "././@LongLink", "to\0".getBytes(StandardCharsets.UTF_8))
                .symlink("cut", "cut"));
    assertEquals(name, e.name());
    assertEquals("to", e.link());
  }

  @Test
  void ustarPrefixAndBigNumbers() throws IOException {
    byte[] h = new byte[512];
    TarBytes.text(h, 0, "name");
    TarBytes.text(h, 345, "some/prefix");
    TarBytes.text(h, 257, "ustar\00000");
    TarBytes.octal(h, 100, 8, 0644);
    TarBytes.octal(h, 116, 8, 0);
    TarBytes.octal(h, 124, 12, 0);
    TarBytes.octal(h, 136, 12, 0);
    h[156] = '0';
    h[108] = (byte) 0x80; // base 256
    h[113] = 1;
    TarBytes.sum(h);
    TarEntry e = only(new TarBytes().raw(h));
    assertEquals("some/prefix/name", e.name());
    assertEquals(65536, e.uid());
  }

  @Test
  void sparseFilesOfAllForms() throws IOException {
    byte[] data = "ABCDEFGH".getBytes(StandardCharsets.UTF_8);
    byte[] old = new byte[512];
    TarBytes.text(old, 0, "s");
    TarBytes.octal(old, 100, 8, 0644);
    TarBytes.octal(old, 108, 8, 0);
    TarBytes.octal(old, 116, 8, 0);
    TarBytes.octal(old, 124, 12, 8);
    TarBytes.octal(old, 136, 12, 0);
    TarBytes.text(old, 257, "ustar  \0");
    old[156] = 'S';
    TarBytes.octal(old, 386, 12, 0);
    TarBytes.octal(old, 398, 12, 4);
    TarBytes.octal(old, 410, 12, 100);
    TarBytes.octal(old, 422, 12, 4);
    TarBytes.octal(old, 483, 12, 200);
    TarBytes.sum(old);
    TarBytes v10 =
        new TarBytes()
            .pax(
                "GNU.sparse.major",
                "1",
                "GNU.sparse.minor",
                "0",
                "GNU.sparse.name",
                "s",
                "GNU.sparse.realsize",
                "200");
    byte[] map = new byte[520];
    TarBytes.text(map, 0, "2\n0\n4\n100\n4\n");
    System.arraycopy(data, 0, map, 512, 8);
    List<TarBytes> forms =
        List.of(
            new TarBytes().raw(old).data(data),
            new TarBytes()
                .pax(
                    "GNU.sparse.size",
                    "200",
                    "GNU.sparse.numblocks",
                    "2",
                    "GNU.sparse.offset",
                    "0",
                    "GNU.sparse.numbytes",
                    "4",
                    "GNU.sparse.offset",
                    "100",
                    "GNU.sparse.numbytes",
                    "4")
                .entry('0', "s", data),
            new TarBytes()
                .pax(
                    "GNU.sparse.size", "200", "GNU.sparse.map", "0,4,100,4", "GNU.sparse.name", "s")
                .entry('0', "x", data),
            v10.entry('0', "GNUSparseFile.0/s", map));
    for (TarBytes form : forms) {
      TarReader reader = reader(form.file("after", "z").bytes());
      TarEntry e = reader.next();
      assertEquals("s", e.name());
      assertEquals(200, e.size());
      assertEquals(List.of(new TarEntry.Segment(0, 4), new TarEntry.Segment(100, 4)), e.segments());
      assertArrayEquals(data, reader.data().readAllBytes());
      assertEquals("after", reader.next().name());
    }
  }

  static Map<String, byte[]> broken() {
    byte[] badSum = new TarBytes().file("a", "").bytes();
    badSum[0] = 'b';
    byte[] zeroBetween = new TarBytes().file("a", "").raw(new byte[512]).file("b", "").bytes();
    return Map.ofEntries(
        Map.entry("garbage", "garbage".repeat(200).getBytes(StandardCharsets.UTF_8)),
        Map.entry("short", new byte[100]),
        Map.entry("checksum", badSum),
        Map.entry("zero block between", zeroBetween),
        Map.entry("cut data", new TarBytes().header('0', new byte[] {'a'}, 10_000).cut()),
        Map.entry("huge header", new TarBytes().header('x', new byte[] {'p'}, 1L << 30).cut()),
        Map.entry("huge name", new TarBytes().header('L', new byte[] {'p'}, 1L << 30).cut()),
        Map.entry("no name", new TarBytes().file("", "").bytes()),
        Map.entry("unknown kind", new TarBytes().entry('Z', "a", new byte[0]).bytes()),
        Map.entry("pax length", new TarBytes().entry('x', "p", bytes("99 a=b\n")).bytes()),
        Map.entry("pax length 0", new TarBytes().entry('x', "p", bytes("0 a=b\n")).bytes()),
        Map.entry("pax no key", new TarBytes().entry('x', "p", bytes("5 =b\n")).bytes()),
        Map.entry("pax no newline", new TarBytes().entry('x', "p", bytes("6 a=bb")).bytes()),
        Map.entry("pax size", new TarBytes().pax("size", "-5").file("a", "").bytes()),
        Map.entry("pax size text", new TarBytes().pax("size", "x").file("a", "").bytes()),
        Map.entry("pax owner", new TarBytes().pax("uid", "-1").file("a", "").bytes()),
        Map.entry("pax time", new TarBytes().pax("mtime", "soon").file("a", "").bytes()),
        Map.entry("pax name", new TarBytes().pax("path", "a\0b").file("a", "").bytes()),
        Map.entry(
            "sparse overlap",
            new TarBytes()
                .pax("GNU.sparse.map", "5,2,0,2", "GNU.sparse.size", "9")
                .file("a", "xxxx")
                .bytes()),
        Map.entry(
            "sparse past the end",
            new TarBytes()
                .pax("GNU.sparse.map", "5,9", "GNU.sparse.size", "9")
                .file("a", "xxxxxxxxx")
                .bytes()),
        Map.entry(
            "sparse overflow",
            new TarBytes()
                .pax("GNU.sparse.map", "9223372036854775807,9", "GNU.sparse.size", "9")
                .file("a", "xxxxxxxxx")
                .bytes()),
        Map.entry(
            "sparse map odd",
            new TarBytes()
                .pax("GNU.sparse.map", "1,2,3", "GNU.sparse.size", "9")
                .file("a", "x")
                .bytes()),
        Map.entry(
            "sparse map missing",
            new TarBytes()
                .pax("GNU.sparse.major", "1", "GNU.sparse.realsize", "9")
                .file("a", "x")
                .bytes()));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static List<String> brokenNames() {
    return broken().keySet().stream().sorted().toList();
  }

  @ParameterizedTest
  @MethodSource("brokenNames")
  void brokenArchivesAreRefused(String name) {
    TarReader reader = reader(broken().get(name));
    IOException e =
        assertThrows(
            IOException.class,
            () -> {
              while (reader.next() != null) {
                reader.data().readAllBytes();
              }
            });
    assertTrue(e.getMessage().contains("tar archive"), e.getMessage());
  }
}
