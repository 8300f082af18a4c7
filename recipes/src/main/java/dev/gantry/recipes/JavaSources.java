package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Finds the class to start in sources of Java, Kotlin and Groovy.
final class JavaSources {
  private static final Pattern CLASS_NAME =
      Pattern.compile("[A-Za-z_$][\\w$]*(\\.[A-Za-z_$][\\w$]*){0,30}");
  private static final Pattern PACKAGE = Pattern.compile("(?m)^[ \\t]*package\\s+([\\w.]{1,200})");
  private static final Pattern MAIN =
      Pattern.compile("(?:static\\s+void|(?m:^)[ \\t]*void)\\s+main\\s*\\(");
  private static final Pattern KOTLIN_MAIN = Pattern.compile("(?m)^fun\\s+main\\s*\\(");
  private static final String NUMBER = "(?:\\$\\{[\\w.]{1,50}:)?([0-9]{1,5})}?\\s*$";
  private static final Pattern PORT =
      Pattern.compile("(?m)^[ \\t]*(?:server|quarkus\\.http)\\.port\\s*[=:]\\s*" + NUMBER);
  private static final Pattern YAML_PORT =
      Pattern.compile(
          "(?m)^server:[ \\t]*\\R(?:[ \\t].{0,200}\\R){0,50}?[ \\t]+port:\\s*" + NUMBER);

  private JavaSources() {}

  static boolean isClassName(String text) {
    return CLASS_NAME.matcher(text).matches();
  }

  /// The one class with a main method below `module`; several are refused with their names.
  static String mainClass(SourceTree tree, String module, String where) {
    List<String> choice = mainClasses(tree, module);
    if (choice.isEmpty()) {
      throw new Failure.InvalidRequest(
          "no class with a main method is below "
              + (module.isEmpty() ? "" : module + "/")
              + "src/main, and "
              + where);
    }
    if (choice.size() > 1) {
      throw new Failure.InvalidRequest(
          "several classes have a main method: "
              + String.join(", ", choice.subList(0, Math.min(10, choice.size())))
              + "; "
              + where);
    }
    return choice.getFirst();
  }

  /// The classes with a main method below `module`; of several the one that is Spring's.
  static List<String> mainClasses(SourceTree tree, String module) {
    String prefix = module.isEmpty() ? "" : module + "/";
    List<String> found = new ArrayList<>();
    List<String> applications = new ArrayList<>();
    for (String language : List.of("java", "kotlin")) {
      String suffix = language.equals("java") ? ".java" : ".kt";
      for (String file : tree.find(prefix + "src/main/" + language, suffix)) {
        String text = tree.text(file).orElse("");
        boolean starts = (suffix.equals(".java") ? MAIN : KOTLIN_MAIN).matcher(text).find();
        if (!starts) {
          continue;
        }
        Matcher in = PACKAGE.matcher(text);
        String simple = file.substring(file.lastIndexOf('/') + 1, file.length() - suffix.length());
        String name =
            (in.find() ? in.group(1) + "." : "") + simple + (suffix.equals(".kt") ? "Kt" : "");
        if (isClassName(name)) {
          found.add(name);
          if (text.contains("@SpringBootApplication")) {
            applications.add(name);
          }
        }
      }
    }
    return applications.size() == 1 ? applications : found;
  }

  /// The port in the settings of Spring or Quarkus, else 8080.
  static int port(SourceTree tree, String module) {
    String resources = (module.isEmpty() ? "" : module + "/") + "src/main/resources/application";
    return first(PORT, tree.text(resources + ".properties"))
        .or(() -> first(YAML_PORT, tree.text(resources + ".yml")))
        .or(() -> first(YAML_PORT, tree.text(resources + ".yaml")))
        .map(Integer::valueOf)
        .filter(port -> port > 0 && port < 65536)
        .orElse(8080);
  }

  private static Optional<String> first(Pattern pattern, Optional<String> text) {
    return text.map(pattern::matcher).filter(Matcher::find).map(m -> m.group(1));
  }

  /// The first lines of the stage `build`, in which Java and its tool compile.
  static String build(Base base, int java, String official, String tool) {
    boolean known = base.java().isPresent();
    String jre = known ? "openjdk-" + java + "-jre-headless" : "default-jre-headless";
    String jdk = known ? "openjdk-" + java + "-jdk-headless" : "default-jdk-headless";
    return base.build(official, jre, (jdk + " " + tool).strip()) + base.trustedByJava();
  }

  /// The last stage of a Java recipe: libraries, then what the project itself makes, on a Java
  /// without compiler.
  ///
  /// @param made the folder in the stage `build` with `lib`, `classes`, and with `modules` if there
  ///   are several
  static String runtime(Base base, int java, String made, boolean modules, String main, int port) {
    return last(base, java)
        + """
        # libraries change less often than the application: a layer of their own
        COPY --from=build %1$s/lib /app/lib
        %2$sCOPY --from=build %1$s/classes /app/classes
        WORKDIR /app
        USER 10001:10001
        EXPOSE %3$d
        ENTRYPOINT ["java", "-XX:MaxRAMPercentage=75", "-cp", "/app/classes:%4$s/app/lib/*", "%5$s"]
        """
            .formatted(
                made,
                modules ? "COPY --from=build " + made + "/modules /app/modules\n" : "",
                port,
                modules ? "/app/modules/*:" : "",
                main);
  }

  static String last(Base base, int java) {
    return "\n" + base.last("eclipse-temurin:" + java + "-jre");
  }

  /// What such an image holds, for people.
  static List<String> holds(int java, boolean modules) {
    List<String> holds = new ArrayList<>();
    holds.add("Java " + java + " without compiler");
    holds.add("/app/lib: the libraries, a layer");
    if (modules) {
      holds.add("/app/modules: the project's other modules, a layer");
    }
    holds.add("/app/classes: the application, a layer");
    return holds;
  }

  /// The Java to use for code that needs `wanted`: the next one with long support, or what the
  /// Debian image has.
  static int version(Base base, Optional<Integer> wanted, String file) {
    int least = wanted.orElse(17);
    if (base.java().isPresent()) {
      int there = base.java().get();
      if (wanted.isPresent() && least > there) {
        throw new Failure.InvalidRequest(
            file
                + " asks for Java "
                + least
                + ", and "
                + base.debian().orElse("")
                + " has Java "
                + there
                + ": choose a newer base");
      }
      return there;
    }
    for (int lasting : List.of(8, 11, 17, 21, 25)) {
      if (lasting >= least) {
        return lasting;
      }
    }
    return least;
  }
}
