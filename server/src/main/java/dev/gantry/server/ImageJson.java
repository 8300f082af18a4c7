package dev.gantry.server;

import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.LocalIndex;
import dev.gantry.json.Json;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Images as the Docker API shows them, by version.
final class ImageJson {
  private static final ApiVersion V1_44 = new ApiVersion(1, 44);
  private static final ApiVersion V1_45 = new ApiVersion(1, 45);
  private static final ApiVersion V1_47 = new ApiVersion(1, 47);
  private static final ApiVersion V1_48 = new ApiVersion(1, 48);

  private ImageJson() {}

  static Json.JsonArray tags(Image i) {
    return familiar(i.tagReferences());
  }

  static Json.JsonArray digests(Image i) {
    return familiar(i.digestReferences());
  }

  private static Json.JsonArray familiar(List<ImageReference> names) {
    Json.JsonArray array = Json.array();
    names.stream().map(ImageReference::familiar).sorted().forEach(array::add);
    return array;
  }

  /// One row of GET /images/json.
  ///
  /// @param shared bytes of layers that other images have too; -1 for not asked
  /// @param manifests whether the platforms were asked for
  /// @param identity whether each of them shall say where it is from
  static Json summary(
      Engine engine,
      Image i,
      ApiVersion version,
      long shared,
      boolean manifests,
      boolean identity) {
    long containers =
        engine.list().stream().filter(c -> c.spec().imageId().equals(i.id().toString())).count();
    Map<String, String> labels = i.config().stringMap("Labels");
    Json.JsonArray digests = digests(i);
    boolean old = version.compareTo(V1_44) < 0;
    Json.JsonObject json =
        Json.object()
            .put("Containers", version.compareTo(V1_48) < 0 ? -1 : containers)
            .put("Created", i.created().getEpochSecond())
            .put("Id", i.id().toString())
            .put(
                "Labels",
                labels.isEmpty() && !version.atLeast(52) ? Json.NULL : Json.strings(labels))
            .put("ParentId", "")
            .put("RepoDigests", old && digests.isEmpty() ? Json.NULL : digests)
            .put("RepoTags", tags(i))
            .put("SharedSize", old ? -1 : shared)
            .put("Size", i.size());
    if (manifests && version.compareTo(V1_47) >= 0) {
      manifests(engine, i, identity).ifPresent(m -> json.put("Manifests", m));
    }
    return old ? json.put("VirtualSize", i.size()) : json;
  }

  /// The platforms of the index that the image came by; empty if it came by none.
  private static Optional<Json> manifests(Engine engine, Image i, boolean identity) {
    List<LocalIndex.Entry> entries =
        i.names().stream()
            .map(n -> LocalIndex.entries(engine.images(), n))
            .filter(e -> !e.isEmpty())
            .findFirst()
            .orElse(List.of());
    Json.JsonArray all = Json.array();
    entries.forEach(e -> all.add(manifest(engine, e, identity)));
    return entries.isEmpty() ? Optional.empty() : Optional.of(all);
  }

  private static Json manifest(Engine engine, LocalIndex.Entry entry, boolean identity) {
    Descriptor descriptor = entry.descriptor();
    Optional<Image> image = entry.image();
    long content =
        image
            .map(
                i ->
                    descriptor.size()
                        + engine.images().content().size(i.id())
                        + i.layers().stream().mapToLong(engine.images().content()::size).sum())
            .orElse(0L);
    long unpacked = image.map(Image::size).orElse(0L);
    String of = descriptor.annotations().getOrDefault("vnd.docker.reference.digest", "");
    Json.JsonObject json =
        Json.object()
            .put("ID", descriptor.digest().toString())
            .put("Descriptor", descriptor.json())
            .put("Available", image.isPresent())
            .put("Size", Json.object().put("Content", content).put("Total", content + unpacked))
            .put("Kind", of.isEmpty() ? "image" : "attestation");
    if (!of.isEmpty()) {
      return json.put("AttestationData", Json.object().put("For", of));
    }
    Json.JsonArray containers = Json.array();
    image.ifPresent(
        i ->
            engine.list().stream()
                .filter(c -> c.spec().imageId().equals(i.id().toString()))
                .forEach(c -> containers.add(c.id())));
    Json.JsonObject data =
        Json.object()
            .put(
                "Platform",
                descriptor
                    .platformIfAny()
                    .or(() -> image.map(Image::platform))
                    .map(p -> (Json) p.json())
                    .orElseGet(Json::object))
            .put("Containers", containers)
            .put("Size", Json.object().put("Unpacked", unpacked));
    if (identity) {
      image.flatMap(ImageJson::identity).ifPresent(known -> data.put("Identity", known));
    }
    return json.put("ImageData", data);
  }

