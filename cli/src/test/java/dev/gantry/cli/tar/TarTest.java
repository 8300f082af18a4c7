package dev.gantry.cli.tar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TarTest {
  private static byte[] archive(Entry entry, byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarWriter tar = new TarWriter(bytes)) {
      tar.add(entry, new ByteArrayInputStream(content));
    }
    return bytes.toByteArray();
  }

  private static void comesBack(Entry entry, byte[] content) throws IOException {
    TarReader reader = new TarReader(new ByteArrayInputStream(archive(entry, content)));
    Entry read = reader.next().orElseThrow();
    assertEquals(entry.name(), read.name());
    assertEquals(entry.type(), read.type());
    assertEquals(entry.mode() & 07777, read.mode() & 07777);
    assertEquals(entry.user(), read.user());
    assertEquals(entry.size(), read.size());
    assertEquals(entry.seconds(), read.seconds());
    assertEquals(entry.link(), read.link());
    assertArrayEquals(content, reader.content().readAllBytes());
    assertEquals(Optional.empty(), reader.next());
  }

  @Test
  void aFileComesBackAsItWas() throws IOException {
    byte[] content = "hello".getBytes(StandardCharsets.UTF_8);
    comesBack(new Entry("a/b", '0', 0644, 1000, 100, 5, 1_700_000_000, ""), content);
  }

  @Test
  void aLongNameALargeUserAndAForeignScriptComeBack() throws IOException {
    String name = "ordner/" + "ä".repeat(200) + "/文件";
    comesBack(new Entry(name, '0', 0600, 3_000_000, 4_000_000, 0, 1, ""), new byte[0]);
  }

  @Test
  void aLinkWithALongTargetComesBack() throws IOException {
    comesBack(new Entry("l", '2', 0777, 0, 0, 0, 1, "/" + "x/".repeat(150)), new byte[0]);
  }

  @Test
  void anArchiveThatEndsEarlyIsRefused() throws IOException {
    byte[] whole = archive(new Entry("f", '0', 0644, 0, 0, 2000, 1, ""), new byte[2000]);
    byte[] cut = java.util.Arrays.copyOf(whole, 1024);
    TarReader reader = new TarReader(new ByteArrayInputStream(cut));
    assertTrue(reader.next().isPresent());
    assertThrows(IOException.class, () -> reader.content().readAllBytes());
  }

  @Test
  void noiseEndsInAnErrorOrNothing() {
    Random random = new Random(7);
    for (int i = 0; i < 200; i++) {
      byte[] noise = new byte[random.nextInt(4096)];
      random.nextBytes(noise);
      try {
        TarReader reader = new TarReader(new ByteArrayInputStream(noise));
        while (reader.next().isPresent()) {
          reader.content().transferTo(java.io.OutputStream.nullOutputStream());
        }
      } catch (IOException e) {
        continue; // as it should be
      }
    }
  }

  @Test
  void aSizeThatDoesNotMatchItsContentIsRefused() {
    Entry entry = new Entry("f", '0', 0644, 0, 0, 10, 1, "");
    InputStream three = new ByteArrayInputStream(new byte[3]);
    assertThrows(
        IOException.class,
        () -> {
          try (TarWriter tar = new TarWriter(new ByteArrayOutputStream())) {
            tar.add(entry, three);
          }
        });
  }
}
