package dev.gantry.recipes;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `package.json`: a program of Node, or pages that a tool of Node makes and nginx serves.
final class NodeRecipe {
  private static final int NODE = 22;
  private static final Pattern MAJOR = Pattern.compile("([1-9][0-9]?)(?:\\D|$)");

  /// Scripts that npm itself runs while it installs: they may look at any file.
  private static final List<String> INSTALLING = List.of("preinstall", "install", "postinstall");

  private NodeRecipe() {}

  static Optional<Recipe> of(SourceTree tree, Base base, Part wanted) {
    Optional<String> text = tree.text("package.json");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Json.JsonObject project = parse("package.json", text.get());
    Json.JsonObject scripts = project.object("scripts").orElseGet(Json::object);
    NodePackages packages = NodePackages.of(tree, project);
    String name = project.string("name", "");
    List<String> recognised = new ArrayList<>();
    recognised.add(
        "package.json: "
            + (name.isEmpty() ? "no name" : Words.shown(name))
            + ", packages by "
            + packages.name());
    int node = version(tree, project, base, recognised);
    String official = "node:" + node + "-slim";

    List<String> workspaces = NodeWorkspaces.folders(tree, project);
    String part = "";
    Json.JsonObject program = project;
    if (!workspaces.isEmpty()) {
      part = NodeWorkspaces.program(tree, project, workspaces, wanted);
      recognised.add(workspaces.size() + " workspaces" + (part.isEmpty() ? "" : ", " + part));
      program =
          part.isEmpty() ? project : parse(part, tree.text(part + "/package.json").orElse(""));
    }
    Optional<NodeStart> start = NodeStart.of(tree, part, program);
    boolean pages = start.isEmpty() || (scripts.has("build") && NodeStart.servesPages(program));
    boolean builds = scripts.has("build") || (!workspaces.isEmpty() && !pages);
    if (pages && !scripts.has("build")) {
      throw new Failure.InvalidRequest(
          "package.json says neither how to start (scripts.start, main) nor how to build"
              + " (scripts.build), and there is no "
              + String.join(", ", NodeStart.MAINS)
              + ": set scripts.start in it, as \"node FILE\"");
    }
    boolean early = !workspaces.isEmpty() || INSTALLING.stream().anyMatch(scripts::has);
    boolean develops = builds || start.map(NodeStart::develops).orElse(false);
    String from = pages ? "" : start.map(NodeStart::packages).orElse("nodejs");
    String stage =
        (pages
                ? base.from(official, "build", "nodejs npm ca-certificates")
                : base.build(official, from + " tini", "npm ca-certificates"))
            + "WORKDIR /source\nCOPY "
            + (early ? ". ." : "package.json " + packages.files() + "./")
            + """

            RUN --mount=type=cache,target=%s \\
                --mount=type=secret,id=npmrc,target=/root/.npmrc \\
                %s%s%s && mkdir -p node_modules
            """
                .formatted(
                    packages.cache(),
                    base.trusting("NODE_EXTRA_CA_CERTS"),
                    // what it prepares is for those who change it, by tools that are left out here
                    !develops && scripts.has("prepare") ? "npm pkg delete scripts.prepare && " : "",
                    develops ? packages.all() : packages.program());
    if (pages) {
      return Optional.of(NodePages.of(tree, base, project, recognised, stage, early));
    }
    NodeStart starts = start.orElseThrow();
    recognised.add("starts: " + Words.shown(String.join(" ", starts.words())));
    String build = builds ? build(base, packages, early, scripts, starts.develops()) : "";
    String dockerfile =
        stage
            + build
            + "\n"
            + base.last(official)
            + (base.isDebian() ? "" : Base.install("tini"))
            + """
            ENV NODE_ENV=production PORT=%1$d PATH=/app/node_modules/.bin:$PATH
            WORKDIR /app
            # packages change less often than the program: a layer of their own
            COPY --from=build %2$s ./node_modules
            COPY %3$s ./
            %4$sUSER 10001:10001
            EXPOSE %1$d
            # as first process it hands on the signals that end the program
            ENTRYPOINT ["tini", "--"]
            CMD %5$s
            """
                .formatted(
                    starts.port(),
                    builds ? "/node_modules" : "/source/node_modules",
                    builds ? "--from=build /source" : ".",
                    part.isEmpty() ? "" : "WORKDIR /app/" + part + "\n",
                    Words.list(starts.words()));
    return Optional.of(
        new Recipe(
            "a Node project",
            recognised,
            List.of(
                base.isDebian() ? "Node of " + base.debian().orElse("") : "Node " + node,
                "/app/node_modules: packages"
                    + (starts.develops() ? "" : " without those for development")
                    + ", a layer",
                "/app: the program, a layer"),
            Words.service(program.string("name", name), tree),
            starts.port(),
            dockerfile,
            "**/node_modules\n.npmrc\nnpm-debug.log\n" + Words.IGNORED));
  }

  private static Json.JsonObject parse(String name, String text) {
    try {
      return Json.parseObject(text);
    } catch (JsonException e) {
      throw new Failure.InvalidRequest(name + " cannot be read: " + e.text(), null, e);
    }
  }

  /// The steps that build, and then lay apart the packages that the program needs.
  private static String build(
      Base base, NodePackages packages, boolean copied, Json.JsonObject scripts, boolean develops) {
    String run = scripts.has("build") ? "npm run build" : "npm run build --workspaces --if-present";
    return (copied ? "" : "COPY . .\n")
        + "RUN --mount=type=cache,target="
        + packages.cache()
        + " \\\n    --mount=type=secret,id=npmrc,target=/root/.npmrc \\\n    "
        + base.trusting("NODE_EXTRA_CA_CERTS")
        + run
        + " && \\\n    "
        + (develops ? "" : packages.prune() + " && \\\n    ")
        + "rm -rf node_modules/.cache && mv node_modules /node_modules\n";
  }

  /// Node's version as the project says it, or the one with long support.
  private static int version(
      SourceTree tree, Json.JsonObject project, Base base, List<String> recognised) {
    String wanted =
        project
            .object("engines")
            .map(engines -> engines.string("node", ""))
            .filter(said -> !said.isEmpty())
            .or(() -> tree.text(".nvmrc"))
            .or(() -> tree.text(".node-version"))
            .orElse("");
    Matcher major = MAJOR.matcher(wanted);
    if (!major.find()) {
      return NODE;
    }
    int said = Integer.parseInt(major.group(1));
    if (base.node().isPresent() && said > base.node().get()) {
      recognised.add(
          "asks for Node "
              + said
              + ", and "
              + base.debian().orElse("")
              + " has "
              + base.node().get());
    }
    boolean orNewer = wanted.strip().startsWith(">");
    return orNewer ? Math.max(said, NODE) : said;
  }
}
