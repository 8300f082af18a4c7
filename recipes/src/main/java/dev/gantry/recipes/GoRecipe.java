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
  private static final Pattern VERSION = Pattern.compile("(?m)^go\\s+([0-9.]{1,20})\\s*$");
  private static final Pattern PROGRAM = Pattern.compile("(?m)^package\\s+main\\s*(?://.*)?$");

  private GoRecipe() {}

  static Optional<Recipe> of(SourceTree tree, Base base) {
    Optional<String> text = tree.text("go.mod");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Matcher module = MODULE.matcher(text.get());
    if (!module.find()) {
      throw new Failure.InvalidRequest("go.mod names no module");
    }
    Matcher version = VERSION.matcher(text.get());
    String path = program(tree);
    String name = module.group(1).replaceAll("/v[0-9]+$", "");
    String dockerfile =
        base.from("golang:1", "build", "golang-go ca-certificates")
            + """
            ENV GOPATH=/go GOCACHE=/go/build CGO_ENABLED=0
            WORKDIR /source
            COPY go.mod go.su[m] ./
            RUN --mount=type=cache,target=/go/pkg/mod %sgo mod download
            COPY . .
            RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \\
                %sgo build -buildvcs=false -trimpath -ldflags=-s -o /out/app %s

            FROM scratch
            COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
            COPY --from=build /out/app /app
            ENV PORT=8080
            USER 10001:10001
            EXPOSE 8080
            ENTRYPOINT ["/app"]
            """
                .formatted(trusting(base), trusting(base), path);
    return Optional.of(
        new Recipe(
            "a Go module",
            List.of(
                "go.mod: "
                    + Words.shown(module.group(1))
                    + (version.find() ? ", for Go " + version.group(1) : ""),
                (path.equals(".") ? "the root" : path) + ": package main"),
            List.of("/app: the program, static, with its libraries", "certificates, nothing else"),
            Words.service(name.substring(name.lastIndexOf('/') + 1), tree),
            8080,
            dockerfile,
            Words.IGNORED));
  }

  /// Go takes certificates by their folder, beside those of the image.
  private static String trusting(Base base) {
    return base.trusting("SSL_CERT_DIR").replace("/run/secrets/certificates", "/run/secrets");
  }

  /// The package of the program: the root, or the only one below `cmd`.
  private static String program(SourceTree tree) {
    if (isProgram(tree, "")) {
      return ".";
    }
    List<String> found = new ArrayList<>();
    for (String name : tree.list("cmd")) {
      if (name.matches("[A-Za-z0-9][\\w.-]{0,100}") && isProgram(tree, "cmd/" + name)) {
        found.add("./cmd/" + name);
      }
    }
    if (isProgram(tree, "cmd")) {
      found.add("./cmd");
    }
    if (found.size() != 1) {
      throw new Failure.InvalidRequest(
          found.isEmpty()
              ? "go.mod is there, and no package main in the root or below cmd"
              : "several programs are below cmd: "
                  + String.join(", ", found)
                  + "; write a Dockerfile for the one that is meant");
    }
    return found.getFirst();
  }

  private static boolean isProgram(SourceTree tree, String folder) {
    return tree.list(folder).stream()
        .filter(name -> name.endsWith(".go") && !name.endsWith("_test.go"))
        .limit(200)
        .anyMatch(
            name ->
                tree.text(folder.isEmpty() ? name : folder + "/" + name)
                    .filter(text -> PROGRAM.matcher(text).find())
                    .isPresent());
  }
}
