package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.bytes;
import static dev.gantry.conformance.registry.Distribution.digest;
import static dev.gantry.conformance.registry.Locations.blob;
import static dev.gantry.conformance.registry.Locations.manifest;
import static dev.gantry.conformance.registry.Locations.name;
import static dev.gantry.conformance.registry.Locations.strings;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.conformance.registry.Distribution.Image;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What is deleted is gone, and nothing else.
interface DeletionContract extends RegistryContract {
  @Test
  default void end9DeletesManifestsWithTheirTags() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().putManifest(name, "b", image.manifest(), MANIFEST).expect(201);
    registry().pushImage(name, "c");
    registry().delete(manifest(name, image.digest())).expect(202);
    registry().get(manifest(name, image.digest()), "Accept", MANIFEST).expect(404);
    registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(404);
    assertEquals(List.of("c"), strings(registry().get("/v2/" + name + "/tags/list"), "tags"));
    registry().delete(manifest(name, image.digest())).expect(404);
  }

  @Test
  default void tagsAreDeletedAlone() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().putManifest(name, "b", image.manifest(), MANIFEST).expect(201);
    registry().delete(manifest(name, "a")).expect(202);
    registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(404);
    registry().get(manifest(name, "b"), "Accept", MANIFEST).expect(200);
    registry().get(manifest(name, image.digest()), "Accept", MANIFEST).expect(200);
    registry().delete(manifest(name, "a")).expect(404);
  }

  @Test
  default void end10DeletesBlobs() {
    String name = name();
    String digest = registry().pushBlob(name, bytes(100));
    registry().delete(blob(name, digest)).expect(202);
    registry().get(blob(name, digest)).expect(404);
    registry().delete(blob(name, digest)).expect(404);
  }

  @Test
  default void blobsThatManifestsNeedStay() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().delete(blob(name, digest(image.layer()))).expect(405);
    registry().get(blob(name, digest(image.layer()))).expect(200);
  }

  @Test
  default void blobsOfOtherRepositoriesStay() {
    byte[] content = bytes(100);
    String one = name();
    String other = name();
    String digest = registry().pushBlob(one, content);
    registry().pushBlob(other, content);
    registry().delete(blob(one, digest)).expect(202);
    registry().get(blob(other, digest)).expect(200);
  }
}
