package dev.gantry.dockerfile;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The comments at the top of a Dockerfile that mean something: `# escape=`, `# syntax=`, `#
/// check=`.
///
/// @param escape the character that joins lines and takes away a meaning
/// @param syntax the frontend image; empty for the built-in one
/// @param skippedChecks rules that shall not warn; `all` for none at all
/// @param checksFail warnings are errors
/// @param experimentalChecks rules that are not stable yet but wanted; `all` for all of them
public record Directives(
    char escape,
    String syntax,
    Set<String> skippedChecks,
    boolean checksFail,
    Set<String> experimentalChecks) {
  private static final Set<String> KNOWN = Set.of("escape", "syntax", "check");

  /// Reads those that stand before everything else.
  public static Directives read(List<String> lines) throws ParseFailure {
    Map<String, String> found = new HashMap<>();
    for (int i = 0; i < lines.size(); i++) {
      Optional<String[]> directive = directive(lines.get(i));
      if (directive.isEmpty()) {
        if (i == 0 && lines.get(0).startsWith("#!")) {
          continue; // a shebang may come first
        }
        break;
      }
      String name = directive.get()[0].toLowerCase(Locale.ROOT);
      if (!KNOWN.contains(name)) {
        continue; // a comment
      }
      if (found.put(name, directive.get()[1]) != null) {
        throw new ParseFailure(1, "only one " + name + " parser directive can be used");
      }
    }
    String escape = found.getOrDefault("escape", "\\");
    if (!escape.equals("\\") && !escape.equals("`")) {
      throw new ParseFailure(1, "invalid escape token '" + escape + "' does not match ` or \\");
    }
    return new Directives(
            escape.charAt(0), found.getOrDefault("syntax", ""), Set.of(), false, Set.of())
        .withChecks(found.getOrDefault("check", ""));
  }

  /// Name and value of `# name = value`, looked at once from front to back: the line is anybody's.
  private static Optional<String[]> directive(String line) {
    int equals = line.indexOf('=');
    if (!line.startsWith("#") || equals < 0) {
      return Optional.empty();
    }
    String name = line.substring(1, equals).strip();
    String value = line.substring(equals + 1).strip();
    boolean named =
        !name.isEmpty()
            && Character.isLetter(name.charAt(0))
            && name.chars().allMatch(c -> c < 128 && Character.isLetterOrDigit(c));
    return named && !value.isEmpty() ? Optional.of(new String[] {name, value}) : Optional.empty();
  }

  private static Set<String> names(String list) {
    Set<String> names = new HashSet<>();
    for (String name : list.split(",")) {
      names.add(name.strip());
    }
    return names;
  }

  /// The same with another `# check=`: `skip=RULE,…;error=true;experimental=RULE,…`.
  Directives withChecks(String text) throws ParseFailure {
    Set<String> skipped = Set.of();
    boolean fail = false;
    Set<String> experimental = Set.of();
    for (String part : text.isBlank() ? new String[0] : text.split(";")) {
      String[] pair = part.strip().split("=", 2);
      switch (pair.length < 2 ? "" : pair[0].strip()) {
        case "skip" -> skipped = names(pair[1]);
        case "error" -> fail = truth(pair[1].strip(), part);
        case "experimental" -> experimental = names(pair[1]);
        default ->
            throw new ParseFailure(
                0,
                "failed to parse check options: invalid check option \""
                    + (pair.length < 2 ? part.strip() : pair[0].strip())
                    + "\"");
      }
    }
    return new Directives(escape, syntax, Set.copyOf(skipped), fail, Set.copyOf(experimental));
  }

  private static boolean truth(String text, String part) throws ParseFailure {
    return switch (text) {
      case "1", "t", "T", "true", "TRUE", "True" -> true;
      case "0", "f", "F", "false", "FALSE", "False" -> false;
      default ->
          throw new ParseFailure(
              0,
              "failed to parse check options: failed to parse check option \""
                  + part
                  + "\": strconv.ParseBool: parsing \""
                  + text
                  + "\": invalid syntax");
    };
  }

  boolean experimental(String rule) {
    return experimentalChecks.contains("all") || experimentalChecks.contains(rule);
  }
}
