package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Source trees without a Dockerfile, one of each kind that is known, on an engine with a Debian:
/// built, run as careful people do, asked, stopped, changed and built again; and what `gantry init`
/// writes of them, built and started by the real clients.
final class SourceTrees {
  private static final Duration LONG = Duration.ofMinutes(15);

  /// The machine's own settings of Maven, where it has some.
  private static final Path SETTINGS = Path.of(System.getProperty("user.home"), ".m2/settings.xml");

  private static final String WEB =
      """
      package shop;

      import com.sun.net.httpserver.HttpServer;
      import java.net.InetSocketAddress;
      import org.jspecify.annotations.NullMarked;

      public class Shop {
        public static void main(String[] args) throws Exception {
          String library = NullMarked.class.getSimpleName();
          HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
          server.createContext("/", exchange -> {
            byte[] answer = (WORD + ", with " + library).getBytes("UTF-8");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
          });
          server.start();
        }
      }
      """;

  private final Engine engine;
  private final Path folder;

  SourceTrees(Engine engine, Path folder) {
    this.engine = engine;
    this.folder = folder;
  }

  void all() throws IOException {
    Map<Path, String> answers = new LinkedHashMap<>();
    maven(answers);
    gradle();
    go(answers);
    node(answers);
    python(answers);
    site(answers);
    nothing();
    if (engine.dockerCommand("compose", "version").run().code() == 0) {
      for (Map.Entry<Path, String> tree : answers.entrySet()) {
        written(tree.getKey(), tree.getValue());
      }
    }
  }

  // ---- each kind

  private void maven(Map<Path, String> answers) throws IOException {
    String parent =
        """
        <project xmlns="http://maven.apache.org/POM/4.0.0">
          <modelVersion>4.0.0</modelVersion>
          <parent>
            <groupId>example</groupId><artifactId>shop</artifactId><version>1.0-SNAPSHOT</version>
          </parent>
        """;
    Path tree =
        tree(
            "pom.xml",
            """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <modelVersion>4.0.0</modelVersion>
              <groupId>example</groupId>
              <artifactId>shop</artifactId>
              <version>1.0-SNAPSHOT</version>
              <packaging>pom</packaging>
              <modules>
                <module>core</module>
                <module>web</module>
              </modules>
              <properties>
                <maven.compiler.release>17</maven.compiler.release>
                <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
              </properties>
            </project>
            """,
            "core/pom.xml",
            parent + "<artifactId>core</artifactId></project>\n",
            "core/src/main/java/core/Sign.java",
            "package core;\npublic class Sign { public String toString() { return \"open\"; } }\n",
            "web/pom.xml",
            parent
                + """
                  <artifactId>web</artifactId>
                  <dependencies>
                    <dependency>
                      <groupId>example</groupId>
                      <artifactId>core</artifactId>
                      <version>${project.version}</version>
                    </dependency>
                    <dependency>
                      <groupId>org.jspecify</groupId>
                      <artifactId>jspecify</artifactId>
                      <version>1.0.0</version>
                    </dependency>
                  </dependencies>
                </project>
                """,
            "web/src/main/java/shop/Shop.java",
            WEB.replace("WORD", "new core.Sign()"));
    Outcome built = build("sources:maven", tree);
    said(built, "Recognised a Maven project", "2 modules, web is started", "starts shop.Shop");
    said(built, "The image, on debian:bookworm");
    answers("sources:maven", 8080, "open, with NullMarked");
    assertEquals(
        "jspecify-1.0.0.jar\n", inside("sources:maven", "ls", "/app/lib"), "libraries alone");
    assertEquals("core-1.0-SNAPSHOT.jar\n", inside("sources:maven", "ls", "/app/modules"));
    Path source = tree.resolve("web/src/main/java/shop/Shop.java");
    changed("sources:maven", tree, source, "new core.Sign()", "\"closed\"");
    answers("sources:maven", 8080, "closed, with NullMarked");
    answers.put(tree, "closed, with NullMarked");
  }

  private void gradle() throws IOException {
    Path tree =
        tree(
            "settings.gradle",
            "rootProject.name = 'till'\n",
            "build.gradle",
            """
            plugins {
                id 'application'
            }
            repositories {
                mavenCentral()
            }
            dependencies {
                implementation 'org.jspecify:jspecify:1.0.0'
            }
            sourceCompatibility = 17
            mainClassName = 'shop.Shop'
            """,
            "src/main/java/shop/Shop.java",
            WEB.replace("WORD", "\"till\""));
    said(build("sources:gradle", tree), "Recognised a Gradle project", "starts shop.Shop");
    answers("sources:gradle", 8080, "till, with NullMarked");
    assertEquals("jspecify-1.0.0.jar\n", inside("sources:gradle", "ls", "/app/lib"));
  }

