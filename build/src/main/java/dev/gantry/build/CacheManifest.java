package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonWriter;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.MediaTypes;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The layers of a build with the keys that they were made from, so that a builder elsewhere need
/// not make them again. The form is BuildKit's: a list of layers and a document of the type
/// `application/vnd.buildkit.cacheconfig.v0`,
///
///     {"layers": [{"blob": DIGEST, "parent": INDEX}],
///      "records": [{"digest": KEY, "results": [{"layer": INDEX, "createdAt": TIME}]}]}
///
/// under a manifest or an index; inline, in an image's configuration, the layers are those of the
/// image. The keys are ours: what another builder wrote is read without error and hits nothing.
public final class CacheManifest {
  /// Where an image's configuration has it.
  static final String INLINE = "moby.buildkit.cache.v0";

  private static final String CONFIG = "application/vnd.buildkit.cacheconfig.v0";
  private static final String DIFF_ID = "containerd.io/uncompressed";
  private static final String MADE_BY = "dev.gantry.made-by";
  private static final int MOST_RECORDS = 10_000;

  /// A step of a build that made a layer, or found it.
  ///
  /// @param key what it was made from
  /// @param diffIds the layers below and its own, the last
  record Made(
      Digest key, Images.Layer layer, List<Digest> diffIds, String description, Instant created) {
    Made {
      diffIds = List.copyOf(diffIds);
    }
  }

  /// Something that can be taken from a cache.
  ///
  /// @param blob its content; not known for inline caches that name layers by their diff ids alone
  public record Record(Descriptor blob, Digest diffId, String description, Instant created) {}

  /// A cache as registries and folders take it.
  ///
  /// @param blobs all that the manifest names; they are in the content store
  public record Export(String mediaType, byte[] manifest, List<Descriptor> blobs) {
    public Export {
      blobs = List.copyOf(blobs);
    }

    public Descriptor descriptor() {
      return new Descriptor(mediaType, Digest.of(manifest), manifest.length);
    }
  }

  private CacheManifest() {}

  // ---- writing

  /// How a client wants a cache written.
  ///
  /// @param all also the layers of stages that are not in the result (`mode=max`)
  /// @param asImage whether its top document shall be a manifest (`image-manifest=true`), which
  ///   some registries insist on, and not an index
  /// @param docker Docker's media types in the place of OCI's
  /// @param packing of layers
  public record Wish(boolean all, boolean asImage, boolean docker, Form packing) {
    /// Reads `mode`, `image-manifest`, `oci-mediatypes`, `compression`, `compression-level` and
    /// `force-compression`.
    ///
    /// @throws Failure.InvalidRequest for values that nobody knows
    public static Wish of(Map<String, String> attributes) {
      String mode = attributes.getOrDefault("mode", "min");
      if (!mode.matches("min|max")) {
        throw new Failure.InvalidRequest("invalid mode " + mode + " of a cache: min or max");
      }
      boolean docker = attributes.getOrDefault("oci-mediatypes", "").matches("false|0");
      String manifest = attributes.getOrDefault("image-manifest", "");
      boolean asImage = manifest.isEmpty() ? !docker : BuildRequest.isOn(manifest);
      if (docker && asImage) {
        throw new Failure.InvalidRequest("a cache as an image's manifest has OCI's media types");
      }
      Map<String, String> packing = new LinkedHashMap<>(attributes);
      packing.remove("oci-mediatypes"); // of the cache's documents; any layer can be in one
      return new Wish(mode.equals("max"), asImage, docker, Form.of(packing));
    }

    private Descriptor layer(Images images, Images.Layer layer, ContentStore.Lease lease)
        throws IOException {
      Descriptor d =
          packing.compression().isPresent()
              ? images.packed(
                  layer, packing.compression().get(), packing.level(), packing.all(), lease)
              : images.packed(layer, lease);
      String type =
          docker && d.mediaType().equals(MediaTypes.LAYER_GZIP)
              ? MediaTypes.DOCKER_LAYER_GZIP
              : d.mediaType();
      return new Descriptor(type, d.digest(), d.size());
    }

    private String mediaType() {
      return asImage ? MediaTypes.MANIFEST : docker ? MediaTypes.DOCKER_LIST : MediaTypes.INDEX;
    }
  }

