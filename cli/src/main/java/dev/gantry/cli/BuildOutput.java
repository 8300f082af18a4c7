package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/// Where a build's result goes: `--output`.
///
/// @param kind `image`, `local`, `tar`, `oci`, `docker`, or `cacheonly` for nowhere
/// @param destination folder or file, `-` for standard output; empty for the engine's images
/// @param names that the image gets beside those of `--tag`
/// @param push whether it goes to its registries too
/// @param annotations of the image's documents, as `--annotation` takes them
/// @param fields all that was said of it
record BuildOutput(
    String kind,
    String destination,
    List<String> names,
    boolean push,
    List<String> annotations,
    Map<String, String> fields) {
  BuildOutput(String kind, String destination) {
    this(kind, destination, List.of(), false, List.of(), Map.of());
  }

  /// Reads `type=KIND,dest=PATH`, a folder alone, or `-` for an archive on standard output.
  static BuildOutput parse(String text) {
    if (text.equals("-")) {
      return new BuildOutput("tar", "-");
    }
    if (text.indexOf('=') < 0) {
      return new BuildOutput("local", text);
    }
    Map<String, String> fields = BuildFields.of(text);
    String said = fields.getOrDefault("type", "");
    String kind = said.equals("registry") ? "image" : said;
    String destination = fields.getOrDefault("dest", "");
    if (!List.of("image", "local", "tar", "oci", "docker", "cacheonly").contains(kind)) {
      throw new Exit(
          1,
          "unknown type of output in "
              + text
              + ": image, registry, local, tar, oci, docker or cacheonly");
    }
    if (destination.isEmpty()
        && (kind.equals("local") || kind.equals("tar") || kind.equals("oci"))) {
      throw new Exit(1, "the output " + text + " needs dest=PATH");
    }
    List<String> annotations = new ArrayList<>();
    fields.forEach(
        (key, value) -> {
          if (key.startsWith("annotation.")) {
            annotations.add(key.substring("annotation.".length()) + "=" + value);
          } else if (key.startsWith("annotation-") && key.contains(".")) {
            int dot = key.indexOf('.');
            annotations.add(
                key.substring("annotation-".length(), dot)
                    + ":"
                    + key.substring(dot + 1)
                    + "="
                    + value);
          }
        });
    boolean push = said.equals("registry") || fields.getOrDefault("push", "").equals("true");
    String names = fields.getOrDefault("name", "");
    return new BuildOutput(
        kind,
        destination,
        names.isEmpty() ? List.of() : List.of(names.split(",")),
        push,
        annotations,
        fields);
  }

  /// Whether no image of it is meant to stay with the engine.
  boolean isFiles() {
    return switch (kind) {
      case "local", "tar", "cacheonly" -> true;
      case "oci", "docker" -> !destination.isEmpty();
      default -> fields.getOrDefault("push-by-digest", "").equals("true");
    };
  }

  /// Whether what is said of the result lies beside its files.
  boolean isLoose() {
    return kind.equals("local") || kind.equals("tar");
  }

  /// Writes what was built.
  ///
  /// @param result what the engine said of it: `Platforms` are ids of images
  /// @param tags names for archives beside those of this output
  void write(
      Session session, Map<String, String> platforms, Json.JsonObject result, List<String> tags)
      throws IOException {
    String ref = result.string("Ref", "");
    switch (kind) {
      case "local" -> {
        for (Map.Entry<String, String> one : platforms.entrySet()) {
          Path top = Path.of(destination);
          String own = one.getKey().replace('/', '_');
          Path folder = Surroundings.folders(platforms.size() > 1 ? top.resolve(own) : top);
          unpack(files(session, List.of(one.getValue()), ref), folder);
        }
      }
      case "tar" -> {
        try (InputStream files = files(session, platforms.values(), ref)) {
          save(session, files);
        }
      }
      case "oci", "docker" -> {
        if (!destination.isEmpty()) {
          archive(session, result, tags);
        }
      }
      default -> {} // it stays with the engine, or goes nowhere
    }
  }

  private void archive(Session session, Json.JsonObject result, List<String> tags)
      throws IOException {
    Query query = Query.of("/build/archive").with("image", result.string("Config", ""));
    query.with("oci", Boolean.toString(kind.equals("oci")));
    tags.forEach(t -> query.with("t", t));
    names.forEach(t -> query.with("t", t));
    result
        .object("Descriptor")
        .filter(d -> d.string("mediaType", "").contains("index"))
        .ifPresent(d -> query.with("root", d.string("digest", "")));
    InputStream archive = session.engine().open("GET", query, null);
    if (fields.getOrDefault("tar", "true").equals("false")) {
      unpack(archive, Surroundings.folders(Path.of(destination)));
      return;
    }
    try (archive) {
      save(session, archive);
    }
  }

  private static void unpack(InputStream archive, Path folder) throws IOException {
    try (archive) {
      long ignored = new Unpacking(folder, "*", false).all(archive);
    }
  }

  private static InputStream files(Session session, Collection<String> ids, String ref) {
    Query query = Query.of("/build/files").with("ref", ref);
    ids.forEach(id -> query.with("image", id));
    return session.engine().open("GET", query, null);
  }

  private void save(Session session, InputStream in) throws IOException {
    if (destination.equals("-")) {
      in.transferTo(session.out());
      session.out().flush();
      return;
    }
    try (var out = Files.newOutputStream(Path.of(destination))) {
      in.transferTo(out);
    }
  }
}
