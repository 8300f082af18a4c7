package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.images.Image;
import dev.gantry.images.ImageArchive;
import dev.gantry.images.Images;
import dev.gantry.images.TarWriter;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// An image in an OCI layout that a client has: the one platform that is wanted of it comes here,
/// as an image without a name.
public final class LayoutImage {
  private static final int MOST_DOCUMENT = 8 << 20;

  private LayoutImage() {}

  /// Where the layout's content is.
  public interface Blobs {
    /// A document.
    byte[] document(Digest digest, int most);

    /// Copies content and makes sure that it is what its digest says.
    void copy(Descriptor blob, OutputStream out) throws IOException;
  }

  /// Content in a folder of this machine, which a client has sent: links in it are not followed.
  public static Blobs in(Path layout) {
    return new Blobs() {
      private Path path(Digest digest) {
        return layout.resolve("blobs").resolve(digest.algorithm()).resolve(digest.hex());
      }

      @Override
      public byte[] document(Digest digest, int most) {
        try (InputStream in = open(digest)) {
          byte[] bytes = in.readNBytes(most);
          if (!Digest.of(bytes).equals(digest)) {
            throw new Failure.Corrupted("the layout's " + digest + " is not what its name says");
          }
          return bytes;
        } catch (IOException e) {
          throw new Failure.NotFound("the layout has no " + digest);
        }
      }

      private InputStream open(Digest digest) throws IOException {
        return Files.newInputStream(path(digest), java.nio.file.LinkOption.NOFOLLOW_LINKS);
      }

      @Override
      public void copy(Descriptor blob, OutputStream out) throws IOException {
        try (InputStream in = open(blob.digest())) {
          in.transferTo(out);
        }
      }
    };
  }

  /// The digest that an entry of a layout's index has.
  ///
  /// @param which a tag or a digest; empty for `latest`, or the only one
  public static Digest find(Path layout, String which) throws IOException {
    if (which.startsWith("sha256:") || which.startsWith("sha512:")) {
      return Digest.parse(which);
    }
    byte[] text;
    try (InputStream in =
        Files.newInputStream(
            layout.resolve("index.json"), java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
      text = in.readNBytes(MOST_DOCUMENT);
    } catch (IOException e) {
      throw new Failure.NotFound("the folder is no OCI layout: it has no index.json");
    }
    ManifestDocument document = ManifestDocument.parse(text, MediaTypes.INDEX);
    List<Descriptor> entries = document instanceof ImageIndex index ? index.manifests() : List.of();
    String tag = which.isEmpty() ? "latest" : which;
    return entries.stream()
        .filter(
            e ->
                tag.equals(e.annotations().get("org.opencontainers.image.ref.name"))
                    || which.isEmpty() && entries.size() == 1)
        .findFirst()
        .orElseThrow(() -> new Failure.NotFound("the OCI layout has no image called " + tag))
        .digest();
  }

  /// Brings the image here.
  ///
  /// @param top its manifest, or an index with it
  /// @param folder for files in passing
  public static Image load(Images images, Blobs from, Digest top, Platform platform, Path folder)
      throws IOException {
    byte[] document = from.document(top, MOST_DOCUMENT);
    Descriptor chosen = new Descriptor(MediaTypes.MANIFEST, top, document.length);
    if (ManifestDocument.parse(document, "") instanceof ImageIndex index) {
      chosen =
          index.manifests().stream()
              .filter(d -> d.platformIfAny().map(p -> platform.match(p) > 0).orElse(true))
              .max(Comparator.comparingInt(d -> d.platformIfAny().map(platform::match).orElse(0)))
              .orElseThrow(
                  () -> new Failure.NotFound("the OCI layout has no image for " + platform));
      document = from.document(chosen.digest(), MOST_DOCUMENT);
    }
    if (!(ManifestDocument.parse(document, chosen.mediaType()) instanceof Manifest manifest)) {
      throw new Failure.InvalidRequest("the OCI layout's " + chosen.digest() + " is no image");
    }
    Optional<Image> here = images.byId(manifest.config().digest());
    if (here.isPresent()) {
      return here.get();
    }
    Path archive = Files.createTempFile(folder, "layout-", ".tar");
    try {
      write(from, manifest, document, chosen, archive);
      try (InputStream in = Files.newInputStream(archive)) {
        return new ImageArchive(images).load(in).getFirst().image();
      }
    } finally {
      Files.deleteIfExists(archive);
    }
  }

  private static void write(
      Blobs from, Manifest manifest, byte[] document, Descriptor chosen, Path archive)
      throws IOException {
    try (OutputStream out = Files.newOutputStream(archive);
        TarWriter tar = new TarWriter(out)) {
      file(
          tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}".getBytes(StandardCharsets.UTF_8));
      Json.JsonObject index =
          Json.object()
              .put("schemaVersion", 2)
              .put("mediaType", MediaTypes.INDEX)
              .put("manifests", Json.array().add(chosen.json()));
      file(tar, "index.json", index.text().getBytes(StandardCharsets.UTF_8));
      file(tar, path(chosen.digest()), document);
      Path part = archive.resolveSibling(archive.getFileName() + ".part");
      try {
        blob(from, manifest.config(), part, tar);
        for (Descriptor layer : manifest.layers().stream().distinct().toList()) {
          blob(from, layer, part, tar);
        }
      } finally {
        Files.deleteIfExists(part);
      }
    }
  }

  private static void blob(Blobs from, Descriptor blob, Path part, TarWriter tar)
      throws IOException {
    java.security.MessageDigest hasher = blob.digest().newHasher();
    try (OutputStream out =
        new java.security.DigestOutputStream(Files.newOutputStream(part), hasher)) {
      from.copy(blob, out);
    }
    if (!Digest.of(hasher).equals(blob.digest())) {
      throw new Failure.Corrupted("the layout's " + blob.digest() + " is not what its name says");
    }
    try (InputStream in = Files.newInputStream(part)) {
      long size = Files.size(part);
      tar.entry(path(blob.digest()), TarWriter.FILE, "", status(), size, Map.of());
      tar.content(in, size);
    }
  }

  private static void file(TarWriter tar, String name, byte[] bytes) throws IOException {
    tar.entry(name, TarWriter.FILE, "", status(), bytes.length, Map.of());
    tar.content(new ByteArrayInputStream(bytes), bytes.length);
  }

  private static Tree.Status status() {
    return new Tree.Status(0100600, 0, 0, 0, 0, 0, 0, 0, 1, 0);
  }

  private static String path(Digest digest) {
    return "blobs/" + digest.algorithm() + "/" + digest.hex();
  }
}
