package dev.gantry.recipes;

import java.util.Locale;

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
    String line = text.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
    return line.length() > 80 ? line.substring(0, 79) + "…" : line;
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
