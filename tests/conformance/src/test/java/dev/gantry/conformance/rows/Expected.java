package dev.gantry.conformance.rows;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What must stand at a place of an answer.
///
/// A place is a path of keys with dots between; a key in backquotes may hold dots. In a list, a
/// number counts from 0 and `key=value` finds the first object with that value. An empty path is
/// the whole answer, `head:NAME` one of its headers.
///
/// A pattern is one of: `absent`; `*` for anything but nothing and null; `>N` for a number above N;
/// `~REGEX` for a whole text (of what is no text: its JSON); else the JSON that must be there.
record Expected(String path, String pattern) {
  private static final Pattern KEY = Pattern.compile("`([^`]*)`|([^.`]+)");

  /// Why `answer` is not as expected; empty if it is.
  Optional<String> fault(@Nullable Json answer) {
    Json found = at(answer);
    return fits(found)
        ? Optional.empty()
        : Optional.of(
            (path.isEmpty() ? "the answer" : path)
                + " is "
                + (found == null ? "absent" : found.text())
                + ", not "
                + pattern);
  }

  static List<String> keys(String path) {
    List<String> keys = new ArrayList<>();
    Matcher m = KEY.matcher(path);
    while (m.find()) {
      keys.add(m.group(1) == null ? m.group(2) : m.group(1));
    }
    return keys;
  }

  @Nullable Json at(@Nullable Json answer) {
    Json at = answer;
    for (String key : keys(path)) {
      at = step(at, key);
    }
    return at;
  }

  private static @Nullable Json step(@Nullable Json at, String key) {
    return switch (at) {
      case Json.JsonObject object -> object.members().get(key);
      case Json.JsonArray array when key.matches("[0-9]+") -> {
        int index = Integer.parseInt(key);
        yield index < array.size() ? array.get(index) : null;
      }
      case Json.JsonArray array when key.contains("=") -> {
        String[] pair = key.split("=", 2);
        yield array.items().stream()
            .filter(i -> i instanceof Json.JsonObject o && has(o.members().get(pair[0]), pair[1]))
            .findFirst()
            .orElse(null);
      }
      case null, default -> null;
    };
  }

  /// That value, or a list that begins with it.
  private static boolean has(@Nullable Json value, String text) {
    return switch (value) {
      case Json.JsonArray list -> !list.isEmpty() && plain(list.get(0)).equals(text);
      case null -> false;
      default -> plain(value).equals(text);
    };
  }

  private static String plain(Json value) {
    return value instanceof Json.JsonString s ? s.value() : value.text();
  }

  private boolean fits(@Nullable Json found) {
    if (pattern.equals("absent") || found == null) {
      return pattern.equals("absent") && found == null;
    }
    return switch (pattern.charAt(0)) {
      case '*' -> found != Json.NULL;
      case '>' ->
          found instanceof Json.JsonNumber n
              && n.doubleValue() > Double.parseDouble(pattern.substring(1));
      case '~' -> plain(found).matches("(?s)" + pattern.substring(1));
      default -> found.text().equals(literal().text());
    };
  }

  private Json literal() {
    try {
      return Json.parse(pattern);
    } catch (JsonException e) {
      throw new IllegalArgumentException("neither a pattern nor JSON: " + pattern, e);
    }
  }
}
