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
  private static final Pattern PLAIN_START = Pattern.compile("node((?: [\\w./=@-]{1,100}){1,10})");
  private static final Pattern LISTENS = Pattern.compile("\\blisten\\(\\s*([1-9][0-9]{1,4})\\b");
  private static final Pattern MAJOR = Pattern.compile("([1-9][0-9]?)(?:\\D|$)");
  private static final List<String> MAINS =
      List.of("server.js", "app.js", "index.js", "main.js", "server.mjs", "index.mjs");

  private NodeRecipe() {}

  /// How a project's packages are installed.
  ///
  /// @param files what is needed for that beside package.json
  private record Installer(String name, String files, String all, String program, String cache) {}

  static Optional<Recipe> of(SourceTree tree, Base base) {
    Optional<String> text = tree.text("package.json");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Json.JsonObject project;
    try {
      project = Json.parseObject(text.get());
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("package.json cannot be read: " + e.text(), null, e);
    }
    Json.JsonObject scripts = project.object("scripts").orElseGet(Json::object);
    Installer installer = installer(tree);
    int node = version(project);
    String name = project.string("name", "");
    List<String> recognised = new ArrayList<>();
    recognised.add(
        "package.json: "
            + (name.isEmpty() ? "no name" : Words.shown(name))
            + ", packages by "
            + installer.name());
    boolean builds = scripts.has("build");
    String official = "node:" + node + "-slim";
    String packages =
        base.from(official, "build", "nodejs npm ca-certificates")
            + """
            WORKDIR /source
            COPY package.json %s./
            RUN --mount=type=cache,target=%s \\
                --mount=type=secret,id=npmrc,target=/root/.npmrc \\
                %s%s && mkdir -p node_modules
            """
                .formatted(
                    installer.files(),
                    installer.cache(),
                    base.trusting("NODE_EXTRA_CA_CERTS"),
                    builds ? installer.all() : installer.program());

    Optional<List<String>> start = start(tree, project, scripts);
    if (start.isEmpty() || (builds && isPages(project))) {
      if (!builds) {
        throw new Failure.InvalidRequest(
            "package.json says neither how to start (scripts.start, main) nor how to build"
                + " (scripts.build), and there is no "
                + String.join(", ", MAINS));
      }
      return Optional.of(pages(tree, base, project, recognised, packages));
    }
    recognised.add("starts: " + Words.shown(String.join(" ", start.get())));
    int port = port(tree, start.get());
    String sources =
        builds
            ? "COPY . .\nRUN npm run build && npm prune --omit=dev && mv node_modules /node_modules\n"
            : "";
    String dockerfile =
        packages
            + sources
            + "\n"
            + base.from(
                official, "", start.get().getFirst().equals("npm") ? "nodejs npm" : "nodejs")
            + """
            ENV NODE_ENV=production PORT=%1$d
            WORKDIR /app
            # packages change less often than the program: a layer of their own
            COPY --from=build %2$s ./node_modules
            COPY %3$s ./
            USER 10001:10001
            EXPOSE %1$d
            CMD %4$s
            """
                .formatted(
                    port,
                    builds ? "/node_modules" : "/source/node_modules",
                    builds ? "--from=build /source" : ".",
                    Json.strings(start.get()).text());
    return Optional.of(
        new Recipe(
            "a Node project",
            recognised,
            List.of(
                base.isDebian() ? "Node of " + base.debian().orElse("") : "Node " + node,
                "/app/node_modules: packages without those for development, a layer",
                "/app: the program, a layer"),
            Words.service(name, tree),
            port,
            dockerfile,
            "**/node_modules\n.npmrc\nnpm-debug.log\n" + Words.IGNORED));
  }

  private static Recipe pages(
      SourceTree tree,
      Base base,
      Json.JsonObject project,
      List<String> recognised,
      String packages) {
    String folder = uses(project, "react-scripts") ? "build" : "dist";
    recognised.add("scripts.build makes pages in " + folder + ", and there is nothing to start");
    return new Recipe(
        "a web site that Node builds",
        recognised,
        List.of("nginx, which needs no root", "/site: the pages, a layer"),
        Words.service(project.string("name", ""), tree),
        8080,
        packages
            + "COPY . .\nRUN npm run build\n\n"
            + StaticRecipe.server(base, true)
            + "COPY --from=build /source/"
            + folder
            + " /site\n"
            + StaticRecipe.end(),
        "**/node_modules\n.npmrc\nnpm-debug.log\n" + folder + "\n" + Words.IGNORED);
  }

  private static Installer installer(SourceTree tree) {
    if (tree.has("pnpm-lock.yaml")) {
      return new Installer(
          "pnpm",
          "pnpm-lock.yaml ",
          "npx --yes pnpm install --frozen-lockfile",
          "npx --yes pnpm install --frozen-lockfile --prod",
          "/root/.local/share/pnpm/store");
    }
    if (tree.has("yarn.lock")) {
      return new Installer(
          "yarn",
          "yarn.lock ",
          "npx --yes yarn@1 install --frozen-lockfile",
          "npx --yes yarn@1 install --frozen-lockfile --production",
          "/usr/local/share/.cache/yarn");
    }
    if (tree.has("package-lock.json")) {
      return new Installer(
          "npm, as package-lock.json has them",
          "package-lock.json ",
          "npm ci --no-audit --no-fund",
          "npm ci --no-audit --no-fund --omit=dev",
          "/root/.npm");
    }
    return new Installer(
        "npm, with no lock file: the next build may get others",
        "",
        "npm install --no-audit --no-fund --no-package-lock",
        "npm install --no-audit --no-fund --no-package-lock --omit=dev",
        "/root/.npm");
  }

  private static int version(Json.JsonObject project) {
    String wanted = project.object("engines").map(engines -> engines.string("node", "")).orElse("");
    Matcher major = MAJOR.matcher(wanted);
    if (!major.find()) {
      return NODE;
    }
    int said = Integer.parseInt(major.group(1));
    boolean orNewer = wanted.strip().startsWith(">");
    return orNewer ? Math.max(said, NODE) : said;
  }

  /// The words of the program's start; empty if nothing says how.
  private static Optional<List<String>> start(
      SourceTree tree, Json.JsonObject project, Json.JsonObject scripts) {
    Optional<String> web = Procfile.web(tree);
    if (web.isPresent()) {
      return Optional.of(List.of("sh", "-c", "exec " + web.get()));
    }
    String script = scripts.string("start", "");
    Matcher plain = PLAIN_START.matcher(script);
    if (plain.matches()) {
      List<String> words = new ArrayList<>(List.of("node"));
      words.addAll(List.of(plain.group(1).strip().split(" ")));
      return Optional.of(words);
    }
    if (!script.isEmpty()) {
      return Optional.of(List.of("npm", "start"));
    }
    String main = project.string("main", "");
    List<String> files = new ArrayList<>(MAINS);
    if (main.matches("[\\w./@-]{1,200}")) {
      files.addFirst(main);
    }
    return files.stream().filter(tree::has).findFirst().map(file -> List.of("node", file));
  }

  /// Whether a `start` of it is the development server of a tool that makes pages.
  private static boolean isPages(Json.JsonObject project) {
    String script =
        project.object("scripts").map(scripts -> scripts.string("start", "")).orElse("");
    return script.matches("(react-scripts start|vite|vite (dev|serve|preview).*)");
  }

  private static boolean uses(Json.JsonObject project, String name) {
    return project.object("dependencies").map(d -> d.has(name)).orElse(false)
        || project.object("devDependencies").map(d -> d.has(name)).orElse(false);
  }

  private static int port(SourceTree tree, List<String> start) {
    for (String word : start) {
      Optional<String> text = tree.text(word);
      if (text.isPresent() && !text.get().contains("process.env.PORT")) {
        Matcher listens = LISTENS.matcher(text.get());
        if (listens.find() && Integer.parseInt(listens.group(1)) < 65536) {
          return Integer.parseInt(listens.group(1));
        }
      }
    }
    return 8080;
  }
}
