package dev.gantry.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecipesTest {
  private static final String MAIN =
      "package shop;\nclass Shop {\n  public static void main(String[] a) {}\n}\n";

  @TempDir Path folder;

  private void file(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.resolveSibling("."));
    Files.writeString(file, content);
  }

  private Recipe recipe() {
    return Recipes.of(new SourceTree(folder), Base.official(false), Part.ANY).orElseThrow();
  }

  private Recipe recipe(String part) {
    return Recipes.of(new SourceTree(folder), Base.official(false), Part.parse(part)).orElseThrow();
  }

  private Recipe onDebian() {
    return Recipes.of(new SourceTree(folder), Base.debian("debian:bookworm", true), Part.ANY)
        .orElseThrow();
  }

  private String refusal() {
    return assertThrows(Failure.class, this::recipe).text();
  }

  private static void contains(String whole, String... parts) {
    for (String part : parts) {
      assertTrue(whole.contains(part), () -> "no " + part + " in\n" + whole);
    }
  }

  private static String pom(String inside) {
    return "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><artifactId>shop</artifactId>"
        + inside
        + "</project>";
  }

  @Test
  void anEmptyFolderIsOfNoKind() {
    assertEquals(
        Optional.empty(), Recipes.of(new SourceTree(folder), Base.official(false), Part.ANY));
  }

  @Nested
  class Maven {
    @Test
    void findsTheMainClassInTheSources() throws IOException {
      file("pom.xml", pom("<properties><java.version>21</java.version></properties>"));
      file("src/main/java/shop/Shop.java", MAIN);
      Recipe recipe = recipe();
      assertEquals("a Maven project", recipe.title());
      assertEquals(List.of("maven:3-eclipse-temurin-21", "eclipse-temurin:21-jre"), recipe.bases());
      contains(
          recipe.dockerfile(), "\"shop.Shop\"]", "USER 10001:10001", "/app/lib", "EXPOSE 8080");
      assertFalse(recipe.dockerfile().contains("certificates"));
      assertEquals("shop", recipe.name());
    }

    @Test
    void takesTheMainClassThatThePomNames() throws IOException {
      file(
          "pom.xml",
          pom(
              "<properties><main.class>a.B</main.class></properties><build><plugins><plugin>"
                  + "<configuration><archive><manifest><mainClass>${main.class}</mainClass>"
                  + "</manifest></archive></configuration></plugin></plugins></build>"));
      contains(recipe().dockerfile(), "\"a.B\"]");
    }

    @Test
    void asksWhichOfSeveralMainClasses() throws IOException {
      file("pom.xml", pom(""));
      file("src/main/java/shop/Shop.java", MAIN);
      file("src/main/java/shop/Till.java", MAIN);
      contains(refusal(), "shop.Shop, shop.Till", "exec.mainClass");
    }

    @Test
    void prefersSpringsApplicationAndItsPort() throws IOException {
      file(
          "pom.xml",
          pom(
              "<build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin>"
                  + "</plugins></build>"));
      file("src/main/java/shop/Till.java", MAIN);
      file("src/main/java/shop/Shop.java", "@SpringBootApplication\n" + MAIN);
      file("src/main/resources/application.properties", "a=b\nserver.port = 9090\n");
      Recipe recipe = recipe();
      assertEquals(9090, recipe.port());
      contains(recipe.dockerfile(), "\"shop.Shop\"]", "EXPOSE 9090");
      contains(recipe.compose(), "\"9090:9090\"");
    }

    @Test
    void buildsTheModuleThatIsAProgram() throws IOException {
      file(
          "pom.xml",
          pom(
              "<packaging>pom</packaging><modules><module>core</module><module>web</module>"
                  + "</modules>"));
      file("core/pom.xml", pom(""));
      file("web/pom.xml", pom("<properties><exec.mainClass>w.Main</exec.mainClass></properties>"));
      contains(recipe().dockerfile(), " -pl web -am package", "/source/web/target/container/lib");
    }

    @Test
    void takesTheModuleWithTheMainMethodWhereNoPomNamesOne() throws IOException {
      file(
          "pom.xml",
          pom(
              "<packaging>pom</packaging><modules><module>core</module><module>web</module>"
                  + "</modules><properties><maven.compiler.release>17</maven.compiler.release>"
                  + "</properties>"));
      file("core/pom.xml", pom(""));
      file("web/pom.xml", pom(""));
      file("web/src/main/java/shop/Shop.java", MAIN);
      contains(
          recipe().dockerfile(),
          " -pl web -am package",
          "COPY --from=build /source/web/target/container/modules /app/modules\n",
          "/app/classes:/app/modules/*:/app/lib/*");
      file("core/src/main/java/shop/Other.java", MAIN);
      contains(refusal(), "several modules are programs: core, web", "--recipe maven:core");
      contains(recipe("maven:core").dockerfile(), " -pl core -am package");
    }

    @Test
    void startsQuarkusAsItPacksItself() throws IOException {
      file(
          "pom.xml",
          pom(
              "<build><plugins><plugin><artifactId>quarkus-maven-plugin</artifactId></plugin>"
                  + "</plugins></build>"));
      contains(
          recipe().dockerfile(),
          "/source/target/quarkus-app/lib /app/lib",
          "\"-jar\", \"/app/quarkus-run.jar\"]");
    }

    @Test
    void usesTheProjectsOwnMavenWhereOneIsOfficial() throws IOException {
      file("pom.xml", pom(""));
      file("src/main/java/shop/Shop.java", MAIN);
      file("mvnw", "#!/bin/sh\n");
      file(".mvn/wrapper/maven-wrapper.properties", "");
      contains(recipe().dockerfile(), "sh ./mvnw -B", "target=/root/.m2/wrapper");
      contains(onDebian().dockerfile(), " mvn -B");
    }

    @Test
    void readsThePortOfYaml() throws IOException {
      file("pom.xml", pom(""));
      file("src/main/java/shop/Shop.java", MAIN);
      file(
          "src/main/resources/application.yml",
          "spring:\n  a: b\nserver:\n  ssl: x\n  port: ${PORT:9191}\n");
      assertEquals(9191, recipe().port());
    }

    @Test
    void refusesAWar() throws IOException {
      file("pom.xml", pom("<packaging>war</packaging>"));
      contains(refusal(), "packs a war");
    }

    @Test
    void refusesNewerJavaThanTheDebianHas() throws IOException {
      file("pom.xml", pom("<properties><java.version>25</java.version></properties>"));
      String text = assertThrows(Failure.class, RecipesTest.this::onDebian).text();
      contains(text, "asks for Java 25", "debian:bookworm has Java 17");
    }

    @Test
    void onDebianAptInstallsJavaAndCertificatesAreTrusted() throws IOException {
      file("pom.xml", pom(""));
      file("src/main/java/shop/Shop.java", MAIN);
      Recipe recipe = onDebian();
      assertEquals(List.of("debian:bookworm"), recipe.bases());
      contains(
          recipe.dockerfile(),
          "openjdk-17-jdk-headless maven && ",
          "openjdk-17-jre-headless && ",
          "keytool -importcert");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "<!DOCTYPE p [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><project>&b;</project>",
          "<!DOCTYPE p [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><project>&a;</project>",
          "<project",
          "not xml"
        })
    void refusesWhatIsNoPom(String text) throws IOException {
      file("pom.xml", text);
      contains(refusal(), "pom.xml cannot be read");
    }

    @Test
    void refusesDepthAndLength() throws IOException {
      file("pom.xml", "<a>".repeat(100) + "</a>".repeat(100));
      contains(refusal(), "nested more than 64");
      file("pom.xml", "x".repeat((1 << 20) + 1));
      contains(refusal(), "larger than 1 MiB");
    }

    @Test
    void variablesThatGrowWithoutEndStayAsTheyAre() throws IOException {
      StringBuilder properties = new StringBuilder("<v0>" + "x".repeat(90) + "</v0>");
      for (int i = 1; i < 40; i++) {
        properties.append("<v%d>%s</v%d>".formatted(i, "${v" + (i - 1) + "}".repeat(1), i));
        properties.append("<w%d>%s</w%d>".formatted(i, ("${w" + (i - 1) + "}").repeat(10), i));
      }
      file(
          "pom.xml",
          pom("<properties>" + properties + "<mainClass>${w39}</mainClass></properties>"));
      file("src/main/java/shop/Shop.java", MAIN);
      contains(recipe().dockerfile(), "\"shop.Shop\"]");
    }

    @Test
    void nothingInAPomGetsIntoTheDockerfileAsALine() throws IOException {
      file(
          "pom.xml",
          pom(
              "<properties><exec.mainClass>a\nRUN touch /made</exec.mainClass></properties>"
                  + "<build><mainClass>b\"]\nRUN x</mainClass></build>"));
      file("src/main/java/shop/Shop.java", MAIN);
      assertFalse(recipe().dockerfile().contains("touch"));
    }

    @Test
    void linksOutOfTheTreeAreNotFollowed() throws IOException {
      Path outside = Files.createTempFile("outside", ".xml");
      try {
        Files.writeString(outside, pom(""));
        Files.createSymbolicLink(folder.resolve("pom.xml"), outside);
        assertTrue(Recipes.of(new SourceTree(folder), Base.official(false), Part.ANY).isEmpty());
      } finally {
        Files.delete(outside);
      }
    }
  }

  @Nested
  class Gradle {
    @Test
    void readsMainClassAndVersion() throws IOException {
      file(
          "build.gradle.kts",
          "plugins { application }\nkotlin { jvmToolchain(17) }\n"
              + "application { mainClass.set(\"a.MainKt\") }\n");
      file("settings.gradle.kts", "rootProject.name = \"Till 7\"\n");
      Recipe recipe = recipe();
      assertEquals("till-7", recipe.name());
      assertEquals(List.of("gradle:jdk17", "eclipse-temurin:17-jre"), recipe.bases());
      contains(recipe.dockerfile(), "\"a.MainKt\"]", "containerLayers &&");
    }

    @Test
    void usesTheProjectsOwnWrapper() throws IOException {
      file("build.gradle", "plugins { id 'application' }\nmainClassName = 'a.Main'\n");
      file("gradlew", "#!/bin/sh\n");
      file("gradle/wrapper/gradle-wrapper.jar", "jar");
      contains(recipe().dockerfile(), "FROM eclipse-temurin:17-jdk AS build", "sh ./gradlew --no");
    }

    @Test
    void findsTheProgramAmongProjects() throws IOException {
      file("settings.gradle", "include 'core', 'web:app'\n");
      file("core/build.gradle", "plugins { id 'java-library' }\n");
      file("web/app/build.gradle", "plugins { id 'application' }\nmainClass = 'w.Main'\n");
      contains(
          recipe().dockerfile(), ":web:app:containerLayers", "/source/web/app/build/container");
    }
  }

  @Nested
  class Node {
    @Test
    void startsWhatTheScriptStarts() throws IOException {
      file(
          "package.json",
          "{\"name\":\"@a/web\",\"engines\":{\"node\":\"20.x\"},"
              + "\"scripts\":{\"start\":\"node --enable-source-maps src/s.js\"}}");
      file("package-lock.json", "{}");
      file("src/s.js", "http.createServer(f).listen(3000)");
      Recipe recipe = recipe();
      assertEquals(List.of("node:20-slim"), recipe.bases());
      assertEquals("a-web", recipe.name());
      assertEquals(3000, recipe.port());
      contains(
          recipe.dockerfile(),
          "npm ci",
          "--omit=dev",
          "CMD [\"node\", \"--enable-source-maps\", \"src/s.js\"]");
    }

    @Test
    void buildsFirstWhereThereIsABuild() throws IOException {
      file("package.json", "{\"scripts\":{\"build\":\"tsc\",\"start\":\"node dist/a.js\"}}");
      file("yarn.lock", "");
      contains(
          recipe().dockerfile(),
          "yarn@1 install",
          "npm run build && \\\n    npx --yes yarn@1 install");
    }

    @Test
    void startsWithoutNpmInBetween() throws IOException {
      file(
          "package.json",
          "{\"scripts\":{\"start\":\"npm run serve\",\"serve\":\"migrate up && next start -p"
              + " $PORT\",\"prepare\":\"husky\"}}");
      contains(
          recipe().dockerfile(),
          "npm pkg delete scripts.prepare && npm install",
          "ENTRYPOINT [\"tini\", \"--\"]",
          "CMD [\"sh\", \"-c\", \"migrate up && exec next start -p $PORT\"]");
      file("package.json", "{\"scripts\":{\"prestart\":\"x\",\"start\":\"node a.js\"}}");
      contains(recipe().dockerfile(), "CMD [\"npm\", \"start\"]");
      contains(onDebian().dockerfile(), "      nodejs npm tini && ");
    }

    @Test
    void keepsDevelopmentsPackagesThatTheStartNeeds() throws IOException {
      file(
          "package.json",
          "{\"scripts\":{\"start\":\"tsx a.ts\"},\"devDependencies\":{\"tsx\":\"4\"}}");
      assertFalse(recipe().dockerfile().contains("--omit=dev"));
    }

    @Test
    void findsThePortInTheSourceOfWhatIsStarted() throws IOException {
      file("package.json", "{\"scripts\":{\"build\":\"tsc\",\"start\":\"node dist/s.js\"}}");
      file("src/s.ts", "const port: number = 4000;\napp.listen(port);\n");
      assertEquals(4000, recipe().port());
    }

    @Test
    void takesTheToolAndVersionThatTheLockFileNeeds() throws IOException {
      file("package.json", "{\"main\":\"a.js\"}");
      file("a.js", "");
      file("pnpm-lock.yaml", "lockfileVersion: '6.0'\n");
      contains(recipe().dockerfile(), "pnpm@8 install --frozen-lockfile --prod");
      file("package.json", "{\"main\":\"a.js\",\"packageManager\":\"pnpm@9.1.2+sha1.x\"}");
      contains(recipe().dockerfile(), "pnpm@9.1.2 install");
      Files.delete(folder.resolve("pnpm-lock.yaml"));
      file("package.json", "{\"main\":\"a.js\",\"packageManager\":\"pnpm@9;RUN x\"}");
      file("yarn.lock", "__metadata:\n  version: 8\n");
      contains(recipe().dockerfile(), "@yarnpkg/cli-dist@4 yarn workspaces focus --production");
    }

    @Test
    void startsTheWorkspaceThatIsAProgram() throws IOException {
      file("package.json", "{\"workspaces\":[\"packages/*\"]}");
      file("packages/lib/package.json", "{\"name\":\"lib\"}");
      file("packages/web/package.json", "{\"scripts\":{\"start\":\"node s.js\"}}");
      file("packages/web/s.js", "");
      contains(
          recipe().dockerfile(),
          "COPY . .\nRUN",
          "npm run build --workspaces --if-present",
          "WORKDIR /app/packages/web\n",
          "CMD [\"node\", \"s.js\"]");
      file("packages/api/package.json", "{\"scripts\":{\"start\":\"node s.js\"}}");
      contains(refusal(), "packages/api, packages/web", "--recipe node:packages/api");
      contains(recipe("node:packages/web").dockerfile(), "WORKDIR /app/packages/web\n");
    }

    @Test
    void servesPagesThatItBuilds() throws IOException {
      file("package.json", "{\"scripts\":{\"build\":\"vite build\"}}");
      Recipe recipe = recipe();
      assertEquals("a web site that Node builds", recipe.title());
      assertEquals(List.of("node:22-slim", "nginx:stable-alpine"), recipe.bases());
      contains(recipe.dockerfile(), "COPY --from=build /source/dist /site", "/index.html;");
    }

    @Test
    void saysWhatIsMissing() throws IOException {
      file("package.json", "{}");
      contains(refusal(), "neither how to start");
      file("package.json", "{\"a\":");
      contains(refusal(), "package.json cannot be read");
      file("package.json", "[".repeat(100_000));
      contains(refusal(), "package.json cannot be read");
    }

    @Test
    void aCommandStaysOneLine() throws IOException {
      file("package.json", "{\"name\":\"x\\nRUN y\",\"scripts\":{\"start\":\"node a\\nRUN z\"}}");
      Recipe recipe = recipe();
      assertFalse(recipe.dockerfile().lines().anyMatch(l -> l.matches("RUN [yz].*")));
      assertEquals("x-run-y", recipe.name());
    }
  }

  @Nested
  class Python {
    @Test
    void startsFlaskByGunicornWhereItHasThat() throws IOException {
      file("requirements.txt", "flask==3\ngunicorn\n# more\n");
      file("app.py", "from flask import Flask\nserver = Flask(__name__)\n");
      Recipe recipe = recipe();
      contains(
          recipe.dockerfile(), "CMD [\"gunicorn\", \"--bind\", \"0.0.0.0:8080\", \"app:server\"]");
      assertEquals("requirements.txt: 2 packages", recipe.recognised().getFirst());
    }

    @Test
    void startsFastApi() throws IOException {
      file("pyproject.toml", "[project]\nname = \"till\"\ndependencies = [\"fastapi\"]\n");
      file("main.py", "app: FastAPI = FastAPI(title='x')\n");
      Recipe recipe = recipe();
      assertEquals("till", recipe.name());
      contains(recipe.dockerfile(), "\"uvicorn\", \"main:app\"", "import tomllib");
    }

    @Test
    void startsDjangoThoughNodeMakesItsPages() throws IOException {
      file("manage.py", "");
      file("shop/wsgi.py", "");
      file("package.json", "{\"scripts\":{\"build\":\"x\"}}");
      contains(recipe().dockerfile(), "\"manage.py\", \"runserver\"");
    }

    @Test
    void theProcfileKnowsBetter() throws IOException {
      file("requirements.txt", "");
      file("Procfile", "worker: x\nweb: python3 -m shop \"a b\"\n");
      contains(recipe().dockerfile(), "CMD [\"sh\", \"-c\", \"exec python3 -m shop \\\"a b\\\"\"]");
    }

    @Test
    void packagesThatLieInTheTreeAreThereBeforeTheyAreInstalled() throws IOException {
      file("main.py", "");
      file("requirements.txt", "a==1\n");
      contains(recipe().dockerfile(), "COPY requirements.txt ./\n");
      for (String line : List.of("-r base.txt", "-e .", "./lib", "--find-links wheels", "x.whl")) {
        file("requirements.txt", "a==1\n" + line + "\n");
        contains(recipe().dockerfile(), "WORKDIR /source\nCOPY . .\nRUN");
      }
    }

    @Test
    void findsApplicationsInPackages() throws IOException {
      file("requirements.txt", "fastapi\n");
      file("app/main.py", "app = FastAPI()\n");
      contains(recipe().dockerfile(), "CMD [\"uvicorn\", \"app.main:app\"");
      file("app/main.py", "");
      file("app/__init__.py", "from flask import Flask\ndef create_app(x=1):\n");
      contains(recipe().dockerfile(), "CMD [\"flask\", \"--app\", \"app:create_app()\"");
    }

    @Test
    void startsPackagesAndScripts() throws IOException {
      file("pyproject.toml", "[project]\nname = 'a'\n[project.scripts]\nb = \"a.b:main\"\n");
      file("src/a/b.py", "");
      contains(
          recipe().dockerfile(),
          "PYTHONPATH=/app/src:/app ",
          "\"import sys; from a.b import main; sys.exit(main())\"]");
      file("src/a/__main__.py", "");
      contains(recipe().dockerfile(), "CMD [\"python3\", \"-m\", \"a\"]");
    }

    @Test
    void takesLockedPackagesAndRefusesOthersThanPipReads() throws IOException {
      file("main.py", "");
      file("pyproject.toml", "[tool.poetry.dependencies]\nflask = '*'\n");
      contains(refusal(), "poetry lock");
      file("poetry.lock", "");
      contains(recipe().dockerfile(), "poetry install --only main --no-root");
      contains(onDebian().dockerfile(), "python3-venv ca-certificates python3-poetry && ");
      file("uv.lock", "");
      contains(recipe().dockerfile(), "uv sync --frozen --no-dev --no-install-project");
    }

    @Test
    void takesTheVersionThatTheProjectAsksFor() throws IOException {
      file("main.py", "");
      file(".python-version", "3.11.4\n");
      assertEquals(List.of("python:3.11-slim"), recipe().bases());
    }

    @Test
    void saysThatNothingStarts() throws IOException {
      file("requirements.txt", "");
      contains(refusal(), "does not say how it is started", "Procfile");
    }
  }

  @Nested
  class Go {
    @Test
    void buildsTheRootOrTheOnlyCommand() throws IOException {
      file("go.mod", "module example.org/a/till/v2\n\ngo 1.22\n");
      file("cmd/till/main.go", "package main\n");
      file("lib.go", "package till\n");
      Recipe recipe = recipe();
      assertEquals("till", recipe.name());
      contains(recipe.dockerfile(), "-o /out/program ./cmd/till && ", "FROM scratch\n");
      file("main.go", "// x\npackage main\n");
      contains(recipe().dockerfile(), "-o /out/program . && ");
    }

    @Test
    void fetchesNothingOfWhatIsInTheTree() throws IOException {
      file("go.mod", "module a\n");
      file("main.go", "package main\n");
      file("static/a.css", "");
      contains(recipe().dockerfile(), "go mod download", "COPY static static\n");
      file("vendor/modules.txt", "");
      assertFalse(recipe().dockerfile().contains("go mod download"));
      Files.delete(folder.resolve("vendor/modules.txt"));
      file("go.mod", "module a\nreplace b => ../b\n");
      assertFalse(recipe().dockerfile().contains("go mod download"));
    }

    @Test
    void refusesNewerGoThanTheDebianHas() throws IOException {
      file("go.mod", "module a\n\ngo 1.22.1\n");
      file("main.go", "package main\n");
      String text = assertThrows(Failure.class, RecipesTest.this::onDebian).text();
      contains(text, "asks for Go 1.22.1", "debian:bookworm has Go 1.19");
    }

    @Test
    void asksWhichOfSeveralPrograms() throws IOException {
      file("go.mod", "module a\n");
      file("cmd/a/main.go", "package main\n");
      file("cmd/b/main.go", "package main\n");
      contains(refusal(), "cmd/a, cmd/b", "--recipe go:cmd/a");
      assertTrue(
          Recipes.of(new SourceTree(folder), Base.official(false), Part.parse("go:./cmd/b/"))
              .orElseThrow()
              .dockerfile()
              .contains(" ./cmd/b && "));
    }
  }

  @Test
  void saysWhatElseIsThereAndTakesWhatIsChosen() throws IOException {
    file("pom.xml", pom(""));
    file("src/main/java/shop/Shop.java", MAIN);
    file("package.json", "{\"main\":\"a.js\"}");
    file("a.js", "");
    assertEquals("also there: package.json (--recipe node)", recipe().recognised().getLast());
    assertEquals("a Node project", recipe("node").title());
    file("pom.xml", pom("<packaging>war</packaging>"));
    contains(
        refusal(), "packs a war", "; or take what else is there: package.json (--recipe node)");
    file("below/go.mod", "module a\n");
    assertEquals(List.of("below"), Recipes.below(new SourceTree(folder)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"cobol", "node:../x", "node:a b", "go:x\nRUN y", ":", ""})
  void refusesWhatIsNoChoice(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> Part.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"debian:bookworm\nRUN x", "a b", "", "-x", "a\"b"})
  void refusesWhatIsNoBase(String image) {
    assertThrows(Failure.InvalidRequest.class, () -> Base.debian(image, false));
  }

  @Test
  void servesAStaticSite() throws IOException {
    file("public/index.html", "<p>");
    Recipe recipe = onDebian();
    assertEquals("a static site", recipe.title());
    contains(recipe.dockerfile(), "COPY public /site", "nginx-light", "listen 8080;");
  }
}
