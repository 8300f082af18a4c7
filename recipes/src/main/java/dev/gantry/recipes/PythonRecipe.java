package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `requirements.txt`, `pyproject.toml` or a program alone: a virtual environment with the packages
/// is one layer, the program another.
final class PythonRecipe {
  private static final Pattern PROJECT_NAME =
      Pattern.compile("(?m)^name\\s*=\\s*[\"']([\\w .-]{1,100})[\"']");
  private static final Pattern VERSION = Pattern.compile("^(?:python-)?(3\\.[0-9]{1,2})\\b");
  private static final Pattern EXACTLY =
      Pattern.compile("(?m)^requires-python\\s*=\\s*[\"']\\s*(?:==|~=)\\s*(3\\.[0-9]{1,2})\\b");

  private PythonRecipe() {}

  /// A Django project: it may well have a package.json for its pages.
  static Optional<Recipe> django(SourceTree tree, Base base, Part wanted) {
    return tree.has("manage.py") ? of(tree, base, wanted) : Optional.empty();
  }

  static Optional<Recipe> of(SourceTree tree, Base base, Part wanted) {
    Optional<String> project = tree.text("pyproject.toml");
    boolean named = tree.has("requirements.txt") || project.isPresent() || tree.has("Pipfile");
    boolean alone = PythonStart.hasProgram(tree) || tree.has("manage.py");
    if (!named && !alone && wanted.folder().isEmpty()) {
      return Optional.empty();
    }
    PythonPackages packages = PythonPackages.of(tree, base);
    if (packages.found().isEmpty() && unread(tree, project.orElse(""))) {
      throw new Failure.InvalidRequest(
          "the project's packages are not locked: write them down by poetry lock, pipenv lock, or"
              + " into requirements.txt");
    }
    PythonStart start = PythonStart.of(tree, packages.named(), wanted);
    List<String> recognised = new ArrayList<>();
    packages.found().ifPresent(recognised::add);
    recognised.addAll(start.because());
    String official = "python:" + version(tree, project.orElse("")) + "-slim";
    String dockerfile =
        base.build(official, "python3 tini", "python3-venv ca-certificates" + packages.debian())
            + "RUN python3 -m venv /packages\nWORKDIR /source\n"
            + packages.steps()
            + "\n"
            + base.last(official)
            + (base.isDebian() ? "" : Base.install("tini"))
            + """
            ENV PATH=/packages/bin:$PATH PYTHONPATH=%s \\
                PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8080
            WORKDIR /app
            # packages change less often than the program: a layer of their own
            COPY --from=build /packages /packages
            COPY . .
            USER 10001:10001
            EXPOSE 8080
            # as first process it hands on the signals that end the program
            ENTRYPOINT ["tini", "--"]
            CMD %s
            """
                .formatted(
                    tree.isFolder("src") ? "/app/src:/app" : "/app", Words.list(start.words()));
    Matcher name = PROJECT_NAME.matcher(project.orElse(""));
    return Optional.of(
        new Recipe(
            "a Python project",
            recognised,
            List.of(
                base.isDebian() ? "Python of " + base.debian().orElse("") : official,
                "/packages: a virtual environment with the packages, a layer",
                "/app: the program, a layer"),
            Words.service(name.find() ? name.group(1) : "", tree),
            8080,
            dockerfile,
            "**/__pycache__\n**/*.pyc\n.venv\nvenv\n" + Words.IGNORED));
  }

  /// Whether packages are named only in a way that needs a lock file to be read.
  private static boolean unread(SourceTree tree, String project) {
    return project.contains("[tool.poetry.dependencies]") || tree.has("Pipfile");
  }

  /// The version that the project asks for, as it stands in the image's name.
  private static String version(SourceTree tree, String project) {
    for (String file : List.of(".python-version", "runtime.txt")) {
      Matcher said = VERSION.matcher(tree.text(file).orElse("").strip());
      if (said.find()) {
        return said.group(1);
      }
    }
    Matcher exactly = EXACTLY.matcher(project);
    return exactly.find() ? exactly.group(1) : "3";
  }
}
