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
import java.util.ArrayList;
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

  /// What skopeo has put there in every format: pulled, for each platform, with all tags, and gone.
  @Test
  void takesEveryFormatAndPlatform() throws IOException {
    Needs.dockerClient();
    Needs.peers();
    try (Engine engine = Engine.start();
        RegistryServer registry = RegistryServer.gantry()) {
      Path layout = Layout.twoPlatforms(registry.home().resolve("layout"), "all");
      String name = registry.address() + "/team/multi";
      String from = "oci:" + layout + ":all";
      skopeo("copy", "--all", "--dest-tls-verify=false", from, "docker://" + name + ":all");
      skopeo(
          "copy", "--format=v2s2", "--dest-tls-verify=false", from, "docker://" + name + ":docker");
      skopeo(
          "copy",
          "--dest-compress-format=zstd",
          "--dest-force-compress-format",
          "--dest-tls-verify=false",
          from,
          "docker://" + name + ":zstd");
      for (String tag : List.of("all", "docker", "zstd")) {
        String image = name + ":" + tag;
        engine.docker("pull", "-q", image).succeeded();
        String listed = engine.docker("manifest", "inspect", "--insecure", image).succeeded().out();
        boolean zstd = listed.contains("+zstd");
        assertEquals(tag.equals("zstd"), zstd, listed);
        assertEquals(tag.equals("all"), listed.contains("\"manifests\""), listed);
        assertEquals(
            "amd64",
            engine.docker("image", "inspect", "-f", "{{.Architecture}}", image).succeeded().line());
        engine.docker("rmi", image).succeeded();
      }
      String all = name + ":all";
      engine.docker("pull", "-q", "--platform", "linux/arm64", all).succeeded();
      assertEquals(
          "arm64", engine.docker("image", "inspect", "-f", "{{.Architecture}}", all).line());
      engine.docker("rmi", all).succeeded();
      engine.docker("pull", "-q", "-a", name).succeeded();
      assertEquals(
          List.of("all", "docker", "zstd"),
          engine.docker("images", "--format", "{{.Tag}}", name).out().lines().sorted().toList());
      // an index of what is there already, by Docker's own commands
      String joined = name + ":joined";
      engine.docker("manifest", "create", "--insecure", joined, name + ":docker").succeeded();
      engine.docker("manifest", "push", "--insecure", joined).succeeded();
      engine.docker("pull", "-q", joined).succeeded();
      skopeo("delete", "--tls-verify=false", "docker://" + name + ":zstd");
      Outcome gone = engine.docker("pull", name + ":zstd").exited(1);
      assertTrue(gone.err().contains("not found"), gone.err());
    }
  }

  private static void skopeo(String... words) {
    List<String> all = new ArrayList<>();
    all.add(Needs.peers().resolve("skopeo").toString());
    all.add("--insecure-policy");
    all.addAll(List.of(words));
    Command.of(all).run().succeeded();
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
