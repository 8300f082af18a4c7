package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `pom.xml`: Maven compiles in the first stage; the libraries and the classes it makes become
/// layers of their own. That holds for plain projects and Spring Boot's alike, which start as well
/// from a class path as from their one jar.
final class MavenRecipe {
  private static final int MOST_MODULES = 200;
  private static final String COPY_LIBRARIES =
      "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

  private MavenRecipe() {}

  /// A module that can be the application.
  private record Part(String folder, Pom pom) {
    String file() {
      return folder.isEmpty() ? "pom.xml" : folder + "/pom.xml";
    }
  }

  static Optional<Recipe> of(SourceTree tree, Base base) {
    Optional<String> text = tree.text("pom.xml");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Pom root = Pom.parse("pom.xml", text.get());
    List<String> recognised = new ArrayList<>();
    Part part = new Part("", root);
    if (!root.modules().isEmpty()) {
      part = application(tree, root);
      recognised.add(
          "pom.xml: " + root.modules().size() + " modules, " + part.folder() + " is started");
    }
    Pom pom = part.pom();
    if (!pom.packaging().equals("jar")) {
      throw new Failure.InvalidRequest(
          part.file()
              + " packs a "
              + Words.shown(pom.packaging())
              + ": only a jar is built without a Dockerfile");
    }
    Optional<Integer> wanted = pom.java().or(root::java);
    int java = JavaSources.version(base, wanted, part.file());
    String advice = part.file() + " names none: set the property exec.mainClass in it";
    Optional<String> said = pom.mainClass();
    Part chosen = part;
    String main = said.orElseGet(() -> JavaSources.mainClass(tree, chosen.folder(), advice));
    int port = JavaSources.port(tree, part.folder());
    boolean spring = pom.mentions("spring-boot-maven-plugin");
    recognised.add(
        part.file()
            + ": "
            + Words.shown(pom.artifact())
            + (spring ? ", Spring Boot" : "")
            + wanted.map(w -> ", for Java " + w).orElse(", says no version of Java"));
    recognised.add((said.isPresent() ? part.file() : "sources") + ": starts " + main);

    String module = part.folder();
    String select = module.isEmpty() ? "" : " -pl " + module + " -am";
    String target = "/source/" + (module.isEmpty() ? "" : module + "/") + "target";
    String dockerfile =
        base.from(
                "maven:3-eclipse-temurin-" + java,
                "build",
                (base.java().isPresent()
                        ? "openjdk-" + java + "-jdk-headless"
                        : "default-jdk-headless")
                    + " maven")
            + base.trustedByJava()
            + """
            WORKDIR /source
            COPY . .
            RUN --mount=type=cache,target=/root/.m2/repository \\
                --mount=type=secret,id=maven-settings,target=/root/.m2/settings.xml \\
                mvn -B -Dmaven.test.skip=true%s package \\
                  %s \\
                  -DincludeScope=runtime -DexcludeArtifactIds=spring-boot-devtools \\
                  -DoutputDirectory=target/container/lib && \\
                mkdir -p %3$s/container/lib && mv %3$s/classes %3$s/container/classes
            """
                .formatted(select, COPY_LIBRARIES, target)
            + JavaSources.runtime(base, java, target + "/container", main, port);
    return Optional.of(
        new Recipe(
            "a Maven project",
            recognised,
            List.of(
                "Java " + java + " without compiler",
                "/app/lib: the libraries, a layer",
                "/app/classes: the application, a layer"),
            Words.service(pom.artifact(), tree),
            port,
            dockerfile,
            "**/target\n" + Words.IGNORED));
  }

  /// The one module that says that it is a program, or that has a main method.
  private static Part application(SourceTree tree, Pom root) {
    List<Part> candidates = new ArrayList<>();
    collect(tree, "", root, candidates);
    List<Part> programs =
        candidates.stream()
            .filter(p -> p.pom().packaging().equals("jar"))
            .filter(
                p ->
                    p.pom().mainClass().isPresent() || p.pom().mentions("spring-boot-maven-plugin"))
            .toList();
    if (programs.size() != 1) {
      throw new Failure.InvalidRequest(
          programs.isEmpty()
              ? "no module of pom.xml names a class to start: set the property exec.mainClass in"
                  + " the pom.xml of the one that is the program"
              : "several modules are programs: "
                  + String.join(", ", programs.stream().map(Part::folder).toList())
                  + "; write a Dockerfile for the one that is meant: gantry init in its folder"
                  + " shows how");
    }
    return programs.getFirst();
  }

  private static void collect(SourceTree tree, String folder, Pom pom, List<Part> found) {
    for (String module : pom.modules()) {
      String path = (folder.isEmpty() ? "" : folder + "/") + module;
      if (found.size() >= MOST_MODULES || !path.matches("[A-Za-z0-9][\\w./-]{0,200}")) {
        return;
      }
      tree.text(path + "/pom.xml")
          .ifPresent(
              text -> {
                Part part = new Part(path, Pom.parse(path + "/pom.xml", text));
                found.add(part);
                if (path.chars().filter(c -> c == '/').count() < 8) {
                  collect(tree, path, part.pom(), found);
                }
              });
    }
  }
}
