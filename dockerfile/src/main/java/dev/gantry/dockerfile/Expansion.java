package dev.gantry.dockerfile;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// Variables, quotes and escapes of a word, as a shell takes them: `$name`, `${name}`, the forms
/// with `:-`, `-`, `:+`, `+`, `:?`, `?`, `#`, `##`, `%`, `%%`, `/` and `//`.
public final class Expansion {
  private static final int LONGEST_SHOWN = 1000;
  private static final int DEEPEST = 50;
  private static final int LONGEST = 256 << 10; // twice what Linux gives a program in one variable
  private static final int MOST = 4 << 20; // of all that one instruction says

  private static final Pattern NAME =
      Pattern.compile("\\$(?:([A-Za-z_][A-Za-z0-9_]*)|\\{([A-Za-z_][A-Za-z0-9_]*)\\})");

  private final char escape;
  private final Function<String, @Nullable String> values;
  private final Set<String> unset = new TreeSet<>();
  private int said;

  /// For one instruction: all its values together have a bound, too.
  ///
  /// @param values what a variable is; null if it is not set
  public Expansion(char escape, Function<String, @Nullable String> values) {
    this.escape = escape;
    this.values = values;
  }

  /// Names that were asked for, be it with a default, and are not set.
  public Set<String> unset() {
    return Set.copyOf(unset);
  }

  /// The word without its quotes, variables replaced.
  public String word(String text) throws ParseFailure {
    String value;
    try {
      value = new Scan(text, 0).until('\0');
    } catch (ParseFailure e) {
      String shown = text.length() > LONGEST_SHOWN ? text.substring(0, LONGEST_SHOWN) : text;
      throw new ParseFailure(0, "failed to process " + Quoted.of(shown) + ": " + e.text());
    }
    return counted(value);
  }

  private String counted(String value) throws ParseFailure {
    said += value.length();
    if (said > MOST) {
      throw new ParseFailure(
          0, "the values of an instruction come to more than " + (MOST >> 20) + " MiB");
    }
    return value;
  }

  /// The words that the text falls into at white space outside quotes, variables replaced; what a
  /// variable without quotes holds falls apart too.
  public List<String> words(String text) throws ParseFailure {
    List<String> all = new ArrayList<>();
    for (String word : Words.split(text, escape)) {
      String value = word(word);
      if (word.indexOf('"') < 0 && word.indexOf('\'') < 0 && word.indexOf('$') >= 0) {
        for (String part : value.strip().split("\\s+")) {
          if (!part.isEmpty()) {
            all.add(part);
          }
        }
      } else {
        all.add(value);
      }
    }
    return all;
  }

  /// Variables alone: quotes stay. For what a heredoc holds.
  public String text(String text) throws ParseFailure {
    return counted(new Scan(text, 0).plain());
  }

  /// The text as it is, but for variables outside single quotes that are set: what people are
  /// shown.
  public String shown(String text) {
    StringBuilder out = new StringBuilder();
    char quote = 0;
    for (int at = 0; at < text.length() && out.length() < LONGEST; at++) {
      char c = text.charAt(at);
      if (c == escape && quote != '\'' && at + 1 < text.length()) {
        out.append(c).append(text.charAt(++at));
        continue;
      }
      if (c == '\'' && quote != '"' || c == '"' && quote != '\'') {
        quote = quote == 0 ? c : 0;
      }
      Matcher name = NAME.matcher(text).region(at, text.length());
      String value =
          c == '$' && quote != '\'' && name.lookingAt() ? values.apply(named(name)) : null;
      if (value == null) {
        out.append(c);
      } else {
        out.append(value);
        at = name.end() - 1;
      }
    }
    return out.toString();
  }

  private static String named(Matcher name) {
    String plain = name.group(1);
    return plain == null ? name.group(2) : plain;
  }

  /// Values that double with each line would soon fill the memory.
  private static void limit(StringBuilder value) throws ParseFailure {
    if (value.length() > LONGEST) {
      throw new ParseFailure(0, "a value is longer than " + LONGEST + " characters");
    }
  }

  private final class Scan {
    private final String text;
    private final int depth;
    private int at;
    private int open; // substitutions that the one at hand stands in

