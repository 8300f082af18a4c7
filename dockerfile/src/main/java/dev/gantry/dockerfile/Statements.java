package dev.gantry.dockerfile;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Splits a Dockerfile into statements: comments, continuation lines, heredocs and flags.
final class Statements {
  private static final int LONGEST = 64 << 10;
  private static final int MOST = 10_000;
  private static final Set<String> HEREDOCS = Set.of("RUN", "COPY", "ADD");
  private static final Pattern HEREDOC = Pattern.compile("(\\d{0,9})<<(-?)([^<]*)");

  private final List<String> lines;
  private final List<String> endings;
  private final char escape;
  private final List<Statement> statements = new ArrayList<>();
  private int next;

  private Statements(String text, char escape) {
    this.lines = lines(text);
    this.endings = endings(text);
    this.escape = escape;
  }

  /// What ends each line: a heredoc keeps it.
  static List<String> endings(String text) {
    List<String> endings = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      endings.add(line.endsWith("\r") ? "\r\n" : "\n");
    }
    return endings;
  }

  /// The lines of a text: byte order mark and carriage returns are gone.
  static List<String> lines(String text) {
    String plain = text.startsWith("\uFEFF") ? text.substring(1) : text;
    List<String> lines = new ArrayList<>();
    for (String line : plain.split("\n", -1)) {
      lines.add(line.endsWith("\r") ? line.substring(0, line.length() - 1) : line);
    }
    return lines;
  }

  static List<Statement> split(String text, char escape) throws ParseFailure {
    return new Statements(text, escape).all();
  }

  private List<Statement> all() throws ParseFailure {
    while (next < lines.size()) {
      String line = lines.get(next).stripLeading();
      if (line.isEmpty() || line.startsWith("#")) {
        next++;
      } else {
        statements.add(statement(line));
        if (statements.size() > MOST) {
          throw new ParseFailure(next, "more than " + MOST + " instructions");
        }
      }
    }
    return statements;
  }

  private Statement statement(String firstLine) throws ParseFailure {
    int first = ++next;
    boolean empty = false;
    StringBuilder joined = new StringBuilder();
    String line = firstLine;
    while (true) {
      String part = line.stripTrailing();
      boolean goesOn = continues(part);
      joined.append(goesOn ? part.substring(0, part.length() - 1) : line);
      if (joined.length() > LONGEST) {
        throw new ParseFailure(first, "the instruction is longer than " + LONGEST + " characters");
      }
      if (!goesOn) {
        break;
      }
      while (next < lines.size() && isSkipped(lines.get(next))) {
        empty |=
            lines.get(next).isBlank() && (next < lines.size() - 1 || !lines.get(next).isEmpty());
        next++;
      }
      if (next == lines.size()) {
        break;
      }
      line = lines.get(next++);
    }
    return understood(joined.toString().strip(), first, empty);
  }

  /// Comments and empty lines stand between continued lines without a meaning.
  private static boolean isSkipped(String line) {
    return line.isBlank() || line.stripLeading().startsWith("#");
  }

  private boolean continues(String line) {
    int length = line.length();
    return length > 0
        && line.charAt(length - 1) == escape
        && (length == 1 || line.charAt(length - 2) != escape);
  }

  private Statement understood(String text, int first, boolean empty) throws ParseFailure {
    String[] parts = text.split("\\s+", 2);
    List<String> flags = new ArrayList<>();
    String rest = flags(parts.length > 1 ? parts[1] : "", flags);
    List<Heredoc> heredocs = new ArrayList<>();
    String name = parts[0].toUpperCase(Locale.ROOT);
    String inner = name.equals("ONBUILD") ? rest.split("\\s+", 2)[0].toUpperCase(Locale.ROOT) : "";
    if (HEREDOCS.contains(name) || HEREDOCS.contains(inner)) {
      for (String word : Words.split(rest, escape)) {
        Matcher heredoc = HEREDOC.matcher(word);
        if (heredoc.matches() && !bare(heredoc.group(3)).isEmpty()) {
          heredocs.add(heredoc(heredoc, first));
        }
      }
    }
    return new Statement(parts[0], flags, rest, List.copyOf(heredocs), first, next, empty);
  }

  private Heredoc heredoc(Matcher start, int first) throws ParseFailure {
    boolean strip = !start.group(2).isEmpty();
    String name = bare(start.group(3));
    StringBuilder content = new StringBuilder();
    while (next < lines.size()) {
      String line = lines.get(next);
      String end = endings.get(next++);
      if ((strip ? line.replaceFirst("^\t+", "") : line).equals(name)) {
        return new Heredoc(
            name,
            strip,
            name.equals(start.group(3)),
            start.group(1).isEmpty() ? 0 : Integer.parseInt(start.group(1)),
            content.toString());
      }
      content.append(line).append(end);
    }
    throw new ParseFailure(first, lastLine(), false, "unterminated heredoc");
  }

  /// The number of the last line that is not empty.
  private int lastLine() {
    int last = lines.size();
    while (last > 1 && lines.get(last - 1).isEmpty()) {
      last--;
    }
    return last;
  }

  /// Without quotes.
  private static String bare(String word) {
    return word.replace("\"", "").replace("'", "");
  }

  /// Takes the flags off the front of an instruction's arguments.
  private String flags(String arguments, List<String> flags) {
    String rest = arguments.strip();
    while (rest.startsWith("--")) {
      StringBuilder word = new StringBuilder();
      char quote = 0;
      int i = 0;
      for (; i < rest.length(); i++) {
        char c = rest.charAt(i);
        if (quote == 0 && Character.isWhitespace(c)) {
          break;
        }
        if (c == escape && i + 1 < rest.length() && quote != '\'') {
          word.append(rest.charAt(++i));
        } else if (quote == 0 && (c == '"' || c == '\'')) {
          quote = c;
        } else if (c == quote) {
          quote = 0;
        } else {
          word.append(c);
        }
      }
      rest = rest.substring(i).strip();
      if (word.toString().equals("--")) {
        break;
      }
      flags.add(word.toString());
    }
    return rest;
  }
}
