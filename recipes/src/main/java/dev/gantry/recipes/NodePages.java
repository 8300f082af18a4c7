package dev.gantry.recipes;

import dev.gantry.json.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Pages that a tool of Node makes: nginx serves them.
final class NodePages {
  /// Where tools put what they make; `dist` is what the others take.
  private static final Map<String, String> FOLDERS = new LinkedHashMap<>();

  static {
    FOLDERS.put("react-scripts", "build");
    FOLDERS.put("@docusaurus/core", "build");
    FOLDERS.put("@sveltejs/adapter-static", "build");
    FOLDERS.put("gatsby", "public");
    FOLDERS.put("@11ty/eleventy", "_site");
    FOLDERS.put("@angular/core", "dist/*/browser");
  }

  private NodePages() {}

  /// @param stage the stage `build` up to its packages
  /// @param copied whether it has the sources already
  static Recipe of(
      SourceTree tree,
      Base base,
      Json.JsonObject project,
      List<String> recognised,
      String stage,
      boolean copied) {
    String folder =
        FOLDERS.entrySet().stream()
            .filter(e -> uses(project, e.getKey()))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse("dist");
    recognised.add("scripts.build makes pages in " + folder + ", and there is nothing to start");
    return new Recipe(
        "a web site that Node builds",
        recognised,
        List.of("nginx, which needs no root", "/site: the pages, a layer"),
        Words.service(project.string("name", ""), tree),
        8080,
        stage
            + (copied ? "" : "COPY . .\n")
            + "RUN npm run build\n\n"
            + StaticRecipe.server(base, true)
            + "COPY --from=build /source/"
            + folder
            + " /site\n"
            + StaticRecipe.end(),
        "**/node_modules\n.npmrc\nnpm-debug.log\n"
            + folder.replaceAll("/.*", "")
            + "\n"
            + Words.IGNORED);
  }

  private static boolean uses(Json.JsonObject project, String name) {
    return project.object("dependencies").map(d -> d.has(name)).orElse(false)
        || project.object("devDependencies").map(d -> d.has(name)).orElse(false);
  }
}
