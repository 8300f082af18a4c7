package dev.gantry.cli.template;

import dev.gantry.cli.template.Lexer.Kind;
import dev.gantry.cli.template.Lexer.Token;
import dev.gantry.json.Json;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Builds the tree of a template; unknown functions and variables are found here, as Go does.
final class Parser {
  private static final int MAX_DEPTH = 200;

  private final String name;
  private final List<Token> tokens;
  private final Set<String> variables = new HashSet<>(Set.of("$"));
  private int at;
  private int depth;

  Parser(String name, String source) {
    this.name = name;
    this.tokens = new Lexer(name, source).tokens();
  }

  List<Node> parse() {
    List<Node> nodes = new ArrayList<>();
    String end = nodes(nodes);
    if (!end.isEmpty()) {
      throw error("unexpected {{" + end + "}}");
    }
    return nodes;
  }

  /// Reads nodes up to `end` or `else`, which is returned, or the end of the template.
  private String nodes(List<Node> into) {
    while (true) {
      Token token = next();
      switch (token.kind()) {
        case TEXT -> into.add(new Node.Text(token.text()));
        case END -> {
          return "";
        }
        default -> {
          skipSpace();
          Token word = peek();
          if (word.kind() == Kind.NAME
              && (word.text().equals("end") || word.text().equals("else"))) {
            at++;
            return word.text();
          }
          into.add(action(word));
        }
      }
    }
  }

  private Node action(Token word) {
    if (word.kind() == Kind.NAME) {
      switch (word.text()) {
        case "if", "range", "with" -> {
          at++;
          return block(word.text());
        }
        case "break", "continue" -> {
          at++;
          close();
          return new Node.Jump(word.text().equals("break"));
        }
        case "define", "template", "block" ->
            throw error("{{" + word.text() + "}} makes no sense in a format");
        default -> {}
      }
    }
    Node.Pipeline pipeline = pipeline("command");
    close();
    return new Node.Action(pipeline);
  }

  private void deeper() {
    if (++depth > MAX_DEPTH) {
      throw error("more than " + MAX_DEPTH + " levels within one another");
    }
  }

  private Node block(String kind) {
    deeper();
    try {
      return shallowBlock(kind);
    } finally {
      depth--;
    }
  }

  private Node shallowBlock(String kind) {
    Set<String> outside = Set.copyOf(variables);
    Node.Pipeline pipeline = pipeline(kind);
    close();
    List<Node> body = new ArrayList<>();
    List<Node> otherwise = new ArrayList<>();
    String end = nodes(body);
    if (end.equals("else")) {
      skipSpace();
      Token word = peek();
      if (word.kind() == Kind.NAME && (word.text().equals("if") || word.text().equals("with"))) {
        at++;
        otherwise.add(block(word.text()));
        variables.retainAll(outside);
        return new Node.Block(kind, pipeline, body, otherwise); // its end closes this one too
      }
      close();
      end = nodes(otherwise);
    }
    if (!end.equals("end")) {
      throw error(end.isEmpty() ? "unexpected EOF" : "unexpected {{" + end + "}}");
    }
    close();
    variables.retainAll(outside);
    return new Node.Block(kind, pipeline, body, otherwise);
  }

  private Node.Pipeline pipeline(String context) {
    skipSpace();
    List<String> names = new ArrayList<>();
    boolean assigns = false;
    int start = at;
    if (peek().kind() == Kind.VARIABLE) {
      names.add(next().text());
      skipSpace();
      while (peek().kind() == Kind.COMMA) {
        at++;
        skipSpace();
        names.add(next().text());
        skipSpace();
      }
      if (peek().kind() == Kind.DECLARE || peek().kind() == Kind.ASSIGN) {
        assigns = next().kind() == Kind.ASSIGN;
      } else {
        names.clear();
        at = start;
      }
    }
    List<Node.Command> commands = new ArrayList<>();
    do {
      commands.add(command(context));
      skipSpace();
    } while (accept(Kind.PIPE));
    if (!assigns) {
      variables.addAll(names);
    }
    return new Node.Pipeline(names, assigns, commands);
  }

  private Node.Command command(String context) {
    List<Node.Operand> operands = new ArrayList<>();
    while (true) {
      skipSpace();
      Token token = peek();
      if (token.kind() == Kind.CLOSE || token.kind() == Kind.PIPE || token.kind() == Kind.RIGHT) {
        break;
      }
      operands.add(operand());
    }
    if (operands.isEmpty()) {
      throw error("missing value for " + context);
    }
    return new Node.Command(List.copyOf(operands));
  }

  private Node.Operand operand() {
    Token token = next();
    return switch (token.kind()) {
      case DOT -> new Node.Operand.Dot(List.of(), token.line(), token.at());
      case FIELD -> {
        int place = peek().kind() == Kind.FIELD ? peek().at() : token.at();
        List<String> path = new ArrayList<>(List.of(token.text()));
        path.addAll(fields());
        yield new Node.Operand.Dot(path, token.line(), place);
      }
      case VARIABLE -> {
        if (!variables.contains(token.text())) {
          throw error("undefined variable \"" + token.text() + "\"");
        }
        int place = peek().kind() == Kind.FIELD ? peek().at() : token.at();
        yield new Node.Operand.Variable(token.text(), fields(), token.line(), place);
      }
      case LEFT -> {
        deeper();
        Node.Pipeline inner = pipeline("parenthesized pipeline");
        depth--;
        skipSpace();
        if (!accept(Kind.RIGHT)) {
          throw error("unclosed left paren");
        }
        yield new Node.Operand.Nested(inner, fields(), token.line(), token.at());
      }
      case STRING -> new Node.Operand.Constant(Json.of(token.text()));
      case NUMBER -> new Node.Operand.Constant(number(token.text()));
      case NAME ->
          switch (token.text()) {
            case "true" -> new Node.Operand.Constant(Json.of(true));
            case "false" -> new Node.Operand.Constant(Json.of(false));
            case "nil" -> new Node.Operand.Nil();
            default -> {
              if (!Functions.exists(token.text())) {
                throw error("function \"" + token.text() + "\" not defined");
              }
              yield new Node.Operand.Function(token.text(), token.line(), token.at());
            }
          };
      default -> throw error("unexpected \"" + token.text() + "\" in operand");
    };
  }

  private static Json number(String text) {
    String plain = text.startsWith("+") ? text.substring(1) : text;
    if (plain.matches("-?0[xX].*")) {
      return Json.of(Long.decode(plain));
    }
    return plain.matches("-?\\d+")
        ? new Json.JsonNumber(plain)
        : Json.of(new BigDecimal(plain).doubleValue());
  }

  /// The fields that follow without a space.
  private List<String> fields() {
    List<String> path = new ArrayList<>();
    while (peek().kind() == Kind.FIELD) {
      path.add(next().text());
    }
    return path;
  }

  private void close() {
    skipSpace();
    Token token = next();
    if (token.kind() != Kind.CLOSE) {
      throw error("unexpected \"" + token.text() + "\" in input");
    }
  }

  private boolean accept(Kind kind) {
    boolean there = peek().kind() == kind;
    if (there) {
      at++;
    }
    return there;
  }

  private void skipSpace() {
    while (peek().kind() == Kind.SPACE) {
      at++;
    }
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token next() {
    Token token = tokens.get(at);
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  private TemplateException error(String what) {
    int line = tokens.get(Math.max(0, at - 1)).line();
    return new TemplateException("template: " + name + ":" + line + ": " + what);
  }
}
