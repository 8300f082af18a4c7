package dev.gantry.cli;

import dev.gantry.cli.tar.TarWriter;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// `--cache-from` and `--cache-to` of a build. A cache in a folder of ours travels to the engine in
/// the context and comes back when the build has ended.
final class BuildCaching {
  /// A folder of ours with a cache, and what it is called in the context.
  private record Sent(Path folder, String name) {}

  private final Json.JsonArray from = Json.array();
  private final Json.JsonArray to = Json.array();
  private final List<Sent> sent = new ArrayList<>();
  private final List<Path> wanted = new ArrayList<>(); // beside `to`; empty paths for no folder
  private boolean inline;

  BuildCaching(Words words) {
    words.list("cache-from").forEach(this::from);
    words.list("cache-to").forEach(this::to);
  }

  private void from(String text) {
    if (text.indexOf('=') < 0) {
      from.add(Json.object().put("Type", "registry").put("Ref", text));
      return;
    }
    Map<String, String> fields = BuildFields.of(text);
    switch (fields.getOrDefault("type", "")) {
      case "registry" ->
          from.add(Json.object().put("Type", "registry").put("Ref", needed(fields, "ref", text)));
      case "local" -> {
        Path folder = Path.of(needed(fields, "src", text));
        String name = ".gantry-cache-" + sent.size();
        sent.add(new Sent(folder, name));
        from.add(
            Json.object()
                .put("Type", "local")
                .put("Folder", name)
                .put("Which", fields.getOrDefault("digest", fields.getOrDefault("tag", ""))));
      }
      default -> throw unknown(text);
    }
  }

  private void to(String text) {
    Map<String, String> fields =
        text.indexOf('=') < 0
            ? text.equals("inline")
                ? Map.of("type", "inline")
                : Map.of("type", "registry", "ref", text)
            : BuildFields.of(text);
    String type = fields.getOrDefault("type", "");
    if (type.equals("inline")) {
      inline = true;
      return;
    }
    Json.JsonObject one =
        Json.object()
            .put("Type", type)
            .put("Mode", fields.getOrDefault("mode", "min"))
            .put("ImageManifest", !fields.getOrDefault("image-manifest", "").equals("false"))
            .put("IgnoreError", fields.getOrDefault("ignore-error", "").equals("true"));
    switch (type) {
      case "registry" -> {
        one.put("Ref", needed(fields, "ref", text));
        wanted.add(Path.of(""));
      }
      case "local" -> {
        one.put("Tag", fields.getOrDefault("tag", "latest"));
        wanted.add(Path.of(needed(fields, "dest", text)));
      }
      default -> throw unknown(text);
    }
    to.add(one);
  }

  private static String needed(Map<String, String> fields, String key, String text) {
    String value = fields.getOrDefault(key, "");
    if (value.isEmpty()) {
      throw new Exit(1, "the cache " + text + " needs " + key + "=");
    }
    return value;
  }

  private static Exit unknown(String text) {
    return new Exit(1, "unknown kind of cache in " + text + ": inline, registry or local");
  }

  /// Says in the request what is wanted.
  void ask(Json.JsonObject extras) {
    extras.put("CacheFrom", from).put("CacheTo", to).put("InlineCache", inline);
  }

  /// Whether folders of ours have to go to the engine.
  boolean sends() {
    return !sent.isEmpty();
  }

  /// Adds those folders to the context.
  void send(TarWriter tar) throws IOException {
    for (Sent one : sent) {
      if (Files.isDirectory(one.folder())) {
        new Packing().add(tar, one.folder(), one.name());
      }
    }
  }

  /// Fetches what is meant for folders of ours.
  ///
  /// @param result what the engine said of each cache
  void fetch(Session session, List<Json.JsonObject> result) throws IOException {
    for (int i = 0; i < result.size() && i < wanted.size(); i++) {
      Json.JsonObject one = result.get(i);
      one.string("Error")
          .ifPresent(e -> session.err().println("WARNING: could not export the cache: " + e));
      if (one.string("Id").isEmpty()) {
        continue;
      }
      Path folder = Surroundings.folders(wanted.get(i));
      Query query = Query.of("/build/cache").with("id", one.string("Id", ""));
      try (InputStream archive = session.engine().open("GET", query, null)) {
        long ignored = new Unpacking(folder, "*", false).all(archive);
      }
    }
  }
}
