package dev.gantry.registry;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/// A manifest: its bytes as they came, and what it refers to (image-spec manifest.md and
/// image-index.md; Docker's schema 2 has the same shape).
///
/// @param blobs config and layers, without foreign layers that are fetched elsewhere; layers that
///   an index lists itself
/// @param manifests what else an index lists
/// @param artifactType the manifest's own, else its config's media type
record Manifest(
    String mediaType,
    byte[] bytes,
    List<Descriptor> blobs,
    List<Descriptor> manifests,
    Optional<Descriptor> subject,
    Optional<String> artifactType,
    Json annotations) {
  static final int MOST_BYTES = 4 << 20;
  private static final long MOST_DESCRIPTORS = 10_000;

  /// What a manifest says about another content (image-spec descriptor.md).
  record Descriptor(String mediaType, ContentDigest digest, long size, Json.JsonObject json) {}

  /// Reads and checks `bytes`.
  ///
  /// @param contentType as the client announced it, or empty
  static Manifest parse(String contentType, byte[] bytes) {
    if (MediaTypes.isSchema1(contentType)) {
      throw invalid("image manifests of schema 1 are not taken: push the image with schema 2");
    }
    Json.JsonObject document = document(bytes);
    try {
      return parse(contentType, bytes, document);
    } catch (JsonException e) {
      throw invalid(e.text());
    }
  }

  private static Json.JsonObject document(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return Json.parseObject(text);
    } catch (CharacterCodingException | JsonException e) {
      throw invalid("the manifest is not a JSON object: " + e.getMessage());
    }
  }

  private static Manifest parse(String contentType, byte[] bytes, Json.JsonObject document) {
    String said = document.string("mediaType", "");
    String type = contentType.isEmpty() ? said : contentType;
    if (type.isEmpty()) {
      throw invalid("neither Content-Type nor mediaType say what this is");
    }
    if (!said.isEmpty() && !said.equals(type)) {
      throw invalid("the Content-Type is " + type + ", the manifest's mediaType " + said);
    }
    if (document.number("schemaVersion", 0) != 2) {
      throw invalid("schemaVersion is not 2");
    }
    if (!MediaTypes.isImage(type) && !MediaTypes.isIndex(type)) {
      throw invalid("no manifest has the media type " + type);
    }
    boolean index = MediaTypes.isIndex(type);
    if (document.has(index ? "layers" : "manifests")) {
      throw invalid("layers and manifests exclude each other: this is said to be " + type);
    }
    Optional<Descriptor> subject = document.object("subject").map(o -> descriptor("subject", o));
    Optional<String> artifactType = document.string("artifactType").filter(s -> !s.isEmpty());
    Json annotations = document.object("annotations").<Json>map(o -> o).orElse(Json.NULL);
    List<Descriptor> blobs = new ArrayList<>();
    List<Descriptor> manifests = new ArrayList<>();
    if (index) {
      for (Descriptor part : descriptors(document, "manifests")) {
        (MediaTypes.isBlob(part.mediaType()) ? blobs : manifests).add(part);
      }
    } else {
      Descriptor config =
          descriptor(
              "config", document.object("config").orElseThrow(() -> invalid("config is missing")));
      blobs.add(config);
      for (Descriptor layer : descriptors(document, "layers")) {
        if (!MediaTypes.isForeign(layer.mediaType()) || layer.json().items("urls").isEmpty()) {
          blobs.add(layer);
        }
      }
      if (artifactType.isEmpty()) {
        artifactType = Optional.of(config.mediaType());
      }
    }
    return new Manifest(type, bytes, blobs, manifests, subject, artifactType, annotations);
  }

  private static List<Descriptor> descriptors(Json.JsonObject document, String key) {
    if (!(document.get(key) instanceof Json.JsonArray array)) {
      throw invalid(key + " is missing");
    }
    if (array.size() > MOST_DESCRIPTORS) {
      throw invalid(key + " has more than " + MOST_DESCRIPTORS + " items");
    }
    List<Descriptor> all = new ArrayList<>();
    for (Json item : array) {
      if (!(item instanceof Json.JsonObject object)) {
        throw invalid("an item of " + key + " is not an object");
      }
      all.add(descriptor(key + "[" + all.size() + "]", object));
    }
    return all;
  }

  private static Descriptor descriptor(String where, Json.JsonObject object) {
    String type = object.string("mediaType", "");
    long size = object.number("size", -1);
    if (type.isEmpty() || size < 0) {
      throw invalid(where + " needs a mediaType and a size of at least 0");
    }
    ContentDigest digest = ContentDigest.parse(object.string("digest", ""));
    object.string("data").ifPresent(data -> checkData(where, data, digest, size));
    return new Descriptor(type, digest, size, object);
  }

  /// Content that the descriptor carries itself must be what it describes.
  private static void checkData(String where, String data, ContentDigest digest, long size) {
    byte[] content;
    try {
      content = Base64.getDecoder().decode(data);
    } catch (IllegalArgumentException e) {
      throw invalid(where + ".data is not base64");
    }
    if (content.length != size || !ContentDigest.of(digest.algorithm(), content).equals(digest)) {
      throw invalid(where + ".data is not the content of " + digest);
    }
  }

  private static RegistryError invalid(String message) {
    return new RegistryError(ErrorCode.MANIFEST_INVALID, message);
  }

  /// The descriptor by which a list of referrers names this manifest.
  Json.JsonObject asReferrer(ContentDigest digest) {
    Json.JsonObject descriptor =
        Json.object()
            .put("mediaType", mediaType)
            .put("digest", digest.toString())
            .put("size", bytes.length);
    artifactType.ifPresent(t -> descriptor.put("artifactType", t));
    if (annotations instanceof Json.JsonObject object && !object.isEmpty()) {
      descriptor.put("annotations", object);
    }
    return descriptor;
  }
}
