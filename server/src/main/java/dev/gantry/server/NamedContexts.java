package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.BuildContext;
import dev.gantry.build.Source;
import dev.gantry.buildkit.LayoutImage;
import dev.gantry.buildkit.PassingImages;
import dev.gantry.buildkit.Remote;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// The named contexts of a `gantry build` that are no images of the engine: folders and OCI layouts
/// of the client, which come with its context, and URLs.
final class NamedContexts {
  private static final String LAYOUT = "oci-layout://";

  private final Path context;
  private final Map<String, Source> sources = new LinkedHashMap<>();
  private final Map<String, Layout> layouts = new LinkedHashMap<>();

  /// An image in a layout.
  ///
  /// @param which a tag or a digest; empty for `latest`, or the only one
  record Layout(Path folder, String which) {
    /// Brings it here, for as long as `passing` is open.
    Image image(Images images, Platform platform, PassingImages passing) {
      try {
        return passing.add(
            () ->
                LayoutImage.load(
                    images,
                    LayoutImage.in(folder),
                    LayoutImage.find(folder, which),
                    platform,
                    folder.resolveSibling(".")));
      } catch (IOException e) {
        throw new Failure.InvalidRequest("could not read the OCI layout: " + e.getMessage());
      }
    }
  }

  /// @param context where the client's context is
  NamedContexts(Path context) {
    this.context = context;
  }

  Map<String, Source> sources() {
    return sources;
  }

  /// What stands in the place of the names that layouts take.
  Map<String, String> images() {
    Map<String, String> all = new LinkedHashMap<>();
    layouts.keySet().forEach(layout -> all.put(layout.substring(LAYOUT.length()), layout));
    return all;
  }

  /// Layouts, by what stands for them in the place of an image's name.
  Map<String, Layout> layouts() {
    return layouts;
  }

  /// @param wanted by name: `{"Folder": …}` with a folder of the context, which is moved out of it,
  ///   `{"Layout": …, "Which": …}` with such a folder and a tag or digest, or `{"Url": …}`
  void read(Json.JsonObject wanted, BuildClient client) throws IOException {
    for (String name : wanted.members().keySet()) {
      Json.JsonObject one = wanted.object(name).orElseGet(Json::object);
      Path place = Files.createDirectories(BuildCaches.beside(context));
      if (one.has("Layout")) {
        Path folder = folder(one.string("Layout", ""), place);
        layouts.put(LAYOUT + name, new Layout(folder, one.string("Which", "")));
        continue;
      }
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
