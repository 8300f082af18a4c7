package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/// Secrets in all the ways in which builds get them, by all faces: nowhere on the disk afterwards,
/// and in nothing that the engine tells. The engine's folders are looked through whole, packed
/// files unpacked.
class BuildSecretsIT extends BuildxTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String FILE = "s3cret-of-the-file-5521";
  private static final String VARIABLE = "s3cret-of-the-variable-77a1";
  private static final String PROXY = "s3cret-of-the-proxy-90bc";

  /// What no test of this class may find again: all secrets begin with it.
  private static final String ANY = "s3cret-of-the-";

  private static final String STEPS =
      """
      FROM busybox
      RUN --mount=type=secret,id=f,required --mount=type=secret,id=v,env=TOKEN \\
          test -s /run/secrets/f && test -n "$TOKEN" && echo "$HTTP_PROXY" | wc -c > /proxied
      RUN --mount=type=secret,id=f,target=/etc/deep/er/file,mode=0444 \\
          --mount=type=cache,target=/kept cp /etc/deep/er/file /tmp/passing && rm /tmp/passing
      """;

  private void project() throws IOException {
    Files.writeString(folder.resolve("secret"), FILE + "\n");
    file("Dockerfile", STEPS);
  }

  private String[] given() {
    return new String[] {
      "--secret=id=f,src=" + folder.resolve("secret"),
      "--secret=id=v,env=GIVEN",
      "--build-arg=HTTP_PROXY=http://user:" + PROXY + "@127.0.0.1:9"
    };
  }

  private static String[] and(String[] some, String... more) {
    List<String> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /// The files below the folders that have a secret, as they are or unpacked.
  private static List<String> with(String secret, Path... folders) throws IOException {
    byte[] wanted = secret.getBytes(StandardCharsets.ISO_8859_1);
    List<String> found = new ArrayList<>();
    for (Path folder : folders) {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes about)
                throws IOException {
              if (about.isRegularFile() && has(file, wanted)) {
                found.add(file.toString());
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException gone) {
              return FileVisitResult.CONTINUE; // what ended steps have left is being removed
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, IOException gone) {
              return FileVisitResult.CONTINUE;
            }
          });
    }
    return found;
  }

  private static boolean has(Path file, byte[] wanted) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      if (contains(in, wanted)) {
        return true;
      }
    } catch (java.nio.file.NoSuchFileException e) {
      return false; // it was passing
    }
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      return contains(in, wanted);
    } catch (java.util.zip.ZipException | java.io.EOFException e) {
      return false; // it is not packed
    }
  }

  private static boolean contains(InputStream in, byte[] wanted) throws IOException {
    byte[] buffer = new byte[1 << 20];
    int kept = 0;
    for (int n = in.read(buffer, 0, buffer.length); n > 0; ) {
      int length = kept + n;
      String text = new String(buffer, 0, length, StandardCharsets.ISO_8859_1);
      if (text.contains(new String(wanted, StandardCharsets.ISO_8859_1))) {
        return true;
      }
      kept = Math.min(wanted.length, length);
      System.arraycopy(buffer, length - kept, buffer, 0, kept);
      n = in.read(buffer, kept, buffer.length - kept);
    }
    return false;
  }

  /// Looks everywhere: what the engine keeps, what it tells, and what a build gave out.
  private void nowhere(Engine engine, String image, Path... more) throws IOException {
    List<Path> folders = new ArrayList<>(List.of(more));
    folders.add(engine.folder());
    assertEquals(List.of(), with(ANY, folders.toArray(Path[]::new)));
    assertFalse(with("busybox", engine.folder()).isEmpty(), "nothing is found");
    StringBuilder told = new StringBuilder();
    for (String[] words :
        new String[][] {
          {"history", "--no-trunc", image},
          {"inspect", image},
          {"events", "--since=1h", "--until=0s"},
          {"ps", "-a", "--no-trunc"},
          {"system", "df", "-v"},
          {"buildx", "history", "ls", "--no-trunc"},
          {"buildx", "du", "--verbose"}
        }) {
      Outcome outcome = docker(engine, words).run();
      told.append(outcome.out()).append(outcome.err());
    }
    for (String ref :
        docker(engine, "buildx", "history", "ls", "-q").run().out().lines().limit(3).toList()) {
      told.append(docker(engine, "buildx", "history", "inspect", ref).run().out());
      Outcome logs = docker(engine, "buildx", "history", "logs", "--progress=plain", ref).run();
      told.append(logs.out()).append(logs.err());
    }
    assertTrue(!told.toString().contains(ANY), told::toString);
    Path saved = folder.resolve("saved.tar");
    docker(engine, "save", "-o", saved.toString(), image).run().succeeded();
    Path unpacked = Files.createDirectories(folder.resolve("unpacked"));
    Command.of("tar", "-xf", saved.toString(), "-C", unpacked.toString()).run().succeeded();
    assertEquals(List.of(), with(ANY, unpacked));
  }

  @Test
  void ofGantrysOwnBuilds(Engine engine) throws IOException {
    project();
    Path cache = folder.resolve("cache");
    String[] words =
        and(
            given(),
            "-t=s:1",
            "--attest=type=provenance,mode=max",
            "--sbom=true",
            "--cache-to=type=local,dest=" + cache);
    engine
        .gantryCommand(withContext(List.of("build"), words))
        .with("GIVEN", VARIABLE)
        .run()
        .succeeded();
    assertEquals("49\n", sh(engine, "s:1", "cat /proxied"));
    nowhere(engine, "s:1", cache);
  }

  @Test
  void ofBuildx(Engine engine) throws IOException {
    project();
    Path cache = folder.resolve("cache");
    Path layout = folder.resolve("layout");
    String[] words =
        and(
            given(),
            "-t=s:1",
            "--provenance=mode=max",
            "--sbom=true",
            "--cache-to=type=local,dest=" + cache,
            "--output=type=docker",
            "--output=type=oci,tar=false,dest=" + layout);
    command(engine, words).with("GIVEN", VARIABLE).run().succeeded();
    assertEquals("49\n", sh(engine, "s:1", "cat /proxied"));
    nowhere(engine, "s:1", cache, layout);
  }

  @Test
  void ofBakeAndCompose(Engine engine) throws IOException {
    project();
    file(
        "docker-bake.json",
        """
        {"target": {"default": {
          "context": "%1$s", "tags": ["s:1"], "args": {"HTTP_PROXY": "http://user:%2$s@127.0.0.1:9"},
          "secret": ["id=f,src=%3$s", "id=v,env=GIVEN"]}}}
        """
            .formatted(context, PROXY, folder.resolve("secret")));
    docker(
            engine,
            "buildx",
            "bake",
            "--allow=fs=" + folder,
            "--file=" + context.resolve("docker-bake.json"))
        .with("GIVEN", VARIABLE)
        .run()
        .succeeded();
    Files.delete(context.resolve("docker-bake.json")); // it says the proxy's password itself
    assertEquals("49\n", sh(engine, "s:1", "cat /proxied"));
    nowhere(engine, "s:1");
    assumeTrue(
        docker(engine, "compose", "version").run().code() == 0,
        "needs Docker Compose: tools/real-clients");
    Path compose = Files.createDirectory(folder.resolve("compose")).resolve("compose.yaml");
    Files.writeString(
        compose,
        """
        services:
          one:
            image: s:2
            build: {context: "%1$s", secrets: [f, v], args: {HTTP_PROXY: "http://user:%2$s@127.0.0.1:9"}}
        secrets:
          f: {file: "%3$s"}
          v: {environment: GIVEN}
        """
            .formatted(context, PROXY, folder.resolve("secret")));
    docker(engine, "compose", "-p", "gsecrets", "-f", compose.toString(), "build", "--no-cache")
        .with("GIVEN", VARIABLE)
        .run()
        .succeeded();
    nowhere(engine, "s:2");
  }

  /// The classic endpoint has no secrets, but passwords of proxies.
  @Test
  void ofTheClassicEndpoint(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo \"$HTTP_PROXY\" | wc -c > /proxied\n");
    docker(engine, withContext(List.of("build", "-t=s:1", given()[2])))
        .with("DOCKER_BUILDKIT", "0")
        .run()
        .succeeded();
    assertEquals("49\n", sh(engine, "s:1", "cat /proxied"));
    nowhere(engine, "s:1");
  }

  /// A program may print what it was given: who builds sees it, as with Docker, but the log that
  /// the history keeps does not have it. A failure is told with the program's last output.
  @Test
  void ofProgramsThatPrintThem(Engine engine) throws IOException {
    project();
    file(
        "Dockerfile",
        "FROM busybox\n"
            + "RUN --mount=type=secret,id=f cat /run/secrets/f\n"
            + "RUN --mount=type=secret,id=v,env=TOKEN echo \"$TOKEN\"; exit 3\n");
    Outcome failed = command(engine, given()).with("GIVEN", VARIABLE).run();
    has(failed, FILE);
    String[] words = withContext(List.of("build", "--progress=plain"), given());
    Outcome own = engine.gantryCommand(words).with("GIVEN", VARIABLE).run();
    has(own, VARIABLE);
    file("Dockerfile", "FROM busybox\nLABEL a=1\n");
    command(engine, "-t=s:1").run().succeeded();
    nowhere(engine, "s:1");
  }

  /// Nothing of a secret outlives the engine that is killed while a step has it.
  @Test
  void ofAStepThatTheEnginesDeathEnds(Engine engine) throws Exception {
    project();
    file("Dockerfile", STEPS.replace("wc -c > /proxied", "cat; sleep 1000"));
    Process client = command(engine, given()).with("GIVEN", VARIABLE).start();
    try {
      awaitSleep(engine);
      engine.kill();
    } finally {
      client.descendants().forEach(ProcessHandle::destroyForcibly);
      client.destroyForcibly().waitFor();
    }
    engine.restart();
    Eventually.within(
        LIMIT,
        () -> engine.docker("ps", "-a").out(),
        () -> engine.docker("ps", "-aq").succeeded().out().isBlank());
    file("Dockerfile", "FROM busybox\nLABEL a=2\n");
    command(engine, "-t=s:1").run().succeeded();
    nowhere(engine, "s:1");
    assertTrue(
        !Files.readString(Path.of("/proc/mounts")).contains(engine.folder() + "/data/build"));
  }
}
