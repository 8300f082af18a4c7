package dev.gantry.json;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A JSON value (RFC 8259) that keeps what Docker's wire distinguishes: the order of keys, the
/// exact text of numbers, and the difference between an absent key, `null` and an empty list.
///
/// Objects and arrays are mutable while a value is being built and are not thread-safe; share one
/// between threads only after its last change.
public sealed interface Json {
  /// The value `null`.
  JsonNull NULL = JsonNull.INSTANCE;

  /// Parses one value; see [JsonParser] for the bounds and the error texts.
  static Json parse(String text) {
    return new JsonParser(text).parseOnly();
  }

  /// Parses one value that must be an object.
  static JsonObject parseObject(String text) {
    if (parse(text) instanceof JsonObject object) {
      return object;
    }
    throw new JsonException("the JSON value is not an object");
  }

  static JsonObject object() {
    return new JsonObject();
  }

  static JsonArray array() {
    return new JsonArray();
  }

  /// `value`, or [#NULL].
  static Json of(@Nullable String value) {
    return value == null ? NULL : new JsonString(value);
  }

  static Json of(boolean value) {
    return new JsonBoolean(value);
  }

  static Json of(long value) {
    return new JsonNumber(Long.toString(value));
  }

  /// `value` written as Go writes a float64.
  static Json of(double value) {
    return new JsonNumber(JsonWriter.number(value));
  }

  /// An array of texts, or [#NULL] for no list at all.
  static Json strings(@Nullable Iterable<String> values) {
    if (values == null) {
      return NULL;
    }
    JsonArray array = array();
    values.forEach(v -> array.add(of(v)));
    return array;
  }

  /// An object of texts, or [#NULL] for no map at all.
  static Json strings(@Nullable Map<String, String> values) {
    if (values == null) {
      return NULL;
    }
    JsonObject object = object();
    values.forEach(object::put);
    return object;
  }

  /// Compact text, HTML-escaped as Go's encoder does.
  default String text() {
    return JsonWriter.compact(this);
  }

  /// What Go's decoder calls this kind of value in its errors.
  default String kind() {
    return switch (this) {
      case JsonObject ignored -> "object";
      case JsonArray ignored -> "array";
      case JsonString ignored -> "string";
      case JsonNumber ignored -> "number";
      case JsonBoolean ignored -> "bool";
      case JsonNull ignored -> "null";
    };
  }

  /// A deep copy that shares no mutable part.
  default Json copy() {
    return switch (this) {
      case JsonObject object -> {
        JsonObject copy = object();
        object.members.forEach((key, value) -> copy.put(key, value.copy()));
        yield copy;
      }
      case JsonArray array -> {
        JsonArray copy = array();
        array.items.forEach(item -> copy.add(item.copy()));
        yield copy;
      }
      case JsonString s -> s;
      case JsonNumber n -> n;
      case JsonBoolean b -> b;
      case JsonNull n -> n;
    };
  }

  /// Null.
  enum JsonNull implements Json {
    INSTANCE;

    @Override
    public String toString() {
      return "null";
    }
  }

  /// True or false.
  record JsonBoolean(boolean value) implements Json {}

  /// A text.
  record JsonString(String value) implements Json {}

  /// A number as it was written.
  record JsonNumber(String literal) implements Json {
    /// True if the literal is an integer that fits 64 bits.
    public boolean isLong() {
      try {
        Long.parseLong(literal);
        return true;
      } catch (NumberFormatException e) {
        return false;
      }
    }

    /// The value; throws [JsonException] if it is not an integer of 64 bits.
    public long longValue() {
      try {
        return Long.parseLong(literal);
      } catch (NumberFormatException e) {
        throw new JsonException("number " + literal + " is not an integer of 64 bits");
      }
    }

    public double doubleValue() {
      return Double.parseDouble(literal);
    }
  }

  /// An ordered list.
  final class JsonArray implements Json, Iterable<Json> {
    private final List<Json> items = new ArrayList<>();

    public JsonArray add(Json item) {
      items.add(item);
      return this;
    }

    public JsonArray add(@Nullable String item) {
      return add(of(item));
    }

    public JsonArray add(long item) {
      return add(of(item));
    }

    public int size() {
      return items.size();
    }

    public boolean isEmpty() {
      return items.isEmpty();
    }

    public Json get(int index) {
      return items.get(index);
    }

    public List<Json> items() {
      return Collections.unmodifiableList(items);
    }

    @Override
    public java.util.Iterator<Json> iterator() {
      return items().iterator();
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof JsonArray array && array.items.equals(items);
    }

    @Override
    public int hashCode() {
      return items.hashCode();
    }

    @Override
    public String toString() {
      return text();
    }
  }

