package dev.gantry.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Trees of somebody who wants lines of his own in the Dockerfile or the compose file, or the time
/// of who reads them.
class HostileTreesTest {
  /// What is put wherever a project says something; `MADE` in a place of its own would show.
  private static final List<String> WORDS =
      List.of(
          "x\nRUN touch MADE",
          "x\r\nRUN touch MADE",
          "x\\\nRUN touch MADE",
          "x\"]\nRUN touch MADE\nCMD [\"",
          "x' && touch MADE; '",
          "$(touch MADE)",
          "`touch MADE`",
          "<<E\nMADE\nE",
          "../../MADE",
          "x\u2028RUN touch MADE",
          "x\u0085RUN touch MADE",
          "x\u001b]0;MADE\u0007");

  @TempDir Path folder;

  private void file(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, content);
  }

  /// Builds recipes on both bases and looks at their lines.
  private void check(String word) {
    for (Base base : List.of(Base.official(true), Base.debian("debian:bookworm", true))) {
      Optional<Recipe> recipe;
      try {
        recipe = Recipes.of(new SourceTree(folder), base, Part.ANY);
      } catch (Failure e) {
        assertFalse(e.text().chars().anyMatch(HostileTreesTest::isControl), e.text());
        continue; // refused: nothing is built
      }
      recipe.ifPresent(made -> check(word, made));
    }
  }

  private static void check(String word, Recipe recipe) {
    for (String line : recipe.dockerfile().split("\\R")) {
      boolean quoted = line.startsWith("CMD [\"") && line.endsWith("\"]");
      assertTrue(!line.contains("MADE") || quoted, () -> word + " made\n" + recipe.dockerfile());
    }
    assertFalse(recipe.dockerignore().contains("MADE"));
    assertFalse(recipe.compose().contains("MADE"), recipe.compose());
    for (String line : recipe.recognised()) {
      assertFalse(line.chars().anyMatch(HostileTreesTest::isControl), line);
    }
  }

  private static boolean isControl(int c) {
    return Character.isISOControl(c) || Character.getType(c) == Character.LINE_SEPARATOR;
  }

  private static String json(String text) {
    return Json.of(text).text();
  }

  private void delete() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        if (!file.equals(folder)) {
          Files.delete(file);
        }
      }
    }
  }

  @Test
  void nodesWordsStayWords() throws IOException {
    for (String word : WORDS) {
      String text = json(word);
      file("server.js", "listen(3000)");
      file("package-lock.json", "{}");
      for (String project :
          List.of(
              "{\"name\":%s}",
              "{\"scripts\":{\"start\":%s}}",
              "{\"scripts\":{\"start\":%s,\"build\":%<s,\"prepare\":%<s}}",
              "{\"main\":%s}",
              "{\"engines\":{\"node\":%s}}",
              "{\"packageManager\":%s}",
              "{\"scripts\":{\"build\":%s},\"dependencies\":{%<s:%<s}}",
              "{\"workspaces\":[%s]}",
              "{\"workspaces\":{\"packages\":[%s]}}")) {
        file("package.json", project.formatted(text));
        check(word);
      }
      file("pnpm-lock.yaml", "lockfileVersion: '" + word + "'\n");
      check(word);
      delete();
    }
  }

  @Test
  void pythonsWordsStayWords() throws IOException {
    for (String word : WORDS) {
      file("main.py", word + " = Flask(__name__)\n");
      file("requirements.txt", word + "\n");
      check(word);
      file("requirements.txt", "");
      file(
          "pyproject.toml",
          "[project]\nname = \"%1$s\"\nrequires-python = \"==%1$s\"\n[project.scripts]\n%1$s=\"%1$s:%1$s\"\n"
              .formatted(word));
      file(".python-version", word);
      check(word);
      Files.delete(folder.resolve("main.py"));
      check(word);
      file("Procfile", "web: " + word + "\n");
      check(word);
      delete();
    }
  }

  @Test
  void javasWordsStayWords() throws IOException {
    for (String word : WORDS) {
      String escaped = word.replace("&", "&amp;").replace("<", "&lt;").replace("\u001b", "");
      String escapedToo = escaped.replace("\u0007", "");
      for (String inside :
          List.of(
              "<artifactId>%s</artifactId>",
              "<packaging>%s</packaging>",
              "<properties><exec.mainClass>%s</exec.mainClass></properties>",
              "<properties><java.version>%s</java.version></properties>",
              "<modules><module>%s</module></modules>")) {
        file("pom.xml", "<project>" + inside.formatted(escapedToo) + "</project>");
        file("src/main/java/a/A.java", "package a;\npublic static void main(String[] a) {}\n");
        file("src/main/resources/application.properties", "server.port = " + word + "\n");
        check(word);
      }
      delete();
      file("settings.gradle", "rootProject.name = '%1$s'\ninclude '%1$s'\n".formatted(word));
      file("build.gradle", "plugins { id 'application' }\nmainClass = '" + word + "'\n");
      check(word);
      file("build.gradle", "sourceCompatibility = " + word + "\nmainClass = 'a.A'\n");
      file("settings.gradle", "");
      check(word);
      delete();
      file("go.mod", "module " + word + "\n\ngo " + word + "\n");
      file("main.go", "package main\n");
      check(word);
      file("go.mod", "module a\n");
      check(word);
      delete();
    }
  }

  @Test
  void namesOfFoldersAndFilesStayNames() throws IOException {
    for (String word : WORDS) {
      String name = word.replace("/", "_");
      file("go.mod", "module a\n");
      file("cmd/" + name + "/main.go", "package main\n");
      check(word);
      delete();
      file("pom.xml", "<project/>");
      file("src/main/java/" + name + ".java", "class A { public static void main(String[] a) {} }");
      check(word);
      delete();
      file("manage.py", "");
      file(name + "/wsgi.py", "");
      check(word);
      delete();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"scripts\":[]}",
        "{\"scripts\":{\"start\":{}}}",
        "{\"workspaces\":7}",
        "{\"workspaces\":{\"packages\":\"x\"}}",
        "{\"name\":[],\"scripts\":{\"start\":\"node a\"}}",
        "{\"engines\":\"x\",\"main\":\"server.js\"}"
      })
  void valuesOfOtherTypesAreRefusedInWords(String project) throws IOException {
    file("package.json", project);
    file("server.js", "");
    try {
      Recipes.of(new SourceTree(folder), Base.official(false), Part.ANY);
    } catch (Failure e) {
      assertFalse(e.text().isEmpty());
    }
  }

  /// Patterns that look for words in files of others must not take for ever on any of them.
  @Test
  void longLinesTakeNoTime() throws IOException {
    for (String part : List.of("a", " ", "import ", "=", "\n", "port: ", "x=1 ", "server:\n ")) {
      String text = part.repeat((1 << 18) / part.length());
      file("build.gradle", "mainClass = 'a.A'\n" + text.substring(100));
      file("settings.gradle", "include " + text.substring(100));
      file("src/main/resources/application.properties", text);
      file("src/main/resources/application.yml", text);
      check(part);
      delete();
      file("pyproject.toml", text);
      file("requirements.txt", text);
      file("main.py", text);
      file("app.py", "def create_app(" + text.substring(100));
      file("Procfile", text);
      check(part);
      delete();
      file("package.json", "{\"scripts\":{\"start\":" + json(text.substring(1000)) + "}}");
      file("pnpm-lock.yaml", text);
      check(part);
      file("package.json", "{\"main\":\"server.js\"}");
      file("server.js", text);
      check(part);
      delete();
      file("go.mod", "module a\n" + text.substring(100));
      file("main.go", "package main\n" + text.substring(100));
      check(part);
      delete();
    }
  }

  @Test
  void deepAndLinkedTreesEnd() throws IOException {
    Path deep = folder;
    for (int i = 0; i < 60; i++) {
      deep = Files.createDirectory(deep.resolve("d"));
    }
    file("pom.xml", "<project/>");
    file("src/main/java/A.java", "public static void main(String[] a) {}");
    Files.createSymbolicLink(folder.resolve("src/main/java/loop"), folder);
    Files.createSymbolicLink(folder.resolve("package.json"), Path.of("/etc/passwd"));
    Recipe recipe =
        Recipes.of(new SourceTree(folder), Base.official(false), Part.ANY).orElseThrow();
    assertEquals("a Maven project", recipe.title());
    assertFalse(recipe.recognised().toString().contains("package.json"));
  }
}
