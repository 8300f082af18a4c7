package dev.gantry.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContentStoreTest {
  private static final byte[] HELLO = "hello, content".getBytes(StandardCharsets.UTF_8);
  private static final Digest DIGEST = Digest.of(HELLO);

  @TempDir Path folder;
  private ContentStore store;

  @BeforeEach
  void open() {
    store = ContentStore.open(folder);
  }

  private long files(String name) throws IOException {
    try (var files = Files.list(folder.resolve(name))) {
      return files.count();
    }
  }

  @Test
  void whatWasPutIsReadBack() {
    assertEquals(DIGEST, store.put(HELLO));
    assertEquals(DIGEST, store.put(HELLO));
    assertArrayEquals(HELLO, store.read(DIGEST).orElseThrow());
    assertEquals(List.of(DIGEST), store.list());
    assertEquals(HELLO.length, store.size(DIGEST));
    assertTrue(store.isIntact(DIGEST));
  }

  @Test
  void ingestWithoutCommitLeavesNothing() throws IOException {
    try (ContentStore.Ingest ingest = store.ingest()) {
      ingest.out().write(HELLO);
    }
    assertTrue(store.list().isEmpty());
    assertEquals(0, files("incoming"));
  }

  @Test
  void damageIsFoundAndNamed() throws IOException {
    store.put(HELLO);
    Files.writeString(store.path(DIGEST), "hellO, content");
    Failure.Corrupted e = assertThrows(Failure.Corrupted.class, () -> store.read(DIGEST));
    assertTrue(e.text().contains(DIGEST.hex()), e.text());
    assertFalse(store.isIntact(DIGEST));
  }

  @Test
  void interruptedLoadGoesOnWhereItWas() throws IOException {
    try (ContentStore.Partial first = store.partial(DIGEST)) {
      first.write(HELLO, 0, 5);
    }
    assertFalse(store.contains(DIGEST));
    store = ContentStore.open(folder);
    try (ContentStore.Partial second = store.partial(DIGEST)) {
      assertEquals(5, second.size());
      second.write(HELLO, 5, HELLO.length - 5);
      second.commit();
    }
    assertTrue(store.isIntact(DIGEST));
    assertEquals(0, files("incoming"));
  }

  @Test
  void loadOfOtherContentIsRefusedAndForgotten() throws IOException {
    try (ContentStore.Partial partial = store.partial(DIGEST)) {
      partial.write(HELLO, 0, 4);
      assertThrows(Failure.Corrupted.class, partial::commit);
    }
    assertFalse(store.contains(DIGEST));
    assertEquals(0, files("incoming"));
  }

  @Test
  void oneLoadOfABlobAtATime() throws IOException {
    try (ContentStore.Partial first = store.partial(DIGEST)) {
      assertThrows(Failure.Conflict.class, () -> store.partial(DIGEST));
      assertEquals(0, first.size());
    }
    store.partial(DIGEST).close();
  }

  @Test
  void oldPartsAreForgotten() throws IOException {
    try (ContentStore.Partial first = store.partial(DIGEST)) {
      first.write(HELLO, 0, 5);
      assertEquals(0, store.removePartials(Duration.ZERO));
    }
    try (var files = Files.list(folder.resolve("incoming"))) {
      Files.setLastModifiedTime(
          files.findFirst().orElseThrow(), FileTime.from(Instant.now().minusSeconds(90_000)));
    }
    ContentStore.open(folder);
    assertEquals(0, files("incoming"));
  }

  @Test
  void leasedContentStays() {
    Digest other = store.put(new byte[] {1});
    try (ContentStore.Lease lease = store.lease();
        ContentStore.Lease second = store.lease()) {
      assertFalse(lease.hold(DIGEST));
      store.put(HELLO);
      assertTrue(second.hold(DIGEST));
      second.close();
      assertEquals(0, store.remove(DIGEST));
      assertEquals(1, removed(store.list()));
      assertTrue(store.contains(DIGEST));
      assertFalse(store.contains(other));
    }
    assertEquals(HELLO.length, removed(store.list()));
    assertTrue(store.list().isEmpty());
  }

  private long removed(List<Digest> blobs) {
    try (ContentStore.Sweep sweep = store.sweep()) {
      return sweep.remove(blobs);
    }
  }

  /// Whoever held it may have named it in a record that was read before.
  @Test
  void whatWasLeasedDuringASweepStays() {
    store.put(HELLO);
    ContentStore.Lease before = store.lease();
    assertTrue(before.hold(DIGEST));
    try (ContentStore.Sweep sweep = store.sweep()) {
      before.close();
      assertEquals(0, sweep.remove(List.of(DIGEST)));
    }
    try (ContentStore.Sweep sweep = store.sweep()) {
      try (ContentStore.Lease between = store.lease()) {
        assertTrue(between.hold(DIGEST));
      }
      assertEquals(0, sweep.remove(List.of(DIGEST)));
    }
    assertEquals(HELLO.length, removed(List.of(DIGEST)));
  }

  @Test
  void sha512IsKeptBesides() throws IOException {
    Digest sha512 = new Digest("sha512", "0".repeat(128));
    Path file = Files.write(folder.resolve("upload"), HELLO);
    store.adopt(file, sha512);
    assertEquals(List.of(sha512), store.list());
    assertFalse(store.isIntact(sha512));
  }
}