  /// Its library lies in `vendor`, as no machine of ours reaches Go's modules.
  private void go(Map<Path, String> answers) throws IOException {
    Path tree =
        tree(
            "go.mod",
            "module example.org/clock\n\ngo 1.19\n\nrequire example.org/greet v1.2.3\n",
            "vendor/modules.txt",
            "# example.org/greet v1.2.3\n## explicit; go 1.19\nexample.org/greet\n",
            "vendor/example.org/greet/greet.go",
            "package greet\n\nfunc Hello(name string) string { return \"hello \" + name }\n",
            "internal/words/words.go",
            "package words\n\nimport \"example.org/greet\"\n\n"
                + "func Line() string { return greet.Hello(\"clock\") }\n",
            "cmd/clock/main.go",
            """
            package main

            import (
            	"fmt"
            	"net/http"
            	"os"
            	"time"

            	"example.org/clock/internal/words"
            )

            func main() {
            	zone, err := time.LoadLocation("Europe/Berlin")
            	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
            		fmt.Fprintf(w, "%s in %v %v, user %d", words.Line(), zone, err, os.Getuid())
            	})
            	http.ListenAndServe(":"+os.Getenv("PORT"), nil)
            }
            """,
            "templates/page.html",
            "<p>");
    said(build("sources:go", tree), "Recognised a Go module", "./cmd/clock: package main");
    String page = "hello clock in Europe/Berlin <nil>, user 10001";
    answers("sources:go", 8080, page);
    others(page);
    answers.put(tree, page);
  }

  private void node(Map<Path, String> answers) throws IOException {
    Path tree =
        tree(
            "package.json",
            """
            {
              "name": "greeter",
              "scripts": {"build": "tsc", "start": "node dist/server.js", "prepare": "tsc -v"},
              "dependencies": {"ms": "2.1.3"},
              "devDependencies": {"typescript": "5.4.5"}
            }
            """,
            "package-lock.json",
            """
            {
              "name": "greeter",
              "lockfileVersion": 3,
              "requires": true,
              "packages": {
                "": {
                  "name": "greeter",
                  "dependencies": {"ms": "2.1.3"},
                  "devDependencies": {"typescript": "5.4.5"}
                },
                "node_modules/ms": {"version": "2.1.3"},
                "node_modules/typescript": {
                  "version": "5.4.5", "dev": true, "bin": {"tsc": "bin/tsc"}
                }
              }
            }
            """,
            "tsconfig.json",
            "{\"compilerOptions\": {\"module\": \"commonjs\", \"outDir\": \"dist\"},"
                + " \"include\": [\"src\"]}",
            "src/server.ts",
            """
            declare function require(name: string): any;
            const text: string = 'two hours are ' + require('ms')('2h') + ' ms';
            require('http').createServer((q: unknown, r: any) => r.end(text)).listen(3000);
            """,
            "node_modules/ms/index.js",
            "throw 'the machine\\'s own packages are not sent';\n");
    said(build("sources:node", tree), "Recognised a Node project", "starts: node dist/server.js");
    answers("sources:node", 3000, "two hours are 7200000 ms");
    assertEquals("ms\n", inside("sources:node", "ls", "/app/node_modules"), "none to develop with");
    changed("sources:node", tree, tree.resolve("src/server.ts"), "two hours are", "2 h:");
    answers.put(tree, "2 h: 7200000 ms");
  }

  private void python(Map<Path, String> answers) throws IOException {
    String program =
        """
        import os
        from http.server import BaseHTTPRequestHandler, HTTPServer

        from greet import hello


        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(f"{hello('python')}, user {os.getuid()}".encode())


        def main():
            HTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
        """;
    Path tree =
        tree(
            "requirements.txt",
            "--find-links wheels\ngreet==1.0\n",
            "main.py",
            program + "\n\nmain()\n");
    wheel(tree.resolve("wheels"));
    said(build("sources:python", tree), "Recognised a Python project", "main.py: the program");
    answers("sources:python", 8080, "hello python, user 10001");
    changed("sources:python", tree, tree.resolve("main.py"), "hello('python')", "hello('snake')");
    answers.put(tree, "hello snake, user 10001");
    Path named =
        tree(
            "pyproject.toml",
            """
            [project]
            name = "quotes"
            dependencies = []

            [project.scripts]
            quotes = "quotes.server:main"
            """,
            "src/quotes/server.py",
            program.replace("from greet import hello", "hello = 'quoted {}'.format"));
    said(build("sources:named", named), "the script quotes.server:main");
    answers("sources:named", 8080, "quoted python, user 10001");
  }

