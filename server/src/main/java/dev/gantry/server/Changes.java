package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.List;
import java.util.Locale;

/// Applies Dockerfile instructions to an image's configuration, as import and commit take them.
final class Changes {
  private Changes() {}

  static Json.JsonObject apply(Json.JsonObject config, List<String> changes) {
    for (String text : changes) {
      for (String line : text.split("\n")) {
        if (!line.isBlank()) {
          apply(config, line.trim());
        }
      }
    }
    return config;
  }

  private static void apply(Json.JsonObject config, String line) {
    String[] parts = line.split("\\s+", 2);
    String rest = parts.length < 2 ? "" : parts[1].trim();
    switch (parts[0].toUpperCase(Locale.ROOT)) {
      case "CMD" -> config.put("Cmd", command(rest));
      case "ENTRYPOINT" -> config.put("Entrypoint", command(rest));
      case "WORKDIR" -> config.put("WorkingDir", rest);
      case "USER" -> config.put("User", rest);
      case "STOPSIGNAL" -> config.put("StopSignal", rest);
      case "ENV" -> {
        Json.JsonArray env = config.get("Env") instanceof Json.JsonArray a ? a : Json.array();
        env.add(rest.contains("=") ? rest : rest.replaceFirst("\\s+", "="));
        config.put("Env", env);
      }
      case "LABEL" -> {
        Json.JsonObject labels = config.object("Labels").orElseGet(Json::object);
        String[] pair = rest.split("=", 2);
        labels.put(pair[0].replace("\"", ""), pair.length < 2 ? "" : pair[1].replace("\"", ""));
        config.put("Labels", labels);
      }
      case "EXPOSE" -> set(config, "ExposedPorts", rest, true);
      case "VOLUME" -> set(config, "Volumes", rest, false);
      default ->
          throw new Failure.InvalidRequest(
              parts[0].toLowerCase(Locale.ROOT) + " is not a valid change command");
    }
  }

  private static Json command(String text) {
    if (text.startsWith("[")) {
      try {
        return Json.parse(text);
      } catch (JsonException e) {
        throw new Failure.InvalidRequest("invalid command list " + text, null, e);
      }
    }
    return Json.array().add("/bin/sh").add("-c").add(text);
  }

  private static void set(Json.JsonObject config, String key, String text, boolean ports) {
    Json.JsonObject all = config.object(key).orElseGet(Json::object);
    for (String item : text.startsWith("[") ? texts(text) : List.of(text.split("\\s+"))) {
      all.put(ports && !item.contains("/") ? item + "/tcp" : item, Json.object());
    }
    config.put(key, all);
  }

  private static List<String> texts(String json) {
    return Json.object().put("x", Json.parse(json)).strings("x");
  }
}
