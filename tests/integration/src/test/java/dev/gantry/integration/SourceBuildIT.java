package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Source trees without a Dockerfile, built on a Debian made from packages and asked over HTTP:
/// `gantry build` says what it recognised, `gantry init` writes it down.
@ExtendWith(EngineExtension.class)
class SourceBuildIT {
  private static final Duration LONG = Duration.ofMinutes(8);

  @TempDir Path folder;

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
  private static Outcome build(Engine engine, String tag, Path tree) {
    List<String> words = new ArrayList<>(List.of("build", "-t", tag));
    Path settings = Path.of(System.getProperty("user.home"), ".m2/settings.xml");
    if (Files.exists(settings)) {
      words.addAll(List.of("--secret", "id=maven-settings,src=" + settings));
    }
    words.add(tree.toString());
    return engine.gantryCommand(words.toArray(String[]::new)).within(LONG).run().succeeded();
  }

  /// Runs it as careful people do, read-only and without capabilities, and asks for its page.
  private static String page(Engine engine, String image, int port) {
    String id =
        engine
            .docker("run", "-d", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", image)
            .succeeded()
            .line();
    try {
      String address =
          engine.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", id).succeeded().line();
      String url = "http://" + address + ":" + port + "/";
      Command ask = Command.of("curl", "-sf", "--max-time", "10", "--noproxy", "*", url);
      Eventually.within(
          Duration.ofSeconds(120),
          () -> engine.docker("logs", id).toString(),
          () -> ask.run().code() == 0);
      return ask.run().succeeded().out();
    } finally {
      engine.docker("rm", "-f", id).succeeded();
    }
  }

  private static String label(Engine engine, String image, String format) {
    return engine.docker("inspect", "-f", format, image).succeeded().line();
  }

  @Test
  void treesOfEachKindAreBuiltAndAnswer(Engine engine) throws IOException {
    Needs.program("mmdebstrap");
    Needs.program("curl");
    engine.gantryCommand("image", "bootstrap", "debian:bookworm").within(LONG).run().succeeded();
    maven(engine);
    node(engine);
    python(engine);
    site(engine);
    written(engine);
  }

  private void maven(Engine engine) throws IOException {
    Path tree =
        tree(
            "pom.xml",
            """
            <project xmlns="http://maven.apache.org/POM/4.0.0">
              <modelVersion>4.0.0</modelVersion>
              <groupId>example</groupId>
              <artifactId>shop</artifactId>
              <version>1.0</version>
              <properties>
                <maven.compiler.source>17</maven.compiler.source>
                <maven.compiler.target>17</maven.compiler.target>
                <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
              </properties>
              <dependencies>
                <dependency>
                  <groupId>org.jspecify</groupId>
                  <artifactId>jspecify</artifactId>
                  <version>1.0.0</version>
                </dependency>
              </dependencies>
            </project>
            """,
            "src/main/java/shop/Shop.java",
            """
            package shop;

            import com.sun.net.httpserver.HttpServer;
            import java.net.InetSocketAddress;
            import org.jspecify.annotations.NullMarked;

            @NullMarked
            public class Shop {
              public static void main(String[] args) throws Exception {
                String library = NullMarked.class.getSimpleName();
                HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
                server.createContext("/", exchange -> {
                  byte[] answer = ("open, with " + library).getBytes("UTF-8");
                  exchange.sendResponseHeaders(200, answer.length);
                  exchange.getResponseBody().write(answer);
                  exchange.close();
                });
                server.start();
              }
            }
            """);
    Outcome built = build(engine, "sources:maven", tree);
    assertTrue(built.err().contains("Recognised a Maven project"), built.err());
    assertTrue(built.err().contains("starts shop.Shop"), built.err());
    assertTrue(built.err().contains("The image, on debian:bookworm"), built.err());
    assertEquals("open, with NullMarked", page(engine, "sources:maven", 8080));
    assertEquals("10001:10001", label(engine, "sources:maven", "{{.Config.User}}"));

    // another line in the program leaves all layers but its own
    String before = label(engine, "sources:maven", "{{json .RootFS.Layers}}");
    Path source = tree.resolve("src/main/java/shop/Shop.java");
    Files.writeString(source, Files.readString(source).replace("open, with", "closed, with"));
    build(engine, "sources:maven", tree);
    String after = label(engine, "sources:maven", "{{json .RootFS.Layers}}");
    assertEquals(
        before.substring(0, before.lastIndexOf(',')), after.substring(0, after.lastIndexOf(',')));
    assertEquals("closed, with NullMarked", page(engine, "sources:maven", 8080));
    assertEquals(
        "jspecify-1.0.0.jar\n",
        engine
            .docker("run", "--rm", "--entrypoint", "ls", "sources:maven", "/app/lib")
            .succeeded()
            .out());
  }

  private void node(Engine engine) throws IOException {
    Path tree =
        tree(
            "package.json",
            "{\"name\": \"greeter\", \"scripts\": {\"start\": \"node server.js\"},"
                + " \"dependencies\": {\"ms\": \"2.1.3\"}}",
            "server.js",
            "const text = 'two hours are ' + require('ms')('2h') + ' ms';\n"
                + "require('http').createServer((q, r) => r.end(text)).listen(3000);\n",
            "node_modules/ms/index.js",
            "throw 'the machine\\'s own packages are not sent';\n");
    Outcome built = build(engine, "sources:node", tree);
    assertTrue(built.err().contains("Recognised a Node project"), built.err());
    assertEquals("two hours are 7200000 ms", page(engine, "sources:node", 3000));
  }

  private void python(Engine engine) throws IOException {
    Path tree =
        tree(
            "requirements.txt",
            "# none\n",
            "main.py",
            """
            import os
            from http.server import BaseHTTPRequestHandler, HTTPServer


            class Answer(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(f"user {os.getuid()}".encode())


            HTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
            """);
    Outcome built = build(engine, "sources:python", tree);
    assertTrue(built.err().contains("Recognised a Python project"), built.err());
    assertEquals("user 10001", page(engine, "sources:python", 8080));
  }

  private void site(Engine engine) throws IOException {
    Path tree = tree("index.html", "<h1>pages</h1>", ".env", "PASSWORD=x");
    Outcome built = build(engine, "sources:site", tree);
    assertTrue(built.err().contains("Recognised a static site"), built.err());
    assertEquals("<h1>pages</h1>", page(engine, "sources:site", 8080));
    assertEquals(
        "index.html\n",
        engine
            .docker("run", "--rm", "--entrypoint", "ls", "sources:site", "-A", "/site")
            .succeeded()
            .out());
  }

  /// What `init` writes makes the same image.
  private void written(Engine engine) throws IOException {
    Path tree = tree("index.html", "<h1>pages</h1>");
    Outcome first = engine.gantry("init", tree.toString()).succeeded();
    assertTrue(first.out().contains("Recognised a static site"), first.out());
    assertTrue(Files.readString(tree.resolve("compose.yaml")).contains("\"8080:8080\""));
    assertTrue(Files.readString(tree.resolve(".dockerignore")).contains(".env\n"));
    Files.writeString(tree.resolve("compose.yaml"), "mine");
    engine.gantry("init", tree.toString()).succeeded();
    assertEquals("mine", Files.readString(tree.resolve("compose.yaml")));
    build(engine, "sources:written", tree);
    assertEquals(
        label(engine, "sources:site", "{{.Id}}"), label(engine, "sources:written", "{{.Id}}"));
    Path nothing = tree("readme", "x");
    assertEquals(1, engine.gantry("init", nothing.toString()).code());
    assertEquals(1, engine.gantry("build", nothing.toString()).code());
  }
}
