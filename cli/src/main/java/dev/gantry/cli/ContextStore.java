package dev.gantry.cli;

import dev.gantry.client.TlsSettings;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Contexts in the folder that Docker's command line uses: `contexts/meta/SHA256(NAME)/meta.json`.
final class ContextStore {
  static final String DEFAULT = "default";
  private static final List<String> FILES = List.of("ca.pem", "cert.pem", "key.pem");
  private final Config config;

  ContextStore(Config config) {
    this.config = config;
  }

  /// An engine's address under a name.
  ///
  /// @param skipsVerify with TLS, whoever answers is taken
  record Context(String name, String description, String host, boolean skipsVerify) {}

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
    String variable = Surroundings.variable("DOCKER_CONTEXT");
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
    boolean skips =
        meta.object("Endpoints")
            .flatMap(e -> e.object("docker"))
            .map(d -> d.bool("SkipTLSVerify", false))
            .orElse(false);
    return new Context(meta.string("Name", ""), description, host, skips);
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
        .put(
            "docker",
            Json.object().put("Host", context.host()).put("SkipTLSVerify", context.skipsVerify()));
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

  /// Where the certificates and the key of a context are.
  private Path secrets(String name) {
    return config
        .folder()
        .resolve("contexts/tls")
        .resolve(folder(name).getFileName())
        .resolve("docker");
  }

  /// `ca.pem`, `cert.pem` and `key.pem` of a context, those that it has.
  Map<String, byte[]> files(String name) {
    Map<String, byte[]> files = new TreeMap<>();
    for (String file : FILES) {
      Path path = secrets(name).resolve(file);
      try {
        if (Files.exists(path)) {
          files.put(file, Files.readAllBytes(path));
        }
      } catch (IOException e) {
        throw new Exit(1, "cannot read " + path + ": " + FileProblems.text(e));
      }
    }
    return files;
  }

  /// How to speak TLS with the engine of a context; empty if its connection is plain.
  Optional<TlsSettings> tls(String name) {
    if (name.equals(DEFAULT)) {
      return Optional.empty();
    }
    Context context = require(name);
    Path secrets = secrets(name);
    Optional<Path> authorities = there(secrets.resolve("ca.pem"));
    Optional<Path> certificate = there(secrets.resolve("cert.pem"));
    return authorities.isEmpty() && certificate.isEmpty() && !context.skipsVerify()
        ? Optional.empty()
        : Optional.of(
            new TlsSettings(
                authorities,
                certificate,
                there(secrets.resolve("key.pem")),
                !context.skipsVerify()));
  }

  private static Optional<Path> there(Path file) {
    return Optional.of(file).filter(Files::exists);
  }

  private void writeFiles(Context context, Map<String, byte[]> files) throws IOException {
    Path secrets = secrets(context.name());
    if (!files.isEmpty()) {
      Surroundings.folders(
          secrets,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
    for (String file : FILES) {
      Files.deleteIfExists(secrets.resolve(file));
      if (files.containsKey(file)) {
        Path fresh =
            Files.createFile(
                secrets.resolve(file),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.write(fresh, files.get(file));
      }
    }
  }

  /// @param files `ca.pem`, `cert.pem`, `key.pem`; what was there before and is not in it goes
  void write(Context context, Map<String, byte[]> files) {
    Path folder = folder(context.name());
    try {
      writeFiles(context, files);
      Surroundings.folders(folder);
      Files.writeString(folder.resolve("meta.json"), meta(context).text());
    } catch (IOException e) {
      throw new Exit(1, "cannot write " + folder + ": " + e.getMessage());
    }
  }

  void remove(String name) {
    require(name);
    Path folder = folder(name);
    try {
      for (String file : FILES) {
        Files.deleteIfExists(secrets(name).resolve(file));
      }
      Files.deleteIfExists(secrets(name));
      Files.deleteIfExists(config.folder().resolve("contexts/tls").resolve(folder.getFileName()));
      Files.deleteIfExists(folder.resolve("meta.json"));
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      throw new Exit(1, "cannot remove " + folder + ": " + e.getMessage());
    }
  }
}