  /// A package as pip installs it.
  private static void wheel(Path place) throws IOException {
    Files.createDirectories(place);
    String about = "greet-1.0.dist-info/";
    try (OutputStream file = Files.newOutputStream(place.resolve("greet-1.0-py3-none-any.whl"));
        ZipOutputStream zip = new ZipOutputStream(file)) {
      for (String[] entry :
          new String[][] {
            {"greet/__init__.py", "def hello(name):\n    return 'hello ' + name\n"},
            {about + "METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n"},
            {about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
            {about + "RECORD", "greet/__init__.py,,\n%1$sMETADATA,,\n%1$sWHEEL,,\n%1$sRECORD,,\n"}
          }) {
        zip.putNextEntry(new ZipEntry(entry[0]));
        zip.write(entry[1].replace("%1$s", about).getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
      }
    }
  }

  private void site(Map<Path, String> answers) throws IOException {
    Path tree = tree("index.html", "<h1>pages</h1>", ".env", "PASSWORD=x");
    said(build("sources:site", tree), "Recognised a static site");
    answers("sources:site", 8080, "<h1>pages</h1>");
    assertEquals("index.html\n", inside("sources:site", "ls", "-A", "/site"));
    answers.put(tree, "<h1>pages</h1>");
  }

  private void nothing() throws IOException {
    Path nothing = tree("readme", "x", "web/package.json", "{}");
    Outcome refused = engine.gantry("init", nothing.toString());
    assertEquals(1, refused.code());
    assertTrue(
        refused.err().contains("projects below it: " + nothing.resolve("web")), refused.err());
    assertEquals(1, engine.gantry("build", nothing.toString()).code());
  }

  // ---- what is asked of all

  private Path tree(String... namesAndContents) throws IOException {
    Path tree = Files.createTempDirectory(folder, "sources");
    for (int i = 0; i < namesAndContents.length; i += 2) {
      Path file = tree.resolve(namesAndContents[i]);
      Files.createDirectories(file.resolveSibling("."));
      Files.writeString(file, namesAndContents[i + 1]);
    }
    return tree;
  }

  /// Builds as the user would, with the machine's own settings of Maven where it has some.
  private Outcome build(String tag, Path tree) {
    List<String> words = new ArrayList<>(List.of("build", "-t", tag));
    if (Files.exists(SETTINGS)) {
      words.addAll(List.of("--secret", "id=maven-settings,src=" + SETTINGS));
    }
    words.add(tree.toString());
    return engine.gantryCommand(words.toArray(String[]::new)).within(LONG).run().succeeded();
  }

  private static void said(Outcome built, String... words) {
    for (String word : words) {
      assertTrue(built.err().contains(word), () -> "no " + word + " in " + built.err());
    }
  }

  /// Runs it as careful people do, read-only and without capabilities; asks for its page; and stops
  /// it: a program that does not hear the signal would be killed, which its exit code tells.
  private void answers(String image, int port, String page) {
    assertEquals("10001:10001", inspect(image, "{{.Config.User}}"));
    String id =
        engine
            .docker("run", "-d", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", image)
            .succeeded()
            .line();
    try {
      assertEquals(page, page(id, port));
      engine.dockerCommand("stop", "-t", "60", id).within(LONG).run().succeeded();
      assertNotEquals("137", inspect(id, "{{.State.ExitCode}}"), image + " had to be killed");
    } finally {
      engine.docker("rm", "-f", id).succeeded();
    }
  }

  private String page(String container, int port) {
    String format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    String url = "http://" + inspect(container, format) + ":" + port + "/";
    Command ask = Command.of("curl", "-sf", "--max-time", "30", "--noproxy", "*", url);
    AtomicReference<Outcome> last = new AtomicReference<>(ask.run());
    Eventually.within(
        LONG,
        () -> url + ": " + last.get() + engine.docker("logs", container),
        () -> {
          last.set(ask.run());
          return last.get().code() == 0;
        });
    return last.get().out().strip();
  }

  private String inspect(String name, String format) {
    return engine.docker("inspect", "-f", format, name).succeeded().line();
  }

  private String inside(String image, String program, String... words) {
    List<String> all = new ArrayList<>(List.of("run", "--rm", "--entrypoint", program, image));
    all.addAll(List.of(words));
    return engine.docker(all.toArray(String[]::new)).succeeded().out();
  }

  /// Another line in the program leaves all layers but its own.
  private void changed(String image, Path tree, Path source, String before, String after)
      throws IOException {
    String layers = inspect(image, "{{json .RootFS.Layers}}");
    Files.writeString(source, Files.readString(source).replace(before, after));
    build(image, tree);
    String now = inspect(image, "{{json .RootFS.Layers}}");
    assertNotEquals(layers, now);
    assertEquals(
        layers.substring(0, layers.lastIndexOf(',')), now.substring(0, now.lastIndexOf(',')));
  }

  /// What `init` writes: without a warning, the same layers by the real Buildx, and started by
  /// Compose. A file of the user's stays.
  private void written(Path tree, String page) throws IOException {
    Files.writeString(tree.resolve("compose.yaml"), "mine");
    Outcome first = engine.gantry("init", tree.toString()).succeeded();
    assertTrue(first.out().contains("Kept " + tree.resolve("compose.yaml")), first.out());
    assertEquals("mine", Files.readString(tree.resolve("compose.yaml")));
    engine.gantry("init", "--force", tree.toString()).succeeded();
    String file = Files.readString(tree.resolve("compose.yaml"));
    String name = file.lines().toList().get(1).strip().replace(":", "");
    assertTrue(Files.readString(tree.resolve(".dockerignore")).contains("\n.env\n"));

    Outcome check = real("buildx", "build", "--check", tree.toString()).run().succeeded();
    assertTrue((check.out() + check.err()).contains("no warnings found"), check::toString);
    Path port = folder.resolve("unpublished.yaml"); // 8080 may be taken here
    Files.writeString(port, "services:\n  " + name + ":\n    ports: !reset []\n");
    String[] compose = {
      "compose", "-p", name, "-f", tree.resolve("compose.yaml").toString(), "-f", port.toString()
    };
    try {
      real(compose, "up", "-d", "--build").within(LONG).run().succeeded();
      String id = real(compose, "ps", "-q", name).run().succeeded().line();
      String listens = file.replaceAll("(?s).*\"\\d+:(\\d+)\".*", "$1");
      assertEquals(page, page(id, Integer.parseInt(listens)));
    } finally {
      Outcome _ = real(compose, "down", "-t", "20").within(LONG).run();
    }
  }

  private Command real(String... words) {
    return engine
        .dockerCommand(words)
        .with("BUILDX_CONFIG", folder.resolve("buildx").toString())
        .with("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
  }

  private Command real(String[] first, String... words) {
    List<String> all = new ArrayList<>(List.of(first));
    all.addAll(List.of(words));
    return real(all.toArray(String[]::new));
  }

  /// Through our registry to Debian's buildah, and from that back again.
  private void others(String page) throws IOException {
    if (!Files.isDirectory(Path.of(System.getProperty("user.home"), ".cache/gantry-peers/bin"))) {
      return; // the comparisons with them say so
    }
    try (RegistryServer registry = RegistryServer.gantry()) {
      String there = registry.address() + "/shop/clock:1";
      String back = registry.address() + "/shop/clock:2";
      engine.docker("tag", "sources:go", there).succeeded();
      engine.docker("push", "-q", there).succeeded();
      buildah("pull", "--tls-verify=false", "docker://" + there);
      buildah("push", "--tls-verify=false", there, "docker://" + back);
      engine.docker("pull", "-q", back).succeeded();
      assertEquals(inspect("sources:go", "{{.RootFS}}"), inspect(back, "{{.RootFS}}"));
      answers(back, 8080, page);
      engine.docker("rmi", there, back).succeeded();
      buildah("rmi", "-f", there);
    }
  }

  private void buildah(String... words) throws IOException {
    Path peers = Needs.peers();
    Path settings = Files.createDirectories(folder.resolve("home/.config/containers"));
    Files.writeString(
        settings.resolve("policy.json"), "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    Path registries = folder.resolve("registries.conf");
    Files.writeString(registries, "unqualified-search-registries = []\n");
    List<String> all = new ArrayList<>(List.of(peers.resolve("buildah").toString()));
    all.addAll(List.of("--storage-driver", "vfs", "--root", folder.resolve("root").toString()));
    all.addAll(List.of("--runroot", folder.resolve("run").toString()));
    all.addAll(List.of(words));
    Command.of(all)
        .with("HOME", folder.resolve("home").toString())
        .with("PATH", peers + ":" + System.getenv("PATH"))
        .with("CONTAINERS_CONF", peers.resolveSibling("containers.conf").toString())
        .with("CONTAINERS_REGISTRIES_CONF", registries.toString())
        .within(LONG)
        .run()
        .succeeded();
  }
}
