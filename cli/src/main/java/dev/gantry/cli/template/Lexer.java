package dev.gantry.cli.template;

import java.util.ArrayList;
import java.util.List;

/// Cuts a template into text and the words of its actions.
final class Lexer {
  /// Kinds of words; `FIELD` is `.name`, `DOT` a lone dot.
  enum Kind {
    TEXT,
    OPEN,
    CLOSE,
    FIELD,
    DOT,
    VARIABLE,
    NAME,
    STRING,
    NUMBER,
    PIPE,
    COMMA,
    DECLARE,
    ASSIGN,
    LEFT,
    RIGHT,
    SPACE,
    END
  }

  /// One word, with its line from 1 and its place in the line from 0.
  record Token(Kind kind, String text, int line, int at) {}

  private final String source;
  private final String name;
  private final List<Token> tokens = new ArrayList<>();
  private int at;

  /// Up to where lines are counted, how many there are, and where the last one begins.
  private int counted;

  private int line = 1;
  private int begin;

  Lexer(String name, String source) {
    this.name = name;
    this.source = source;
  }

  List<Token> tokens() {
    boolean trim = false;
    while (true) {
      int open = source.indexOf("{{", at);
      String text = source.substring(at, open < 0 ? source.length() : open);
      text = trim ? text.stripLeading() : text;
      if (open >= 0 && source.startsWith("{{- ", open)) {
        text = text.stripTrailing();
      }
      if (!text.isEmpty()) {
        add(Kind.TEXT, text, at);
      }
      if (open < 0) {
        add(Kind.END, "", source.length());
        return tokens;
      }
      at = open + 2;
      if (source.startsWith("- ", at)) {
        at += 2;
      }
      trim = action(open);
    }
  }

  /// One action; true if it ends with `-}}`.
  private boolean action(int open) {
    if (source.startsWith("/*", at)) {
      int end = source.indexOf("*/", at);
      int close = end < 0 ? -1 : source.indexOf("}}", end);
      if (close < 0) {
        throw error("unclosed comment");
      }
      at = close + 2;
      return source.startsWith("-", close - 1);
    }
    add(Kind.OPEN, "{{", open);
    while (at < source.length()) {
      if (source.startsWith("}}", at)) {
        add(Kind.CLOSE, "}}", at);
        at += 2;
        return false;
      }
      if (source.startsWith(" -}}", at)) {
        add(Kind.CLOSE, "}}", at);
        at += 4;
        return true;
      }
      word();
    }
    throw error("unclosed action");
  }

  private void word() {
    int start = at;
    char c = source.charAt(at);
    switch (c) {
      case ' ', '\t', '\r', '\n' -> {
        while (at < source.length()
            && " \t\r\n".indexOf(source.charAt(at)) >= 0
            && !source.startsWith(" -}}", at)) {
          at++;
        }
        add(Kind.SPACE, " ", start);
      }
      case '|' -> single(Kind.PIPE);
      case ',' -> single(Kind.COMMA);
      case '(' -> single(Kind.LEFT);
      case ')' -> single(Kind.RIGHT);
      case '=' -> single(Kind.ASSIGN);
      case ':' -> {
        if (!source.startsWith(":=", at)) {
          throw error("expected :=");
        }
        at += 2;
        add(Kind.DECLARE, ":=", start);
      }
      case '"', '`', '\'' -> string(c);
      case '.' -> {
        at++;
        if (at < source.length() && Character.isDigit(source.charAt(at))) {
          number(start);
        } else {
          name();
          String field = source.substring(start + 1, at);
          add(field.isEmpty() ? Kind.DOT : Kind.FIELD, field, start);
        }
      }
      case '$' -> {
        at++;
        name();
        add(Kind.VARIABLE, source.substring(start, at), start);
      }
      default -> {
        if (Character.isDigit(c) || c == '-' || c == '+') {
          number(start);
        } else if (Character.isLetter(c) || c == '_') {
          name();
          add(Kind.NAME, source.substring(start, at), start);
        } else {
          throw error(String.format("unexpected %s in command", quoted(Character.toString(c))));
        }
      }
    }
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }

  private void single(Kind kind) {
    add(kind, source.substring(at, at + 1), at);
    at++;
  }

  private void name() {
    while (at < source.length()
        && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '_')) {
      at++;
    }
  }

  private void number(int start) {
    at++;
    while (at < source.length()
        && (Character.isLetterOrDigit(source.charAt(at)) || source.charAt(at) == '.')) {
      at++;
    }
    String text = source.substring(start, at);
    if (!text.matches("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d+)?|[-+]?0[xX][0-9a-fA-F]+")) {
      throw error("bad number syntax: " + quoted(text));
    }
    add(Kind.NUMBER, text, start);
  }

  private void string(char quote) {
    int start = at++;
    while (at < source.length() && source.charAt(at) != quote) {
      at += quote != '`' && source.charAt(at) == '\\' ? 2 : 1;
    }
    if (at >= source.length()) {
      throw error(quote == '`' ? "unterminated raw quoted string" : "unterminated quoted string");
    }
    String text = source.substring(start + 1, at++);
    add(Kind.STRING, quote == '`' ? text : unescape(text), start);
  }

  private static String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\' || i + 1 == text.length()) {
        out.append(c);
        continue;
      }
      char next = text.charAt(++i);
      switch (next) {
        case 'n' -> out.append('\n');
        case 't' -> out.append('\t');
        case 'r' -> out.append('\r');
        case 'u' -> {
          out.append((char) Integer.parseInt(text.substring(i + 1, i + 5), 16));
          i += 4;
        }
        default -> out.append(next);
      }
    }
    return out.toString();
  }

  private void add(Kind kind, String text, int position) {
    for (; counted < position; counted++) {
      if (source.charAt(counted) == '\n') {
        line++;
        begin = counted + 1;
      }
    }
    tokens.add(new Token(kind, text, line, position - begin));
  }

  private TemplateException error(String what) {
    long here =
        1
            + source
                .substring(0, Math.min(at, source.length()))
                .chars()
                .filter(c -> c == '\n')
                .count();
    return new TemplateException("template: " + name + ":" + here + ": " + what);
  }
}
