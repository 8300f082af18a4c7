package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `build.gradle` or `build.gradle.kts`: Gradle compiles; a task of ours, brought by an
/// initialisation script, lays libraries and classes apart, whatever plugins the project has.
final class GradleRecipe {
  private static final int MOST_PROJECTS = 200;
  private static final Pattern INCLUDED = Pattern.compile("['\"]:?([\\w.:-]{1,200})['\"]");
  private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*include\\s*\\(?([^\\n)]*)");
  private static final Pattern ROOT_NAME =
      Pattern.compile("rootProject\\.name\\s*=\\s*['\"]([^'\"\\n]{1,100})['\"]");
  private static final Pattern MAIN =
      Pattern.compile(
          "(?:mainClass(?:Name)?(?:\\.set\\(|\\s*=)|['\"]Main-Class['\"]\\s*(?::|to))"
              + "\\s*['\"]([\\w.$]{1,300})['\"]");
  private static final Pattern JAVA =
      Pattern.compile(
          "(?:JavaLanguageVersion\\.of\\(|jvmToolchain\\(|options\\.release(?:\\.set\\(|\\s*=)|"
              + "(?:source|target)Compatibility\\s*=?)"
              + "\\s*(?:JavaVersion\\.VERSION_)?['\"]?(?:1[._])?([1-9][0-9]?)");
  private static final Pattern PROGRAM =
      Pattern.compile("['\"(\\s](?:application|org\\.springframework\\.boot)['\")\\s]");

  private static final String SCRIPT =
      """
      COPY <<'END' /tmp/container.gradle
      allprojects { project ->
        afterEvaluate {
          if (project.plugins.hasPlugin('java')) {
            project.tasks.create('containerLayers', Sync) {
              into "$project.buildDir/container"
              into('lib') { from project.configurations.runtimeClasspath }
              into('classes') { from project.sourceSets.main.output }
            }
          }
        }
      }
      END
      """;

  private GradleRecipe() {}

  private record Part(String folder, String file, String text) {}

  static Optional<Recipe> of(SourceTree tree, Base base) {
    String settings =
        tree.text("settings.gradle").or(() -> tree.text("settings.gradle.kts")).orElse("");
    Optional<Part> root = part(tree, "");
    if (root.isEmpty() && settings.isEmpty()) {
      return Optional.empty();
    }
    List<String> recognised = new ArrayList<>();
    Part part = application(tree, root, settings);
    if (!part.folder().isEmpty()) {
      recognised.add("settings.gradle: several projects, " + part.folder() + " is started");
    }
    String all = part.text() + "\n" + root.map(Part::text).orElse("");
    Optional<Integer> wanted = first(JAVA, all).map(Integer::valueOf);
    int java = JavaSources.version(base, wanted, part.file());
    Optional<String> said = first(MAIN, part.text()).filter(JavaSources::isClassName);
    String advice = part.file() + " names none: set application.mainClass in it";
    String main = said.orElseGet(() -> JavaSources.mainClass(tree, part.folder(), advice));
    int port = JavaSources.port(tree, part.folder());
    boolean wrapper = tree.has("gradlew") && tree.has("gradle/wrapper/gradle-wrapper.jar");
    recognised.add(
        part.file()
            + ": "
            + wanted.map(w -> "for Java " + w).orElse("says no version of Java")
            + (wrapper ? ", built by its own gradlew" : ""));
    recognised.add((said.isPresent() ? part.file() : "sources") + ": starts " + main);

    String folder = part.folder();
    String made = "/source/" + (folder.isEmpty() ? "" : folder + "/") + "build/container";
    String task =
        (folder.isEmpty() ? "" : ":" + folder.replace('/', ':') + ":") + "containerLayers";
    String official = wrapper ? "eclipse-temurin:" + java + "-jdk" : "gradle:jdk" + java;
    String jdk =
        base.java().isPresent() ? "openjdk-" + java + "-jdk-headless" : "default-jdk-headless";
    String dockerfile =
        base.from(official, "build", jdk + (wrapper ? "" : " gradle"))
            + base.trustedByJava()
            + SCRIPT
            + """
            WORKDIR /source
            COPY . .
            RUN --mount=type=cache,target=/root/.gradle \\
                %s --no-daemon --init-script /tmp/container.gradle %s && \\
                mkdir -p %3$s/lib %3$s/classes
            """
                .formatted(wrapper ? "sh ./gradlew" : "gradle", task, made)
            + JavaSources.runtime(base, java, made, main, port);
    return Optional.of(
        new Recipe(
            "a Gradle project",
            recognised,
            List.of(
                "Java " + java + " without compiler",
                "/app/lib: the libraries, a layer",
                "/app/classes: the application, a layer"),
            Words.service(first(ROOT_NAME, settings).orElse(""), tree),
            port,
            dockerfile,
            "**/build\n.gradle\n" + Words.IGNORED));
  }

  private static Optional<Part> part(SourceTree tree, String folder) {
    for (String name : List.of("build.gradle", "build.gradle.kts")) {
      String file = folder.isEmpty() ? name : folder + "/" + name;
      Optional<String> text = tree.text(file);
      if (text.isPresent()) {
        return Optional.of(new Part(folder, file, text.get()));
      }
    }
    return Optional.empty();
  }

  /// The project that is a program: the root's, or the one of those that the settings include.
  private static Part application(SourceTree tree, Optional<Part> root, String settings) {
    List<Part> parts = new ArrayList<>();
    Matcher include = INCLUDE.matcher(settings);
    while (include.find()) {
      Matcher name = INCLUDED.matcher(include.group(1));
      while (name.find() && parts.size() < MOST_PROJECTS) {
        part(tree, name.group(1).replace(':', '/')).ifPresent(parts::add);
      }
    }
    if (parts.isEmpty() && root.isPresent()) {
      return root.get();
    }
    List<Part> programs = new ArrayList<>(parts);
    root.ifPresent(programs::add);
    programs.removeIf(p -> !isProgram(p.text()));
    if (programs.size() != 1) {
      throw new Failure.InvalidRequest(
          programs.isEmpty()
              ? "no project of settings.gradle has the plugin application or Spring Boot's: none is"
                  + " known to be a program"
              : "several projects are programs: "
                  + String.join(", ", programs.stream().map(Part::file).toList())
                  + "; write a Dockerfile for the one that is meant");
    }
    return programs.getFirst();
  }

  private static boolean isProgram(String text) {
    return PROGRAM.matcher(text).find() || MAIN.matcher(text).find();
  }

  private static Optional<String> first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
  }
}
