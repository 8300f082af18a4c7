package dev.gantry.oci;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/// What a tag of a registry points to: the manifest of one image (or artifact), or an index of
/// several. Its bytes are what is stored and digested; these records are for looking inside.
public sealed interface ManifestDocument permits Manifest, ImageIndex {
  String mediaType();

  /// The type of artifact; empty for images.
  String artifactType();

  /// What this refers to (a signature's image, say).
  Optional<Descriptor> subjectIfAny();

  Map<String, String> annotations();

  Json.JsonObject json();

  /// Reads a manifest or index.
  ///
  /// @param contentType what the transport says it is; empty if it says nothing, then the document
  ///   itself decides
  /// @throws Failure.InvalidRequest if it is neither, or says to be another type
  static ManifestDocument parse(byte[] bytes, String contentType) {
    Json.JsonObject json;
    try {
      json = Json.parseObject(new String(bytes, StandardCharsets.UTF_8));
      String said = MediaTypes.plain(contentType);
      String inside = json.string("mediaType", "");
      if (json.number("schemaVersion", 0) == 1 || MediaTypes.isSchema1(said)) {
        throw new Failure.Unsupported(
            "the manifest has schema version 1, which registries and engines have given up",
            "push the image again with a present client",
            null);
      }
      boolean known = MediaTypes.isIndex(said) || MediaTypes.isManifest(said);
      if (known && !inside.isEmpty() && !inside.equals(said)) {
        throw new Failure.InvalidRequest(
            "the manifest says to be " + inside + " but came as " + said);
      }
      String type = known ? said : inside;
      if (type.isEmpty()) {
        type = json.has("manifests") ? MediaTypes.INDEX : MediaTypes.MANIFEST;
      }
      if (json.number("schemaVersion", 0) != 2) {
        throw new Failure.InvalidRequest("the manifest's schemaVersion is not 2");
      }
      if (MediaTypes.isIndex(type)) {
        return ImageIndex.read(type, json);
      }
      if (MediaTypes.isManifest(type)) {
        return Manifest.read(type, json);
      }
      throw new Failure.InvalidRequest("\"" + type + "\" is no type of a manifest");
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("the manifest is not valid: " + e.getMessage(), null, e);
    }
  }
}
