package dev.gantry.json;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Maps records to JSON objects and back by their components.
///
/// A component's key is its name, or what [JsonName] says. Supported types: `String`, `boolean`,
/// `int`, `long`, `double` and their boxes, enums (by `toString`, read without regard to case),
/// [Json], records, `List` and `Map<String, …>` of these. Reading: unknown keys are skipped; an
/// absent or null key gives an empty list or map, zero or false for a primitive, and null for
/// anything else (declare it `@Nullable`). Writing: null, empty lists and empty maps are left out.
/// The module of the record must open its package to `dev.gantry.json`.
public final class JsonRecords {
  private record Component(String key, Type type, Class<?> rawType, Method accessor) {}

  private record Shape(List<Component> components, Constructor<?> constructor) {}

  private static final ClassValue<Shape> SHAPES =
      new ClassValue<>() {
        @Override
        protected Shape computeValue(Class<?> type) {
          return shapeOf(type);
        }
      };

  private JsonRecords() {}

  /// Reads `object` as a record; wrong types are a [JsonException] that names the path.
  public static <R extends Record> R read(Json.JsonObject object, Class<R> type) {
    return type.cast(readRecord(object, type, ""));
  }

  /// Writes `value` with its components in order.
  public static Json.JsonObject write(Record value) {
    Json.JsonObject object = Json.object();
    for (Component component : SHAPES.get(value.getClass()).components()) {
      Object part = invoke(component.accessor(), value);
      Json json = part == null ? null : writeValue(part);
      if (json != null) {
        object.put(component.key(), json);
      }
    }
    return object;
  }

  private static @Nullable Json writeValue(Object value) {
    return switch (value) {
      case Json json -> json;
      case String text -> Json.of(text);
      case Boolean flag -> Json.of(flag);
      case Integer number -> Json.of(number.longValue());
      case Long number -> Json.of(number);
      case Double number -> Json.of(number.doubleValue());
      case Enum<?> constant -> Json.of(constant.toString());
      case Record record -> write(record);
      case Collection<?> list -> {
        Json.JsonArray array = Json.array();
        list.forEach(item -> array.add(written(item)));
        yield list.isEmpty() ? null : array;
      }
      case Map<?, ?> map -> {
        Json.JsonObject object = Json.object();
        map.forEach((key, item) -> object.put(String.valueOf(key), written(item)));
        yield map.isEmpty() ? null : object;
      }
      default -> throw new IllegalArgumentException("no JSON form for " + value.getClass());
    };
  }

  /// Inside a list or map even an empty value must stay.
  private static Json written(Object item) {
    Json json = writeValue(item);
    return json != null ? json : item instanceof Map ? Json.object() : Json.array();
  }