  /// Where the image is from, as far as this engine has seen it itself: the repositories that it
  /// came from or went to. Tags can be given to any image and say nothing.
  private static Optional<Json> identity(Image i) {
    Json.JsonArray pulls = Json.array();
    i.digestReferences().stream()
        .map(ImageReference::name)
        .distinct()
        .forEach(name -> pulls.add(Json.object().put("Repository", name)));
    return pulls.isEmpty() ? Optional.empty() : Optional.of(Json.object().put("Pull", pulls));
  }

  /// Bytes of the layers of `image` that one of `others` has too.
  static long shared(Engine engine, Image image, List<Image> others) {
    Set<Digest> elsewhere = new HashSet<>();
    others.stream()
        .filter(o -> !o.id().equals(image.id()))
        .forEach(o -> elsewhere.addAll(dev.gantry.images.Images.chains(o.diffIds())));
    List<Digest> chains = dev.gantry.images.Images.chains(image.diffIds());
    List<Long> sizes = engine.images().layerSizes(image);
    long bytes = 0;
    for (int i = 0; i < chains.size(); i++) {
      bytes += elsewhere.contains(chains.get(i)) ? sizes.get(i) : 0;
    }
    return bytes;
  }

  /// GET /images/{}/json.
  static Json inspect(Engine engine, Image i, ApiVersion version, boolean manifests) {
    Json.JsonObject d = i.document();
    Json.JsonObject json =
        Json.object()
            .put("Id", i.id().toString())
            .put("RepoTags", tags(i))
            .put("RepoDigests", digests(i));
    boolean sparse = version.atLeast(52);
    if (!sparse) {
      json.put("Parent", "");
    }
    text(json, "Comment", comment(d), sparse);
    json.put("Created", i.createdText());
    if (version.compareTo(V1_45) < 0) {
      json.put(
          "ContainerConfig",
          d.object("container_config").orElseGet(() -> config(Json.object(), false)));
    }
    text(json, "DockerVersion", d.string("docker_version", ""), sparse);
    text(json, "Author", d.string("author", ""), sparse);
    json.put("Architecture", i.architecture());
    if (!d.string("variant", "").isEmpty()) {
      json.put("Variant", d.string("variant", ""));
    }
    json.put("Os", i.os());
    if (!d.string("os.version", "").isEmpty()) {
      json.put("OsVersion", d.string("os.version", ""));
    }
    json.put("Size", i.size());
    if (version.compareTo(V1_44) < 0) {
      json.put("VirtualSize", i.size());
    }
    json.put("GraphDriver", graphDriver(engine, i));
    Json.JsonObject rootFs = Json.object().put("Type", "layers");
    if (!i.diffIds().isEmpty()) {
      Json.JsonArray layers = Json.array();
      i.diffIds().forEach(l -> layers.add(l.toString()));
      rootFs.put("Layers", layers);
    }
    Optional<Instant> tagged =
        i.tagReferences().stream()
            .flatMap(t -> engine.images().taggedAt(t).stream())
            .max(Instant::compareTo);
    if (manifests && version.compareTo(V1_48) >= 0) {
      manifests(engine, i, version.atLeast(53)).ifPresent(m -> json.put("Manifests", m));
    }
    if (version.atLeast(53)) {
      identity(i).ifPresent(known -> json.put("Identity", known));
    }
    return json.put("RootFS", rootFs)
        .put(
            "Metadata",
            Json.object()
                .put("LastTagTime", tagged.map(ContainerJson::time).orElse("0001-01-01T00:00:00Z")))
        .put("Config", sparse ? set(i.config()) : config(i.config(), version.atLeast(50)));
  }

