package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `pom.xml`: Maven compiles in the first stage; the libraries and the classes it makes become
/// layers of their own. That holds for plain projects and Spring Boot's alike, which start as well
/// from a class path as from their one jar; only Quarkus's make more than classes.
final class MavenRecipe {
  private static final int MOST_MODULES = 200;
  private static final String COPY_LIBRARIES =
      "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

  /// Moves the jars of the project's own modules away from the libraries. Each is packed again:
  /// older plugins write the time of the build into it, and `SOURCE_DATE_EPOCH` is as new as the
  /// newest source, so a change elsewhere would change it.
  private static final String MODULES =
      """
      RUN <<'END' sh -e
      mkdir %1$s/container/modules
      for jar in $(find /source -path '*/target/*.jar' -not -path '*/container/*' | sort); do
        name=${jar##*/}
        cd %1$s/container/lib
        [ -f "$name" ] || continue
        rm -rf /tmp/module && mkdir /tmp/module
        mv "$name" /tmp/module.jar
        cd /tmp/module
        jar xf /tmp/module.jar
        find . -name pom.properties -exec sed -i '/^#/d' {} +
        find . -exec touch -d @1000000000 {} +
        find . -type f | sed 's,^\\./\\(.*\\),"\\1",' | LC_ALL=C sort >/tmp/module.files
        jar cfM %1$s/container/modules/$name @/tmp/module.files
      done
      END
      """;

  private MavenRecipe() {}

  /// A module that can be the application.
  private record Module(String folder, Pom pom) {
    String file() {
      return folder.isEmpty() ? "pom.xml" : folder + "/pom.xml";
    }

    String target() {
      return "/source/" + (folder.isEmpty() ? "" : folder + "/") + "target";
    }
  }

  static Optional<Recipe> of(SourceTree tree, Base base, Part wantedPart) {
    Optional<String> text = tree.text("pom.xml");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Pom root = Pom.parse("pom.xml", text.get());
    List<String> recognised = new ArrayList<>();
    boolean several = !root.modules().isEmpty();
    Module module = new Module("", root);
    if (several) {
      module = application(tree, root, wantedPart);
      recognised.add(
          "pom.xml: " + root.modules().size() + " modules, " + module.folder() + " is started");
    }
    Pom pom = module.pom();
    if (!pom.packaging().equals("jar") && !pom.packaging().equals("quarkus")) {
      throw new Failure.InvalidRequest(
          module.file()
              + " packs a "
              + Words.shown(pom.packaging())
              + ": only a jar is built without a Dockerfile");
    }
    Optional<Integer> wanted = pom.java().or(root::java);
    int java = JavaSources.version(base, wanted, module.file());
    boolean quarkus = isQuarkus(pom) || isQuarkus(root);
    boolean spring = pom.mentions("spring-boot-maven-plugin");
    recognised.add(
        module.file()
            + ": "
            + Words.shown(pom.artifact())
            + (spring ? ", Spring Boot" : quarkus ? ", Quarkus" : "")
            + wanted.map(w -> ", for Java " + w).orElse(", says no version of Java"));
    int port = JavaSources.port(tree, module.folder());
    boolean wrapper =
        !base.isDebian() && tree.has("mvnw") && tree.has(".mvn/wrapper/maven-wrapper.properties");
    if (wrapper) {
      recognised.add("mvnw: the project's own Maven builds it");
    }
    String stage =
        JavaSources.build(base, java, "maven:3-eclipse-temurin-" + java, "maven")
            + """
            WORKDIR /source
            COPY . .
            RUN --mount=type=cache,target=/root/.m2/repository \\
            %s    --mount=type=secret,id=maven-settings,target=/root/.m2/settings.xml \\
                %s -B -Dmaven.test.skip=true%s package"""
                .formatted(
                    wrapper ? "    --mount=type=cache,target=/root/.m2/wrapper \\\n" : "",
                    wrapper ? "sh ./mvnw" : "mvn",
                    compiling(base, root, pom, wanted)
                        + (module.folder().isEmpty() ? "" : " -pl " + module.folder() + " -am"));
    String dockerfile;
    if (quarkus) {
      dockerfile = stage + "\n" + quarkus(base, java, module.target(), port);
    } else {
      String main = mainClass(tree, module, recognised);
      dockerfile =
          stage
              + layers(module.target(), several)
              + JavaSources.runtime(
                  base, java, module.target() + "/container", several, main, port);
    }
    return Optional.of(
        new Recipe(
            "a Maven project",
            recognised,
            JavaSources.holds(java, several && !quarkus),
            Words.service(pom.artifact(), tree),
            port,
            dockerfile,
            "**/target\n!**/src/**\n" + Words.IGNORED));
  }

