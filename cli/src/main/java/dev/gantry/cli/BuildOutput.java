package dev.gantry.cli;

import dev.gantry.client.Query;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Where a build's result goes: `--output`.
///
/// @param kind `image`, `local`, `tar`, `oci`, `docker`, or `cacheonly` for nowhere
/// @param destination folder or file, `-` for standard output; empty for the engine's images
/// @param names that the image gets beside those of `--tag`
/// @param push whether it goes to its registries too
/// @param annotations of the image's documents, as `--annotation` takes them
record BuildOutput(
    String kind, String destination, List<String> names, boolean push, List<String> annotations) {
  BuildOutput(String kind, String destination) {
    this(kind, destination, List.of(), false, List.of());
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
        annotations);
  }

  /// Whether no image of it is meant to stay with the engine.
  boolean isFiles() {
    return kind.equals("local") || kind.equals("tar") || kind.equals("cacheonly");
  }

  /// @param platforms ids of the images by platform; with several each gets a folder of its own
  /// @param names that the image has with the engine
  void write(Session session, Map<String, String> platforms, List<String> names)
      throws IOException {
    switch (kind) {
      case "local" -> {
        for (Map.Entry<String, String> one : platforms.entrySet()) {
          Path top = Path.of(destination);
          String own = one.getKey().replace('/', '_');
          Path folder = Files.createDirectories(platforms.size() > 1 ? top.resolve(own) : top);
          try (InputStream files = files(session, one.getValue())) {
            long ignored = new Unpacking(folder, "*", false).all(files);
          }
        }
      }
      case "tar" -> {
        if (platforms.size() > 1) {
          throw new Exit(1, "an archive of files can have one platform; use type=local");
        }
        try (InputStream files = files(session, platforms.values().iterator().next())) {
          save(session, files);
        }
      }
      case "oci", "docker" -> {
        if (!destination.isEmpty()) {
          Query query = Query.of("/images/get");
          List<String> wanted =
              names.isEmpty() ? List.of(platforms.values().iterator().next()) : names;
          wanted.forEach(n -> query.with("names", n));
          try (InputStream archive = session.engine().open("GET", query, null)) {
            save(session, archive);
          }
        }
      }
      default -> {} // it stays with the engine, or goes nowhere
    }
  }

  private static InputStream files(Session session, String id) {
    return session.engine().open("GET", Query.of("/build/files").with("image", id), null);
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