  /// Named members in the order in which they were put; a second put of a key replaces in place.
  /// Look-ups try the exact key first and then any spelling of it, as Go's decoder matches keys.
  final class JsonObject implements Json {
    private final Map<String, Json> members = new LinkedHashMap<>();

    public JsonObject put(String key, Json value) {
      members.put(key, value);
      return this;
    }

    public JsonObject put(String key, @Nullable String value) {
      return put(key, of(value));
    }

    public JsonObject put(String key, boolean value) {
      return put(key, of(value));
    }

    public JsonObject put(String key, long value) {
      return put(key, of(value));
    }

    /// Puts `value` unless it is null: for keys that are absent when unset.
    public JsonObject putIfPresent(String key, @Nullable Json value) {
      return value == null ? this : put(key, value);
    }

    public JsonObject remove(String key) {
      members.remove(key);
      return this;
    }

    public Map<String, Json> members() {
      return Collections.unmodifiableMap(members);
    }

    public boolean isEmpty() {
      return members.isEmpty();
    }

    public int size() {
      return members.size();
    }

    /// The member, or null where the key is absent; a JSON `null` is returned as [Json#NULL].
    public @Nullable Json get(String key) {
      Json exact = members.get(key);
      if (exact != null) {
        return exact;
      }
      for (Map.Entry<String, Json> member : members.entrySet()) {
        if (member.getKey().equalsIgnoreCase(key)) {
          return member.getValue();
        }
      }
      return null;
    }

    public boolean has(String key) {
      return get(key) != null;
    }

    /// The member at a path of keys, or null where any of them is absent.
    public @Nullable Json at(String... path) {
      Json value = this;
      for (String key : path) {
        if (!(value instanceof JsonObject object)) {
          return null;
        }
        value = object.get(key);
      }
      return value;
    }

    // No pattern switch here: the first one in a process costs some milliseconds, and every command
    // of the command line reads JSON.
    private <T extends Json> Optional<T> typed(String key, Class<T> type, String wanted) {
      Json value = get(key);
      if (value == null || value instanceof JsonNull) {
        return Optional.empty();
      }
      if (!type.isInstance(value)) {
        throw wrongType(key, value, wanted);
      }
      return Optional.of(type.cast(value));
    }

    /// The text under `key`; empty where it is absent or null.
    public Optional<String> string(String key) {
      return typed(key, JsonString.class, "string").map(JsonString::value);
    }

    public String string(String key, String absent) {
      return string(key).orElse(absent);
    }

    /// The integer under `key`; `absent` where it is absent or null.
    public long number(String key, long absent) {
      return typed(key, JsonNumber.class, "int64").map(JsonNumber::longValue).orElse(absent);
    }

    public boolean bool(String key, boolean absent) {
      return typed(key, JsonBoolean.class, "bool").map(JsonBoolean::value).orElse(absent);
    }

    /// The object under `key`; empty where it is absent or null.
    public Optional<JsonObject> object(String key) {
      return typed(key, JsonObject.class, "object");
    }

    /// The items under `key`; an empty list where it is absent or null.
    public List<Json> items(String key) {
      return typed(key, JsonArray.class, "array").map(JsonArray::items).orElse(List.of());
    }

    /// The objects in the array under `key`; an empty list where it is absent or null.
    public List<JsonObject> objects(String key) {
      List<JsonObject> objects = new ArrayList<>();
      for (Json item : items(key)) {
        if (!(item instanceof JsonObject object)) {
          throw wrongType(key, item, "object");
        }
        objects.add(object);
      }
      return objects;
    }

    /// The texts in the array under `key`; an empty list where it is absent or null.
    public List<String> strings(String key) {
      List<String> strings = new ArrayList<>();
      for (Json item : items(key)) {
        if (!(item instanceof JsonString string)) {
          throw wrongType(key, item, "string");
        }
        strings.add(string.value());
      }
      return strings;
    }

    /// The texts in the object under `key`; an empty map where it is absent or null.
    public Map<String, String> stringMap(String key) {
      Map<String, String> map = new LinkedHashMap<>();
      object(key)
          .ifPresent(
              o ->
                  o.members.forEach(
                      (name, value) -> {
                        if (!(value instanceof JsonString string)) {
                          throw wrongType(key + "." + name, value, "string");
                        }
                        map.put(name, string.value());
                      }));
      return map;
    }

    private static JsonException wrongType(String key, Json value, String wanted) {
      return new JsonException(
          "json: cannot unmarshal " + value.kind() + " into field " + key + " of type " + wanted);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof JsonObject object && object.members.equals(members);
    }

    @Override
    public int hashCode() {
      return members.hashCode();
    }

    @Override
    public String toString() {
      return text();
    }
  }
}
