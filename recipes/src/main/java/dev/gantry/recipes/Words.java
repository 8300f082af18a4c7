package dev.gantry.recipes;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Words from files of others, fit to be shown and written into files of ours.
final class Words {
  /// What no image needs of a source tree.
  static final String IGNORED =
      """
      .git
      .gitignore
      .idea
      .vscode
      .DS_Store
      .env
      .env.*
      Dockerfile
      compose.yaml
      """;

  private Words() {}

  /// One short line of it.
  static String shown(String text) {
    String line = text.replaceAll("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\s]+", " ").strip();
    return line.length() > 80 ? line.substring(0, 79) + "…" : line;
  }

  /// Words in the form of instructions that take a list: on one line, whatever they are.
  static String list(List<String> words) {
    return words.stream().map(Words::quoted).collect(Collectors.joining(", ", "[", "]"));
  }

  private static String quoted(String word) {
    String escaped = word.replace("\\", "\\\\").replace("\"", "\\\"");
    return Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]")
        .matcher(escaped)
        .replaceAll(m -> String.format(Locale.ROOT, "\\\\u%04x", (int) m.group().charAt(0)))
        .transform(text -> '"' + text + '"');
  }

  /// A name for a service and its image.
  static String service(String wanted, SourceTree tree) {
    for (String name : new String[] {wanted, tree.name()}) {
      String clean =
          name.toLowerCase(Locale.ROOT)
              .replaceAll("^@", "")
              .replaceAll("[^a-z0-9]+", "-")
              .replaceAll("^-+|-+$", "");
      if (!clean.isEmpty()) {
        return clean.substring(0, Math.min(60, clean.length())).replaceAll("-+$", "");
      }
    }
    return "app";
  }
}