    Scan(String text, int depth) throws ParseFailure {
      if (depth > DEEPEST) {
        throw new ParseFailure(0, "variables are nested too deeply");
      }
      this.text = text;
      this.depth = depth;
    }

    private boolean more() {
      return at < text.length();
    }

    /// Up to `end`, which is eaten, or to the end of the text for 0.
    String until(char end) throws ParseFailure {
      return until(end, false);
    }

    /// @param pattern what is escaped stays so, with a backslash
    String until(char end, boolean pattern) throws ParseFailure {
      StringBuilder out = new StringBuilder();
      while (more()) {
        char c = text.charAt(at);
        if (end != 0 && c == end) {
          at++;
          return out.toString();
        }
        if (c == '\'') {
          singleQuoted(out);
        } else if (c == '"') {
          doubleQuoted(out);
        } else if (c == '$') {
          limit(out.append(variable()));
        } else if (c == escape) {
          at++;
          if (more()) {
            out.append(pattern ? "\\" : "").append(text.charAt(at++));
          }
        } else {
          out.append(c);
          at++;
        }
      }
      if (end != 0) {
        throw new ParseFailure(0, "syntax error: missing '" + end + "' in ${}");
      }
      return out.toString();
    }

    String plain() throws ParseFailure {
      StringBuilder out = new StringBuilder();
      while (more()) {
        char c = text.charAt(at);
        if (c == '$') {
          limit(out.append(variable()));
        } else if (c == escape && at + 1 < text.length()) {
          out.append(text.charAt(at + 1));
          at += 2;
        } else {
          out.append(c);
          at++;
        }
      }
      return out.toString();
    }

    private boolean isSpecial(char c) {
      return c == '$' || c == escape || c == '"';
    }

    private void singleQuoted(StringBuilder out) throws ParseFailure {
      int end = text.indexOf('\'', at + 1);
      if (end < 0) {
        throw new ParseFailure(
            0, "unexpected end of statement while looking for matching single-quote");
      }
      out.append(text, at + 1, end);
      at = end + 1;
    }

    private void doubleQuoted(StringBuilder out) throws ParseFailure {
      at++;
      while (more()) {
        char c = text.charAt(at);
        if (c == '"') {
          at++;
          return;
        }
        if (c == '$') {
          limit(out.append(variable()));
        } else if (c == escape && at + 1 < text.length() && isSpecial(text.charAt(at + 1))) {
          out.append(text.charAt(at + 1));
          at += 2;
        } else {
          out.append(c);
          at++;
        }
      }
      throw new ParseFailure(
          0, "unexpected end of statement while looking for matching double-quote");
    }

    /// From the dollar sign on.
    private String variable() throws ParseFailure {
      at++;
      if (!more()) {
        return "$";
      }
      if (text.charAt(at) != '{') {
        String name = name();
        return name.isEmpty() ? "$" : value(name);
      }
      at++;
      if (++open > DEEPEST) {
        throw new ParseFailure(0, "variables are nested too deeply");
      }
      String value = substitution();
      open--;
      return value;
    }

    private String substitution() throws ParseFailure {
      String name = name();
      if (name.isEmpty()) {
        throw new ParseFailure(0, "syntax error: bad substitution");
      }
      if (!more()) {
        throw new ParseFailure(0, "unsupported modifier (\uFFFD) in substitution");
      }
      char c = text.charAt(at++);
      return switch (c) {
        case '}' -> value(name);
        case ':' -> {
          char kind = more() ? text.charAt(at++) : '\0';
          yield choice(name, kind, true);
        }
        case '-', '+', '?' -> choice(name, c, false);
        case '#', '%' -> {
          boolean longest = more() && text.charAt(at) == c;
          at += longest ? 1 : 0;
          yield Glob.trim(value(name), until('}', true), c == '#', longest);
        }
        case '/' -> {
          boolean all = more() && text.charAt(at) == '/';
          at += all ? 1 : 0;
          String pattern = until('/', true);
          yield Glob.replace(value(name), pattern, until('}'), all);
        }
        default -> throw new ParseFailure(0, "unsupported modifier (" + c + ") in substitution");
      };
    }

