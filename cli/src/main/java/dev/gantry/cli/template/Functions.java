package dev.gantry.cli.template;

import dev.gantry.json.Json;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Go's and Docker's template functions; `and` and `or` are the evaluator's, as they may stop
/// early.
final class Functions {
  private static final Set<String> NAMES =
      Set.of(
          "and",
          "or",
          "not",
          "eq",
          "ne",
          "lt",
          "le",
          "gt",
          "ge",
          "len",
          "index",
          "slice",
          "print",
          "printf",
          "println",
          "html",
          "js",
          "urlquery",
          "json",
          "split",
          "join",
          "title",
          "lower",
          "upper",
          "pad",
          "truncate");
  private static final Pattern VERB = Pattern.compile("%([-+# 0]*)(\\d*)(?:\\.(\\d+))?([a-zA-Z%])");

  private Functions() {}

  static boolean exists(String name) {
    return NAMES.contains(name);
  }

  /// @throws TemplateException whose message is only the reason
  static Json call(String name, List<Json> a, Scope scope) {
    return switch (name) {
      case "json" -> Json.of(scope.json(one(name, a)));
      case "len" -> Json.of(length(one(name, a)));
      case "index" -> index(a);
      case "slice" -> slice(a);
      case "not" -> Json.of(!Values.isTrue(one(name, a)));
      case "eq", "ne", "lt", "le", "gt", "ge" -> Json.of(compare(name, a));
      case "join" -> {
        two(name, a);
        yield Json.of(
            Values.members(a.get(0)).stream()
                .map(e -> Values.text(e.getValue()))
                .collect(Collectors.joining(Values.text(a.get(1)))));
      }
      case "split" -> {
        two(name, a);
        yield Json.strings(
            List.of(Values.text(a.get(0)).split(Pattern.quote(Values.text(a.get(1))), -1)));
      }
      case "upper" -> Json.of(Values.text(one(name, a)).toUpperCase(Locale.ROOT));
      case "lower" -> Json.of(Values.text(one(name, a)).toLowerCase(Locale.ROOT));
      case "title" -> Json.of(title(Values.text(one(name, a))));
      case "pad" -> {
        String text = Values.text(a.get(0));
        int before = count(a.get(1));
        int after = count(a.get(2));
        yield Json.of(text.isEmpty() ? text : " ".repeat(before) + text + " ".repeat(after));
      }
      case "truncate" -> {
        two(name, a);
        String text = Values.text(a.get(0));
        yield Json.of(text.substring(0, Math.min(text.length(), count(a.get(1)))));
      }
      case "print" -> Json.of(print(a));
      case "println" ->
          Json.of(a.stream().map(Values::text).collect(Collectors.joining(" ", "", "\n")));
      case "printf" -> Json.of(printf(a));
      case "html" ->
          Json.of(
              print(a)
                  .replace("&", "&amp;")
                  .replace("'", "&#39;")
                  .replace("\"", "&#34;")
                  .replace("<", "&lt;")
                  .replace(">", "&gt;"));
      case "js" ->
          Json.of(
              print(a)
                  .replace("\\", "\\\\")
                  .replace("'", "\\'")
                  .replace("\"", "\\\"")
                  .replace("<", "\\u003C")
                  .replace(">", "\\u003E")
                  .replace("&", "\\u0026")
                  .replace("=", "\\u003D"));
      case "urlquery" -> Json.of(URLEncoder.encode(print(a), StandardCharsets.UTF_8));
      default -> throw new TemplateException("function \"" + name + "\" not defined");
    };
  }

  private static Json one(String name, List<Json> a) {
    if (a.size() != 1) {
      throw new TemplateException("wrong number of args for " + name + ": want 1 got " + a.size());
    }
    return a.getFirst();
  }

  private static void two(String name, List<Json> a) {
    if (a.size() != 2) {
      throw new TemplateException("wrong number of args for " + name + ": want 2 got " + a.size());
    }
  }

  private static int count(Json number) {
    return number instanceof Json.JsonNumber n && n.isLong()
        ? Math.clamp(n.longValue(), 0, 4096)
        : 0;
  }

