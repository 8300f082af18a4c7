package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `cp` takes out of a container must stay in its folder.
class UnpackingTest {
  @TempDir Path scratch;
  private Path folder;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createDirectory(scratch.resolve("target"));
  }

  private static InputStream archive(Entry... entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarWriter tar = new TarWriter(bytes)) {
      for (Entry entry : entries) {
        byte[] content = "x".repeat((int) entry.size()).getBytes(StandardCharsets.UTF_8);
        tar.add(entry, new ByteArrayInputStream(content));
      }
    }
    return new ByteArrayInputStream(bytes.toByteArray());
  }

  private static Entry file(String name) {
    return new Entry(name, '0', 0640, 0, 0, 1, 1_700_000_000, "");
  }

  private static Entry link(String name, String target) {
    return new Entry(name, '2', 0777, 0, 0, 0, 1, target);
  }

  private static Entry folder(String name) {
    return new Entry(name, '5', 0555, 0, 0, 0, 1_700_000_000, "");
  }

  private void unpack(Entry... entries) throws IOException {
    new Unpacking(folder, "top", false).all(archive(entries));
  }

  @Test
  void theFirstPartOfNamesIsReplaced() throws IOException {
    unpack(folder("etc/"), file("etc/passwd"));
    assertEquals("x", Files.readString(folder.resolve("top/passwd")));
    assertEquals(1_700_000_000, Files.getLastModifiedTime(folder.resolve("top")).toMillis() / 1000);
  }

  @Test
  void twoDotsAreRefused() {
    assertThrows(IOException.class, () -> unpack(file("a/../../out")));
    assertFalse(Files.exists(scratch.resolve("out")));
  }

  @Test
  void aLinkIsNotFollowed() {
    assertThrows(
        IOException.class,
        () -> unpack(folder("a/"), link("a/way", scratch.toString()), file("a/way/out")));
    assertFalse(Files.exists(scratch.resolve("out")));
  }

  @Test
  void aFileInThePlaceOfALinkReplacesTheLinkAndNotWhatItLeadsTo() throws IOException {
    Path outside = Files.writeString(scratch.resolve("outside"), "mine");
    unpack(folder("a/"), link("a/f", outside.toString()), file("a/f"));
    assertEquals("mine", Files.readString(outside));
    assertFalse(Files.isSymbolicLink(folder.resolve("top/f")));
  }

  @Test
  void aLinkAsTheWholeCopyIsMade() throws IOException {
    unpack(link("l", "nowhere"));
    assertTrue(Files.isSymbolicLink(folder.resolve("top")));
  }

  @Test
  void aLinkInThePlaceOfAFolderDoesNotGetThatFoldersMode() throws IOException {
    Path outside = Files.createDirectory(scratch.resolve("outside"));
    Files.setPosixFilePermissions(outside, PosixFilePermissions.fromString("rwx------"));
    assertThrows(
        IOException.class,
        () -> unpack(folder("a/"), folder("a/d/"), link("a/d", outside.toString())));
    assertEquals(
        "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(outside)));
  }

  @Test
  void aHardLinkToTheOutsideIsRefused() throws IOException {
    Path outside = Files.writeString(scratch.resolve("outside"), "mine");
    for (String target : List.of("a/../../outside", "a/way/outside")) {
      Entry hard = new Entry("a/h", '1', 0644, 0, 0, 0, 1, target);
      assertThrows(
          IOException.class,
          () -> unpack(folder("a/"), link("a/way", scratch.toString()), hard, file("a/h")),
          target);
    }
    assertEquals("mine", Files.readString(outside));
  }

  @Test
  void aNameThatCannotBeIsAnErrorWithIt() {
    IOException e = assertThrows(IOException.class, () -> unpack(file("a/" + "n".repeat(300))));
    assertTrue(e.getMessage().contains("nnn"), e.getMessage());
  }

  @Test
  void devicesAndPipesStayWhereTheyAre() throws IOException {
    unpack(
        folder("a/"),
        new Entry("a/null", '3', 0666, 0, 0, 0, 1, ""),
        new Entry("a/pipe", '6', 0666, 0, 0, 0, 1, ""));
    try (var files = Files.list(folder.resolve("top"))) {
      assertEquals(0, files.count());
    }
  }

  /// Random damage: whatever comes, nothing outside changes and the errors are ours.
  @Test
  void damagedArchivesDoNoHarm() throws IOException {
    Path outside = Files.writeString(scratch.resolve("outside"), "mine");
    byte[] good =
        archive(
                folder("a/"),
                file("a/f"),
                link("a/l", "../../" + outside.getFileName()),
                file("a/l"),
                new Entry("a/h", '1', 0644, 0, 0, 0, 1, "a/f"),
                file("a/" + "long/".repeat(1) + "n".repeat(120)),
                folder("a/d/"))
            .readAllBytes();
    Random random = new Random(3);
    for (int round = 0; round < 2000; round++) {
      byte[] bad = good.clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      try {
        new Unpacking(folder, "top", false).all(new ByteArrayInputStream(bad));
      } catch (IOException e) {
        assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
      }
    }
    assertEquals("mine", Files.readString(outside));
    try (var files = Files.list(scratch)) {
      assertEquals(2, files.count());
    }
  }
}
