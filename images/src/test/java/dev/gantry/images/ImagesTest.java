package dev.gantry.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.testkit.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class ImagesTest extends ImagesFixture {
  private static final String TIME = "2026-01-01T00:00:00Z";

  private static ImageReference ref(String name) {
    return ImageReference.parse(name).withDefaultTag();
  }

  private Image make(String name, TarBytes tar) {
    return images.importRoot(
        new ByteArrayInputStream(tar.bytes()), Json.object(), "c", TIME, ref(name));
  }

  private Image on(Image base, String name, TarBytes tar) throws IOException {
    Path file = Files.write(folder.resolve("layer.tar"), tar.bytes());
    return images.extend(
        Optional.of(base),
        file,
        diff -> {
          Json.JsonArray diffs = Json.array();
          base.diffIds().forEach(d -> diffs.add(d.toString()));
          return Json.object()
              .put("created", TIME)
              .put("rootfs", Json.object().put("diff_ids", diffs.add(diff.toString())));
        },
        ref(name));
  }

  private byte[] save(String... names) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageExport.write(images, List.of(names), List.of(), out);
    return out.toByteArray();
  }

  private List<ImageArchive.Loaded> load(byte[] archive) {
    return new ImageArchive(images).load(new ByteArrayInputStream(archive));
  }

  private boolean layerIsHere(Image image) {
    return images.snapshots().hasLayer(Images.chains(image.diffIds()).getLast());
  }

  @Nested
  class Names {
    @Test
    void lastNameTakesTheImageWithIt() {
      Image image = make("a:1", new TarBytes().file("f", "x"));
      images.tag(image.id(), ref("b:2"));
      assertEquals(new Images.Removed(List.of("a:1"), List.of()), images.untag(ref("a:1")));
      assertTrue(images.find("b:2").isPresent());
      Images.Removed last = images.untag(ref("b:2"));
      assertEquals(
          List.of(image.id().toString(), image.diffIds().getFirst().toString()), last.deleted());
      assertTrue(images.list().isEmpty());
      assertTrue(images.content().list().isEmpty());
      assertFalse(layerIsHere(image));
    }

    @Test
    void lastTagOfARepositoryTakesItsDigests() {
      Image image = make("h:5000/a:1", new TarBytes().file("f", "x"));
      ImageReference digest = ImageReference.parse("h:5000/a@" + Digest.of(new byte[0]));
      images.tag(image.id(), digest);
      images.tag(image.id(), ref("other"));
      assertEquals(image.id(), images.require(digest.familiar()).id());
      assertEquals(
          List.of("h:5000/a:1", digest.familiar()), images.untag(ref("h:5000/a:1")).untagged());
      assertEquals(List.of("docker.io/library/other:latest"), images.list().getFirst().tags());
    }

    @Test
    void idsAndTheirBeginningsFindImages() {
      Image image = make("a", new TarBytes().file("f", "x"));
      for (String text :
          List.of(
              "a", "a:latest", image.id().hex(), image.id().toString(), image.id().shortHex())) {
        assertEquals(image.id(), images.require(text).id(), text);
      }
      Failure.NotFound e = assertThrows(Failure.NotFound.class, () -> images.require("nope"));
      assertEquals("No such image: nope:latest", e.text());
    }

    @Test
    void tagsAreHistory() {
      Image one = make("a", new TarBytes().file("f", "1"));
      Image two = make("a", new TarBytes().file("f", "2"));
      Image three = make("a", new TarBytes().file("f", "3"));
      assertEquals(
          List.of(three.id(), two.id(), one.id()),
          images.history().of(ref("a")).stream().map(TagHistory.Point::id).toList());
      assertEquals(two.id(), images.rollBack(ref("a")).id());
      assertEquals(one.id(), images.rollBack(ref("a")).id());
      assertThrows(Failure.NotFound.class, () -> images.rollBack(ref("a")));
      assertEquals(one.id(), images.require("a").id());
    }

    @Test
    void rollBackToARemovedImageIsRefused() {
      Image one = make("a", new TarBytes().file("f", "1"));
      make("a", new TarBytes().file("f", "2"));
      images.remove(images.require(one.id().toString()));
      Failure.NotFound e = assertThrows(Failure.NotFound.class, () -> images.rollBack(ref("a")));
      assertTrue(e.text().contains("has been removed"), e.text());
    }
  }

  @Nested
  class LayersOfImages {
    @Test
    void sharedLayersStayWithTheOtherImage() throws IOException {
      Image base = make("base", new TarBytes().folder("d/").file("d/f", "12345"));
      Image top = on(base, "top", new TarBytes().file("g", "123"));
      assertEquals(8, top.size());
      assertEquals(List.of(5L, 3L), images.layerSizes(top));
      images.untag(ref("base"));
      assertTrue(layerIsHere(base));
      images.untag(ref("top"));
      assertFalse(layerIsHere(base));
      assertTrue(images.content().list().isEmpty());
    }

    @Test
    void passedFoldersLookAsBelow() throws IOException {
      Image base = make("base", new TarBytes().mode(01777).uid(42).folder("tmp/"));
      Image top = on(base, "top", new TarBytes().file("tmp/new", "x"));
      try (Tree tree = Tree.open(images.snapshots().lowers(top.diffIds()).getFirst().toString())) {
        Tree.Status status = tree.status("/tmp").orElseThrow();
        assertEquals(01777, status.mode() & 07777);
        assertEquals(42, status.uid());
      }
    }

    @Test
    void containersKeepTheLayersOfRemovedImages() {
      Image image = make("a", new TarBytes().file("f", "x"));
      Set<Digest> used = new java.util.HashSet<>(Images.chains(image.diffIds()));
      images.keepLayersOf(() -> used);
      images.untag(ref("a"));
      assertTrue(layerIsHere(image));
      images.sweep(Set.of());
      assertTrue(layerIsHere(image));
      used.clear();
      images.collect();
      assertFalse(layerIsHere(image));
    }

    @Test
    void lostLayerIsUnpackedAgain() {
      Image image = make("a", new TarBytes().file("f", "x"));
      images.snapshots().removeLayer(image.diffIds().getFirst());
      assertFalse(layerIsHere(image));
      images.sweep(Set.of());
      assertTrue(layerIsHere(image));
    }

    @Test
    void sweepRemovesWhatNothingNames() {
      Image image = make("a", new TarBytes().file("f", "x"));
      Digest left = images.content().put(new byte[] {1});
      images.sweep(Set.of());
      assertFalse(images.content().contains(left));
      assertTrue(images.content().contains(image.id()));
      assertTrue(layerIsHere(image));
    }
  }

  @Nested
  class Archives {
    @Test
    void savedImagesComeBackTheSame() throws IOException {
      Image base = make("a:1", new TarBytes().file("f", "x"));
      Image top = on(base, "b:2", new TarBytes().file("g", "y"));
      byte[] archive = save("a:1", "b:2", top.id().toString());
      images.untag(ref("b:2"));
      images.untag(ref("a:1"));
      List<ImageArchive.Loaded> loaded = load(archive);
      assertEquals(
          List.of(List.of("a:1"), List.of("b:2")),
          loaded.stream().map(ImageArchive.Loaded::names).toList());
      assertEquals(top.id(), images.require("b:2").id());
      assertEquals(top.size(), images.require("b:2").size());
      assertEquals(archive.length, save("a:1", "b:2").length);
      assertEquals(images.roots(), Set.copyOf(images.content().list()));
    }

    @Test
    void packedArchivesAreUnpacked() throws IOException {
      Image image = make("a:1", new TarBytes().file("f", "x"));
      byte[] archive = GunzipStreamTest.gzip(save("a:1"));
      images.untag(ref("a:1"));
      assertEquals(image.id(), load(archive).getFirst().image().id());
    }

    private byte[] layout(TarBytes layer, Digest claimed, boolean whole) {
      byte[] tar = layer.bytes();
      byte[] config =
          Json.object()
              .put("os", "linux")
              .put("rootfs", Json.object().put("diff_ids", Json.array().add(claimed.toString())))
              .text()
              .getBytes(StandardCharsets.UTF_8);
      Json descriptor =
          Json.object()
              .put("mediaType", "application/vnd.oci.image.layer.v1.tar")
              .put("digest", Digest.of(tar).toString())
              .put("size", tar.length);
      byte[] manifest =
          Json.object()
              .put("schemaVersion", 2)
              .put(
                  "config",
                  Json.object()
                      .put("mediaType", "application/vnd.oci.image.config.v1+json")
                      .put("digest", Digest.of(config).toString())
                      .put("size", config.length))
              .put("layers", Json.array().add(descriptor))
              .text()
              .getBytes(StandardCharsets.UTF_8);
      Json inner =
          Json.object()
              .put("mediaType", "application/vnd.oci.image.manifest.v1+json")
              .put("digest", Digest.of(manifest).toString())
              .put("size", manifest.length)
              .put(
                  "annotations",
                  Json.object().put("org.opencontainers.image.ref.name", "from/oci:1"));
      TarBytes archive =
          new TarBytes()
              .entry('0', "blobs/sha256/" + Digest.of(config).hex(), config)
              .entry('0', "blobs/sha256/" + Digest.of(manifest).hex(), manifest);
      if (whole) {
        archive.pax("path", "blobs/sha256/" + Digest.of(tar).hex()).entry('0', "layer", tar);
      }
      return archive
          .file(
              "index.json",
              Json.object()
                  .put("schemaVersion", 2)
                  .put("manifests", Json.array().add(inner))
                  .text())
          .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
          .bytes();
    }

    @Test
    void ociLayoutIsLoaded() {
      TarBytes layer = new TarBytes().file("f", "x");
      assertEquals(
          List.of("from/oci:1"),
          load(layout(layer, Digest.of(layer.bytes()), true)).getFirst().names());
    }

    @Test
    void brokenArchivesLeaveNothing() {
      TarBytes layer = new TarBytes().file("f", "x");
      Digest right = Digest.of(layer.bytes());
      for (byte[] bad :
          List.of(
              new byte[0],
              "garbage".repeat(300).getBytes(StandardCharsets.UTF_8),
              new TarBytes().file("x", "y").bytes(),
              new TarBytes().file("manifest.json", "{}").bytes(),
              new TarBytes().file("manifest.json", "[{\"Config\":\"no\"}]").bytes(),
              new TarBytes().file("index.json", "[]").bytes(),
              layout(layer, Digest.of(new byte[] {9}), true),
              layout(layer, right, false),
              layout(new TarBytes().file("../f", "x"), right, true))) {
        assertThrows(Failure.class, () -> load(bad));
        assertTrue(images.list().isEmpty());
        assertTrue(images.content().list().isEmpty());
      }
    }
  }
}
