package dev.gantry.dockerfile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/// A pattern with wildcards, ready to match. The time that it takes grows with the lengths of
/// pattern and text, however they are made: patterns come from Dockerfiles of anybody.
public final class Wildcards {
  private static final int LONGEST = 4096;

  /// What one place of the pattern takes.
  private sealed interface Token {
    /// One character of a set, or none of it.
    record One(List<Range> set, boolean not, boolean slash) implements Token {
      boolean takes(int c) {
        boolean in = set.stream().anyMatch(r -> r.first() <= c && c <= r.last());
        return in != not && (slash || c != '/' || !not);
      }
    }

    /// Any number of characters, with slashes or without.
    record Any(boolean slash) implements Token {
      boolean takes(int c) {
        return slash || c != '/';
      }
    }

    /// `**/`: nothing, or all up to a slash. Followed by [Through].
    record Deep() implements Token {}

    /// All up to any slash.
    record Through() implements Token {}
  }

  private record Range(int first, int last) {}

  private final List<Token> tokens;
  private final Effort effort;

  private Wildcards(List<Token> tokens, Effort effort) {
    this.tokens = List.copyOf(tokens);
    this.effort = effort;
  }

  /// Of a path, as Go's filepath.Match has it (`*`, `?`, `[a-z]`, `[^a]`, `\x`), and `**` for any
  /// number of folders.
  ///
  /// @throws PatternSyntaxException if it is none
  static Wildcards ofPath(String pattern) {
    return ofPath(pattern, new Effort());
  }

  /// The same beside others.
  ///
  /// @param effort what they may take together
  public static Wildcards ofPath(String pattern, Effort effort) {
    return new Wildcards(path(pattern), effort);
  }

  /// The same that also matches all below what it matches.
  static Wildcards ofPathAndBelow(String pattern, Effort effort) {
    List<Token> tokens = path(pattern);
    tokens.add(new Token.Deep()); // stands for `(/.*)?`: see `matches`
    return new Wildcards(tokens, effort);
  }

  /// Of a shell's substitution: `*` and `?`, which take slashes too, and `\x`.
  static Wildcards ofText(String pattern) {
    checkLength(pattern);
    List<Token> tokens = new ArrayList<>();
    int[] p = pattern.codePoints().toArray();
    for (int i = 0; i < p.length; i++) {
      tokens.add(
          switch (p[i]) {
            case '*' -> new Token.Any(true);
            case '?' -> new Token.One(List.of(), true, true);
            case '\\' -> one(i + 1 < p.length ? p[++i] : '\\');
            default -> one(p[i]);
          });
    }
    return new Wildcards(tokens, new Effort());
  }

  private static void checkLength(String pattern) {
    if (pattern.length() > LONGEST) {
      throw new PatternSyntaxException("longer than " + LONGEST + " characters", "", -1);
    }
  }

  private static Token one(int c) {
    return new Token.One(List.of(new Range(c, c)), false, true);
  }

  private static List<Token> path(String pattern) {
    checkLength(pattern);
    List<Token> tokens = new ArrayList<>();
    int[] p = pattern.codePoints().toArray();
    for (int i = 0; i < p.length; i++) {
      switch (p[i]) {
        case '*' -> {
          if (i + 1 >= p.length || p[i + 1] != '*') {
            tokens.add(new Token.Any(false));
          } else if (i + 2 < p.length && p[i + 2] == '/') {
            i += 2;
            tokens.add(new Token.Deep());
            tokens.add(new Token.Through());
          } else {
            i++;
            tokens.add(new Token.Any(true));
          }
        }
        case '?' -> tokens.add(new Token.One(List.of(new Range('/', '/')), true, false));
        case '[' -> i = set(pattern, p, i, tokens);
        case '\\' -> tokens.add(one(i + 1 < p.length ? p[++i] : '\\'));
        default -> tokens.add(one(p[i]));
      }
    }
    return tokens;
  }

  /// Reads a set that begins at `start`; where it ends.
  private static int set(String pattern, int[] p, int start, List<Token> tokens) {
    int i = start + 1;
    boolean not = i < p.length && p[i] == '^';
    i += not ? 1 : 0;
    List<Range> ranges = new ArrayList<>();
    for (boolean first = true; i < p.length && (first || p[i] != ']'); first = false) {
      i += p[i] == '\\' && i + 1 < p.length ? 1 : 0;
      int from = p[i++];
      int to = from;
      if (i + 1 < p.length && p[i] == '-' && p[i + 1] != ']') {
        i += p[i + 1] == '\\' && i + 2 < p.length ? 2 : 1;
        to = p[i++];
      }
      if (to < from) {
        throw new PatternSyntaxException("a range that goes backwards", pattern, i);
      }
      ranges.add(new Range(from, to));
    }
    if (i >= p.length) {
      throw new PatternSyntaxException("missing ]", pattern, start);
    }
    tokens.add(new Token.One(ranges, not, false));
    return i;
  }

  // ---- matching: all places of the pattern that the text so far can have led to

  /// Whether the whole text fits.
  public boolean matches(String text) {
    Run run = new Run(text.codePoints().toArray(), 0);
    while (run.more()) {
      if (!run.step()) {
        return false;
      }
    }
    return run.fits();
  }

  /// The same pattern from behind.
  Wildcards reversed() {
    List<Token> turned = new ArrayList<>(tokens);
    Collections.reverse(turned);
    return new Wildcards(turned, effort);
  }

  /// How many characters (code points) of `text` from `start` on fit; -1 if not even none do.
  ///
  /// @param longest the most, or the fewest
  int length(int[] text, int start, boolean longest) {
    Run run = new Run(text, start);
    int found = run.fits() ? 0 : -1;
    while (run.more() && (longest || found < 0) && run.step()) {
      if (run.fits()) {
        found = run.at - start;
      }
    }
    return found;
  }

  private final class Run {
    private final int[] text;
    private int at;
    private boolean[] now = new boolean[tokens.size() + 1];
    private boolean below; // all that comes is below what has matched

    Run(int[] text, int start) {
      this.text = text;
      this.at = start;
      now[0] = true;
      skip(now);
    }

    boolean more() {
      return at < text.length;
    }

    boolean fits() {
      return below || now[tokens.size()];
    }

    /// Takes a character; false if nothing can fit any more.
    boolean step() {
      int c = text[at++];
      effort.spend(now.length);
      boolean[] next = new boolean[now.length];
      boolean any = below;
      for (int i = 0; i < tokens.size(); i++) {
        if (!now[i]) {
          continue;
        }
        switch (tokens.get(i)) {
          case Token.One one -> next[i + 1] |= one.takes(c);
          case Token.Any star -> next[i] |= star.takes(c);
          case Token.Through through -> {
            next[i] = true;
            next[i + 1] |= c == '/';
          }
          case Token.Deep deep -> below |= i == tokens.size() - 1 && c == '/';
        }
      }
      skip(next);
      for (boolean place : next) {
        any |= place;
      }
      now = next;
      return any || below;
    }

    /// What may take nothing is passed over.
    private void skip(boolean[] places) {
      for (int i = 0; i < tokens.size(); i++) {
        if (!places[i]) {
          continue;
        }
        switch (tokens.get(i)) {
          case Token.Any any -> places[i + 1] = true;
          case Token.Deep deep -> {
            places[i + 1] = true;
            if (i + 2 < places.length) {
              places[i + 2] = true;
            }
          }
          case Token.One one -> {}
          case Token.Through through -> {}
        }
      }
    }
  }
}
