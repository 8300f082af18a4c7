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
  private static final Pattern INCLUDE = Pattern.compile("(?m)^[ \\t]*include\\s*\\(?([^\\n)]*)");
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
            def own = { %s && it.path.startsWith(project.rootDir.path + '/') }
            project.tasks.withType(AbstractArchiveTask) {
              preserveFileTimestamps = false
              reproducibleFileOrder = true
            }
            project.tasks.create('containerLayers', Sync) {
              into "$project.projectDir/build/container"
              into('lib') { from project.configurations.runtimeClasspath.filter { !own(it) } }
              into('modules') { from project.configurations.runtimeClasspath.filter(own) }
              into('classes') { from project.sourceSets.main.output }
            }
          }
        }
      }
      END
      """;

  private GradleRecipe() {}

  private record Project(String folder, String file, String text) {}

  static Optional<Recipe> of(SourceTree tree, Base base, Part wantedPart) {
    String settings =
        tree.text("settings.gradle").or(() -> tree.text("settings.gradle.kts")).orElse("");
    Optional<Project> root = part(tree, "");
    if (root.isEmpty() && settings.isEmpty()) {
      return Optional.empty();
    }
    List<String> recognised = new ArrayList<>();
    Project part = application(tree, root, settings, wantedPart);
    boolean several = INCLUDE.matcher(settings).find();
    if (!part.folder().isEmpty()) {
      recognised.add("settings.gradle: several projects, " + part.folder() + " is started");
    }
    String all = part.text() + "\n" + root.map(Project::text).orElse("");
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
    String dockerfile =
        JavaSources.build(base, java, official, wrapper ? "" : "gradle")
            + SCRIPT.formatted(several)
            + """
            WORKDIR /source
            COPY . .
            RUN --mount=type=cache,target=/cache/gradle \\
                --mount=type=secret,id=gradle-properties,target=/cache/gradle/gradle.properties \\
                GRADLE_USER_HOME=/cache/gradle \\
                %s --no-daemon --init-script /tmp/container.gradle %s && \\
                mkdir -p %3$s/lib %3$s/modules %3$s/classes
            """
                .formatted(wrapper ? "sh ./gradlew" : "gradle", task, made)
            + JavaSources.runtime(base, java, made, several, main, port);
    return Optional.of(
        new Recipe(
            "a Gradle project",
            recognised,
            JavaSources.holds(java, several),
            Words.service(first(ROOT_NAME, settings).orElse(""), tree),
            port,
            dockerfile,
            "**/build\n.gradle\n!**/src/**\n" + Words.IGNORED));
  }

  private static Optional<Project> part(SourceTree tree, String folder) {
    for (String name : List.of("build.gradle", "build.gradle.kts")) {
      String file = folder.isEmpty() ? name : folder + "/" + name;
      Optional<String> text = tree.text(file);
      if (text.isPresent()) {
        return Optional.of(new Project(folder, file, text.get()));
      }
    }
    return Optional.empty();
  }

  /// The project that was chosen or is a program: the root's, or one of those that the settings
  /// include.
  private static Project application(
      SourceTree tree, Optional<Project> root, String settings, Part wanted) {
    List<Project> parts = new ArrayList<>();
    Matcher include = INCLUDE.matcher(settings);
    while (include.find()) {
      Matcher name = INCLUDED.matcher(include.group(1));
      while (name.find() && parts.size() < MOST_PROJECTS) {
        String folder = name.group(1).replace(':', '/');
        if (Part.isSafe(folder)) {
          part(tree, folder).ifPresent(parts::add);
        }
      }
    }
    if (parts.isEmpty() && root.isPresent()) {
      return root.get();
    }
    List<Project> programs = new ArrayList<>(parts);
    root.ifPresent(programs::add);
    if (wanted.folder().isEmpty()) {
      programs.removeIf(p -> !isProgram(p.text()));
    }
    if (programs.isEmpty()) {
      throw new Failure.InvalidRequest(
          "no project of settings.gradle has the plugin application or Spring Boot's: none is"
              + " known to be a program");
    }
    String folder =
        wanted.one("gradle", "projects", programs.stream().map(Project::folder).toList());
    return programs.stream().filter(p -> p.folder().equals(folder)).findFirst().orElseThrow();
  }

  private static boolean isProgram(String text) {
    return PROGRAM.matcher(text).find() || MAIN.matcher(text).find();
  }

  private static Optional<String> first(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
  }
}
