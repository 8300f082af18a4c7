package dev.gantry.engine.devices;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.List;

/// Reads the YAML that programs write: nested maps and lists by indentation, with scalars that are
/// plain, quoted or written as JSON. What only people write (anchors, tags, several documents, text
/// over several lines) is refused with the line's number.
final class BlockYaml {
  private static final int DEEPEST = 64;

  /// @param text without indentation and comment, never empty
  private record Line(int number, int indent, String text) {}

  private final List<Line> lines = new ArrayList<>();
  private int at;

  private BlockYaml(String text) {
    int number = 0;
    for (String raw : text.split("\n", -1)) {
      number++;
      String line = withoutComment(raw.stripTrailing());
      String content = line.stripLeading();
      int indent = line.length() - content.length();
      if (content.isEmpty() || content.equals("---") && lines.isEmpty()) {
        continue;
      }
      if (line.substring(0, indent).indexOf('\t') >= 0) {
        throw wrong(number, "a tab in the indentation");
      }
      if (indent == 0 && (content.equals("---") || content.equals("..."))) {
        throw wrong(number, "a second document");
      }
      lines.add(new Line(number, indent, content));
    }
  }

  /// @throws Failure.InvalidRequest for what is no map, or not understood
  static Json.JsonObject parse(String text) {
    BlockYaml yaml = new BlockYaml(text);
    if (yaml.lines.isEmpty()) {
      return Json.object();
    }
    Json value = yaml.block(yaml.lines.getFirst().indent(), 0);
    if (yaml.at < yaml.lines.size()) {
      throw wrong(yaml.lines.get(yaml.at).number(), "unexpected indentation");
    }
    if (!(value instanceof Json.JsonObject object)) {
      throw wrong(1, "not a map");
    }
    return object;
  }

  private static Failure.InvalidRequest wrong(int line, String why) {
    return new Failure.InvalidRequest("line " + line + ": " + why);
  }

  private static String withoutComment(String line) {
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (quote != 0) {
        if (c == '\\' && quote == '"') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (c == '#' && (i == 0 || Character.isWhitespace(line.charAt(i - 1)))) {
        return line.substring(0, i).stripTrailing();
      } else if ((c == '"' || c == '\'') && startsScalar(line, i)) {
        quote = c;
      }
    }
    return line;
  }

  /// A quote in the middle of a word is a letter.
  private static boolean startsScalar(String line, int at) {
    return at == 0 || " [{,:".indexOf(line.charAt(at - 1)) >= 0;
  }

  private Json block(int indent, int depth) {
    Line first = lines.get(at);
    if (depth > DEEPEST) {
      throw wrong(first.number(), "nested too deeply");
    }
    if (isItem(first)) {
      return list(indent, depth);
    }
    if (colon(first.text()) < 0) {
      at++;
      return scalar(first, first.text());
    }
    return map(indent, depth);
  }

  private static boolean isItem(Line line) {
    return line.text().equals("-") || line.text().startsWith("- ");
  }

  private Json list(int indent, int depth) {
    Json.JsonArray list = Json.array();
    while (at < lines.size() && lines.get(at).indent() == indent && isItem(lines.get(at))) {
      Line line = lines.get(at);
      String rest = line.text().substring(1).stripLeading();
      if (rest.isEmpty()) {
        at++;
        list.add(nested(indent + 1, depth, line));
      } else {
        // the item goes on as if its first line began behind the dash
        int inner = indent + line.text().length() - rest.length();
        lines.set(at, new Line(line.number(), inner, rest));
        list.add(block(inner, depth + 1));
      }
    }
    return list;
  }

  private Json map(int indent, int depth) {
    Json.JsonObject map = Json.object();
    while (at < lines.size() && lines.get(at).indent() == indent && !isItem(lines.get(at))) {
      Line line = lines.get(at);
      int colon = colon(line.text());
      if (colon < 0) {
        throw wrong(line.number(), "no key");
      }
      String key =
          scalar(line, line.text().substring(0, colon).strip()) instanceof Json.JsonString text
              ? text.value()
              : line.text().substring(0, colon).strip();
      if (map.members().containsKey(key)) {
        throw wrong(line.number(), "the key " + key + " again");
      }
      String rest = line.text().substring(colon + 1).strip();
      at++;
      if (!rest.isEmpty()) {
        map.put(key, scalar(line, rest));
      } else if (at < lines.size() && lines.get(at).indent() == indent && isItem(lines.get(at))) {
        map.put(key, list(indent, depth + 1)); // lists may stand below their key
      } else {
        map.put(key, nested(indent + 1, depth, line));
      }
    }
    return map;
  }

  /// What is indented by at least `least`; null where nothing is.
  private Json nested(int least, int depth, Line above) {
    if (at >= lines.size() || lines.get(at).indent() < least) {
      return Json.NULL;
    }
    if (depth > DEEPEST) {
      throw wrong(above.number(), "nested too deeply");
    }
    return block(lines.get(at).indent(), depth + 1);
  }

  /// The colon behind a key; -1 if the text is none.
  private static int colon(String text) {
    char quote = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quote != 0) {
        if (c == '\\' && quote == '"') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (i == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (i == 0 && (c == '[' || c == '{')) {
        return -1;
      } else if (c == ':' && (i + 1 == text.length() || text.charAt(i + 1) == ' ')) {
        return i;
      }
    }
    return -1;
  }

  private static Json scalar(Line line, String text) {
    char first = text.charAt(0);
    try {
      if (first == '"' || first == '[' || first == '{') {
        return Json.parse(text);
      }
    } catch (JsonException e) {
      throw wrong(line.number(), "not understood: " + text);
    }
    if (first == '\'') {
      if (text.length() < 2 || !text.endsWith("'")) {
        throw wrong(line.number(), "a quote that does not end");
      }
      return Json.of(text.substring(1, text.length() - 1).replace("''", "'"));
    }
    if ("&*!|>%@`".indexOf(first) >= 0) {
      throw wrong(line.number(), "not understood: " + text);
    }
    return switch (text) {
      case "null", "~" -> Json.NULL;
      case "true", "false" -> Json.of(text.equals("true"));
      default ->
          text.matches("-?(0|[1-9][0-9]{0,17})")
              ? Json.of(Long.parseLong(text))
              : text.matches("0o?[0-7]{1,9}")
                  ? Json.of(Long.parseLong(text.replace("o", ""), 8))
                  : Json.of(text);
    };
  }
}
