package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.images.LooseContent;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Fetched;
import dev.gantry.registryclient.Remote;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A cache that another builder has left somewhere. What is in it counts like what was made here: a
/// layer is fetched when a step needs it, and not before.
public interface CacheSource {
  /// The longest document that is read, in bytes.
  int MOST = 16 << 20;

  /// How it is called, for people.
  String name();

  /// What is in it, by the keys of steps.
  ///
  /// @param platforms of the build: those images of an index are looked at
  /// @throws Failure or IOException if it cannot be read; the build goes on without it
  Map<Digest, CacheManifest.Record> records(List<Platform> platforms) throws IOException;

  /// Images whose history is to be compared, because they say no keys.
  default List<PastImage> past() {
    return List.of();
  }

  /// Whether who reads from it may be interrupted: an interrupt closes the connection.
  default boolean hasOwnConnection() {
    return true;
  }

  /// Brings a layer's content to the store, held by `lease`.
  void fetch(Descriptor blob, ContentStore content, ContentStore.Lease lease) throws IOException;

  /// A cache or an image with an inline cache in a registry.
  ///
  /// @param tag or digest
  static CacheSource registry(Remote remote, String name, String tag) {
    return new CacheSource() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Map<Digest, CacheManifest.Record> records(List<Platform> platforms) {
        Fetched top = LooseContent.document(remote, tag);
        return collect(
            ManifestDocument.parse(top.bytes(), top.mediaType()),
            platforms,
            d -> remote.blob(d, MOST),
            d -> {
              Fetched one = remote.manifest(d.digest().toString());
              return ManifestDocument.parse(one.bytes(), one.mediaType());
            });
      }

      @Override
      public void fetch(Descriptor blob, ContentStore content, ContentStore.Lease lease)
          throws IOException {
        LooseContent.fetch(remote, blob, content, lease);
      }
    };
  }

  /// A folder in the OCI layout.
  ///
  /// @param which its tag or digest; empty for `latest`, or the one that there is
  static CacheSource folder(Path layout, String which) {
    return new LayoutCache(layout, which);
  }

  /// An image that is here, with an inline cache or none: without one, what its history says.
  static CacheSource image(Images images, Image image) {
    return new CacheSource() {
      @Override
      public String name() {
        return image.tags().isEmpty() ? image.id().toString() : image.tags().getFirst();
      }

      @Override
      public Map<Digest, CacheManifest.Record> records(List<Platform> platforms) {
        List<Descriptor> layers =
            image.layers().stream()
                .map(d -> new Descriptor("", d, images.content().size(d)))
                .toList();
        return CacheManifest.inline(image.document(), layers);
      }

      @Override
      public List<PastImage> past() {
        return image.document().has(CacheManifest.INLINE)
            ? List.of()
            : List.of(PastImage.of(image));
      }

      @Override
      public void fetch(Descriptor blob, ContentStore content, ContentStore.Lease lease) {
        lease.hold(blob.digest());
      }
    };
  }

  /// Reads a document that another one names.
  @FunctionalInterface
  interface Reader<T> {
    T read(Descriptor descriptor);
  }

  /// What a cache says that has come as `top`, or as an image, or an index of images.
  static Map<Digest, CacheManifest.Record> collect(
      ManifestDocument top,
      List<Platform> platforms,
      Reader<byte[]> blobs,
      Reader<ManifestDocument> manifests) {
    Map<Digest, CacheManifest.Record> all = new HashMap<>();
    switch (top) {
      case Manifest manifest -> {
        byte[] config = blobs.read(manifest.config());
        if (CacheManifest.config(List.of(manifest.config())).isPresent()) {
          all.putAll(CacheManifest.read(config, manifest.layers()));
        } else {
          all.putAll(CacheManifest.inline(json(config), manifest.layers()));
        }
      }
      case ImageIndex index -> {
        var config = CacheManifest.config(index.manifests());
        if (config.isPresent()) {
          all.putAll(CacheManifest.read(blobs.read(config.get()), index.manifests()));
        } else {
          for (Platform platform : platforms) {
            index
                .select(platform)
                .map(manifests::read)
                .filter(Manifest.class::isInstance)
                .ifPresent(m -> all.putAll(collect(m, platforms, blobs, manifests)));
          }
        }
      }
    }
    return all;
  }

  private static Json.JsonObject json(byte[] config) {
    try {
      return Json.parseObject(new String(config, StandardCharsets.UTF_8));
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("the image's configuration cannot be read", null, e);
    }
  }

  /// See [#folder].
  final class LayoutCache implements CacheSource {
    private final Path layout;
    private final String which;

    private LayoutCache(Path layout, String which) {
      this.layout = layout;
      this.which = which;
    }

    @Override
    public String name() {
      return layout.getFileName().toString();
    }

    private byte[] blob(Descriptor d) {
      Path file = layout.resolve("blobs").resolve(d.digest().algorithm()).resolve(d.digest().hex());
      try (InputStream in = Files.newInputStream(file, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
        byte[] bytes = in.readNBytes(MOST);
        if (!Digest.of(bytes).equals(d.digest())) {
          throw new Failure.Corrupted("the build cache's " + d.digest() + " is damaged");
        }
        return bytes;
      } catch (IOException e) {
        throw new Failure.NotFound("the build cache has no " + d.digest());
      }
    }

    @Override
    public Map<Digest, CacheManifest.Record> records(List<Platform> platforms) throws IOException {
      byte[] bytes;
      try (InputStream in =
          Files.newInputStream(
              layout.resolve("index.json"), java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
        bytes = in.readNBytes(MOST);
      }
      List<Descriptor> entries =
          ((ImageIndex) ManifestDocument.parse(bytes, dev.gantry.oci.MediaTypes.INDEX)).manifests();
      String wanted = which.isEmpty() ? "latest" : which;
      Descriptor chosen =
          entries.stream()
              .filter(
                  d ->
                      d.digest().toString().equals(wanted)
                          || wanted.equals(
                              d.annotations().get("org.opencontainers.image.ref.name")))
              .findFirst()
              .or(() -> which.isEmpty() ? entries.stream().findFirst() : java.util.Optional.empty())
              .orElseThrow(() -> new Failure.NotFound("the cache has no " + wanted));
      return collect(
          ManifestDocument.parse(blob(chosen), chosen.mediaType()),
          platforms,
          this::blob,
          d -> ManifestDocument.parse(blob(d), d.mediaType()));
    }

    @Override
    public void fetch(Descriptor d, ContentStore content, ContentStore.Lease lease)
        throws IOException {
      lease.hold(d.digest());
      if (content.contains(d.digest())) {
        return;
      }
      Path file = layout.resolve("blobs").resolve(d.digest().algorithm()).resolve(d.digest().hex());
      try (InputStream in = Files.newInputStream(file, java.nio.file.LinkOption.NOFOLLOW_LINKS);
          ContentStore.Partial partial = content.partial(d.digest())) {
        partial.restart();
        byte[] buffer = new byte[128 * 1024];
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
          partial.write(buffer, 0, n);
        }
        partial.commit();
      }
    }
  }
}