  /// Debian's Maven takes a compiler plugin, where the POM names none, that knows no
  /// `maven.compiler.release`.
  private static String compiling(Base base, Pom root, Pom pom, Optional<Integer> wanted) {
    boolean said =
        pom.text("properties/maven.compiler.source").isPresent()
            || root.text("properties/maven.compiler.source").isPresent();
    return !base.isDebian() || said || wanted.isEmpty()
        ? ""
        : " -Dmaven.compiler.source=%1$d -Dmaven.compiler.target=%1$d".formatted(wanted.get());
  }

  private static String mainClass(SourceTree tree, Module module, List<String> recognised) {
    Optional<String> said = module.pom().mainClass();
    String advice = module.file() + " names none: set the property exec.mainClass in it";
    String main = said.orElseGet(() -> JavaSources.mainClass(tree, module.folder(), advice));
    recognised.add((said.isPresent() ? module.file() : "sources") + ": starts " + main);
    return main;
  }

  /// The rest of Maven's step, that lays apart what changes at different times.
  private static String layers(String target, boolean several) {
    String step =
        " \\\n"
            + """
                  -Dspring-boot.repackage.skip=true \\
                  -Dproject.build.outputTimestamp=1000000000 \\
                  %1$s \\
                  -DincludeScope=runtime -DexcludeArtifactIds=spring-boot-devtools \\
                  -DoutputDirectory=target/container/lib && \\
                cd %2$s && mkdir -p container/lib classes && mv classes container/classes
            """
                .formatted(COPY_LIBRARIES, target);
    return several ? step + MODULES.formatted(target) : step;
  }

  // ---- Quarkus

  private static boolean isQuarkus(Pom pom) {
    return pom.mentions("quarkus-maven-plugin");
  }

  /// What Quarkus packs is laid apart already.
  private static String quarkus(Base base, int java, String target, int port) {
    return JavaSources.last(base, java)
        + """
        # libraries change less often than the application: a layer of their own
        COPY --from=build %1$s/quarkus-app/lib /app/lib
        COPY --from=build %1$s/quarkus-app/quarkus-run.jar /app/
        COPY --from=build %1$s/quarkus-app/quarkus /app/quarkus
        COPY --from=build %1$s/quarkus-app/app /app/app
        WORKDIR /app
        USER 10001:10001
        EXPOSE %2$d
        ENTRYPOINT ["java", "-XX:MaxRAMPercentage=75", "-jar", "/app/quarkus-run.jar"]
        """
            .formatted(target, port);
  }

  // ---- modules

  /// The module that was chosen, the one that says that it is a program, or the one that has a main
  /// method.
  private static Module application(SourceTree tree, Pom root, Part wanted) {
    List<Module> all = new ArrayList<>();
    collect(tree, "", root, all);
    all.removeIf(m -> m.pom().packaging().equals("pom"));
    List<Module> programs = new ArrayList<>(all);
    if (wanted.folder().isEmpty()) {
      programs.removeIf(
          m ->
              m.pom().mainClass().isEmpty()
                  && !m.pom().mentions("spring-boot-maven-plugin")
                  && !isQuarkus(m.pom()));
      if (programs.isEmpty()) {
        programs.addAll(all);
        programs.removeIf(m -> JavaSources.mainClasses(tree, m.folder()).isEmpty());
      }
    }
    if (programs.isEmpty()) {
      throw new Failure.InvalidRequest(
          "no module of pom.xml names a class to start: set the property exec.mainClass in"
              + " the pom.xml of the one that is the program");
    }
    String folder = wanted.one("maven", "modules", programs.stream().map(Module::folder).toList());
    return programs.stream().filter(m -> m.folder().equals(folder)).findFirst().orElseThrow();
  }

  private static void collect(SourceTree tree, String folder, Pom pom, List<Module> found) {
    for (String module : pom.modules()) {
      String path = (folder.isEmpty() ? "" : folder + "/") + module;
      if (found.size() >= MOST_MODULES || !Part.isSafe(path)) {
        return;
      }
      tree.text(path + "/pom.xml")
          .ifPresent(
              text -> {
                Module part = new Module(path, Pom.parse(path + "/pom.xml", text));
                found.add(part);
                if (path.chars().filter(c -> c == '/').count() < 8) {
                  collect(tree, path, part.pom(), found);
                }
              });
    }
  }
}
