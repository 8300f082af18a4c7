package dev.gantry.recipes;

import dev.gantry.base.Failure;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Says how an image is made of a source tree that has no Dockerfile. To teach it another kind of
/// tree: a class with the one method, and its place in the order here.
public final class Recipes {
  /// One kind of tree.
  private interface Way {
    Optional<Recipe> of(SourceTree tree, Base base, Part part);
  }

  /// @param marks the files that show it
  private record Kind(String name, Way way, List<String> marks) {}

  private static final List<String> PYTHON =
      List.of("requirements.txt", "pyproject.toml", "Pipfile", "manage.py");

  /// The more a file says about how to build, the earlier it is asked: a Maven project may hold
  /// scripts of Node for its pages, a Node project folders with an `index.html`.
  private static final List<Kind> KINDS =
      List.of(
          new Kind("maven", MavenRecipe::of, List.of("pom.xml")),
          new Kind(
              "gradle",
              GradleRecipe::of,
              List.of(
                  "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")),
          new Kind("go", GoRecipe::of, List.of("go.mod")),
          new Kind("python", PythonRecipe::django, PYTHON),
          new Kind("node", NodeRecipe::of, List.of("package.json")),
          new Kind("python", PythonRecipe::of, PYTHON),
          new Kind("static", StaticRecipe::of, List.of()));

  private Recipes() {}

  /// What a user may choose, in the order of asking.
  public static List<String> kinds() {
    return KINDS.stream().map(Kind::name).distinct().toList();
  }

  /// The recipe for a tree; empty if it is of no kind that is known here, or not of that which was
  /// chosen.
  ///
  /// Throws [Failure.InvalidRequest] with what to do about it where the kind is known and the tree
  /// does not say enough.
  public static Optional<Recipe> of(SourceTree tree, Base base, Part part) {
    for (Kind kind : KINDS) {
      if (!part.kind().isEmpty() && !part.kind().equals(kind.name())) {
        continue;
      }
      List<String> others = part.kind().isEmpty() ? others(tree, kind) : List.of();
      try {
        Optional<Recipe> recipe = kind.way().of(tree, base, part);
        if (recipe.isPresent()) {
          return recipe.map(found -> others.isEmpty() ? found : found.beside(others));
        }
      } catch (JsonException e) {
        throw new Failure.InvalidRequest("package.json: " + Words.shown(e.text()), null, e);
      } catch (Failure.InvalidRequest e) {
        if (others.isEmpty()) {
          throw e;
        }
        throw new Failure.InvalidRequest(
            e.text() + "; or take what else is there: " + String.join(", ", others), null, e);
      }
    }
    return Optional.empty();
  }

  /// Other kinds that the same folder shows, as "package.json (--recipe node)".
  private static List<String> others(SourceTree tree, Kind taken) {
    Map<String, String> found = new LinkedHashMap<>();
    for (Kind kind : KINDS) {
      if (!kind.name().equals(taken.name())) {
        kind.marks().stream()
            .filter(tree::has)
            .findFirst()
            .ifPresent(mark -> found.putIfAbsent(kind.name(), mark));
      }
    }
    List<String> said = new ArrayList<>();
    found.forEach((name, mark) -> said.add(mark + " (--recipe " + name + ")"));
    return said;
  }

  /// Folders of the tree that are of a known kind, at most 10, for who stands above them.
  public static List<String> below(SourceTree tree) {
    return tree.list("").stream()
        .filter(Part::isSafe)
        .filter(
            folder ->
                KINDS.stream()
                    .flatMap(kind -> kind.marks().stream())
                    .anyMatch(mark -> tree.has(folder + "/" + mark)))
        .limit(10)
        .toList();
  }

  /// What [#of] looks for, for messages.
  public static String looksFor() {
    return "pom.xml, build.gradle, go.mod, package.json, requirements.txt, pyproject.toml, a Python"
        + " program, index.html";
  }
}
