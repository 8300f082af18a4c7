package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.List;
import java.util.Optional;

/// What the user has chosen where a tree holds several things: `KIND[:PART]`, as `node` or
/// `maven:web`.
///
/// @param kind one of [Recipes#kinds]; empty: the first that is found
/// @param folder of the program below the tree; empty: the one that is found
public record Part(String kind, String folder) {
  /// Nothing was chosen.
  public static final Part ANY = new Part("", "");

  /// Reads what a user wrote.
  public static Part parse(String text) {
    int colon = text.indexOf(':');
    String kind = colon < 0 ? text : text.substring(0, colon);
    String folder = colon < 0 ? "" : text.substring(colon + 1).replaceAll("^(\\./)+|/+$", "");
    if (!Recipes.kinds().contains(kind)) {
      throw new Failure.InvalidRequest(
          "\"" + Words.shown(kind) + "\" is no recipe: " + String.join(", ", Recipes.kinds()));
    }
    if (!folder.isEmpty() && !isSafe(folder)) {
      throw new Failure.InvalidRequest("\"" + Words.shown(folder) + "\" is no folder of a program");
    }
    return new Part(kind, folder);
  }

  /// Whether a folder's name can be written into a Dockerfile without a thought of quotes.
  static boolean isSafe(String folder) {
    return folder.matches("[A-Za-z0-9_][\\w./-]{0,200}") && !folder.contains("..");
  }

  /// The one that was chosen, or the only one; with several, or none of that name, a refusal.
  ///
  /// @param what they are, as "modules"
  String one(String kindOfTree, String what, List<String> folders) {
    if (!folder.isEmpty()) {
      return Optional.of(folder)
          .filter(folders::contains)
          .orElseThrow(
              () ->
                  new Failure.InvalidRequest(
                      "no program is in "
                          + folder
                          + (folders.isEmpty() ? "" : "; there are " + some(folders))));
    }
    if (folders.size() > 1) {
      throw new Failure.InvalidRequest(
          "several "
              + what
              + " are programs: "
              + some(folders)
              + "; choose one: --recipe "
              + kindOfTree
              + ":"
              + folders.getFirst());
    }
    return folders.getFirst();
  }

  private static String some(List<String> folders) {
    return String.join(", ", folders.subList(0, Math.min(10, folders.size())));
  }
}
