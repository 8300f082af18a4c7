package dev.gantry.dockerfile;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/// What .dockerignore and `--exclude` say: patterns of paths, the last that matches decides.
public final class IgnoreFile {
  /// Nothing is ignored.
  public static final IgnoreFile NONE = new IgnoreFile(List.of());

  private static final int MOST = 10_000;

  private record Rule(Wildcards pattern, boolean excluded) {}

  private final List<Rule> rules;
  private final boolean exceptions;

  private IgnoreFile(List<Rule> rules) {
    this.rules = rules;
    this.exceptions = rules.stream().anyMatch(r -> !r.excluded());
  }

  /// Reads the file's text.
  public static IgnoreFile parse(String text) throws ParseFailure {
    return of(patterns(text));
  }

  /// The patterns as clients match them: clean, without comments and a slash in front.
  public static List<String> patterns(String text) {
    List<String> patterns = new ArrayList<>();
    for (String line : Statements.lines(text)) {
      if (!line.startsWith("#") && !line.isBlank()) {
        boolean excluded = !line.strip().startsWith("!");
        String clean =
            PathPattern.clean(excluded ? line.strip() : line.strip().substring(1).strip());
        if (!clean.isEmpty() || !excluded) {
          patterns.add((excluded ? "" : "!") + clean);
        }
      }
    }
    return patterns;
  }

  /// Of patterns, each with an optional `!` in front.
  public static IgnoreFile of(List<String> patterns) throws ParseFailure {
    if (patterns.size() > MOST) {
      throw new ParseFailure(0, "more than " + MOST + " patterns to ignore");
    }
    List<Rule> rules = new ArrayList<>();
    Effort effort = new Effort();
    for (String line : patterns) {
      boolean excluded = !line.startsWith("!");
      String pattern = PathPattern.clean(excluded ? line : line.substring(1).strip());
      if (pattern.isEmpty()) {
        if (!excluded) {
          throw new ParseFailure(0, "illegal exclusion pattern: \"!\"");
        }
        continue;
      }
      try {
        // what is below a matching folder matches too
        rules.add(new Rule(Wildcards.ofPathAndBelow(pattern, effort), excluded));
      } catch (PatternSyntaxException e) {
        throw new ParseFailure(0, "syntax error in pattern " + line);
      }
    }
    return new IgnoreFile(List.copyOf(rules));
  }

  /// Whether the path, relative and with slashes, is ignored.
  public boolean ignores(String path) {
    boolean ignored = false;
    for (Rule rule : rules) {
      if (rule.excluded() != ignored && rule.pattern().matches(path)) {
        ignored = rule.excluded();
      }
    }
    return ignored;
  }

  /// Whether it ignores nothing.
  public boolean isEmpty() {
    return rules.isEmpty();
  }

  /// Whether an ignored folder can be skipped whole: no exception could bring a part of it back.
  public boolean isFinal() {
    return !exceptions;
  }
}
