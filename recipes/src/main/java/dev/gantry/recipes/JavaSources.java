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
  private static final Pattern PACKAGE = Pattern.compile("(?m)^\\s*package\\s+([\\w.]{1,200})");
  private static final Pattern MAIN =
      Pattern.compile("(?:static\\s+void|(?m:^)\\s*void)\\s+main\\s*\\(");
  private static final Pattern KOTLIN_MAIN = Pattern.compile("(?m)^fun\\s+main\\s*\\(");
  private static final Pattern PORT =
      Pattern.compile("(?m)^\\s*(?:server|quarkus\\.http)\\.port\\s*[=:]\\s*([0-9]{1,5})\\s*$");

  private JavaSources() {}

  static boolean isClassName(String text) {
    return CLASS_NAME.matcher(text).matches();
  }

  /// The one class with a main method below `module`; several are refused with their names.
  static String mainClass(SourceTree tree, String module, String where) {
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
    List<String> choice = applications.size() == 1 ? applications : found;
    if (choice.isEmpty()) {
      throw new Failure.InvalidRequest(
          "no class with a main method is below " + prefix + "src/main, and " + where);
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

  /// The port in the settings of Spring or Quarkus, else 8080.
  static int port(SourceTree tree, String module) {
    String prefix = module.isEmpty() ? "" : module + "/";
    Optional<String> settings = tree.text(prefix + "src/main/resources/application.properties");
    return settings
        .map(PORT::matcher)
        .filter(Matcher::find)
        .map(m -> Integer.parseInt(m.group(1)))
        .filter(port -> port > 0 && port < 65536)
        .orElse(8080);
  }

  /// The last stage of every Java recipe: libraries, then classes, on a Java without compiler.
  ///
  /// @param made the folder in the stage `build` with `lib` and `classes`
  static String runtime(Base base, int java, String made, String main, int port) {
    return "\n"
        + base.from(
            "eclipse-temurin:" + java + "-jre",
            "",
            base.java().isPresent() ? "openjdk-" + java + "-jre-headless" : "default-jre-headless")
        + """
        # libraries change less often than the application: a layer of their own
        COPY --from=build %1$s/lib /app/lib
        COPY --from=build %1$s/classes /app/classes
        WORKDIR /app
        USER 10001:10001
        EXPOSE %2$d
        ENTRYPOINT ["java", "-XX:MaxRAMPercentage=75", "-cp", "/app/classes:/app/lib/*", "%3$s"]
        """
            .formatted(made, port, main);
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
