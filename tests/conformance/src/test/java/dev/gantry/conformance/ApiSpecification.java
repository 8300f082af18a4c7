package dev.gantry.conformance;

import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// The Engine API's specification (Swagger 2.0, YAML): says in which points an answer differs from
/// it. A text that begins with `<#` counts as a number: recordings have such placeholders.
final class ApiSpecification {
  private static final Pattern VERSION = Pattern.compile("^/v[0-9.]+(?=/)");

  private record Template(Pattern pattern, String path, Map<?, ?> methods) {}

  private final Map<?, ?> root;
  private final List<Template> templates = new ArrayList<>();

  private ApiSpecification(Map<?, ?> root) {
    this.root = root;
    map(root.get("paths"))
        .forEach(
            (path, methods) -> {
              String regex = path.toString().replaceAll("\\{[^}]+}", "(.+)");
              templates.add(new Template(Pattern.compile(regex), path.toString(), map(methods)));
            });
    // the one with the fewest free parts first: /images/json before /images/{name}
    templates.sort(
        (a, b) ->
            Integer.compare(a.path().split("\\{").length, b.path().split("\\{").length) * 100
                + Integer.compare(b.path().length(), a.path().length()));
  }

  static ApiSpecification read(Path file) throws IOException {
    LoadSettings settings = LoadSettings.builder().setCodePointLimit(8 << 20).build();
    try (InputStream in = Files.newInputStream(file)) {
      return new ApiSpecification(map(new Load(settings).loadFromInputStream(in)));
    }
  }

  private static Map<?, ?> map(@Nullable Object value) {
    return value instanceof Map<?, ?> m ? m : Map.of();
  }

  /// Faults as texts; those at different places of a list read alike. A path that the specification
  /// does not know has none.
  List<String> faults(String method, String path, int status, @Nullable Json body) {
    String plain = VERSION.matcher(path).replaceFirst("");
    Optional<Template> template =
        templates.stream().filter(t -> t.pattern().matcher(plain).matches()).findFirst();
    List<String> faults = new ArrayList<>();
    if (template.isEmpty() || !isNewest(path)) {
      return faults;
    }
    Map<?, ?> operation =
        map(template.get().methods().get(method.toLowerCase(java.util.Locale.ROOT)));
    if (operation.isEmpty()) {
      return faults;
    }
    String place = method + " " + template.get().path() + " " + status;
    Object response = map(operation.get("responses")).get(Integer.toString(status));
    if (response == null) {
      response = map(operation.get("responses")).get(status);
    }
    if (response == null) {
      // 400 and 404 are everywhere, as Docker has them
      if (status < 400) {
        faults.add(place + " is no status of it");
      }
      return faults;
    }
    if (body != null) {
      check(resolved(map(response)).get("schema"), body, place + " ", faults);
    }
    return faults;
  }

  /// Older versions have shapes of their own, which the recordings hold.
  private static boolean isNewest(String path) {
    return !VERSION.matcher(path).find() || path.startsWith("/v1.51/");
  }

  private Map<?, ?> resolved(Map<?, ?> schema) {
    Map<?, ?> at = schema;
    while (at.get("$ref") instanceof String ref) {
      Map<?, ?> next = root;
      for (String part : ref.substring(2).split("/")) {
        next = map(next.get(part));
      }
      at = next;
    }
    return at;
  }

  private void check(@Nullable Object wanted, Json value, String path, List<String> faults) {
    Map<?, ?> schema = resolved(map(wanted));
    if (schema.isEmpty()) {
      return;
    }
    boolean nullable =
        Boolean.TRUE.equals(schema.get("x-nullable"))
            || Boolean.TRUE.equals(map(wanted).get("x-nullable"));
    if (value instanceof Json.JsonNull) {
      if (!nullable) {
        faults.add(path + "is null");
      }
      return;
    }
    if (schema.containsKey("allOf") || schema.containsKey("properties")) {
      object(schema, value, path, faults);
      return;
    }
    switch (String.valueOf(schema.get("type"))) {
      case "object" -> object(schema, value, path, faults);
      case "array" -> {
        if (value instanceof Json.JsonArray array) {
          array.items().forEach(item -> check(schema.get("items"), item, path + "[] ", faults));
        } else {
          faults.add(path + "is no array");
        }
      }
      case "string" -> {
        if (!(value instanceof Json.JsonString text)) {
          faults.add(path + "is no string");
        } else if (schema.get("enum") instanceof List<?> words && !words.contains(text.value())) {
          faults.add(path + "has none of the values");
        }
      }
      case "integer" -> {
        if (!isNumber(value) || value.text().matches(".*[.eE].*")) {
          faults.add(path + "is no integer");
        }
      }
      case "number" -> {
        if (!isNumber(value)) {
          faults.add(path + "is no number");
        }
      }
      case "boolean" -> {
        if (!(value instanceof Json.JsonBoolean)) {
          faults.add(path + "is no boolean");
        }
      }
      default -> {}
    }
  }

  private static boolean isNumber(Json value) {
    return value instanceof Json.JsonNumber
        || (value instanceof Json.JsonString s && s.value().startsWith("<#"));
  }

  private void object(Map<?, ?> schema, Json value, String path, List<String> faults) {
    if (!(value instanceof Json.JsonObject object)) {
      faults.add(path + "is no object");
      return;
    }
    Map<String, Object> properties = new HashMap<>();
    List<Object> required = new ArrayList<>();
    Object rest = gather(schema, properties, required);
    for (Object name : required) {
      if (!object.has(name.toString())) {
        faults.add(path + "lacks " + name);
      }
    }
    object
        .members()
        .forEach(
            (name, member) -> {
              if (properties.containsKey(name)) {
                check(properties.get(name), member, path + "." + name + " ", faults);
              } else if (rest instanceof Map<?, ?>) {
                check(rest, member, path + ".* ", faults);
              } else if (!properties.isEmpty() && rest == null) {
                faults.add(path + "has the further field " + name);
              }
            });
  }

  /// The properties of a schema and of those it is made of.
  ///
  /// @return what further properties must be: a schema, true, or null
  private @Nullable Object gather(
      Map<?, ?> schema, Map<String, Object> properties, List<Object> required) {
    Object rest = schema.get("additionalProperties");
    if (schema.get("allOf") instanceof List<?> parts) {
      for (Object part : parts) {
        Object further = gather(resolved(map(part)), properties, required);
        rest = rest == null ? further : rest;
      }
    }
    map(schema.get("properties")).forEach((name, type) -> properties.put(name.toString(), type));
    if (schema.get("required") instanceof List<?> names) {
      required.addAll(names);
    }
    return rest;
  }
}