  private static Object readRecord(Json.JsonObject object, Class<?> type, String path) {
    Shape shape = SHAPES.get(type);
    @Nullable Object[] arguments = new @Nullable Object[shape.components().size()];
    for (int i = 0; i < arguments.length; i++) {
      Component component = shape.components().get(i);
      Json value = object.get(component.key());
      String at = path.isEmpty() ? component.key() : path + "." + component.key();
      arguments[i] =
          value == null || value == Json.NULL
              ? absent(component.rawType())
              : readValue(value, component.type(), component.rawType(), at);
    }
    try {
      return shape.constructor().newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException("could not make a " + type.getSimpleName(), e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("could not make a " + type.getSimpleName(), e);
    }
  }

  private static @Nullable Object absent(Class<?> type) {
    if (type == List.class) {
      return List.of();
    }
    if (type == Map.class) {
      return Map.of();
    }
    if (type == boolean.class) {
      return false;
    }
    if (type == int.class) {
      return 0;
    }
    if (type == long.class) {
      return 0L;
    }
    return type == double.class ? 0.0 : null;
  }

  private static Object readValue(Json value, Type type, Class<?> raw, String path) {
    if (Json.class.isAssignableFrom(raw) && raw.isInstance(value)) {
      return value;
    }
    return switch (value) {
      case Json.JsonString s when raw == String.class -> s.value();
      case Json.JsonString s when raw.isEnum() -> constant(raw, s.value(), path);
      case Json.JsonBoolean b when raw == boolean.class || raw == Boolean.class -> b.value();
      case Json.JsonNumber n when raw == long.class || raw == Long.class -> integer(n, path);
      case Json.JsonNumber n when raw == int.class || raw == Integer.class -> smallInteger(n, path);
      case Json.JsonNumber n when raw == double.class || raw == Double.class -> n.doubleValue();
      case Json.JsonObject o when raw.isRecord() -> readRecord(o, raw, path);
      case Json.JsonArray a when raw == List.class -> list(a, argument(type, 0), path);
      case Json.JsonObject o when raw == Map.class -> map(o, argument(type, 1), path);
      default ->
          throw new JsonException(path + ": cannot read " + value.kind() + " as " + nameOf(raw));
    };
  }

  private static List<Object> list(Json.JsonArray array, Type itemType, String path) {
    List<Object> items = new ArrayList<>(array.size());
    for (int i = 0; i < array.size(); i++) {
      items.add(readValue(array.get(i), itemType, rawOf(itemType), path + "[" + i + "]"));
    }
    return List.copyOf(items);
  }

  private static Map<String, Object> map(Json.JsonObject object, Type valueType, String path) {
    Map<String, Object> map = new LinkedHashMap<>();
    object
        .members()
        .forEach(
            (key, value) ->
                map.put(key, readValue(value, valueType, rawOf(valueType), path + "." + key)));
    return java.util.Collections.unmodifiableMap(map);
  }

  private static Object constant(Class<?> type, String text, String path) {
    List<String> names = new ArrayList<>();
    for (Object constant : type.getEnumConstants()) {
      if (constant.toString().equalsIgnoreCase(text)) {
        return constant;
      }
      names.add(constant.toString());
    }
    throw new JsonException(path + ": \"" + text + "\" is not one of " + String.join(", ", names));
  }

  private static long integer(Json.JsonNumber number, String path) {
    if (number.isLong()) {
      return number.longValue();
    }
    try { // RLIM_INFINITY and seccomp operands are unsigned in the OCI documents
      return Long.parseUnsignedLong(number.literal());
    } catch (NumberFormatException e) {
      throw new JsonException(path + ": " + number.literal() + " is not an integer of 64 bits");
    }
  }

  private static int smallInteger(Json.JsonNumber number, String path) {
    long value = integer(number, path);
    if (value != (int) value) {
      throw new JsonException(path + ": " + value + " is not an integer of 32 bits");
    }
    return (int) value;
  }

  private static String nameOf(Class<?> type) {
    return type == List.class
        ? "array"
        : type == Map.class || type.isRecord()
            ? "object"
            : type.getSimpleName().toLowerCase(java.util.Locale.ROOT);
  }

  private static Type argument(Type type, int index) {
    return ((ParameterizedType) type).getActualTypeArguments()[index];
  }

  private static Class<?> rawOf(Type type) {
    return switch (type) {
      case Class<?> c -> c;
      case ParameterizedType p -> (Class<?>) p.getRawType();
      default -> throw new IllegalArgumentException("no JSON form for " + type);
    };
  }

  private static Shape shapeOf(Class<?> type) {
    RecordComponent[] parts = type.getRecordComponents();
    if (parts == null) {
      throw new IllegalArgumentException(type + " is no record");
    }
    List<Component> components = new ArrayList<>();
    Class<?>[] types = new Class<?>[parts.length];
    for (int i = 0; i < parts.length; i++) {
      JsonName name = parts[i].getAnnotation(JsonName.class);
      types[i] = parts[i].getType();
      Method accessor = parts[i].getAccessor();
      accessor.setAccessible(true);
      components.add(
          new Component(
              name == null ? parts[i].getName() : name.value(),
              parts[i].getGenericType(),
              types[i],
              accessor));
    }
    try {
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return new Shape(List.copyOf(components), constructor);
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(type + " has no canonical constructor", e);
    }
  }

  private static @Nullable Object invoke(Method accessor, Object target) {
    try {
      return accessor.invoke(target);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("could not read " + accessor, e);
    }
  }
}
