package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// A list of manifests that is being put together, until it is pushed: a file of its own beside the
/// user's configuration, with the entries in the order of their coming, each under the name that it
/// was given by, as the index will have it.
record ManifestDraft(ImageName name, Path file, Map<String, Json.JsonObject> entries) {
  private static final String LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
  private static final String INDEX = "application/vnd.oci.image.index.v1+json";

  private static Path file(Session session, ImageName name) {
    return session
        .config()
        .folder()
        .resolve("gantry-manifests")
        .resolve(name.full().replace("/", "_") + ".json");
  }

  static ManifestDraft empty(Session session, ImageName name) {
    return new ManifestDraft(name, file(session, name), new LinkedHashMap<>());
  }

  static Optional<ManifestDraft> find(Session session, ImageName name) {
    ManifestDraft draft = empty(session, name);
    if (!Files.exists(draft.file())) {
      return Optional.empty();
    }
    try {
      Json.JsonObject json = Json.parseObject(Files.readString(draft.file()));
      for (Json.JsonObject entry : json.objects("Entries")) {
        draft.entries().put(entry.string("Ref", ""), entry.object("Descriptor").orElseThrow());
      }
      return Optional.of(draft);
    } catch (IOException | JsonException | java.util.NoSuchElementException e) {
      throw new Exit(1, "cannot read " + draft.file() + ": " + e.getMessage());
    }
  }

  static ManifestDraft require(Session session, ImageName name) {
    return find(session, name)
        .orElseThrow(() -> new Exit(1, "No such manifest: " + name.familiar()));
  }

  void save() {
    Json.JsonArray list = Json.array();
    entries.forEach(
        (ref, descriptor) -> list.add(Json.object().put("Ref", ref).put("Descriptor", descriptor)));
    try {
      Path folder = Surroundings.folders(file.resolveSibling("."));
      Path fresh = Files.createTempFile(folder, "new", "");
      Files.writeString(fresh, Json.object().put("Entries", list).text(), StandardCharsets.UTF_8);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new Exit(1, "cannot write " + file + ": " + e.getMessage());
    }
  }

  void remove() {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new Exit(1, "cannot remove " + file + ": " + e.getMessage());
    }
  }

  /// What the registry gets: Docker's kind of list if all in it are Docker's, else an OCI index.
  Json.JsonObject index() {
    Json.JsonArray manifests = Json.array();
    entries.values().forEach(manifests::add);
    boolean dockers =
        entries.values().stream().allMatch(d -> d.string("mediaType", "").contains(".docker."));
    return Json.object()
        .put("schemaVersion", 2)
        .put("mediaType", dockers ? LIST : INDEX)
        .put("manifests", manifests);
  }
}
