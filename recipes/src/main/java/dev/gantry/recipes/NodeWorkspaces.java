package dev.gantry.recipes;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.List;

/// Several packages in one tree, as `workspaces` of a package.json names them.
final class NodeWorkspaces {
  private static final int MOST = 200;

  private NodeWorkspaces() {}

  /// The folders with a package.json; empty if there are no workspaces.
  static List<String> folders(SourceTree tree, Json.JsonObject project) {
    List<String> patterns =
        project.get("workspaces") instanceof Json.JsonObject named // as yarn writes them
            ? named.strings("packages")
            : project.strings("workspaces");
    List<String> found = new ArrayList<>();
    for (String pattern : patterns) {
      String folder = pattern.replaceFirst("^\\./", "").replaceFirst("/$", "");
      if (folder.endsWith("/*") || folder.endsWith("/**")) {
        String above = folder.substring(0, folder.indexOf("/*"));
        tree.list(above).forEach(name -> add(tree, above + "/" + name, found));
      } else {
        add(tree, folder, found);
      }
    }
    return found;
  }

  private static void add(SourceTree tree, String folder, List<String> found) {
    boolean fits = Part.isSafe(folder) && found.size() < MOST && !found.contains(folder);
    if (fits && tree.has(folder + "/package.json")) {
      found.add(folder);
    }
  }

  /// The folder that is started: the one that was chosen, the root (empty) if that says how, else
  /// the only one with a script `start`; empty too if there is none.
  static String program(
      SourceTree tree, Json.JsonObject project, List<String> folders, Part wanted) {
    if (wanted.folder().isEmpty() && starts(project)) {
      return "";
    }
    List<String> programs =
        wanted.folder().isEmpty()
            ? folders.stream().filter(folder -> starts(tree, folder)).toList()
            : folders;
    return programs.isEmpty() ? "" : wanted.one("node", "workspaces", programs);
  }

  private static boolean starts(SourceTree tree, String folder) {
    try {
      return starts(Json.parseObject(tree.text(folder + "/package.json").orElse("")));
    } catch (JsonException e) {
      return false; // the tool that installs will say what is wrong with it
    }
  }

  private static boolean starts(Json.JsonObject project) {
    return project.object("scripts").map(scripts -> scripts.has("start")).orElse(false);
  }
}
