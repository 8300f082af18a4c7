package dev.gantry.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Fields of a build's flags: `type=local,"dest=a,b",push=true`. Names are in lower case; one
/// without a value is `true`.
final class BuildFields {
  private BuildFields() {}

  static Map<String, String> of(String text) {
    Map<String, String> fields = new LinkedHashMap<>();
    for (String field : split(text)) {
      String[] pair = field.split("=", 2);
      int dot = pair[0].indexOf('.'); // the key of an annotation keeps its letters
      String key =
          dot < 0
              ? pair[0].toLowerCase(Locale.ROOT)
              : pair[0].substring(0, dot).toLowerCase(Locale.ROOT) + pair[0].substring(dot);
      fields.put(key.strip(), pair.length > 1 ? pair[1] : "true");
    }
    return fields;
  }

  private static List<String> split(String text) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    boolean quoted = false;
    for (char c : text.toCharArray()) {
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        parts.add(part.toString());
        part.setLength(0);
      } else {
        part.append(c);
      }
    }
    parts.add(part.toString());
    return parts;
  }
}
