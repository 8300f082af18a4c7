package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The part of Go's text/template that Docker's `--format` is used with: fields, `json`, `index`,
/// `len`, `join`, `split`, `upper`, `lower`, `title`, `println`, `eq`, `ne`, `not`, `if`, `range`,
/// `with`, pipes.
final class Template {
  private static final Pattern ACTION =
      Pattern.compile("\\{\\{(- )?\\s*(.*?)\\s*( -)?}}", Pattern.DOTALL);
  private static final Pattern TOKEN =
      Pattern.compile("\"(?:\\\\.|[^\"])*\"|`[^`]*`|\\(|\\)|\\||[^\\s()|]+");

  /// A parsed piece: text, an expression, or a block with its branches.
  private sealed interface Node {}

  private record Text(String text) implements Node {}

  private record Print(String expression) implements Node {}

  private record Block(String kind, String expression, List<Node> body, List<Node> otherwise)
      implements Node {}

  private final List<Node> nodes;

  private Template(List<Node> nodes) {
    this.nodes = nodes;
  }

  static Template parse(String source) {
    Deque<Block> open = new ArrayDeque<>();
    Deque<List<Node>> target = new ArrayDeque<>();
    List<Node> top = new ArrayList<>();
    target.push(top);
    Matcher action = ACTION.matcher(source.replace("\\t", "\t").replace("\\n", "\n"));
    String text = source.replace("\\t", "\t").replace("\\n", "\n");
    int at = 0;
    boolean trim = false;
    while (action.find()) {
      String before = text.substring(at, action.start());
      before = trim ? before.stripLeading() : before;
      add(target, new Text(action.group(1) != null ? before.stripTrailing() : before));
      trim = action.group(3) != null;
      at = action.end();
      String body = action.group(2);
      String word = body.split("\\s+", 2)[0];
      switch (word) {
        case "if", "range", "with" -> {
          Block block =
              new Block(
                  word,
                  body.substring(word.length()).strip(),
                  new ArrayList<>(),
                  new ArrayList<>());
          add(target, block);
          open.push(block);
          target.push(block.body());
        }
        case "else" -> {
          target.pop();
          target.push(require(open).otherwise());
        }
        case "end" -> {
          require(open);
          open.pop();
          target.pop();
        }
        default -> {
          if (!body.startsWith("/*")) {
            add(target, new Print(body));
          }
        }
      }
    }
    String rest = text.substring(at);
    if (rest.contains("{{")) {
      throw new Exit(64, "template parsing error: template: :1: unclosed action");
    }
    if (!open.isEmpty()) {
      throw new Exit(64, "template parsing error: template: :1: unexpected EOF");
    }
    add(target, new Text(trim ? rest.stripLeading() : rest));
    return new Template(top);
  }

  private static void add(Deque<List<Node>> target, Node node) {
    target.element().add(node);
  }

  private static Block require(Deque<Block> open) {
    if (open.isEmpty()) {
      throw new Exit(64, "template parsing error: template: :1: unexpected {{end}}");
    }
    return open.element();
  }

  String apply(Json root) {
    StringBuilder out = new StringBuilder();
    render(nodes, root, root, out);
    return out.toString();
  }

  private static void render(List<Node> nodes, Json dot, Json root, StringBuilder out) {
    for (Node node : nodes) {
      switch (node) {
        case Text text -> out.append(text.text());
        case Print print -> out.append(go(new Expression(print.expression(), dot, root).value()));
        case Block block -> block(block, dot, root, out);
      }
    }
  }

  private static void block(Block block, Json dot, Json root, StringBuilder out) {
    String expression = block.expression().replaceFirst("^(\\$\\w+\\s*,?\\s*)+:=\\s*", "");
    Json value = new Expression(expression, dot, root).value();
    if (!isTrue(value)) {
      render(block.otherwise(), dot, root, out);
      return;
    }
    switch (block.kind()) {
      case "range" -> members(value).forEach(item -> render(block.body(), item, root, out));
      case "with" -> render(block.body(), value, root, out);
      default -> render(block.body(), dot, root, out);
    }
  }

  private static List<Json> members(Json value) {
    return switch (value) {
      case Json.JsonArray array -> array.items();
      case Json.JsonObject object -> List.copyOf(object.members().values());
      default -> List.of();
    };
  }

  private static boolean isTrue(Json value) {
    return switch (value) {
      case Json.JsonNull n -> false;
      case Json.JsonBoolean b -> b.value();
      case Json.JsonString s -> !s.value().isEmpty();
      case Json.JsonNumber n -> n.doubleValue() != 0;
      case Json.JsonArray a -> !a.isEmpty();
      case Json.JsonObject o -> !o.isEmpty();
    };
  }

  /// A value as Go's `%v` prints it.
  static String go(Json value) {
    return switch (value) {
      case Json.JsonNull n -> "<no value>";
      case Json.JsonBoolean b -> Boolean.toString(b.value());
      case Json.JsonString s -> s.value();
      case Json.JsonNumber n -> n.literal();
      case Json.JsonArray a ->
          a.items().stream().map(Template::inner).collect(Collectors.joining(" ", "[", "]"));
      case Json.JsonObject o ->
          o.members().entrySet().stream()
              .sorted(Map.Entry.comparingByKey())
              .map(e -> e.getKey() + ":" + inner(e.getValue()))
              .collect(Collectors.joining(" ", "map[", "]"));
    };
  }

  private static String inner(Json value) {
    return value instanceof Json.JsonNull ? "<nil>" : go(value);
  }

  /// Evaluates one pipeline.
  private static final class Expression {
    private final List<String> tokens = new ArrayList<>();
    private final Json dot;
    private final Json root;
    private final String source;
    private int at;

