package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.BuildContext;
import dev.gantry.build.Source;
import dev.gantry.buildkit.Remote;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// The named contexts of a `gantry build` that are no images: folders of the client, which come
/// with its context, and URLs.
final class NamedContexts {
  private final Path context;
  private final Map<String, Source> sources = new LinkedHashMap<>();

  /// @param context where the client's context is
  NamedContexts(Path context) {
    this.context = context;
  }

  Map<String, Source> sources() {
    return sources;
  }

  /// @param wanted by name: `{"Folder": …}` with a folder of the context, which is moved out of it,
  ///   or `{"Url": …}`
  void read(Json.JsonObject wanted, BuildClient client) throws IOException {
    for (String name : wanted.members().keySet()) {
      Json.JsonObject one = wanted.object(name).orElseGet(Json::object);
      Path place = Files.createDirectories(BuildCaches.beside(context));
      Path files =
          one.has("Url")
              ? Remote.checkout(
                  one.string("Url", ""),
                  client,
                  Files.createTempDirectory(place, "url-"),
                  "Dockerfile")
              : folder(one.string("Folder", ""), place);
      sources.put(name, BuildContext.without(files, IgnoreFile.NONE));
    }
  }

  private Path folder(String name, Path place) throws IOException {
    if (!name.matches("\\.gantry-context-[0-9]{1,3}")) {
      throw new Failure.InvalidRequest("invalid folder of a context: " + name);
    }
    Path own = place.resolve(name);
    if (Files.isDirectory(context.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
      return Files.move(context.resolve(name), own);
    }
    return Files.createDirectory(own);
  }
}
