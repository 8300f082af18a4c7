package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Where a build's result goes: `--output`.
///
/// @param kind `image`, `local`, `tar`, `oci` or `docker`
/// @param destination folder or file, `-` for standard output; empty for the engine's images
record BuildOutput(String kind, String destination) {
  /// Reads `type=KIND,dest=PATH`, a folder alone, or `-` for an archive on standard output.
  static BuildOutput parse(String text) {
    if (text.equals("-")) {
      return new BuildOutput("tar", "-");
    }
    if (text.indexOf('=') < 0) {
      return new BuildOutput("local", text);
    }
    Map<String, String> fields = new HashMap<>();
    for (String field : text.split(",")) {
      String[] pair = field.split("=", 2);
      fields.put(pair[0].toLowerCase(Locale.ROOT), pair.length > 1 ? pair[1] : "true");
    }
    String kind = fields.getOrDefault("type", "");
    String destination = fields.getOrDefault("dest", "");
    if (!List.of("image", "local", "tar", "oci", "docker").contains(kind)) {
      throw new Exit(1, "unknown type of output in " + text + ": image, local, tar, oci or docker");
    }
    if (destination.isEmpty()
        && (kind.equals("local") || kind.equals("tar") || kind.equals("oci"))) {
      throw new Exit(1, "the output " + text + " needs dest=PATH");
    }
    return new BuildOutput(kind, destination);
  }

  /// Whether no image of it is meant to stay with the engine.
  boolean isFiles() {
    return kind.equals("local") || kind.equals("tar");
  }

  void write(Session session, String id, List<String> names) throws IOException {
    if (destination.isEmpty()) {
      tag(session, id, names);
      return;
    }
    if (kind.equals("local")) {
      Path folder = Files.createDirectories(Path.of(destination));
      try (InputStream files = files(session, id)) {
        long ignored = new Unpacking(folder, "*", false).all(files);
      }
      return;
    }
    if (kind.equals("tar")) {
      try (InputStream files = files(session, id)) {
        save(session, files);
      }
      return;
    }
    tag(session, id, names); // names go into the archive
    Query query = Query.of("/images/get");
    (names.isEmpty() ? List.of(id) : names).forEach(n -> query.with("names", n));
    try (InputStream archive = session.engine().open("GET", query, null)) {
      save(session, archive);
    }
  }

  private static InputStream files(Session session, String id) {
    return session.engine().open("GET", Query.of("/build/files").with("image", id), null);
  }

  private static void tag(Session session, String id, List<String> names) {
    for (String name : names) {
      int colon = name.lastIndexOf(':');
      boolean tagged = colon > name.lastIndexOf('/');
      Json ignored =
          session
              .engine()
              .post(
                  Query.of("/images/" + id + "/tag")
                      .with("repo", tagged ? name.substring(0, colon) : name)
                      .with("tag", tagged ? name.substring(colon + 1) : "latest"),
                  null);
    }
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
