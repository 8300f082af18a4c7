package dev.gantry.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TreeRemovalTest {
  @TempDir Path folder;

  @Test
  void removesFilesFoldersAndLinksButNotWhatLinksLeadTo() throws IOException {
    Path outside = Files.createDirectory(folder.resolve("outside"));
    Files.writeString(outside.resolve("kept"), "mine");
    Path tree = Files.createDirectories(folder.resolve("tree/a/b"));
    Files.writeString(tree.resolve("f"), "");
    Files.createSymbolicLink(tree.resolve("l"), outside);
    for (int i = 0; i < 2000; i++) {
      Files.createFile(tree.resolve("file-with-a-long-name-" + i));
    }
    TreeRemoval.remove(folder.resolve("tree"));
    assertFalse(Files.exists(folder.resolve("tree")));
    assertEquals("mine", Files.readString(outside.resolve("kept")));
  }

  @Test
  void whatIsNotThereIsNoError() throws IOException {
    TreeRemoval.remove(folder.resolve("missing"));
    TreeRemoval.remove(folder.resolve("missing/below"));
  }

  @Test
  void aLinkIsRemovedItself() throws IOException {
    Path outside = Files.createDirectory(folder.resolve("outside"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), outside);
    TreeRemoval.remove(link);
    assertTrue(Files.exists(outside));
    assertFalse(Files.isSymbolicLink(link));
  }

  /// Each folder is made by the descriptor of the one above: no path leads to the deepest.
  @Test
  void depthHasNoLimit() throws IOException {
    Fd at = Fd.open(Files.createDirectory(folder.resolve("deep")).toString(), Fd.O_DIRECTORY);
    String down = "d".repeat(200);
    for (int i = 0; i < 200; i++) {
      Files.createDirectory(Path.of(at.procPath(), down));
      Files.writeString(Path.of(at.procPath(), "file"), "");
      Fd below = Fd.openAt(at.number(), down, Fd.O_RDONLY | Fd.O_DIRECTORY, 0);
      at.close();
      at = below;
    }
    at.close();
    TreeRemoval.remove(folder.resolve("deep"));
    try (var left = Files.list(folder)) {
      assertEquals(0, left.count());
    }
  }
}
