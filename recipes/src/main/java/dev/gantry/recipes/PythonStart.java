package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a Python project is started: by its `Procfile`, by the server that its framework wants, by
/// the script that `pyproject.toml` names, or as the program that it is.
///
/// @param because what tells so, for people
record PythonStart(List<String> words, List<String> because) {
  private static final List<String> PROGRAMS =
      List.of("main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "run.py", "__main__.py");
  private static final Pattern APPLICATION =
      Pattern.compile("(?m)^([A-Za-z_]\\w{0,60})\\s*(?::[^=\\n]{1,100})?=\\s*(Flask|FastAPI)\\(");
  private static final Pattern FACTORY =
      Pattern.compile("(?m)^def\\s+(create_app|make_app)\\s*\\(");
  private static final Pattern SCRIPTS =
      Pattern.compile(
          "(?m)^\\[(?:project|tool\\.poetry)\\.scripts][ \\t]*\\R[ \\t]*[\"']?[\\w.-]{1,80}[\"']?\\s*=\\s*"
              + "[\"']([A-Za-z_][\\w.]{0,200}):([A-Za-z_][\\w.]{0,100})[\"']");
  private static final String LISTEN = "0.0.0.0";

  PythonStart {
    words = List.copyOf(words);
    because = List.copyOf(because);
  }

  /// Whether one of the files is there that are taken for programs.
  static boolean hasProgram(SourceTree tree) {
    return PROGRAMS.stream().anyMatch(tree::has);
  }

  /// @param named what the project names as its packages
  static PythonStart of(SourceTree tree, String named, Part wanted) {
    if (!wanted.folder().isEmpty()) {
      return chosen(tree, named, wanted.folder());
    }
    Optional<List<String>> web = Procfile.start(tree);
    if (web.isPresent()) {
      return new PythonStart(
          web.get(), List.of("Procfile: web: " + Words.shown(Procfile.web(tree).orElse(""))));
    }
    boolean gunicorn = named.contains("gunicorn");
    if (tree.has("manage.py")) {
      return django(tree, gunicorn);
    }
    return framework(tree, gunicorn)
        .or(() -> program(tree))
        .or(() -> script(tree))
        .orElseThrow(
            () ->
                new Failure.InvalidRequest(
                    "a Python project that does not say how it is started: there is none of "
                        + String.join(", ", PROGRAMS)
                        + ", manage.py, a package with __main__.py, an application of Flask or"
                        + " FastAPI, a script of pyproject.toml; write a Procfile with a line"
                        + " \"web: python3 FILE\""));
  }

  private static PythonStart chosen(SourceTree tree, String named, String file) {
    if (!tree.has(file)) {
      throw new Failure.InvalidRequest("no such program: " + file);
    }
    return application(tree, file, named.contains("gunicorn"))
        .orElse(new PythonStart(List.of("python3", file), List.of(file + ": the program")));
  }

  private static PythonStart django(SourceTree tree, boolean gunicorn) {
    for (String folder : tree.list("")) {
      if (folder.matches("[A-Za-z_]\\w{0,60}") && tree.has(folder + "/wsgi.py")) {
        String found = "manage.py, " + folder + "/wsgi.py: a Django project";
        if (gunicorn) {
          return new PythonStart(
              List.of("gunicorn", "--bind", LISTEN + ":8080", folder + ".wsgi"), List.of(found));
        }
        return new PythonStart(
            List.of("python3", "manage.py", "runserver", "--noreload", LISTEN + ":8080"),
            List.of(
                found, "no gunicorn among its packages: Django's server for development runs it"));
      }
    }
    throw new Failure.InvalidRequest("manage.py is there, and no folder with a wsgi.py");
  }

  // ---- applications of frameworks

  private static Optional<PythonStart> framework(SourceTree tree, boolean gunicorn) {
    return candidates(tree).stream()
        .map(file -> application(tree, file, gunicorn))
        .flatMap(Optional::stream)
        .findFirst();
  }

  /// Files that may hold an application: the usual ones of the root, then those of its packages.
  private static List<String> candidates(SourceTree tree) {
    List<String> files = new ArrayList<>(PROGRAMS);
    for (String above : List.of("", "src/")) {
      for (String folder : tree.list(above)) {
        if (folder.matches("[A-Za-z_]\\w{0,60}") && !folder.startsWith("test")) {
          for (String file : List.of("main.py", "app.py", "server.py", "api.py", "__init__.py")) {
            files.add(above + folder + "/" + file);
          }
        }
      }
    }
    return files.subList(0, Math.min(files.size(), 300));
  }

  private static Optional<PythonStart> application(SourceTree tree, String file, boolean gunicorn) {
    String text = tree.text(file).orElse("");
    Matcher application = APPLICATION.matcher(text);
    String module =
        file.replaceFirst("^src/", "").replaceFirst("(/__init__)?\\.py$", "").replace('/', '.');
    if (application.find()) {
      String name = module + ":" + application.group(1);
      String found = file + ": an application of " + application.group(2);
      return Optional.of(
          application.group(2).equals("FastAPI")
              ? new PythonStart(
                  List.of("uvicorn", name, "--host", LISTEN, "--port", "8080"), List.of(found))
              : flask(name, gunicorn, found));
    }
    Matcher factory = FACTORY.matcher(text);
    if (factory.find() && text.contains("Flask")) {
      String name = module + ":" + factory.group(1) + "()";
      return Optional.of(flask(name, gunicorn, file + ": makes an application of Flask"));
    }
    return Optional.empty();
  }

  private static PythonStart flask(String name, boolean gunicorn, String found) {
    return gunicorn
        ? new PythonStart(List.of("gunicorn", "--bind", LISTEN + ":8080", name), List.of(found))
        : new PythonStart(
            List.of("flask", "--app", name, "run", "--host", LISTEN, "--port", "8080"),
            List.of(
                found, "no gunicorn among its packages: Flask's server for development runs it"));
  }

  // ---- programs

  private static Optional<PythonStart> program(SourceTree tree) {
    Optional<String> file = PROGRAMS.stream().filter(tree::has).findFirst();
    if (file.isPresent()) {
      return file.map(f -> new PythonStart(List.of("python3", f), List.of(f + ": the program")));
    }
    List<String> packages = new ArrayList<>();
    for (String above : List.of("", "src/")) {
      tree.list(above).stream()
          .filter(name -> name.matches("[A-Za-z_]\\w{0,60}"))
          .filter(name -> tree.has(above + name + "/__main__.py"))
          .forEach(packages::add);
    }
    return packages.size() == 1
        ? Optional.of(
            new PythonStart(
                List.of("python3", "-m", packages.getFirst()),
                List.of(packages.getFirst() + "/__main__.py: the program")))
        : Optional.empty();
  }

  /// The first script that the project would install, called without being installed.
  private static Optional<PythonStart> script(SourceTree tree) {
    Matcher script = SCRIPTS.matcher(tree.text("pyproject.toml").orElse(""));
    if (!script.find()) {
      return Optional.empty();
    }
    String top = script.group(2).replaceFirst("\\..*", "");
    String call =
        "import sys; from %s import %s; sys.exit(%s())"
            .formatted(script.group(1), top, script.group(2));
    return Optional.of(
        new PythonStart(
            List.of("python3", "-c", call),
            List.of("pyproject.toml: the script " + script.group(1) + ":" + script.group(2))));
  }
}
