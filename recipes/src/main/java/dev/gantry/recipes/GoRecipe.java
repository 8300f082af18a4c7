package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `go.mod`: one static program in an otherwise empty image. The libraries are part of it, so they
/// are no layer of their own; downloads and compiled packages stay in caches of the build.
final class GoRecipe {
  private static final Pattern MODULE =
      Pattern.compile("(?m)^module\\s+\"?([\\w./~-]{1,300})\"?\\s*(?://.*)?$");
  private static final Pattern VERSION =
      Pattern.compile("(?m)^go\\s+(1\\.([0-9]{1,3})[\\w.]{0,20})\\s*$");
  private static final Pattern PROGRAM = Pattern.compile("(?m)^package\\s+main\\s*(?://.*)?$");

  /// `replace` by a folder: what it holds is needed before anything can be fetched.
  private static final Pattern LOCAL = Pattern.compile("=>\\s*\\.{1,2}/");

  /// What programs read at run time beside themselves, by the names that are usual.
  private static final List<String> FILES =
      List.of("static", "templates", "public", "assets", "views", "migrations");

  private GoRecipe() {}

  static Optional<Recipe> of(SourceTree tree, Base base, Part wanted) {
    Optional<String> text = tree.text("go.mod");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Matcher module = MODULE.matcher(text.get());
    if (!module.find()) {
      throw new Failure.InvalidRequest("go.mod names no module");
    }
    Optional<String> version = version(text.get(), base);
    String path = program(tree, wanted);
    boolean vendored = tree.has("vendor/modules.txt");
    List<String> files = FILES.stream().filter(tree::isFolder).toList();
    List<String> recognised = new ArrayList<>();
    recognised.add(
        "go.mod: "
            + Words.shown(module.group(1))
            + version.map(v -> ", for Go " + v).orElse("")
            + (vendored ? ", its libraries in vendor" : ""));
    recognised.add((path.equals(".") ? "the root" : path) + ": package main");
    List<String> holds = new ArrayList<>();
    holds.add("/app/program: the program, static, with its libraries and time zones");
    files.forEach(folder -> holds.add("/app/" + folder + ": as it is"));
    holds.add("certificates and an empty /tmp, nothing else");
    String dockerfile =
        base.from("golang:1", "build", "golang-go ca-certificates")
            + "ENV GOPATH=/go GOCACHE=/go/build GOFLAGS=-buildvcs=false CGO_ENABLED=0\n"
            + "WORKDIR /source\n"
            + (vendored || LOCAL.matcher(text.get()).find() || tree.has("go.work")
                ? ""
                : "COPY go.mod go.su[m] ./\nRUN --mount=type=cache,target=/go/pkg/mod "
                    + trusting(base)
                    + "go mod download\n")
            + """
            COPY . .
            RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \\
                %sgo build -trimpath -tags timetzdata -ldflags=-s -o /out/program %s && \\
                mkdir /out/tmp && chmod 1777 /out/tmp

            FROM scratch
            COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
            COPY --from=build /out/tmp /tmp
            WORKDIR /app
            """
                .formatted(trusting(base), path)
            + String.join(
                "", files.stream().map(name -> "COPY " + name + " " + name + "\n").toList())
            + """
            COPY --from=build /out/program ./
            ENV PORT=8080
            USER 10001:10001
            EXPOSE 8080
            ENTRYPOINT ["/app/program"]
            """;
    String name = path.equals(".") ? module.group(1).replaceAll("/v[0-9]+$", "") : path;
    return Optional.of(
        new Recipe(
            "a Go module",
            recognised,
            holds,
            Words.service(name.substring(name.lastIndexOf('/') + 1), tree),
            8080,
            dockerfile,
            Words.IGNORED));
  }

  private static Optional<String> version(String text, Base base) {
    Matcher version = VERSION.matcher(text);
    if (!version.find()) {
      return Optional.empty();
    }
    if (base.go().isPresent() && Integer.parseInt(version.group(2)) > base.go().get()) {
      throw new Failure.InvalidRequest(
          "go.mod asks for Go "
              + version.group(1)
              + ", and "
              + base.debian().orElse("")
              + " has Go 1."
              + base.go().get()
              + ": choose a newer base");
    }
    return Optional.of(version.group(1));
  }

  /// Go takes certificates by their folder, beside those of the image.
  private static String trusting(Base base) {
    return base.trusting("SSL_CERT_DIR").replace("/run/secrets/certificates", "/run/secrets");
  }

  /// The package of the program: the one that was chosen, the root, or the only one below `cmd`.
  private static String program(SourceTree tree, Part wanted) {
    if (wanted.folder().isEmpty() && isProgram(tree, "")) {
      return ".";
    }
    List<String> found = new ArrayList<>();
    if (!wanted.folder().isEmpty() && isProgram(tree, wanted.folder())) {
      found.add(wanted.folder());
    }
    for (String name : tree.list("cmd")) {
      if (found.isEmpty() || wanted.folder().isEmpty()) {
        if (Part.isSafe(name) && isProgram(tree, "cmd/" + name)) {
          found.add("cmd/" + name);
        }
      }
    }
    if (wanted.folder().isEmpty() && isProgram(tree, "cmd")) {
      found.add("cmd");
    }
    if (found.isEmpty()) {
      throw new Failure.InvalidRequest(
          "go.mod is there, and no package main in "
              + (wanted.folder().isEmpty() ? "the root or below cmd" : wanted.folder()));
    }
    return "./" + wanted.one("go", "packages", found);
  }

  private static boolean isProgram(SourceTree tree, String folder) {
    return tree.list(folder).stream()
        .filter(name -> name.endsWith(".go") && !name.endsWith("_test.go"))
        .limit(200)
        .anyMatch(
            name ->
                tree.text(folder.isEmpty() ? name : folder + "/" + name)
                    .filter(text -> !text.contains("//go:build ignore"))
                    .filter(text -> PROGRAM.matcher(text).find())
                    .isPresent());
  }
}
