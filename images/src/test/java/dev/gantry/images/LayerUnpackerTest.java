package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Tree;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayerUnpackerTest {
  @TempDir Path outside;
  private Path folder;

  @BeforeEach
  void needsRoot() throws IOException {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    folder = Files.createDirectory(outside.resolve("layer"));
    Files.writeString(outside.resolve("secret"), "untouched");
  }

  private LayerUnpacker.Unpacked unpack(TarBytes tar) throws IOException {
    return LayerUnpacker.unpack(new ByteArrayInputStream(tar.bytes()), folder);
  }

  private Tree.Status status(String path) throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      return tree.status(path).orElseThrow();
    }
  }

  private String attribute(String path, String key) throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      return tree.attribute(path, key)
          .map(b -> new String(b, StandardCharsets.ISO_8859_1))
          .orElse("");
    }
  }

  private String read(String name) throws IOException {
    return Files.readString(folder.resolve(name));
  }

  @Test
  void filesKeepOwnerModeAndTime() throws IOException {
    LayerUnpacker.Unpacked made =
        unpack(
            new TarBytes()
                .mode(01777)
                .time(77)
                .folder("tmp/")
                .mode(04755)
                .uid(1234)
                .time(88)
                .file("tmp/su", "12345"));
    assertEquals(5, made.bytes());
    assertTrue(made.implicit().isEmpty());
    assertEquals(04755, status("/tmp/su").mode() & 07777);
    assertEquals(1234, status("/tmp/su").uid());
    assertEquals(88, status("/tmp/su").seconds());
    assertEquals(01777, status("/tmp").mode() & 07777);
    assertEquals(77, status("/tmp").seconds());
  }

  @Test
  void filesAreRootsAlsoWhereFoldersPassTheirGroupOn() throws IOException {
    unpack(
        new TarBytes()
            .mode(0644)
            .file("before", "")
            .mode(02755)
            .gid(50)
            .folder("shared/")
            .mode(0666)
            .gid(0)
            .file("shared/of-root", "")
            .symlink("shared/link", "of-root")
            .folder("shared/folder/"));
    for (String path : List.of("/before", "/shared/of-root", "/shared/link", "/shared/folder")) {
      assertEquals(0, status(path).gid(), path);
    }
    assertEquals(50, status("/shared").gid());
    assertEquals(02755, status("/shared").mode() & 07777);
    assertEquals(0644, status("/before").mode() & 07777);
    assertEquals(0666, status("/shared/of-root").mode() & 07777);
    assertEquals(0755, status("/shared/folder").mode() & 07777);
  }

  @Test
  void whiteoutsAndOpaqueFolders() throws IOException {
    unpack(
        new TarBytes()
            .folder("d/")
            .file("d/.wh.gone", "")
            .folder("o/")
            .file("o/.wh..wh..opq", "")
            .file("o/new", "n")
            .file(".wh..wh.plnk/x", "")
            .file(".wh.top", ""));
    assertEquals(0020000, status("/d/gone").mode() & 0170000);
    assertEquals(0, status("/d/gone").device());
    assertEquals(0020000, status("/top").mode() & 0170000);
    assertEquals("y", attribute("/o", "trusted.overlay.opaque"));
    assertEquals("n", read("o/new"));
    assertFalse(Files.exists(folder.resolve(".wh..wh.plnk")));
  }

  @Test
  void whiteoutHidesOnlyWhatIsBelow() throws IOException {
    unpack(
        new TarBytes()
            .folder("first/")
            .file("first/own", "1")
            .file(".wh.first", "")
            .file(".wh.second", "")
            .folder("second/")
            .file("second/own", "2")
            .file("f", "3")
            .file(".wh.f", ""));
    assertEquals("1", read("first/own"));
    assertEquals("y", attribute("/first", "trusted.overlay.opaque"));
    assertEquals("2", read("second/own"));
    assertEquals("y", attribute("/second", "trusted.overlay.opaque"));
    assertEquals("3", read("f"));
  }

  @Test
  void linksDevicesAndPipes() throws IOException {
    unpack(
        new TarBytes()
            .file("a", "same")
            .hardLink("b", "./a")
            .symlink("s", "/etc/passwd")
            .hardLink("s2", "s")
            .device('3', "null", 1, 3)
            .device('4', "disk", 8, 300)
            .device('6', "pipe", 0, 0));
    assertEquals(status("/a").inode(), status("/b").inode());
    assertEquals("/etc/passwd", Files.readSymbolicLink(folder.resolve("s")).toString());
    assertTrue(Files.isSymbolicLink(folder.resolve("s2")));
    assertEquals(Tree.device(1, 3), status("/null").device());
    assertEquals(Tree.device(8, 300), status("/disk").device());
    assertEquals(0010000, status("/pipe").mode() & 0170000);
  }

  @Test
  void sparseFilesStaySparse() throws IOException {
    unpack(
        new TarBytes()
            .pax("GNU.sparse.map", "0,2,1073741824,2", "GNU.sparse.size", "2147483648")
            .file("big", "abcd"));
    assertEquals(2147483648L, Files.size(folder.resolve("big")));
    try (var channel = java.nio.channels.FileChannel.open(folder.resolve("big"))) {
      java.nio.ByteBuffer two = java.nio.ByteBuffer.allocate(2);
      channel.read(two, 1073741824);
      assertArrayEquals("cd".getBytes(StandardCharsets.UTF_8), two.array());
    }
  }

  @Test
  void attributesAreKeptButOverlayfsOwnAreNot() throws IOException {
    byte[] capability = {1, 0, 0, 2, (byte) 0x80, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    unpack(
        new TarBytes()
            .paxBytes("SCHILY.xattr.security.capability", capability)
            .mode(0755)
            .file("ping", "")
            .pax("SCHILY.xattr.trusted.overlay.redirect", "/etc")
            .folder("d/"));
    assertEquals(
        new String(capability, StandardCharsets.ISO_8859_1),
        attribute("/ping", "security.capability"));
    assertEquals("", attribute("/d", "trusted.overlay.redirect"));
  }

  @Test
  void laterEntriesReplaceEarlierOnes() throws IOException {
    unpack(
        new TarBytes()
            .file("x", "file")
            .folder("x/")
            .file("x/in", "1")
            .file("y", "old")
            .file("y", "new")
            .folder("z/")
            .file("z/in", "")
            .symlink("z", "x")
            .file("z/through", "t"));
    assertEquals("1", read("x/in"));
    assertEquals("new", read("y"));
    assertTrue(Files.isSymbolicLink(folder.resolve("z")));
    assertEquals("t", read("x/through"));
  }

  @Test
  void foldersThatAreNoEntriesAreNamed() throws IOException {
    LayerUnpacker.Unpacked made =
        unpack(new TarBytes().file("a/b/c", "x").folder("a/b/").file("d/e", "y"));
    assertEquals(List.of("/a", "/d"), made.implicit());
    assertEquals(0755, status("/a").mode() & 07777);
  }

  @Test
  void oddNamesAreUnpackedAndReplaced() throws IOException {
    byte[] odd = {'d', '/', (byte) 0xff, (byte) 0xfe};
    unpack(
        new TarBytes()
            .folder("d/")
            .header('0', odd, 0)
            .file("d/ünïcode", "u")
            .file("d", "now a file"));
    assertEquals("now a file", read("d"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../secret", "a/../../secret", "/../secret", "..", "a/.."})
  void namesThatLeadOutAreRefused(String name) throws IOException {
    Failure.InvalidRequest e =
        assertThrows(Failure.InvalidRequest.class, () -> unpack(new TarBytes().file(name, "evil")));
    assertTrue(e.text().contains(name), e.text());
    assertEquals("untouched", Files.readString(outside.resolve("secret")));
  }

  @Test
  void linksThatLeadOutStayInside() throws IOException {
    unpack(
        new TarBytes()
            .symlink("up", "../..")
            .file("up/secret", "inside")
            .symlink("abs", outside.toString())
            .folder("x/"));
    assertEquals("untouched", Files.readString(outside.resolve("secret")));
    assertEquals("inside", read("secret"));
    assertThrows(
        Failure.InvalidRequest.class,
        () -> unpack(new TarBytes().symlink("q", outside.toString()).file("q/secret", "evil")));
    assertEquals("untouched", Files.readString(outside.resolve("secret")));
  }

  @Test
  void hardLinksToTheOutsideAreRefused() throws IOException {
    assertThrows(
        Failure.InvalidRequest.class, () -> unpack(new TarBytes().hardLink("l", "../secret")));
    assertThrows(
        Failure.InvalidRequest.class,
        () ->
            unpack(
                new TarBytes().symlink("up", "..").hardLink("l", "up/secret").file("l", "evil")));
    assertThrows(
        Failure.InvalidRequest.class,
        () -> unpack(new TarBytes().hardLink("m", outside.resolve("secret").toString())));
    assertEquals("untouched", Files.readString(outside.resolve("secret")));
  }

  @Test
  void entriesThroughFilesAreRefused() {
    Failure.InvalidRequest e =
        assertThrows(
            Failure.InvalidRequest.class,
            () -> unpack(new TarBytes().file("f", "").file("f/g", "")));
    assertTrue(e.text().contains("f/g"), e.text());
  }

  @ParameterizedTest
  @ValueSource(strings = {".wh.", ".wh..", ".wh...", "d/.wh."})
  void invalidWhiteoutsAreRefused(String name) {
    assertThrows(Failure.InvalidRequest.class, () -> unpack(new TarBytes().file(name, "")));
  }

  @Test
  void loopOfLinksIsRefused() {
    assertThrows(
        Failure.InvalidRequest.class,
        () -> unpack(new TarBytes().symlink("a", "b").symlink("b", "a").file("a/x", "")));
  }

  /// Random damage to a rich archive: whatever comes, nothing outside changes, the errors are ours,
  /// and it ends.
  @Test
  void damagedArchivesDoNoHarm() throws IOException {
    byte[] good =
        new TarBytes()
            .folder("d/")
            .file("d/f", "content")
            .symlink("l", "d")
            .file("l/g", "through")
            .hardLink("h", "d/f")
            .pax("path", "d/long", "SCHILY.xattr.user.x", "y")
            .file("x", "pax")
            .pax("GNU.sparse.map", "0,2,64,2", "GNU.sparse.size", "100")
            .file("s", "abcd")
            .entry('L', "L", "d/gnu\0".getBytes(StandardCharsets.UTF_8))
            .file("cut", "gnu")
            .device('3', "dev", 1, 3)
            .file("d/.wh.f", "")
            .bytes();
    String before = tree();
    Random random = new Random(4);
    int unpacked = 0;
    for (int round = 0; round < 3000; round++) {
      byte[] bad = good.clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        int at = random.nextInt(bad.length);
        bad[at] = (byte) random.nextInt(256);
        int header = at & ~511;
        if (random.nextInt(4) > 0) { // mostly with a right checksum, to get behind it
          byte[] h = java.util.Arrays.copyOfRange(bad, header, header + 512);
          TarBytes.sum(h);
          System.arraycopy(h, 0, bad, header, 512);
        }
      }
      Path target = Files.createDirectory(outside.resolve("fuzz"));
      try {
        LayerUnpacker.unpack(new ByteArrayInputStream(bad), target);
        unpacked++;
      } catch (Failure | IOException e) {
        assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
      }
      try (Tree t = Tree.open(outside.toString())) {
        t.remove("/fuzz");
      }
      if (round % 500 == 0) {
        assertEquals(before, tree());
      }
    }
    assertEquals(before, tree());
    assertTrue(unpacked > 0, "no damaged archive could be unpacked: the test does not reach far");
  }

  /// Another thread puts links in the place of the layer's folders and files, again and again.
  @Test
  void linksThatComeMeanwhileAreNotFollowed() throws Exception {
    byte[] archive =
        new TarBytes()
            .mode(0777)
            .uid(7)
            .folder("d/")
            .mode(06777)
            .uid(7)
            .file("d/secret", "overwritten")
            .hardLink("d/link", "d/secret")
            .mode(06777)
            .uid(7)
            .file("f", "overwritten")
            .mode(0666)
            .device('6', "f", 0, 0)
            .bytes();
    java.util.concurrent.atomic.AtomicBoolean on =
        new java.util.concurrent.atomic.AtomicBoolean(true);
    Path secret = outside.resolve("secret");
    String before = tree();
    Object attributes = Files.readAttributes(secret, "unix:mode,uid,gid,lastModifiedTime,nlink");
    Thread folders = Thread.ofPlatform().start(() -> swap(on, "d", outside));
    Thread files = Thread.ofPlatform().start(() -> swap(on, "f", secret));
    try {
      for (int round = 0; round < 1000; round++) {
        try {
          LayerUnpacker.unpack(new ByteArrayInputStream(archive), folder);
        } catch (Failure | IOException e) {
          assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
        }
      }
    } finally {
      on.set(false);
      folders.join();
      files.join();
    }
    try (Tree t = Tree.open(outside.toString())) {
      t.remove("/layer");
      t.makeFolder("/layer", 0755);
    }
    assertEquals(before, tree());
    assertEquals(
        attributes, Files.readAttributes(secret, "unix:mode,uid,gid,lastModifiedTime,nlink"));
  }

  private void swap(java.util.concurrent.atomic.AtomicBoolean on, String name, Path target) {
    try (Tree tree = Tree.open(folder.toString())) {
      while (on.get()) {
        try {
          tree.remove("/" + name);
          tree.makeLink("/" + name, target.toString());
          tree.remove("/" + name);
          tree.makeLink("/" + name, "../" + target.getFileName());
        } catch (dev.gantry.kernel.Errno e) {
          continue; // the archive was faster
        }
      }
    } catch (dev.gantry.kernel.Errno e) {
      throw new IllegalStateException(e);
    }
  }

  private String tree() throws IOException {
    TreeSet<String> all = new TreeSet<>();
    try (var walk = Files.walk(outside)) {
      walk.forEach(p -> all.add(p.toString()));
    }
    return all + Files.readString(outside.resolve("secret"));
  }
}