  /// Arguments side by side, with a space between two that are no texts.
  private static String print(List<Json> a) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < a.size(); i++) {
      if (i > 0
          && !(a.get(i) instanceof Json.JsonString)
          && !(a.get(i - 1) instanceof Json.JsonString)) {
        out.append(' ');
      }
      out.append(Values.text(a.get(i)));
    }
    return out.toString();
  }

  private static long length(Json value) {
    return switch (value) {
      case Json.JsonString s -> s.value().getBytes(StandardCharsets.UTF_8).length;
      case Json.JsonArray array -> array.items().size();
      case Json.JsonObject object -> object.members().size();
      case Json.JsonNull n -> throw new TemplateException("error calling len: len of nil pointer");
      default ->
          throw new TemplateException("error calling len: len of type " + Values.type(value));
    };
  }

  private static Json index(List<Json> a) {
    if (a.isEmpty()) {
      throw new TemplateException("wrong number of args for index: want at least 1 got 0");
    }
    Json value = a.getFirst();
    for (Json key : a.subList(1, a.size())) {
      value =
          switch (value) {
            case Json.JsonArray array -> array.get(position(key, array.items().size()));
            case Json.JsonObject object -> {
              Json member = object.members().get(Values.text(key));
              boolean texts =
                  object.members().values().stream().allMatch(Json.JsonString.class::isInstance);
              yield member == null ? texts ? Json.of("") : Values.NONE : member;
            }
            case Json.JsonNull n ->
                throw new TemplateException("error calling index: index of untyped nil");
            default ->
                throw new TemplateException(
                    "error calling index: can't index item of type " + Values.type(value));
          };
    }
    return value;
  }

  private static int position(Json key, int size) {
    if (!(key instanceof Json.JsonNumber number) || !number.isLong()) {
      throw new TemplateException(
          "error calling index: cannot index slice/array with type " + Values.type(key));
    }
    long index = number.longValue();
    if (index < 0 || index >= size) {
      throw new TemplateException("error calling index: reflect: slice index out of range");
    }
    return (int) index;
  }

  private static Json slice(List<Json> a) {
    Json value = a.getFirst();
    int size = (int) length(value);
    int from = a.size() > 1 ? count(a.get(1)) : 0;
    int to = a.size() > 2 ? count(a.get(2)) : size;
    if (to > size || from > to) {
      throw new TemplateException(
          "error calling slice: index out of range: " + (to > size ? to : from));
    }
    if (value instanceof Json.JsonArray array) {
      Json.JsonArray part = Json.array();
      array.items().subList(from, to).forEach(part::add);
      return part;
    }
    byte[] bytes = Values.text(value).getBytes(StandardCharsets.UTF_8);
    return Json.of(new String(bytes, from, to - from, StandardCharsets.UTF_8));
  }

  private static boolean compare(String name, List<Json> a) {
    if (a.size() < 2) {
      throw new TemplateException("error calling " + name + ": missing argument for comparison");
    }
    if (name.equals("eq")) {
      return a.subList(1, a.size()).stream().anyMatch(other -> same(name, a.getFirst(), other));
    }
    if (name.equals("ne")) {
      return !same(name, a.get(0), a.get(1));
    }
    int order = order(name, a.get(0), a.get(1));
    return switch (name) {
      case "lt" -> order < 0;
      case "le" -> order <= 0;
      case "gt" -> order > 0;
      default -> order >= 0;
    };
  }

  private static boolean same(String name, Json one, Json other) {
    if (one instanceof Json.JsonNumber n && other instanceof Json.JsonNumber m) {
      return n.doubleValue() == m.doubleValue();
    }
    boolean comparable =
        one instanceof Json.JsonNull
            || other instanceof Json.JsonNull
            || Values.isNone(one)
            || Values.isNone(other)
            || one.kind().equals(other.kind());
    if (!comparable) {
      throw new TemplateException("error calling " + name + ": incompatible types for comparison");
    }
    return one.equals(other);
  }

  private static int order(String name, Json one, Json other) {
    if (one instanceof Json.JsonNumber n && other instanceof Json.JsonNumber m) {
      return Double.compare(n.doubleValue(), m.doubleValue());
    }
    if (one instanceof Json.JsonString s && other instanceof Json.JsonString t) {
      return s.value().compareTo(t.value());
    }
    throw new TemplateException("error calling " + name + ": incompatible types for comparison");
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder(text);
    for (int i = 0; i < out.length(); i++) {
      boolean begins = i == 0 || !Character.isLetterOrDigit(out.charAt(i - 1));
      out.setCharAt(i, begins ? Character.toTitleCase(out.charAt(i)) : out.charAt(i));
    }
    return out.toString();
  }

  private static String printf(List<Json> a) {
    List<Json> rest = new ArrayList<>(a.subList(1, a.size()));
    Matcher verb = VERB.matcher(Values.text(a.getFirst()));
    StringBuilder out = new StringBuilder();
    while (verb.find()) {
      String text = verb.group(4).equals("%") ? "%" : formatted(verb, rest);
      verb.appendReplacement(out, Matcher.quoteReplacement(text));
    }
    verb.appendTail(out);
    if (!rest.isEmpty()) {
      out.append(
          rest.stream()
              .map(v -> Values.type(v) + "=" + Values.text(v))
              .collect(Collectors.joining(", ", "%!(EXTRA ", ")")));
    }
    return out.toString();
  }

  private static String formatted(Matcher verb, List<Json> rest) {
    if (rest.isEmpty()) {
      return "%!" + verb.group(4) + "(MISSING)";
    }
    Json value = rest.removeFirst();
    String text =
        switch (verb.group(4)) {
          case "q" -> Json.of(Values.text(value)).text();
          case "f", "F" ->
              String.format(
                  Locale.ROOT,
                  "%." + (verb.group(3) == null ? "6" : verb.group(3)) + "f",
                  value instanceof Json.JsonNumber n ? n.doubleValue() : 0);
          case "x" ->
              value instanceof Json.JsonNumber n && n.isLong()
                  ? Long.toHexString(n.longValue())
                  : Values.text(value);
          case "T" -> Values.type(value);
          default ->
              verb.group(3) == null
                  ? Values.text(value)
                  : cut(Values.text(value), Integer.parseInt(verb.group(3)));
        };
    int width = verb.group(2).isEmpty() ? 0 : Math.min(4096, Integer.parseInt(verb.group(2)));
    String pad =
        (verb.group(1).contains("0") ? "0" : " ").repeat(Math.max(0, width - text.length()));
    return verb.group(1).contains("-") ? text + pad : pad + text;
  }

  private static String cut(String text, int length) {
    return text.substring(0, Math.min(length, text.length()));
  }
}