  /// Makes a cache of what builds came to.
  ///
  /// @param lease holds the content
  public static Export of(List<Built> builds, Wish form, ContentStore.Lease lease)
      throws IOException {
    Images images = builds.getFirst().images();
    Map<Digest, Made> made = new LinkedHashMap<>();
    builds.forEach(b -> b.made(form.all()).forEach(m -> made.putIfAbsent(m.key(), m)));
    List<Descriptor> blobs = new ArrayList<>();
    Map<Digest, Integer> places = new LinkedHashMap<>();
    Json.JsonArray layers = Json.array();
    Json.JsonArray records = Json.array();
    for (Made m : made.values()) {
      Integer place = places.get(m.layer().blob());
      if (place == null) {
        place = blobs.size();
        places.put(m.layer().blob(), place);
        Descriptor blob =
            form.layer(images, m.layer(), lease)
                .withAnnotations(Map.of(DIFF_ID, m.layer().diffId().toString()));
        blobs.add(blob);
        layers.add(Json.object().put("blob", blob.digest().toString()).put("parent", -1));
      }
      records.add(record(m, place));
    }
    byte[] config =
        JsonWriter.plain(Json.object().put("layers", layers).put("records", records))
            .getBytes(StandardCharsets.UTF_8);
    lease.hold(Digest.of(config));
    Descriptor own = new Descriptor(CONFIG, images.content().put(config), config.length);
    Json.JsonObject document =
        form.asImage()
            ? new Manifest(MediaTypes.MANIFEST, "", own, blobs, null, Map.of()).json()
            : new ImageIndex(form.mediaType(), "", join(blobs, own), null, Map.of()).json();
    byte[] manifest = JsonWriter.plain(document).getBytes(StandardCharsets.UTF_8);
    return new Export(form.mediaType(), manifest, join(blobs, own));
  }

  private static List<Descriptor> join(List<Descriptor> blobs, Descriptor last) {
    List<Descriptor> all = new ArrayList<>(blobs);
    all.add(last);
    return all;
  }

  private static Json.JsonObject record(Made m, int place) {
    return Json.object()
        .put("digest", m.key().toString())
        .put(MADE_BY, m.description())
        .put(
            "results",
            Json.array()
                .add(Json.object().put("layer", place).put("createdAt", m.created().toString())));
  }

  /// What an image's configuration says of its own layers: the document in base64.
  static String inline(Built built) {
    Json.JsonArray layers = Json.array();
    List<Digest> diffIds = built.diffIds();
    for (int i = 0; i < diffIds.size(); i++) {
      layers.add(Json.object().put("blob", diffIds.get(i).toString()).put("parent", i - 1));
    }
    Json.JsonArray records = Json.array();
    for (Made m : built.made(false)) {
      records.add(record(m, m.diffIds().size() - 1));
    }
    String text = JsonWriter.plain(Json.object().put("layers", layers).put("records", records));
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  // ---- reading

  /// The document of a cache among what its manifest or index names; empty if that is no cache.
  static Optional<Descriptor> config(List<Descriptor> named) {
    return named.stream().filter(d -> d.mediaType().equals(CONFIG)).findFirst();
  }

  /// Reads a cache's document.
  ///
  /// @param blobs what its manifest names beside it
  /// @throws Failure.InvalidRequest if it cannot be understood
  static Map<Digest, Record> read(byte[] config, List<Descriptor> blobs) {
    try {
      Json.JsonObject json = Json.parseObject(new String(config, StandardCharsets.UTF_8));
      List<Optional<Descriptor>> layers = new ArrayList<>();
      for (Json.JsonObject layer : json.objects("layers")) {
        String digest = layer.string("blob", "");
        layers.add(blobs.stream().filter(b -> b.digest().toString().equals(digest)).findFirst());
      }
      return records(json, layers);
    } catch (JsonException | IllegalArgumentException | java.time.DateTimeException e) {
      throw new Failure.InvalidRequest("the build cache cannot be read", null, e);
    }
  }

  /// Reads what an image's configuration says of its layers; empty if it says nothing.
  ///
  /// @param layers of the image's manifest
  static Map<Digest, Record> inline(Json.JsonObject configuration, List<Descriptor> layers) {
    String text = configuration.string(INLINE, "");
    List<String> diffIds =
        configuration.object("rootfs").map(r -> r.strings("diff_ids")).orElse(List.of());
    if (text.isEmpty() || diffIds.size() != layers.size()) {
      return Map.of();
    }
    try {
      byte[] document = Base64.getDecoder().decode(text);
      List<Optional<Descriptor>> described = new ArrayList<>();
      for (int i = 0; i < layers.size(); i++) {
        described.add(Optional.of(layers.get(i).withAnnotations(Map.of(DIFF_ID, diffIds.get(i)))));
      }
      return records(Json.parseObject(new String(document, StandardCharsets.UTF_8)), described);
    } catch (JsonException | IllegalArgumentException | java.time.DateTimeException e) {
      throw new Failure.InvalidRequest("the image's inline cache cannot be read", null, e);
    }
  }

  private static Map<Digest, Record> records(
      Json.JsonObject json, List<Optional<Descriptor>> layers) {
    Map<Digest, Record> all = new LinkedHashMap<>();
    for (Json.JsonObject record : json.objects("records")) {
      if (all.size() >= MOST_RECORDS) {
        break;
      }
      for (Json.JsonObject result : record.objects("results")) {
        int place = (int) result.number("layer", -1);
        if (place < 0 || place >= layers.size() || layers.get(place).isEmpty()) {
          continue;
        }
        Descriptor blob = layers.get(place).get();
        String diffId = blob.annotations().get(DIFF_ID);
        if (diffId != null) {
          all.putIfAbsent(
              Digest.parse(record.string("digest", "")),
              new Record(
                  blob,
                  Digest.parse(diffId),
                  record.string(MADE_BY, ""),
                  Instant.parse(result.string("createdAt", "1970-01-01T00:00:00Z"))));
        }
      }
    }
    return all;
  }
}
