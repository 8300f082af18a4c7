package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Contexts in the folder that Docker's command line uses: `contexts/meta/SHA256(NAME)/meta.json`.
final class ContextStore {
  static final String DEFAULT = "default";
  private final Config config;

  ContextStore(Config config) {
    this.config = config;
  }

  /// An engine's address under a name.
  record Context(String name, String description, String host) {}

  /// The context to use when no address is given: `--context`, `$DOCKER_CONTEXT`, the config file.
  ///
  /// @param given an address by `--host` or `$DOCKER_HOST`, or empty
  String current(Words global, String given) {
    String flag = global.text("context", "");
    if (!flag.isEmpty()) {
      return flag;
    }
    if (!given.isEmpty()) {
      return DEFAULT;
    }
    String variable = Optional.ofNullable(System.getenv("DOCKER_CONTEXT")).orElse("");
    String name = variable.isEmpty() ? config.text("currentContext") : variable;
    return name.isEmpty() ? DEFAULT : name;
  }

  Path folder(String name) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
      return config.folder().resolve("contexts/meta").resolve(HexFormat.of().formatHex(hash));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  Context require(String name) {
    Path file = folder(name).resolve("meta.json");
    return read(file)
        .orElseThrow(
            () ->
                new Exit(
                    1,
                    "context \""
                        + name
                        + "\": context not found: open "
                        + file
                        + ": no such file or directory"));
  }

  private static Optional<Context> read(Path file) {
    try {
      if (!Files.exists(file)) {
        return Optional.empty();
      }
      return Optional.of(context(Json.parseObject(Files.readString(file))));
    } catch (IOException | JsonException e) {
      throw new Exit(1, "cannot read " + file + ": " + e.getMessage());
    }
  }

  static Context context(Json.JsonObject meta) {
    String host =
        meta.object("Endpoints")
            .flatMap(e -> e.object("docker"))
            .flatMap(d -> d.string("Host"))
            .orElse("");
    String description = meta.object("Metadata").flatMap(m -> m.string("Description")).orElse("");
    return new Context(meta.string("Name", ""), description, host);
  }

  /// What the file of a context holds.
  static Json.JsonObject meta(Context context) {
    return Json.object()
        .put("Name", context.name())
        .put("Metadata", Json.object().put("Description", context.description()))
        .put("Endpoints", endpoints(context));
  }

  static Json.JsonObject endpoints(Context context) {
    return Json.object()
        .put("docker", Json.object().put("Host", context.host()).put("SkipTLSVerify", false));
  }

  List<Context> all() {
    Path meta = config.folder().resolve("contexts/meta");
    List<Context> found = new ArrayList<>();
    if (Files.isDirectory(meta)) {
      try (Stream<Path> folders = Files.list(meta)) {
        folders.forEach(folder -> read(folder.resolve("meta.json")).ifPresent(found::add));
      } catch (IOException e) {
        throw new Exit(1, "cannot list " + meta + ": " + e.getMessage());
      }
    }
    found.sort(Comparator.comparing(Context::name));
    return found;
  }

  void write(Context context) {
    Path folder = folder(context.name());
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("meta.json"), meta(context).text());
    } catch (IOException e) {
      throw new Exit(1, "cannot write " + folder + ": " + e.getMessage());
    }
  }

  void remove(String name) {
    require(name);
    Path folder = folder(name);
    try {
      Files.deleteIfExists(folder.resolve("meta.json"));
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      throw new Exit(1, "cannot remove " + folder + ": " + e.getMessage());
    }
  }
}
