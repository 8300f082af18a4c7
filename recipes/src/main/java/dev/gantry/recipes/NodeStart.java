package dev.gantry.recipes;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a program of Node is started, and where it will listen. A script is not started by npm,
/// which would be one more process and stand in the way of signals, but as npm would start it.
///
/// @param words of the program
/// @param develops whether it needs packages that are for development
record NodeStart(List<String> words, int port, boolean develops) {
  static final List<String> MAINS =
      List.of("server.js", "app.js", "index.js", "main.js", "server.mjs", "index.mjs");
  private static final Pattern LISTENS = Pattern.compile("\\blisten\\(\\s*([1-9][0-9]{1,4})\\b");
  private static final Pattern PORT =
      Pattern.compile("(?i)\\bport\\b(?:\\s*:\\s*number)?\\s*=\\s*([1-9][0-9]{1,4})\\s*[;,\\r\\n]");
  private static final Pattern RUN = Pattern.compile("(?:npm|yarn|pnpm) run ([\\w:.-]{1,60})");
  private static final Pattern PAGES =
      Pattern.compile(
          "(?:react-scripts start|vite|vite (?:dev|serve|preview)|ng serve|astro dev|gatsby develop"
              + "|webpack(?:-dev-server| serve)|parcel|vue-cli-service serve|docusaurus start"
              + "|eleventy --serve)(?: .*)?");

  private static final int MOST_WORDS = 50;

  NodeStart {
    words = List.copyOf(words);
  }

  /// @param part the folder of the program in a tree of workspaces, else empty
  static Optional<NodeStart> of(SourceTree tree, String part, Json.JsonObject project) {
    String below = part.isEmpty() ? "" : part + "/";
    Json.JsonObject scripts = project.object("scripts").orElseGet(Json::object);
    Optional<List<String>> words =
        Procfile.start(tree)
            .or(() -> script(scripts))
            .or(() -> main(tree, below, project).map(file -> List.of("node", file)));
    return words.map(
        found -> {
          List<String> plain =
              found.getFirst().equals("nodemon") && found.size() > 1
                  ? withFirst("node", found)
                  : found;
          return new NodeStart(plain, port(tree, below, plain), develops(project, plain));
        });
  }

  private static List<String> withFirst(String first, List<String> words) {
    List<String> all = new ArrayList<>(words);
    all.set(0, first);
    return all;
  }

  private static Optional<List<String>> script(Json.JsonObject scripts) {
    String name = "start";
    for (int i = 0; i < 5; i++) {
      String script = scripts.string(name, "").strip();
      if (script.isEmpty()) {
        return Optional.empty();
      }
      if (scripts.has("pre" + name) || script.indexOf('\n') >= 0) {
        return Optional.of(List.of("npm", "start"));
      }
      Matcher other = RUN.matcher(script);
      if (!other.matches()) {
        return Optional.of(Commands.words(script));
      }
      name = other.group(1);
    }
    return Optional.of(List.of("npm", "start"));
  }

  private static Optional<String> main(SourceTree tree, String below, Json.JsonObject project) {
    String main = project.string("main", "");
    List<String> files = new ArrayList<>(MAINS);
    if (main.matches("[\\w.][\\w./@-]{0,200}")) {
      files.addFirst(main);
    }
    return files.stream().filter(file -> tree.has(below + file)).findFirst();
  }

  /// Whether its `start` is the development server of a tool that makes pages.
  static boolean servesPages(Json.JsonObject project) {
    String script =
        project.object("scripts").map(scripts -> scripts.string("start", "")).orElse("");
    return PAGES.matcher(script).matches();
  }

  private static boolean develops(Json.JsonObject project, List<String> words) {
    Json.JsonObject packages = project.object("devDependencies").orElseGet(Json::object);
    return List.of(String.join(" ", words).split(" ")).stream().anyMatch(packages::has);
  }

  /// Packages of Debian that it needs.
  String packages() {
    boolean npm = words.stream().anyMatch(word -> word.matches("(.* )?(npm|npx|yarn|pnpm)( .*)?"));
    return npm ? "nodejs npm" : "nodejs";
  }

  /// The number that a file which it starts listens on, or the source of that file; else 8080.
  private static int port(SourceTree tree, String below, List<String> words) {
    for (String word : String.join(" ", words).split(" ", MOST_WORDS)) {
      for (String file : sources(word)) {
        Optional<String> text = tree.text(below + file);
        if (text.isPresent() && !text.get().contains("process.env.PORT")) {
          for (Pattern pattern : List.of(LISTENS, PORT)) {
            Matcher said = pattern.matcher(text.get());
            if (said.find() && Integer.parseInt(said.group(1)) < 65536) {
              return Integer.parseInt(said.group(1));
            }
          }
        }
      }
    }
    return 8080;
  }

  /// The file, and of what it may have been made: `dist/server.js` of `src/server.ts`.
  private static List<String> sources(String file) {
    String source = file.replaceFirst("^(\\./)?(dist|build|out|lib)/", "src/");
    String typed = source.replaceFirst("\\.([cm]?)js$", ".$1ts");
    return List.of(file, source, typed, source + ".js", source + ".ts");
  }
}
