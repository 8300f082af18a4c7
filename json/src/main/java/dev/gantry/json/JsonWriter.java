package dev.gantry.json;

import java.util.Locale;

/// Writes values as Go's encoding/json does: compact, or indented; `<`, `>`, `&` and the two line
/// separators escaped.
public final class JsonWriter {
  private static final String HEX = "0123456789abcdef";

  private final StringBuilder out = new StringBuilder();
  private final boolean escapeHtml;
  private final String indent;

  private JsonWriter(boolean escapeHtml, String indent) {
    this.escapeHtml = escapeHtml;
    this.indent = indent;
  }

  /// One line, HTML-escaped.
  public static String compact(Json value) {
    JsonWriter writer = new JsonWriter(true, "");
    writer.write(value, 0);
    return writer.out.toString();
  }

  /// One line without HTML escapes: for documents whose bytes other tools compare or hash.
  public static String plain(Json value) {
    JsonWriter writer = new JsonWriter(false, "");
    writer.write(value, 0);
    return writer.out.toString();
  }

  /// Several lines, each level indented by `indent`.
  public static String indented(Json value, String indent, boolean escapeHtml) {
    JsonWriter writer = new JsonWriter(escapeHtml, indent);
    writer.write(value, 0);
    return writer.out.toString();
  }

  /// A double as Go writes a float64: no exponent between 1e-6 and 1e21, no trailing `.0`.
  static String number(double value) {
    double size = Math.abs(value);
    if (value == Math.rint(value) && size < 1e15) {
      return Long.toString((long) value);
    }
    String shortest = Double.toString(value);
    if (size >= 1e-6 && size < 1e21) {
      return new java.math.BigDecimal(shortest).toPlainString().replaceFirst("\\.0$", "");
    }
    String text = shortest.toLowerCase(Locale.ROOT).replace(".0e", "e");
    return text.contains("e-") ? text : text.replace("e", "e+");
  }

  private void write(Json value, int level) {
    // no pattern switch: see JsonObject
    if (value instanceof Json.JsonString text) {
      string(text.value());
    } else if (value instanceof Json.JsonObject object) {
      members(object, level);
    } else if (value instanceof Json.JsonArray array) {
      items(array, level);
    } else if (value instanceof Json.JsonNumber number) {
      out.append(number.literal());
    } else if (value instanceof Json.JsonBoolean truth) {
      out.append(truth.value());
    } else {
      out.append("null");
    }
  }

  private void items(Json.JsonArray array, int level) {
    out.append('[');
    boolean first = true;
    for (Json item : array) {
      separate(first, level + 1);
      first = false;
      write(item, level + 1);
    }
    end(first, level, ']');
  }

  private void members(Json.JsonObject object, int level) {
    out.append('{');
    boolean first = true;
    for (var member : object.members().entrySet()) {
      separate(first, level + 1);
      first = false;
      string(member.getKey());
      out.append(indent.isEmpty() ? ":" : ": ");
      write(member.getValue(), level + 1);
    }
    end(first, level, '}');
  }

  private void separate(boolean first, int level) {
    if (!first) {
      out.append(',');
    }
    newLine(level);
  }

  private void end(boolean empty, int level, char close) {
    if (!empty) {
      newLine(level);
    }
    out.append(close);
  }

  private void newLine(int level) {
    if (!indent.isEmpty()) {
      out.append('\n').append(indent.repeat(level));
    }
  }

  private void string(String value) {
    if (isPlain(value)) {
      out.append('"').append(value).append('"');
      return;
    }
    out.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '<', '>', '&' -> {
          if (escapeHtml) {
            unicode(c);
          } else {
            out.append(c);
          }
        }
        case '\u2028', '\u2029' -> unicode(c);
        default -> {
          if (c < 0x20) {
            unicode(c);
          } else if (Character.isSurrogate(c) && !paired(value, i)) {
            out.append("\\ufffd");
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  /// Nothing to escape: almost every string, and it can be copied as a whole.
  private static boolean isPlain(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&') {
        return false;
      }
    }
    return true;
  }

  private static boolean paired(String value, int i) {
    char c = value.charAt(i);
    return Character.isHighSurrogate(c)
        ? i + 1 < value.length() && Character.isLowSurrogate(value.charAt(i + 1))
        : i > 0 && Character.isHighSurrogate(value.charAt(i - 1));
  }

  private void unicode(char c) {
    out.append("\\u")
        .append(HEX.charAt(c >> 12 & 15))
        .append(HEX.charAt(c >> 8 & 15))
        .append(HEX.charAt(c >> 4 & 15))
        .append(HEX.charAt(c & 15));
  }
}
