package dev.gantry.cli;

import dev.gantry.json.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// One value of `--mount`: fields `KEY=VALUE` between commas, quoted as in CSV where needed.
final class MountFlag {
  /// Told by [#problem] and not seen by users as such.
  private static final class Bad extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Bad(String message) {
      super(message, null, false, false);
    }
  }

  private MountFlag() {}

  static Optional<String> problem(String text) {
    try {
      Json.JsonObject mount = parse(text);
      if (mount.string("Target", "").isEmpty()) {
        return Optional.of("target is required");
      }
      return Optional.empty();
    } catch (Bad e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /// The mount as the API takes it.
  static Json.JsonObject parse(String text) {
    Json.JsonObject mount = Json.object().put("Type", "volume");
    Json.JsonObject bind = Json.object();
    Json.JsonObject volume = Json.object();
    Json.JsonObject tmpfs = Json.object();
    Json.JsonObject image = Json.object();
    for (String field : fields(text)) {
      int equals = field.indexOf('=');
      String key = (equals < 0 ? field : field.substring(0, equals)).toLowerCase(Locale.ROOT);
      String value = equals < 0 ? "" : field.substring(equals + 1);
      boolean alone =
          List.of("readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src")
              .contains(key);
      if (equals < 0 && !alone) {
        throw new Bad("invalid field '" + field + "' must be a key=value pair");
      }
      switch (key) {
        case "type" -> mount.put("Type", value.toLowerCase(Locale.ROOT));
        case "source", "src" -> mount.put("Source", source(value));
        case "target", "dst", "destination" -> mount.put("Target", value);
        case "readonly", "ro" -> mount.put("ReadOnly", bool(key, value));
        case "consistency" -> mount.put("Consistency", value.toLowerCase(Locale.ROOT));
        case "bind-propagation" -> bind.put("Propagation", value.toLowerCase(Locale.ROOT));
        case "bind-nonrecursive" -> bind.put("NonRecursive", bool(key, value));
        case "bind-recursive" -> recursive(bind, value);
        case "bind-create-src" -> bind.put("CreateMountpoint", bool(key, value));
        case "volume-subpath" -> volume.put("Subpath", value);
        case "image-subpath" -> image.put("Subpath", value);
        case "volume-nocopy" -> volume.put("NoCopy", bool(key, value));
        case "volume-label" -> pair(part(volume, "Labels"), value);
        case "volume-driver" -> part(volume, "DriverConfig").put("Name", value);
        case "volume-opt" -> pair(part(part(volume, "DriverConfig"), "Options"), value);
        case "tmpfs-size" -> {
          if (!Humans.isSize(value)) {
            throw new Bad("invalid value for " + key + ": " + value);
          }
          tmpfs.put("SizeBytes", Humans.bytes(value));
        }
        case "tmpfs-mode" -> {
          if (!value.matches("[0-7]{1,5}")) {
            throw new Bad("invalid value for " + key + ": " + value);
          }
          tmpfs.put("Mode", Long.parseLong(value, 8));
        }
        case "tmpfs-options" -> {
          Json.JsonArray options = Json.array();
          for (String option : value.split(",")) {
            Json.JsonArray one = Json.array();
            for (String half : option.split("=", 2)) {
              one.add(half);
            }
            options.add(one);
          }
          tmpfs.put("Options", options);
        }
        default -> throw new Bad("unexpected key '" + key + "' in '" + field + "'");
      }
    }
    String type = mount.string("Type", "");
    refuse(bind, "bind", type);
    refuse(volume, "volume", type);
    refuse(tmpfs, "tmpfs", type);
    refuse(image, "image", type);
    return options(
        options(options(options(mount, "Bind", bind), "Volume", volume), "Tmpfs", tmpfs),
        "Image",
        image);
  }

  private static Json.JsonObject options(Json.JsonObject mount, String kind, Json.JsonObject set) {
    return set.isEmpty() ? mount : mount.put(kind + "Options", set);
  }

  private static void refuse(Json.JsonObject options, String kind, String type) {
    if (!options.isEmpty() && !type.equals(kind)) {
      throw new Bad("cannot mix '" + kind + "-*' options with mount type '" + type + "'");
    }
  }

  private static Json.JsonObject part(Json.JsonObject of, String key) {
    if (of.get(key) instanceof Json.JsonObject there) {
      return there;
    }
    Json.JsonObject fresh = Json.object();
    of.put(key, fresh);
    return fresh;
  }

  private static void pair(Json.JsonObject into, String value) {
    int equals = value.indexOf('=');
    into.put(
        equals < 0 ? value : value.substring(0, equals),
        equals < 0 ? "" : value.substring(equals + 1));
  }

  private static boolean bool(String key, String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "", "1", "t", "true" -> true;
      case "0", "f", "false" -> false;
      default -> throw new Bad("invalid value for " + key + ": " + value);
    };
  }

  private static void recursive(Json.JsonObject bind, String value) {
    switch (value) {
      case "enabled" -> {}
      case "disabled" -> bind.put("NonRecursive", true);
      case "writable" -> bind.put("ReadOnlyNonRecursive", true);
      case "readonly" -> bind.put("ReadOnlyForceRecursive", true);
      default ->
          throw new Bad(
              "invalid value for bind-recursive: "
                  + value
                  + " (must be \"enabled\", \"disabled\", \"writable\", or \"readonly\")");
    }
  }

  /// A relative path is one of ours.
  static String source(String value) {
    return value.equals(".")
            || value.startsWith("./")
            || value.startsWith("../")
            || value.equals("..")
        ? Surroundings.ours().absolute(Path.of(value)).normalize().toString()
        : value;
  }

  private static List<String> fields(String text) {
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' && quoted && i + 1 < text.length() && text.charAt(i + 1) == '"') {
        field.append('"');
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        fields.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    fields.add(field.toString());
    return fields;
  }
}
