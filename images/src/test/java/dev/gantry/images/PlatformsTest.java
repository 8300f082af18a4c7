package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Names that stand for images of several platforms.
class PlatformsTest extends ImagesFixture {
  private static final String NAME = "example.com/multi:1";
  private static final Platform HERE = Platform.here();
  private static final Platform OTHER = new Platform("linux", "s390x", "");

  /// An OCI layout of one name whose index has an image for each platform, the other one first.
  private static byte[] archive() {
    return archive("");
  }

  /// @param more what tells its layers from those of others
  private static byte[] archive(String more) {
    TarBytes archive = new TarBytes();
    Json.JsonArray manifests = Json.array();
    for (Platform platform : List.of(OTHER, HERE)) {
      byte[] layer = new TarBytes().file("for", platform + more).bytes();
      byte[] config =
          bytes(
              platform
                  .json()
                  .put(
                      "rootfs",
                      Json.object().put("diff_ids", Json.array().add(Digest.of(layer) + ""))));
      byte[] manifest =
          bytes(
              Json.object()
                  .put("schemaVersion", 2)
                  .put("mediaType", "application/vnd.oci.image.manifest.v1+json")
                  .put("config", descriptor("application/vnd.oci.image.config.v1+json", config))
                  .put(
                      "layers",
                      Json.array()
                          .add(descriptor("application/vnd.oci.image.layer.v1.tar", layer))));
      for (byte[] blob : List.of(layer, config, manifest)) {
        blob(archive, blob);
      }
      manifests.add(
          descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
              .put("platform", platform.json()));
    }
    byte[] index =
        bytes(
            Json.object()
                .put("schemaVersion", 2)
                .put("mediaType", "application/vnd.oci.image.index.v1+json")
                .put("manifests", manifests));
    blob(archive, index);
    Json.JsonObject top =
        descriptor("application/vnd.oci.image.index.v1+json", index)
            .put("annotations", Json.object().put("io.containerd.image.name", NAME));
    return archive
        .file(
            "index.json",
            Json.object().put("schemaVersion", 2).put("manifests", Json.array().add(top)).text())
        .bytes();
  }

  private static byte[] bytes(Json json) {
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  private static Json.JsonObject descriptor(String type, byte[] content) {
    return Json.object()
        .put("mediaType", type)
        .put("digest", Digest.of(content).toString())
        .put("size", content.length);
  }

  private static void blob(TarBytes archive, byte[] content) {
    String path = "blobs/sha256/" + Digest.of(content).hex();
    archive.pax("path", path).entry('0', "blob", content);
  }

  private List<ImageArchive.Loaded> load(byte[] archive) {
    return new ImageArchive(images).load(new ByteArrayInputStream(archive));
  }

  private byte[] save(Optional<Platform> platform) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageExport.write(images, List.of(NAME), platform.stream().toList(), out);
    return out.toByteArray();
  }

  private Platform platform(String name, Platform wanted) {
    return images.find(name, Optional.of(wanted)).orElseThrow().platform();
  }

  private static ImageReference ref(String name) {
    return ImageReference.parse(name);
  }

  @Test
  void aNameStandsForAllItsPlatforms() {
    List<ImageArchive.Loaded> loaded = load(archive());
    assertEquals(List.of(List.of(NAME)), loaded.stream().map(ImageArchive.Loaded::names).toList());
    Image here = images.require(NAME);
    assertEquals(HERE, here.platform());
    assertEquals(OTHER, platform(NAME, OTHER));
    assertEquals(HERE, platform(NAME, HERE));
    assertEquals(HERE, platform(NAME, new Platform("linux", "mips", "")), "none fits");
    assertEquals(2, images.platforms(NAME).size());
    assertTrue(images.standsForAName(here));
    assertFalse(images.standsForAName(images.platforms(NAME).getLast()));
    assertEquals(1, images.platforms(here.id().hex()).size());
  }

  @Test
  void furtherTagsStandForAllToo() {
    load(archive());
    images.tag(NAME, ref("other:2"));
    assertEquals(OTHER, platform("other:2", OTHER));
    assertEquals(List.of("example.com/multi:1"), images.untag(ref(NAME)).untagged());
    assertEquals(OTHER, platform("other:2", OTHER));
  }

  @Test
  void theLastNameTakesAllPlatformsWithIt() {
    load(archive());
    Images.Removed removed = images.untag(ref(NAME));
    assertEquals(4, removed.deleted().size(), "two images with a layer each");
    assertTrue(images.list().isEmpty());
    assertTrue(images.content().list().isEmpty());
  }

  @Test
  void onePlatformGoesAlone() {
    load(archive());
    Images.Removed removed = images.remove(images.require(NAME));
    assertEquals(List.of(), removed.untagged());
    assertEquals(OTHER, images.require(NAME).platform());
    assertTrue(images.standsForAName(images.require(NAME)));
    images.untag(ref(NAME));
    assertTrue(images.content().list().isEmpty());
  }

  @Test
  void savedPlatformsComeBackWithTheirIndex() throws IOException {
    load(archive());
    Digest index = Digest.of(images.indexDocument(ref(NAME)).orElseThrow());
    byte[] saved = save(Optional.empty());
    images.untag(ref(NAME));
    load(saved);
    assertEquals(2, images.platforms(NAME).size());
    assertEquals(index, Digest.of(images.indexDocument(ref(NAME)).orElseThrow()));
    byte[] one = save(Optional.of(OTHER));
    images.untag(ref(NAME));
    load(one);
    assertEquals(OTHER, images.require(NAME).platform());
    assertEquals(1, images.platforms(NAME).size());
  }

  @Test
  void onePlatformCanBeLoadedAlone() {
    new ImageArchive(images)
        .load(new ByteArrayInputStream(archive()), List.of(OTHER), (diffId, size) -> {});
    assertEquals(OTHER, images.require(NAME).platform());
    load(archive());
    assertEquals(HERE, images.require(NAME).platform());
    assertEquals(2, images.platforms(NAME).size());
  }

  @Test
  void anotherIndexTakesTheNameOver() {
    load(archive());
    images.tag(images.require(NAME).id(), ref(NAME));
    assertEquals(1, images.platforms(NAME).size());
    assertTrue(images.index(ref(NAME)).isEmpty());
  }

  @Test
  void rollBackBringsAllPlatformsBack() {
    load(archive());
    Digest index = Digest.of(images.indexDocument(ref(NAME)).orElseThrow());
    load(archive("newer"));
    assertEquals(2, images.history().of(ref(NAME)).size(), "further platforms are no new points");
    images.collect();
    Image back = images.rollBack(ref(NAME));
    assertEquals(HERE, back.platform());
    assertEquals(2, images.platforms(NAME).size());
    assertEquals(OTHER, platform(NAME, OTHER));
    assertEquals(index, Digest.of(images.indexDocument(ref(NAME)).orElseThrow()));
  }

  @Test
  void rollBackBringsWhatIsStillHere() {
    load(archive());
    Image first = images.require(NAME);
    load(archive("newer"));
    images.remove(images.byId(first.id()).orElseThrow());
    assertEquals(OTHER, images.rollBack(ref(NAME)).platform());
    assertEquals(1, images.platforms(NAME).size());
    images.list().forEach(images::remove);
    images.collect();
    assertTrue(images.content().list().isEmpty(), "no index stays for the history alone");
  }
}
