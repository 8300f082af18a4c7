package dev.gantry.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotsTest {
  private static final Digest A = Digest.of(new byte[] {1});
  private static final Digest B = Digest.of(new byte[] {2});

  @TempDir Path folder;

  @Test
  void layerIsVisibleOnceCommitted() throws IOException {
    Snapshots snapshots = Snapshots.open(folder);
    Path unpacked = snapshots.newLayer();
    Files.writeString(unpacked.resolve("f"), "x");
    assertFalse(snapshots.hasLayer(A));
    snapshots.commitLayer(unpacked, A);
    assertTrue(Files.exists(snapshots.layer(A).resolve("f")));
  }

  @Test
  void secondUnpackOfALayerGivesWay() throws IOException {
    Snapshots snapshots = Snapshots.open(folder);
    Path first = snapshots.newLayer();
    Path second = snapshots.newLayer();
    Files.writeString(first.resolve("first"), "x");
    Files.writeString(second.resolve("second"), "x");
    snapshots.commitLayer(first, A);
    snapshots.commitLayer(second, A);
    assertTrue(Files.exists(snapshots.layer(A).resolve("first")));
    assertFalse(Files.exists(second));
  }

  @Test
  void secondEmptyLayerGivesWayToo() {
    Snapshots snapshots = Snapshots.open(folder);
    snapshots.commitLayer(snapshots.newLayer(), A);
    Path second = snapshots.newLayer();
    snapshots.commitLayer(second, A);
    assertFalse(Files.exists(second));
    assertTrue(snapshots.hasLayer(A));
  }

  @Test
  void lowersAreTheUppermostFirst() {
    Snapshots snapshots = Snapshots.open(folder);
    assertEquals(
        List.of(snapshots.layer(Digest.chain(A, B)), snapshots.layer(A)),
        snapshots.lowers(List.of(A, B)));
  }

  @Test
  void onlyWhatIsWantedIsKept() throws IOException {
    Snapshots snapshots = Snapshots.open(folder);
    snapshots.commitLayer(snapshots.newLayer(), A);
    snapshots.commitLayer(snapshots.newLayer(), B);
    Path left = snapshots.newLayer();
    snapshots.create("one");
    snapshots.create("two");
    snapshots.keepOnly(Set.of(A), Set.of("two"));
    assertTrue(snapshots.hasLayer(A));
    assertFalse(snapshots.hasLayer(B));
    assertFalse(Files.exists(left));
    assertFalse(Files.exists(snapshots.container("one").folder()));
    assertTrue(Files.exists(snapshots.container("two").upper()));
    assertEquals(
        "rwxr-xr-x",
        java.nio.file.attribute.PosixFilePermissions.toString(
            Files.getPosixFilePermissions(snapshots.container("two").upper())));
  }
}