  /// The image's own, or that of its last step.
  private static String comment(Json.JsonObject document) {
    String own = document.string("comment", "");
    List<Json.JsonObject> history = document.objects("history");
    return own.isEmpty() && !history.isEmpty() ? history.getLast().string("comment", "") : own;
  }

  private static void text(Json.JsonObject json, String key, String value, boolean sparse) {
    if (!sparse || !value.isEmpty()) {
      json.put(key, value);
    }
  }

  /// The configuration with what is set of it, as versions from 1.52 on show it.
  private static Json.JsonObject set(Json.JsonObject config) {
    Json.JsonObject all = config(config, true);
    Json.JsonObject set = Json.object();
    all.members()
        .forEach(
            (key, value) -> {
              boolean empty =
                  switch (value) {
                    case Json.JsonNull n -> true;
                    case Json.JsonString s -> s.value().isEmpty();
                    case Json.JsonArray a -> a.isEmpty();
                    case Json.JsonObject o -> o.isEmpty();
                    case Json.JsonBoolean b -> !b.value();
                    case Json.JsonNumber n -> false;
                  };
              if (!empty) {
                set.put(key, value);
              }
            });
    return set;
  }

  /// The configuration with all its keys, sorted; newer versions leave out what concerns containers
  /// only.
  private static Json.JsonObject config(Json.JsonObject config, boolean imageOnly) {
    java.util.TreeMap<String, Json> keys = new java.util.TreeMap<>();
    List<String> nulls = List.of("Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Volumes");
    nulls.forEach(k -> keys.put(k, Json.NULL));
    List<String> texts = new ArrayList<>(List.of("User", "WorkingDir"));
    List<String> flags = List.of();
    if (!imageOnly) {
      texts.addAll(List.of("Hostname", "Domainname", "Image"));
      flags =
          List.of("AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce");
    }
    texts.forEach(k -> keys.put(k, Json.of("")));
    flags.forEach(k -> keys.put(k, Json.of(false)));
    Set<String> optional =
        Set.of("ExposedPorts", "Healthcheck", "StopSignal", "StopTimeout", "Shell", "ArgsEscaped");
    config
        .members()
        .forEach(
            (key, value) -> {
              if (keys.containsKey(key) || optional.contains(key)) {
                keys.put(key, value);
              }
            });
    Json.JsonObject sorted = Json.object();
    keys.forEach(sorted::put);
    return sorted;
  }

  private static Json graphDriver(Engine engine, Image i) {
    List<Path> lowers = engine.images().snapshots().lowers(i.diffIds());
    Json.JsonObject data = Json.object();
    if (lowers.isEmpty()) {
      return Json.object().put("Data", Json.NULL).put("Name", "overlay2");
    }
    if (lowers.size() > 1) {
      data.put(
          "LowerDir",
          String.join(":", lowers.subList(1, lowers.size()).stream().map(Path::toString).toList()));
    }
    data.put("UpperDir", lowers.getFirst().toString());
    return Json.object().put("Data", data).put("Name", "overlay2");
  }

  /// GET /images/{}/history.
  static Json history(Engine engine, Image i) {
    Json.JsonArray result = Json.array();
    List<Json.JsonObject> steps = i.document().objects("history");
    List<Long> sizes = engine.images().layerSizes(i);
    int layer = 0;
    List<Json.JsonObject> rows = new ArrayList<>();
    for (Json.JsonObject step : steps) {
      boolean empty = step.bool("empty_layer", false);
      long size = !empty && layer < sizes.size() ? sizes.get(layer++) : 0;
      rows.add(
          Json.object()
              .put("Comment", step.string("comment", ""))
              .put("Created", seconds(step.string("created", "")))
              .put("CreatedBy", step.string("created_by", ""))
              .put("Id", "<missing>")
              .put("Size", size)
              .put("Tags", Json.NULL));
    }
    if (!rows.isEmpty()) {
      rows.getLast()
          .put("Id", i.id().toString())
          .put("Tags", i.tags().isEmpty() ? Json.NULL : tags(i));
    }
    rows.reversed().forEach(result::add);
    return result;
  }

  private static long seconds(String time) {
    try {
      return time.isEmpty() ? 0 : java.time.OffsetDateTime.parse(time).toEpochSecond();
    } catch (java.time.format.DateTimeParseException e) {
      return 0;
    }
  }
}