    private String choice(String name, char kind, boolean emptyCounts) throws ParseFailure {
      String word = inner();
      String value = values.apply(name);
      if (value == null) {
        unset.add(name);
      }
      boolean set = value != null && !(emptyCounts && value.isEmpty());
      return switch (kind) {
        case '-' -> set && value != null ? value : new Scan(word, depth + 1).until('\0');
        case '+' -> set ? new Scan(word, depth + 1).until('\0') : "";
        case '?' -> {
          if (set && value != null) {
            yield value;
          }
          String why = new Scan(word, depth + 1).until('\0');
          throw new ParseFailure(
              0,
              name
                  + ": "
                  + (!why.isEmpty()
                      ? why
                      : value == null
                          ? "is not allowed to be unset"
                          : "is not allowed to be empty"));
        }
        default ->
            throw new ParseFailure(
                0,
                "unsupported modifier (" + (emptyCounts ? ":" : "") + kind + ") in substitution");
      };
    }

    /// The raw text up to the brace that ends this substitution.
    private String inner() throws ParseFailure {
      int start = at;
      int open = 1;
      char quote = 0;
      for (; more(); at++) {
        char c = text.charAt(at);
        if (c == escape && quote != '\'') {
          at++;
        } else if (quote != 0) {
          quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
          quote = c;
        } else if (c == '{') {
          open++;
        } else if (c == '}' && --open == 0) {
          return text.substring(start, at++);
        }
      }
      throw new ParseFailure(0, "syntax error: missing '}'");
    }

    private String name() {
      int start = at;
      if (more() && "@*#?-!$0123456789".indexOf(text.charAt(at)) >= 0) {
        return text.substring(start, ++at);
      }
      while (more() && isNamePart(text.charAt(at), at == start)) {
        at++;
      }
      return text.substring(start, at);
    }

    private static boolean isNamePart(char c, boolean first) {
      return c == '_'
          || c >= 'a' && c <= 'z'
          || c >= 'A' && c <= 'Z'
          || !first && c >= '0' && c <= '9';
    }

    private String value(String name) {
      String value = values.apply(name);
      if (value == null) {
        unset.add(name);
        return "";
      }
      return value;
    }
  }

  /// Shell patterns in substitutions: `*` and `?`.
  private static final class Glob {
    private static final long MOST_STEPS = 20_000_000;

    static String trim(String value, String pattern, boolean front, boolean longest)
        throws ParseFailure {
      int[] text = value.codePoints().toArray();
      Wildcards glob = glob(pattern);
      int length =
          front ? glob.length(text, 0, longest) : glob.reversed().length(turned(text), 0, longest);
      if (length <= 0) {
        return value;
      }
      return front
          ? new String(text, length, text.length - length)
          : new String(text, 0, text.length - length);
    }

    private static int[] turned(int[] text) {
      int[] turned = new int[text.length];
      for (int i = 0; i < text.length; i++) {
        turned[i] = text[text.length - 1 - i];
      }
      return turned;
    }

    private static Wildcards glob(String pattern) throws ParseFailure {
      try {
        return Wildcards.ofText(pattern);
      } catch (PatternSyntaxException e) {
        throw new ParseFailure(0, "a pattern of a substitution is too long");
      }
    }

    static String replace(String value, String pattern, String by, boolean all)
        throws ParseFailure {
      if (pattern.isEmpty()) {
        return value;
      }
      int[] text = value.codePoints().toArray();
      Wildcards glob = glob(pattern);
      StringBuilder out = new StringBuilder();
      long steps = 0;
      int at = 0;
      boolean done = false;
      while (at < text.length && !done) {
        steps += (long) pattern.length() * (pattern.indexOf('*') < 0 ? 1 : text.length - at);
        if (steps > MOST_STEPS) {
          throw new ParseFailure(0, "a substitution in a value of this length takes too long");
        }
        int length = glob.length(text, at, true);
        if (length > 0) {
          out.append(by);
          limit(out);
          at += length;
          done = !all;
        } else {
          out.appendCodePoint(text[at++]);
        }
      }
      return out.append(new String(text, at, text.length - at)).toString();
    }
  }
}
