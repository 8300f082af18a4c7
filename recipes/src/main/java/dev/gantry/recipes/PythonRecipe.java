package dev.gantry.recipes;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `requirements.txt`, `pyproject.toml` or a program alone: a virtual environment with the packages
/// is one layer, the program another.
final class PythonRecipe {
  private static final List<String> PROGRAMS =
      List.of("main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "run.py", "__main__.py");
  private static final Pattern APPLICATION =
      Pattern.compile("(?m)^([A-Za-z_]\\w{0,60})\\s*(?::[^=\\n]{1,100})?=\\s*(Flask|FastAPI)\\(");
  private static final Pattern PROJECT_NAME =
      Pattern.compile("(?m)^name\\s*=\\s*[\"']([\\w .-]{1,100})[\"']");
  private static final String LISTEN = "0.0.0.0";

  private PythonRecipe() {}

  /// A Django project: it may well have a package.json for its pages.
  static Optional<Recipe> django(SourceTree tree, Base base) {
    return tree.has("manage.py") ? of(tree, base) : Optional.empty();
  }

  static Optional<Recipe> of(SourceTree tree, Base base) {
    Optional<String> requirements = tree.text("requirements.txt");
    Optional<String> project = tree.text("pyproject.toml");
    boolean alone = PROGRAMS.stream().anyMatch(tree::has) || tree.has("manage.py");
    if (requirements.isEmpty() && project.isEmpty() && !alone) {
      return Optional.empty();
    }
    String wanted = (requirements.orElse("") + project.orElse("")).toLowerCase(Locale.ROOT);
    List<String> recognised = new ArrayList<>();
    requirements.ifPresent(text -> recognised.add("requirements.txt: " + count(text)));
    if (requirements.isEmpty() && project.isPresent()) {
      recognised.add("pyproject.toml: packages of project.dependencies");
    }
    List<String> start = start(tree, wanted, recognised);
    String dockerfile =
        base.from("python:3-slim", "build", "python3 python3-venv ca-certificates")
            + packages(base, requirements.isPresent(), project.isPresent())
            + "\n"
            + base.from("python:3-slim", "", "python3")
            + """
            ENV PATH=/packages/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8080
            WORKDIR /app
            # packages change less often than the program: a layer of their own
            COPY --from=build /packages /packages
            COPY . .
            USER 10001:10001
            EXPOSE 8080
            CMD %s
            """
                .formatted(Json.strings(start).text());
    Matcher name = PROJECT_NAME.matcher(project.orElse(""));
    return Optional.of(
        new Recipe(
            "a Python project",
            recognised,
            List.of(
                base.isDebian() ? "Python of " + base.debian().orElse("") : "Python 3",
                "/packages: a virtual environment with the packages, a layer",
                "/app: the program, a layer"),
            Words.service(name.find() ? name.group(1) : "", tree),
            8080,
            dockerfile,
            "**/__pycache__\n**/*.pyc\n.venv\nvenv\n" + Words.IGNORED));
  }

  private static String count(String requirements) {
    long packages =
        requirements.lines().filter(l -> !l.isBlank() && !l.strip().startsWith("#")).count();
    return packages == 1 ? "one package" : packages + " packages";
  }

  private static String packages(Base base, boolean requirements, boolean project) {
    String environment = "RUN python3 -m venv /packages\nWORKDIR /source\n";
    String file;
    if (requirements) {
      file = "COPY requirements.txt ./\n";
    } else if (project) {
      file =
          """
          COPY pyproject.toml ./
          RUN <<'END' python3 > requirements.txt
          import tomllib
          with open('pyproject.toml', 'rb') as file:
              print('\\n'.join(tomllib.load(file).get('project', {}).get('dependencies', [])))
          END
          """;
    } else {
      return environment;
    }
    String trust =
        base.certificates()
            ? "--mount=type=secret,id=certificates \\\n    cat /etc/ssl/certs/ca-certificates.crt"
                + " /run/secrets/certificates >/tmp/trusted; PIP_CERT=/tmp/trusted "
            : "";
    return environment
        + file
        + "RUN --mount=type=cache,target=/tmp/pip \\\n"
        + "    --mount=type=secret,id=pip,target=/etc/pip.conf \\\n    "
        + trust
        + "/packages/bin/pip install --cache-dir /tmp/pip --disable-pip-version-check -r requirements.txt\n";
  }

  // ---- how it is started

  private static List<String> start(SourceTree tree, String wanted, List<String> recognised) {
    Optional<String> web = Procfile.web(tree);
    if (web.isPresent()) {
      recognised.add("Procfile: web: " + Words.shown(web.get()));
      return List.of("sh", "-c", "exec " + web.get());
    }
    boolean gunicorn = wanted.contains("gunicorn");
    if (tree.has("manage.py")) {
      return django(tree, gunicorn, recognised);
    }
    for (String file : PROGRAMS) {
      Matcher application = APPLICATION.matcher(tree.text(file).orElse(""));
      if (application.find()) {
        String module = file.replaceAll("\\.py$", "") + ":" + application.group(1);
        recognised.add(file + ": an application of " + application.group(2));
        if (application.group(2).equals("FastAPI")) {
          return List.of("uvicorn", module, "--host", LISTEN, "--port", "8080");
        }
        return gunicorn
            ? List.of("gunicorn", "--bind", LISTEN + ":8080", module)
            : List.of("flask", "--app", module, "run", "--host", LISTEN, "--port", "8080");
      }
    }
    List<String> programs = PROGRAMS.stream().filter(tree::has).toList();
    if (programs.isEmpty()) {
      throw new Failure.InvalidRequest(
          "a Python project that does not say how it is started: there is none of "
              + String.join(", ", PROGRAMS)
              + ", manage.py, or a Procfile with a line web:");
    }
    recognised.add(programs.getFirst() + ": the program");
    return List.of("python3", programs.getFirst());
  }

  private static List<String> django(SourceTree tree, boolean gunicorn, List<String> recognised) {
    for (String folder : tree.list("")) {
      if (folder.matches("[A-Za-z_]\\w{0,60}") && tree.has(folder + "/wsgi.py")) {
        recognised.add("manage.py, " + folder + "/wsgi.py: a Django project");
        if (gunicorn) {
          return List.of("gunicorn", "--bind", LISTEN + ":8080", folder + ".wsgi");
        }
        recognised.add("no gunicorn among its packages: Django's server for development runs it");
        return List.of("python3", "manage.py", "runserver", "--noreload", LISTEN + ":8080");
      }
    }
    throw new Failure.InvalidRequest("manage.py is there, and no folder with a wsgi.py");
  }
}
