package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The `filters` parameter: a JSON object of lists, or of the old form of objects.
final class Filters {
  private final Map<String, List<String>> values;

  private Filters(Map<String, List<String>> values) {
    this.values = values;
  }

  static Filters parse(String text) {
    Map<String, List<String>> values = new LinkedHashMap<>();
    if (text.isBlank() || text.equals("null")) {
      return new Filters(values);
    }
    try {
      Json.parseObject(text)
          .members()
          .forEach(
              (key, value) -> {
                List<String> list = new ArrayList<>();
                switch (value) {
                  case Json.JsonArray a -> {
                    for (Json item : a) {
                      if (!(item instanceof Json.JsonString s)) {
                        throw new JsonException("no text");
                      }
                      list.add(s.value());
                    }
                  }
                  case Json.JsonObject o -> list.addAll(o.members().keySet());
                  default -> throw new JsonException("neither list nor object");
                }
                values.put(key, list);
              });
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("invalid filter", null, e);
    }
    return new Filters(values);
  }

  /// Refuses keys that the endpoint does not know.
  Filters only(Set<String> known) {
    for (String key : values.keySet()) {
      if (!known.contains(key)) {
        throw new Failure.InvalidRequest("invalid filter '" + key + "'");
      }
    }
    return this;
  }

  /// The same without `key`.
  Filters without(String key) {
    Map<String, List<String>> rest = new LinkedHashMap<>(values);
    rest.remove(key);
    return new Filters(rest);
  }

  List<String> get(String key) {
    return values.getOrDefault(key, List.of());
  }

  boolean has(String key) {
    return !get(key).isEmpty();
  }

  /// True if no value is asked for, or `actual` is one of them.
  boolean matches(String key, String actual) {
    return !has(key) || get(key).contains(actual);
  }

  /// All of the asked labels (`key` or `key=value`) are there.
  boolean labels(String key, Map<String, String> labels) {
    for (String wanted : get(key)) {
      int equals = wanted.indexOf('=');
      String name = equals < 0 ? wanted : wanted.substring(0, equals);
      if (!labels.containsKey(name)
          || (equals >= 0 && !wanted.substring(equals + 1).equals(labels.get(name)))) {
        return false;
      }
    }
    return true;
  }

  /// None of the asked labels is there.
  boolean lacks(String key, Map<String, String> labels) {
    return get(key).stream().noneMatch(l -> new Filters(Map.of("", List.of(l))).labels("", labels));
  }

  /// What the filter `until` of the prune endpoints lets be: everything made later. Without it,
  /// nothing.
  Instant until() {
    List<String> texts = get("until");
    if (texts.size() > 1) {
      throw new Failure.InvalidRequest("more than one until filter specified");
    }
    return texts.isEmpty() ? Instant.MAX : PruneTime.parse(texts.getFirst());
  }

  /// True if `pattern`, a regular expression where it is one, is found in `text`.
  static boolean found(String pattern, String text) {
    try {
      return java.util.regex.Pattern.compile(pattern).matcher(text).find();
    } catch (java.util.regex.PatternSyntaxException e) {
      return text.contains(pattern);
    }
  }

  boolean bool(String key) {
    String value = get(key).isEmpty() ? "" : get(key).getFirst();
    return switch (value) {
      case "1", "true", "True", "TRUE", "t", "T" -> true;
      case "0", "false", "False", "FALSE", "f", "F" -> false;
      default ->
          throw new Failure.InvalidRequest(
              "invalid filter '" + key + "=[" + String.join(" ", get(key)) + "]'");
    };
  }
}
