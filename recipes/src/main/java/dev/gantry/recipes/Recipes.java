package dev.gantry.recipes;

import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;

/// Says how an image is made of a source tree that has no Dockerfile. To teach it another kind of
/// tree: a class with the one method, and its place in the order here.
public final class Recipes {
  /// The more a file says about how to build, the earlier it is asked: a Maven project may hold
  /// scripts of Node for its pages, a Node project folders with an `index.html`.
  private static final List<BiFunction<SourceTree, Base, Optional<Recipe>>> KINDS =
      List.of(
          MavenRecipe::of,
          GradleRecipe::of,
          GoRecipe::of,
          PythonRecipe::django,
          NodeRecipe::of,
          PythonRecipe::of,
          StaticRecipe::of);

  private Recipes() {}

  /// The recipe for a tree; empty if it is of no kind that is known here.
  ///
  /// Throws [dev.gantry.base.Failure.InvalidRequest] with what to do about it where the kind is
  /// known and the tree does not say enough.
  public static Optional<Recipe> of(SourceTree tree, Base base) {
    for (BiFunction<SourceTree, Base, Optional<Recipe>> kind : KINDS) {
      Optional<Recipe> recipe = kind.apply(tree, base);
      if (recipe.isPresent()) {
        return recipe;
      }
    }
    return Optional.empty();
  }

  /// What [#of] looks for, for messages.
  public static String looksFor() {
    return "pom.xml, build.gradle, go.mod, package.json, requirements.txt, pyproject.toml, a Python"
        + " program, index.html";
  }
}
