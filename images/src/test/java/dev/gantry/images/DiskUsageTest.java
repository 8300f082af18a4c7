package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DiskUsageTest extends ImagesFixture {
  private static final int FOLDERS = 30;
  private static final int FILES = 10;
  private static final int LARGEST = 60_000;

  @Test
  void imagesTakeWhatTheDiskSays() throws Exception {
    images.importRoot(
        new ByteArrayInputStream(archive()),
        Json.object(),
        "c",
        "2026-01-01T00:00:00Z",
        ImageReference.parse("a:1"));
    double said = images.diskUsage();
    double disk = du(folder.resolve("content")) + du(folder.resolve("overlay"));
    assertEquals(disk, said, disk / 100, "within one percent");
  }

  private static byte[] archive() {
    Random random = new Random(3);
    TarBytes tar = new TarBytes();
    for (int f = 0; f < FOLDERS; f++) {
      tar.folder("d" + f + "/");
      for (int i = 0; i < FILES; i++) {
        byte[] content = new byte[random.nextInt(LARGEST)];
        random.nextBytes(content);
        tar.entry('0', "d" + f + "/f" + i, content);
      }
    }
    return tar.bytes();
  }

  private static long du(Path folder) throws IOException, InterruptedException {
    Process du = new ProcessBuilder("du", "-s", "-B1", folder.toString()).start();
    String text = new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, du.waitFor());
    return Long.parseLong(text.substring(0, text.indexOf('\t')));
  }
}
