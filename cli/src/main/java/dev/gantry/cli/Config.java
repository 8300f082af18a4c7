package dev.gantry.cli;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/// The user's `config.json`, shared with Docker's command line: default formats, detach keys, the
/// current context. Read when first asked for.
final class Config {
  private final Path folder;
  private Optional<Json.JsonObject> content = Optional.empty();

  Config(Path folder) {
    this.folder = folder;
  }

  /// `--config`, else `$DOCKER_CONFIG`, else `~/.docker`.
  static Config of(Words global) {
    String variable = Surroundings.variable("DOCKER_CONFIG");
    String home = Surroundings.ours().environment().getOrDefault("HOME", "/root");
    String fallback = variable.isEmpty() ? home + "/.docker" : variable;
    return new Config(Path.of(global.text("config", fallback)));
  }

  Path folder() {
    return folder;
  }

  private Json.JsonObject content() {
    if (content.isEmpty()) {
      Path file = folder.resolve("config.json");
      try {
        content =
            Optional.of(
                Files.exists(file) ? Json.parseObject(Files.readString(file)) : Json.object());
      } catch (IOException | JsonException e) {
        throw new Exit(1, "cannot read " + file + ": " + e.getMessage());
      }
    }
    return content.get();
  }

  /// A text of the file; empty if it is not there.
  String text(String key) {
    return content().string(key, "");
  }

  /// An object of the file; an empty one if it is not there.
  Json.JsonObject object(String key) {
    return content().object(key).orElseGet(Json::object);
  }

  /// Writes one text into the file, or takes it out if it is empty.
  void set(String key, String value) {
    write(key, value.isEmpty() ? Json.NULL : Json.of(value));
  }

  /// Writes one object into the file, or takes it out if it is empty.
  void setObject(String key, Json.JsonObject value) {
    write(key, value.isEmpty() ? Json.NULL : value);
  }

  /// The file may hold secrets: it is only for us. It is replaced as a whole.
  private void write(String key, Json value) {
    Json.JsonObject changed = Json.object();
    content()
        .members()
        .forEach(
            (name, old) -> {
              if (!name.equals(key)) {
                changed.put(name, old);
              }
            });
    if (!(value instanceof Json.JsonNull)) {
      changed.put(key, value);
    }
    Path file = folder.resolve("config.json");
    try {
      Surroundings.folders(folder);
      Path fresh =
          Files.createTempFile(
              folder,
              "config.json",
              "",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(fresh, JsonWriter.indented(changed, "\t", false) + "\n");
      Files.move(fresh, Files.exists(file) ? Surroundings.real(file) : file, REPLACE_EXISTING);
      content = Optional.of(changed);
    } catch (IOException e) {
      throw new Exit(1, "cannot write " + file + ": " + FileProblems.text(e));
    }
  }
}
