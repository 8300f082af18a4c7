package dev.gantry.json;

import java.util.Locale;

/// A strict RFC 8259 parser over a text. Hostile input is bounded by [#MAX_DEPTH] and by the number
/// of values, which take many times the memory of their text; the caller bounds the length. Errors
/// read as those of Go's encoding/json, which Docker's clients show.
public final class JsonParser {
  /// Objects and arrays may be nested this deep: many times what Docker and OCI documents need, and
  /// safe on the small stacks of the engine's threads.
  public static final int MAX_DEPTH = 200;

  /// So many values are taken where the caller says nothing else: they fit any of our heaps, and no
  /// document of the specifications comes near.
  public static final int MAX_VALUES = 1_000_000;

  private final String text;
  private final int most;
  private int values;
  private int position;
  private int depth;

  public JsonParser(String text) {
    this(text, MAX_VALUES);
  }

  /// @param most values, each object and array and all within it counted
  public JsonParser(String text, int most) {
    this.text = text;
    this.most = most;
  }

  /// The next value of a stream of values; the position stands behind it afterwards.
  public Json parseNext() {
    skipBlanks();
    return value("looking for beginning of value");
  }

  /// True if only white space is left.
  public boolean atEnd() {
    skipBlanks();
    return position >= text.length();
  }

  Json parseOnly() {
    Json value = parseNext();
    if (!atEnd()) {
      throw invalid(text.charAt(position), "after top-level value");
    }
    return value;
  }

  private Json value(String context) {
    if (position >= text.length()) {
      throw new JsonException("unexpected end of JSON input");
    }
    if (++values > most) {
      throw new JsonException("more than " + most + " values");
    }
    char c = text.charAt(position);
    return switch (c) {
      case '{' -> object();
      case '[' -> array();
      case '"' -> new Json.JsonString(string());
      case 't' -> literal("true", Json.of(true));
      case 'f' -> literal("false", Json.of(false));
      case 'n' -> literal("null", Json.NULL);
      case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> number();
      default -> throw invalid(c, context);
    };
  }

  private Json object() {
    enter();
    position++;
    Json.JsonObject object = Json.object();
    skipBlanks();
    if (peek() == '}') {
      position++;
      depth--;
      return object;
    }
    while (true) {
      skipBlanks();
      if (peek() != '"') {
        throw invalid(peek(), "looking for beginning of object key string");
      }
      String key = string();
      skipBlanks();
      if (peek() != ':') {
        throw invalid(peek(), "after object key");
      }
      position++;
      skipBlanks();
      object.put(key, value("looking for beginning of value"));
      skipBlanks();
      char c = peek();
      position++;
      if (c == '}') {
        depth--;
        return object;
      }
      if (c != ',') {
        throw invalid(c, "after object key:value pair");
      }
    }
  }

  private Json array() {
    enter();
    position++;
    Json.JsonArray array = Json.array();
    skipBlanks();
    if (peek() == ']') {
      position++;
      depth--;
      return array;
    }
    while (true) {
      skipBlanks();
      array.add(value("looking for beginning of value"));
      skipBlanks();
      char c = peek();
      position++;
      if (c == ']') {
        depth--;
        return array;
      }
      if (c != ',') {
        throw invalid(c, "after array element");
      }
    }
  }

  private void enter() {
    if (++depth > MAX_DEPTH) {
      throw new JsonException("exceeded max depth");
    }
  }

  private String string() {
    int start = ++position;
    while (true) {
      char c = peek();
      if (c == '"') {
        String plain = text.substring(start, position);
        position++;
        return plain;
      }
      if (c == '\\') {
        return escapedString(start);
      }
      if (c < 0x20) {
        throw invalid(c, "in string literal");
      }
      position++;
    }
  }

  private String escapedString(int start) {
    StringBuilder result = new StringBuilder(text.substring(start, position));
    while (true) {
      char c = peek();
      position++;
      if (c == '"') {
        return result.toString();
      }
      if (c < 0x20) {
        throw invalid(c, "in string literal");
      }
      if (c != '\\') {
        result.append(c);
        continue;
      }
      char escape = peek();
      position++;
      switch (escape) {
        case '"', '\\', '/' -> result.append(escape);
        case 'b' -> result.append('\b');
        case 'f' -> result.append('\f');
        case 'n' -> result.append('\n');
        case 'r' -> result.append('\r');
        case 't' -> result.append('\t');
        case 'u' -> result.append(unicode());
        default -> throw invalid(escape, "in string escape code");
      }
    }
  }

  private char unicode() {
    int code = 0;
    for (int i = 0; i < 4; i++) {
      char c = peek();
      int digit = c < 0x80 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw invalid(c, "in \\u hexadecimal character escape");
      }
      code = code << 4 | digit;
      position++;
    }
    return (char) code;
  }

  private Json number() {
    int start = position;
    if (text.charAt(position) == '-') {
      position++;
    }
    if (peekOrEnd() == '0') {
      position++;
    } else {
      digits("in numeric literal");
    }
    if (peekOrEnd() == '.') {
      position++;
      digits("after decimal point in numeric literal");
    }
    if (peekOrEnd() == 'e' || peekOrEnd() == 'E') {
      position++;
      if (peekOrEnd() == '+' || peekOrEnd() == '-') {
        position++;
      }
      digits("in exponent of numeric literal");
    }
    return new Json.JsonNumber(text.substring(start, position));
  }

  private void digits(String context) {
    if (!isDigit(peek())) {
      throw invalid(peek(), context);
    }
    while (isDigit(peekOrEnd())) {
      position++;
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private Json literal(String word, Json value) {
    for (int i = 0; i < word.length(); i++) {
      char c = peek();
      if (c != word.charAt(i)) {
        throw invalid(c, "in literal " + word + " (expecting " + quoted(word.charAt(i)) + ")");
      }
      position++;
    }
    return value;
  }

  private char peek() {
    if (position >= text.length()) {
      throw new JsonException("unexpected end of JSON input");
    }
    return text.charAt(position);
  }

  private char peekOrEnd() {
    return position < text.length() ? text.charAt(position) : '\0';
  }

  private void skipBlanks() {
    while (position < text.length()) {
      char c = text.charAt(position);
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
        return;
      }
      position++;
    }
  }

  private static JsonException invalid(char c, String context) {
    return new JsonException("invalid character " + quoted(c) + " " + context);
  }

  private static String quoted(char c) {
    return switch (c) {
      case '\'' -> "'\\''";
      case '"' -> "'\"'";
      case '\\' -> "'\\\\'";
      case '\n' -> "'\\n'";
      case '\r' -> "'\\r'";
      case '\t' -> "'\\t'";
      default ->
          c < 0x20 || c == 0x7f ? String.format(Locale.ROOT, "'\\x%02x'", (int) c) : "'" + c + "'";
    };
  }
}
