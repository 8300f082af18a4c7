package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.daemon.KnownFlags.Flag;
import dev.gantry.daemon.KnownFlags.Kind;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The engine's flags, with dockerd's names, and the same settings from daemon.json. A setting that
/// is said in both places is an error, as dockerd has it, and one that the engine does not honour
/// is refused with its name.
final class Flags {
  private final String[] arguments;
  private final Map<String, List<String>> values = new LinkedHashMap<>();

  private Flags(String[] arguments) {
    this.arguments = arguments;
  }

  /// The same flags with the file as it is now.
  Flags again() {
    return parse(arguments);
  }

  static Flags parse(String[] arguments) {
    Flags flags = new Flags(arguments);
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("-") || argument.equals("-")) {
        throw new Failure.InvalidRequest("gantryd takes no arguments, only flags: " + argument);
      }
      int equals = argument.indexOf('=');
      String name = equals < 0 ? argument : argument.substring(0, equals);
      Flag flag = find(name);
      String value;
      if (equals >= 0) {
        value = argument.substring(equals + 1);
      } else if (flag.kind() == Kind.BOOL) {
        value = "true";
      } else if (i + 1 < arguments.length) {
        value = arguments[++i];
      } else {
        throw new Failure.InvalidRequest("flag needs an argument: " + argument);
      }
      flags.values.computeIfAbsent(flag.name(), n -> new ArrayList<>()).add(value);
    }
    flags.readFile();
    return flags;
  }

  private static Flag find(String written) {
    return KnownFlags.written(written)
        .orElseThrow(
            () ->
                new Failure.InvalidRequest(
                    KnownFlags.reason(written)
                        .map(why -> "this engine does not honour " + written + ": " + why)
                        .orElse(
                            "unknown flag: "
                                + written
                                + "\nSee 'gantryd --help' for what this engine honours.")));
  }

  private void readFile() {
    boolean said = values.containsKey("config-file");
    Path file = Path.of(text("config-file", "/etc/gantry/daemon.json"));
    if (!Files.exists(file)) {
      if (said) {
        throw new Failure.NotFound("the file of --config-file does not exist: " + file);
      }
      return;
    }
    try {
      Json.JsonObject settings = flat(Json.parseObject(Files.readString(file)));
      List<String> unknown = new ArrayList<>();
      List<String> twice = new ArrayList<>();
      for (String key : settings.members().keySet()) {
        Flag flag = KnownFlags.key(key).orElse(null);
        if (flag == null) {
          unknown.add(key + KnownFlags.reason(key).map(why -> " (" + why + ")").orElse(""));
        } else if (values.containsKey(flag.name())) {
          twice.add(key);
        } else {
          values.put(flag.name(), texts(settings, key));
        }
      }
      if (!unknown.isEmpty()) {
        throw new Failure.InvalidRequest(
            file
                + ": the following settings are not known or not honoured by this engine: "
                + String.join(", ", unknown));
      }
      if (!twice.isEmpty()) {
        throw new Failure.InvalidRequest(
            "the following settings are specified both as a flag and in "
                + file
                + ": "
                + String.join(", ", twice));
      }
    } catch (IOException | JsonException e) {
      throw new Failure.InvalidRequest(
          "unable to configure the engine with file " + file + ": " + e.getMessage(), null, e);
    }
  }

  /// `{"proxies": {"http-proxy": …}}` as `proxies.http-proxy`.
  private static Json.JsonObject flat(Json.JsonObject settings) {
    Json.JsonObject flat = Json.object();
    settings
        .members()
        .forEach(
            (key, value) -> {
              if (key.equals("proxies") && value instanceof Json.JsonObject proxies) {
                proxies.members().forEach((k, v) -> flat.put("proxies." + k, v));
              } else if (key.equals("builder")) {
                flat.put(key, value.text()); // read by itself: it is nested deeply
              } else if (key.equals("host-gateway-ip")) {
                flat.put("host-gateway-ips", value); // its older name
              } else {
                flat.put(key, value);
              }
            });
    return flat;
  }

  private static List<String> texts(Json.JsonObject settings, String key) {
    return switch (settings.get(key)) {
      case Json.JsonArray a -> a.items().stream().map(Flags::text).toList();
      case Json.JsonString s -> List.of(s.value());
      case Json.JsonObject o ->
          o.members().entrySet().stream()
              .map(m -> m.getKey() + "=" + member(m.getValue()))
              .toList();
      case null -> List.of();
      case Json other -> List.of(other.text());
    };
  }

  /// A member of an object; a limit in the form of the flag, `soft:hard`.
  private static String member(Json value) {
    return value instanceof Json.JsonObject o && o.get("Hard") != null
        ? o.number("Soft", 0) + ":" + o.number("Hard", 0)
        : text(value);
  }

  /// An item of a list; an object in the form of the flag, `base=10.0.0.0/8,size=24`.
  private static String text(Json item) {
    return switch (item) {
      case Json.JsonString s -> s.value();
      case Json.JsonObject o ->
          o.members().entrySet().stream()
              .map(member -> member.getKey() + "=" + text(member.getValue()))
              .collect(java.util.stream.Collectors.joining(","));
      default -> item.text();
    };
  }

  String text(String name, String absent) {
    List<String> all = values.get(name);
    return all == null || all.isEmpty() ? absent : all.getLast();
  }

  List<String> list(String name) {
    return values.getOrDefault(name, List.of());
  }

  /// A whole number, at least 0.
  int number(String name, int absent) {
    String value = text(name, String.valueOf(absent));
    if (!value.matches("\\d{1,9}")) {
      throw invalid(name, value);
    }
    return Integer.parseInt(value);
  }

  static Failure invalid(String name, String value) {
    return new Failure.InvalidRequest(
        "invalid argument \"" + value + "\" for \"--" + name + "\" flag");
  }

  boolean flag(String name) {
    return flag(name, false);
  }

  boolean flag(String name, boolean fallback) {
    String value = text(name, String.valueOf(fallback));
    if (!Set.of("true", "false", "1", "0").contains(value)) {
      throw new Failure.InvalidRequest(
          "invalid argument \"" + value + "\" for \"--" + name + "\" flag: parse error");
    }
    return value.equals("true") || value.equals("1");
  }
}
