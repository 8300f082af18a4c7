package dev.gantry.recipes;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/// How a Python project's packages get into a virtual environment: by pip as `requirements.txt` or
/// `pyproject.toml` name them, by the tool whose lock file is there otherwise.
///
/// @param found what tells so, for people; empty if there is nothing to install
/// @param debian packages of Debian for that
/// @param steps of the stage `build`, in the folder of the sources
/// @param named all that is named there, in small letters, to look for frameworks in
record PythonPackages(Optional<String> found, String debian, String steps, String named) {
  /// Lines that name files or folders of the project itself.
  private static final Pattern LOCAL =
      Pattern.compile(
          "(?m)^[ \\t]*(?:-r|-c|-e|-f|--requirement|--constraint|--editable|--find-links|\\.|file:|[\\w./-]+/)"
              + "|@\\s*file:|\\.whl\\b");

  private static final Pattern DEPENDENCIES =
      Pattern.compile("(?m)^(?:dependencies\\s*=|\\[project])");

  static PythonPackages of(SourceTree tree, Base base) {
    Optional<String> requirements = tree.text("requirements.txt");
    Optional<String> project = tree.text("pyproject.toml");
    if (requirements.isPresent()) {
      String text = requirements.get();
      boolean local = LOCAL.matcher(text).find();
      return made(
          "requirements.txt: " + count(text),
          local ? "COPY . .\n" : "COPY requirements.txt ./\n",
          pip(base, "install -r requirements.txt"),
          text);
    }
    if (tree.has("uv.lock")) {
      return made(
          "uv.lock: packages as uv has locked them",
          "COPY pyproject.toml uv.lock ./\n",
          pip(base, "install uv")
              + " && \\\n    "
              + trust(base, "SSL_CERT_FILE")
              + "UV_PROJECT_ENVIRONMENT=/packages UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1"
              + " UV_PYTHON_DOWNLOADS=never \\\n    /packages/bin/uv sync --frozen --no-dev"
              + " --no-install-project",
          project.orElse(""));
    }
    if (tree.has("poetry.lock")) {
      PythonPackages made =
          made(
              "poetry.lock: packages as Poetry has locked them",
              "COPY pyproject.toml poetry.lock ./\n",
              (base.isDebian() ? mounts() : pip(base, "install poetry") + " && \\\n    ")
                  + trust(base, "REQUESTS_CA_BUNDLE")
                  + "VIRTUAL_ENV=/packages PATH=/packages/bin:$PATH \\\n"
                  + "    poetry install --only main --no-root --no-interaction",
              project.orElse(""));
      return base.isDebian()
          ? new PythonPackages(made.found, " python3-poetry", made.steps, made.named)
          : made;
    }
    if (project.isPresent() && DEPENDENCIES.matcher(project.get()).find()) {
      return made(
          "pyproject.toml: packages of project.dependencies",
          """
          COPY pyproject.toml ./
          RUN <<'END' python3 > requirements.txt
          import tomllib
          with open('pyproject.toml', 'rb') as file:
              print('\\n'.join(tomllib.load(file).get('project', {}).get('dependencies', [])))
          END
          """,
          pip(base, "install -r requirements.txt"),
          project.get());
    }
    if (tree.has("Pipfile.lock")) {
      return made(
          "Pipfile.lock: packages as Pipenv has locked them",
          "COPY Pipfile.lock ./\n",
          """
          RUN <<'END' python3 > requirements.txt
          import json
          with open('Pipfile.lock') as file:
              for name, package in json.load(file)['default'].items():
                  extras = ','.join(package.get('extras', []))
                  print(name + (f'[{extras}]' if extras else '') + package.get('version', ''),
                        *('; ' + m for m in [package.get('markers')] if m))
          END
          """
              + pip(base, "install -r requirements.txt"),
          tree.text("Pipfile").orElse(""));
    }
    return new PythonPackages(Optional.empty(), "", "", project.orElse(""));
  }

  private static PythonPackages made(String found, String copy, String install, String named) {
    return new PythonPackages(
        Optional.of(found), "", copy + install + "\n", named.toLowerCase(Locale.ROOT));
  }

  private static String count(String requirements) {
    long packages =
        requirements.lines().filter(l -> !l.isBlank() && !l.strip().startsWith("#")).count();
    return packages == 1 ? "one package" : packages + " packages";
  }

  private static String mounts() {
    return "RUN --mount=type=cache,target=/tmp/pip \\\n"
        + "    --mount=type=secret,id=pip,target=/etc/pip.conf \\\n    ";
  }

  /// A step with pip of the virtual environment.
  private static String pip(Base base, String words) {
    String mount = base.certificates() ? "--mount=type=secret,id=certificates \\\n    " : "";
    String trusted =
        base.certificates()
            ? "cat /etc/ssl/certs/ca-certificates.crt /run/secrets/certificates >/tmp/trusted; \\\n"
                + "    PIP_CERT=/tmp/trusted "
            : "";
    return mounts()
        + mount
        + trusted
        + "/packages/bin/pip "
        + words.replaceFirst("install", "install --cache-dir /tmp/pip --disable-pip-version-check");
  }

  /// For tools that run after [#pip] in the same step, or alone.
  private static String trust(Base base, String variable) {
    return base.certificates() ? variable + "=/tmp/trusted " : "";
  }
}
