package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.gantry.base.Failure;
import dev.gantry.oci.Digest;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GrowingTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final byte[] bytes = new byte[100_000];
  private ContentStore content;

  @BeforeEach
  void open(@TempDir Path folder) {
    new Random(5).nextBytes(bytes);
    content = ContentStore.open(folder);
  }

  private Growing growing(ContentStore.Partial partial) {
    return new Growing(partial, n -> {}, pause -> {});
  }

  @Test
  void readerGetsWhatComesAlsoBehindARestart() throws Exception {
    try (ContentStore.Partial partial = content.partial(Digest.of(bytes))) {
      Growing growing = growing(partial);
      growing.write(bytes, 0, 40_000);
      try (InputStream in = growing.follow()) {
        assertArrayEquals(Arrays.copyOf(bytes, 30_000), in.readNBytes(30_000));
        CompletableFuture<byte[]> rest =
            CompletableFuture.supplyAsync(
                () -> {
                  try {
                    return in.readAllBytes();
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
        growing.restart();
        growing.write(bytes, 0, bytes.length);
        partial.commit();
        growing.completed();
        assertArrayEquals(
            Arrays.copyOfRange(bytes, 30_000, bytes.length),
            assertTimeoutPreemptively(LIMIT, () -> rest.get()));
      }
    }
  }

  /// What came is taken away when its digest is wrong, while a slow reader is in the middle of it.
  @Test
  void slowReaderOfWrongContentIsToldSo() throws Exception {
    try (ContentStore.Partial partial = content.partial(Digest.of(new byte[1]))) {
      Growing growing = growing(partial);
      growing.write(bytes, 0, bytes.length);
      try (InputStream in = growing.follow()) {
        assertEquals(10, in.readNBytes(10).length);
        Failure wrong = assertThrows(Failure.Corrupted.class, partial::commit);
        growing.failed(wrong);
        IOException e =
            assertTimeoutPreemptively(
                LIMIT, () -> assertThrows(IOException.class, in::readAllBytes));
        assertEquals(wrong, e.getCause());
      }
    }
  }
}
