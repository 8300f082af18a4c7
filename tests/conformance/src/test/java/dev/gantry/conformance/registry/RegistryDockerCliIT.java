package dev.gantry.conformance.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The real Docker CLI on our engine with our registry.
class RegistryDockerCliIT {
  @Test
  void pushesPullsAndRuns() throws IOException {
    Needs.dockerClient();
    try (Engine engine = Engine.start();
        RegistryServer registry =
            RegistryServer.gantry("--share", engine.folder().resolve("data").toString())) {
      String image = registry.address() + "/team/busybox:1";
      engine.docker("tag", engine.busybox(), image).succeeded();
      engine.docker("push", image).succeeded();
      assertShared(engine, registry);
      engine.docker("rmi", image, engine.busybox()).succeeded();
      engine.docker("run", "--rm", image, "true").succeeded();
      String images = engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").out();
      assertTrue(images.lines().anyMatch(image::equals), images);
      engine.docker("rmi", image).succeeded();
      Outcome missing = engine.docker("pull", registry.address() + "/team/nothing:1");
      assertTrue(missing.exited(1).err().contains("not found"), missing.toString());
    }
  }

  /// Every blob of the registry that the engine has too is one file.
  private static void assertShared(Engine engine, RegistryServer registry) throws IOException {
    Path theirs = engine.folder().resolve("data/content/blobs/sha256");
    int shared = 0;
    try (var blobs = Files.list(registry.home().resolve("data/blobs/sha256"))) {
      for (Path blob : blobs.toList()) {
        Path other = theirs.resolve(blob.getFileName());
        if (Files.exists(other)) {
          assertTrue(Files.isSameFile(blob, other), blob.toString());
          shared++;
        }
      }
    }
    assertTrue(shared > 0, "nothing is shared");
  }

  @Test
  void logsIn() throws IOException {
    Needs.dockerClient();
    Path users = Files.createTempFile("gantry-users", "");
    try (Engine engine = Engine.start()) {
      Path home = Needs.distribution();
      Outcome line =
          Command.of(
                  home.resolve("jdk/bin/java").toString(),
                  "@" + home.resolve("lib/registry.args"),
                  "password",
                  "ann")
              .input("secret\n")
              .run();
      Files.writeString(users, line.succeeded().out());
      Path config = Files.createDirectories(engine.folder().resolve("config"));
      for (String kind : List.of("basic", "token")) {
        try (RegistryServer registry =
            RegistryServer.gantry("--htpasswd", users.toString(), "--auth", kind)) {
          String image = registry.address() + "/team/busybox:1";
          engine.docker("tag", engine.busybox(), image).succeeded();
          assertFalse(docker(engine, config, "push", image).code() == 0);
          String[] login = {"login", "-u", "ann", "--password-stdin", registry.address()};
          assertFalse(docker(engine, config, "wrong", login).code() == 0);
          docker(engine, config, "secret", login).succeeded();
          docker(engine, config, "", "push", image).succeeded();
          engine.docker("rmi", image).succeeded();
          docker(engine, config, "", "pull", image).succeeded();
          Outcome manifest =
              docker(engine, config, "", "manifest", "inspect", "--insecure", image).succeeded();
          assertEquals(2, Json.parseObject(manifest.out()).number("schemaVersion", 0));
          docker(engine, config, "", "logout", registry.address()).succeeded();
          assertFalse(docker(engine, config, "", "pull", image).code() == 0);
          engine.docker("rmi", image).succeeded();
        }
      }
    } finally {
      Files.delete(users);
    }
  }

  private static Outcome docker(Engine engine, Path config, String input, String... words) {
    return engine.dockerCommand(words).with("DOCKER_CONFIG", config.toString()).input(input).run();
  }
}