    Expression(String source, Json dot, Json root) {
      this.source = source;
      this.dot = dot;
      this.root = root;
      Matcher token = TOKEN.matcher(source);
      while (token.find()) {
        tokens.add(token.group());
      }
    }

    Json value() {
      if (tokens.isEmpty()) {
        throw new Exit(64, "template parsing error: template: :1: missing value for command");
      }
      return pipeline();
    }

    private Json pipeline() {
      Json value = command(List.of());
      while (at < tokens.size() && tokens.get(at).equals("|")) {
        at++;
        value = command(List.of(value));
      }
      return value;
    }

    private Json command(List<Json> piped) {
      String first = tokens.get(at);
      if (isOperand(first)) {
        return operand();
      }
      at++;
      List<Json> arguments = new ArrayList<>();
      while (at < tokens.size() && !tokens.get(at).equals("|") && !tokens.get(at).equals(")")) {
        arguments.add(operand());
      }
      arguments.addAll(piped);
      return call(first, arguments);
    }

    private static boolean isOperand(String token) {
      char c = token.charAt(0);
      return c == '.'
          || c == '"'
          || c == '`'
          || c == '('
          || c == '$'
          || c == '-'
          || Character.isDigit(c)
          || token.equals("true")
          || token.equals("false");
    }

    private Json operand() {
      String token = tokens.get(at++);
      switch (token.charAt(0)) {
        case '(' -> {
          Json value = pipeline();
          at++;
          boolean field =
              at < tokens.size() && tokens.get(at).startsWith(".") && tokens.get(at).length() > 1;
          return field ? path(value, tokens.get(at++)) : value;
        }
        case '"' -> {
          return Json.of(
              token.substring(1, token.length() - 1).replace("\\\"", "\"").replace("\\\\", "\\"));
        }
        case '`' -> {
          return Json.of(token.substring(1, token.length() - 1));
        }
        case '.' -> {
          return path(dot, token);
        }
        case '$' -> {
          return path(
              token.startsWith("$.") || token.equals("$") ? root : dot,
              token.replaceFirst("^\\$\\w*", ""));
        }
        default -> {
          if (token.equals("true") || token.equals("false")) {
            return Json.of(token.equals("true"));
          }
          return new Json.JsonNumber(token);
        }
      }
    }

    private Json path(Json from, String path) {
      Json value = from;
      for (String name : path.split("\\.")) {
        if (!name.isEmpty()) {
          Json next = value instanceof Json.JsonObject object ? object.get(name) : null;
          if (next == null && !(value instanceof Json.JsonObject)) {
            throw new Exit(
                1,
                "template parsing error: template: :1: executing \"\" at <"
                    + source
                    + ">: can't evaluate field "
                    + name);
          }
          value = next == null ? Json.NULL : next;
        }
      }
      return value;
    }

    private Json call(String name, List<Json> a) {
      return switch (name) {
        case "json" -> Json.of(JsonWriter.plain(a.getFirst()));
        case "len" ->
            Json.of(
                a.getFirst() instanceof Json.JsonString s
                    ? s.value().length()
                    : members(a.getFirst()).size());
        case "index" -> index(a);
        case "join" ->
            Json.of(
                members(a.get(0)).stream()
                    .map(Template::go)
                    .collect(Collectors.joining(go(a.get(1)))));
        case "split" -> Json.strings(List.of(go(a.get(0)).split(Pattern.quote(go(a.get(1))), -1)));
        case "upper" -> Json.of(go(a.getFirst()).toUpperCase(Locale.ROOT));
        case "lower" -> Json.of(go(a.getFirst()).toLowerCase(Locale.ROOT));
        case "title" -> Json.of(title(go(a.getFirst())));
        case "truncate" ->
            Json.of(
                go(a.get(0))
                    .substring(0, Math.min(go(a.get(0)).length(), Integer.parseInt(go(a.get(1))))));
        case "print" -> Json.of(a.stream().map(Template::go).collect(Collectors.joining()));
        case "println" ->
            Json.of(a.stream().map(Template::go).collect(Collectors.joining(" ")) + "\n");
        case "printf" ->
            Json.of(
                String.format(
                    Locale.ROOT,
                    go(a.getFirst())
                        .replace("%v", "%s")
                        .replace("%d", "%s")
                        .replace("%q", "\"%s\""),
                    a.stream().skip(1).map(Template::go).toArray()));
        case "eq" -> Json.of(a.stream().skip(1).anyMatch(v -> go(v).equals(go(a.getFirst()))));
        case "ne" -> Json.of(!go(a.get(0)).equals(go(a.get(1))));
        case "not" -> Json.of(!isTrue(a.getFirst()));
        case "and" -> a.stream().filter(v -> !isTrue(v)).findFirst().orElse(a.getLast());
        case "or" -> a.stream().filter(Template::isTrue).findFirst().orElse(a.getLast());
        default ->
            throw new Exit(
                64, "template parsing error: template: :1: function \"" + name + "\" not defined");
      };
    }

    private static Json index(List<Json> a) {
      Json value = a.getFirst();
      for (Json key : a.subList(1, a.size())) {
        value =
            switch (value) {
              case Json.JsonArray array
                  when key instanceof Json.JsonNumber n && n.longValue() < array.size() ->
                  array.get((int) n.longValue());
              case Json.JsonObject object -> {
                Json member = object.members().get(go(key));
                yield member == null ? Json.of("") : member;
              }
              default ->
                  throw new Exit(
                      1,
                      "template parsing error: error calling index: index out of range: "
                          + go(key));
            };
      }
      return value;
    }

    private static String title(String text) {
      return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }
  }
}
