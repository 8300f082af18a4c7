package dev.gantry.cli.template;

import dev.gantry.json.Json;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// JSON values as Go's templates and `%v` treat them.
final class Values {
  /// The value of a key that a map does not have.
  static final Json NONE = new Json.JsonString("<no value>");

  private Values() {}

  static boolean isTrue(Json value) {
    if (isNone(value)) {
      return false;
    }
    return switch (value) {
      case Json.JsonNull n -> false;
      case Json.JsonBoolean b -> b.value();
      case Json.JsonString s -> !s.value().isEmpty();
      case Json.JsonNumber n -> n.doubleValue() != 0;
      case Json.JsonArray a -> !a.isEmpty();
      case Json.JsonObject o -> !o.isEmpty();
    };
  }

  @SuppressWarnings("ReferenceEquality") // the one instance, not a text that reads the same
  static boolean isNone(Json value) {
    return value == NONE;
  }

  /// As `%v` prints it.
  static String text(Json value) {
    return switch (value) {
      case Json.JsonNull n -> "<nil>";
      case Json.JsonBoolean b -> Boolean.toString(b.value());
      case Json.JsonString s -> s.value();
      case Json.JsonNumber n -> n.literal();
      case Json.JsonArray a ->
          a.items().stream().map(Values::text).collect(Collectors.joining(" ", "[", "]"));
      case Json.JsonObject o ->
          o.members().entrySet().stream()
              .sorted(Map.Entry.comparingByKey())
              .map(e -> e.getKey() + ":" + text(e.getValue()))
              .collect(Collectors.joining(" ", "map[", "]"));
    };
  }

  /// What `range` goes through, maps in the order of their keys.
  static List<Map.Entry<Json, Json>> members(Json value) {
    return switch (value) {
      case Json.JsonArray array -> {
        List<Json> items = array.items();
        yield java.util.stream.IntStream.range(0, items.size())
            .mapToObj(i -> Map.entry(Json.of(i), items.get(i)))
            .toList();
      }
      case Json.JsonObject object ->
          object.members().entrySet().stream()
              .sorted(Map.Entry.comparingByKey())
              .map(e -> Map.entry(Json.of(e.getKey()), e.getValue()))
              .toList();
      default -> List.of();
    };
  }

  /// Go's name of a value's type, for errors.
  static String type(Json value) {
    return switch (value) {
      case Json.JsonNull n -> "nil";
      case Json.JsonBoolean b -> "bool";
      case Json.JsonString s -> "string";
      case Json.JsonNumber n -> n.isLong() ? "int" : "float64";
      case Json.JsonArray a -> "[]interface {}";
      case Json.JsonObject o -> "map[string]interface {}";
    };
  }
}
