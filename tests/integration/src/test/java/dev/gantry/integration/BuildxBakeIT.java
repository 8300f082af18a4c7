package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/// What bake files and compose files can say of builds, by the real Bake and Compose.
class BuildxBakeIT extends BuildxTest {
  private void project() throws IOException {
    file("f", "one\n");
    file("app/f", "of the app\n");
    file("secret", "sec\n");
    file(
        "Dockerfile",
        """
        FROM busybox AS base
        ARG V=none
        RUN --mount=type=secret,id=s,required echo "V is $V $(wc -c < /run/secrets/s)" > /v
        FROM base AS final
        COPY f /f
        """);
  }

  private Outcome bake(Engine engine, String... words) {
    String[] all = new String[words.length + 6];
    all[0] = "buildx";
    all[1] = "bake";
    all[2] = "--progress=plain";
    all[3] = "--file=" + context.resolve("docker-bake.hcl");
    all[4] = "--allow=network.host";
    all[5] = "--allow=fs=" + folder;
    System.arraycopy(words, 0, all, 6, words.length);
    return docker(engine, all).run();
  }

  @Test
  void bakeFilesSayAllOfIt(Engine engine) throws IOException {
    project();
    file(
        "docker-bake.hcl",
        """
        variable "TAG" { default = "dev" }
        function "tagged" {
          params = [name]
          result = ["baked-${name}:${TAG}"]
        }
        group "default" { targets = ["app", "linked"] }
        target "_common" {
          context = "%1$s"
          args = { V = "1" }
          labels = { made = "by-bake" }
          secret = ["id=s,src=%1$s/secret"]
        }
        target "app" {
          name = "app-${item.name}"
          inherits = ["_common"]
          matrix = { item = [{name = "a", v = "A"}, {name = "b", v = "B"}] }
          args = { V = item.v }
          target = "final"
          tags = tagged(item.name)
        }
        target "linked" {
          context = "%1$s"
          contexts = { foo = "target:app-a", dir = "%1$s/app" }
          dockerfile-inline = <<EOT
        FROM foo
        COPY --from=dir f /g
        RUN cat /v; grep extra /etc/hosts; ulimit -n; grep ' /dev/shm' /proc/mounts
        EOT
          tags = tagged("linked")
          extra-hosts = { extra = "192.0.2.9" }
          ulimits = ["nofile=64:64"]
          shm-size = "16m"
          network = "none"
          no-cache-filter = ["x"]
          annotations = ["org.a=b"]
          attest = ["type=sbom"]
          platforms = ["linux/amd64"]
          output = ["type=image", "type=local,dest=%2$s/out"]
          cache-to = ["type=inline"]
          entitlements = ["network.host"]
          pull = false
        }
        """
            .formatted(context, folder));
    Path metadata = folder.resolve("metadata");
    Outcome all = bake(engine, "--metadata-file=" + metadata).succeeded();
    assertTrue(all.err().contains("192.0.2.9"), all.err());
    assertTrue(all.err().contains("size=16384k"), all.err());
    assertTrue(Files.readString(metadata).contains("\"app-b\""));
    assertEquals("V is A 4\n", Files.readString(folder.resolve("out/v")));
    assertEquals("one\nof the app\n", sh(engine, "baked-linked:dev", "cat /f /g"));
    assertEquals("V is B 4\n", sh(engine, "baked-b:dev", "cat /v"));
    assertEquals(
        "by-bake", engine.docker("inspect", "-f", "{{.Config.Labels.made}}", "baked-a:dev").line());
    bake(engine, "--set=app-b.args.V=set", "--set=app-b.tags=other:1", "app-b").succeeded();
    assertEquals("V is set 4\n", sh(engine, "other:1", "cat /v"));
    assertTrue(bake(engine, "--call=targets", "app-a").succeeded().out().contains("final"));
    assertTrue(bake(engine, "--print", "app").succeeded().out().contains("baked-b:dev"));
    assertTrue(bake(engine, "--list=targets").succeeded().out().contains("linked"));
    assertTrue(bake(engine, "nothing").exited(1).err().contains("nothing"));
  }

  /// Targets that only others stand on are no images to the user, in dockerd neither: their layers
  /// stay in the cache, and what is said of the result names what those were made of.
  @Test
  void targetsThatOthersStandOnLeaveNoImages(Engine engine) throws IOException {
    file(
        "docker-bake.hcl",
        """
        target "a" {
          context = "%1$s"
          dockerfile-inline = "FROM busybox\\nRUN echo a > /a\\n"
        }
        target "left" {
          context = "%1$s"
          contexts = { a = "target:a" }
          dockerfile-inline = "FROM a\\nRUN echo left > /l\\n"
        }
        target "right" {
          context = "%1$s"
          contexts = { a = "target:a" }
          dockerfile-inline = "FROM a\\nRUN echo right > /r\\n"
        }
        target "top" {
          context = "%1$s"
          contexts = { l = "target:left", r = "target:right" }
          dockerfile-inline = "FROM l\\nCOPY --from=r /r /r\\nRUN cat /a /l /r | tr -d '[:space:]'\\n"
          tags = ["baked-top"]
        }
        target "broken" {
          context = "%1$s"
          dockerfile-inline = "FROM busybox\\nRUN exit 7\\n"
        }
        target "stands" {
          context = "%1$s"
          contexts = { b = "target:broken" }
          dockerfile-inline = "FROM b\\n"
        }
        """
            .formatted(context));
    String before = dangling(engine);
    Path metadata = folder.resolve("metadata");
    String said = bake(engine, "--metadata-file=" + metadata, "top").succeeded().err();
    assertTrue(said.contains("aleftright"), said);
    assertTrue(said.contains("[left 1/2] RUN echo left > /l"), said);
    assertEquals(before, dangling(engine));
    String made = Files.readString(metadata);
    assertTrue(made.contains("pkg:docker/busybox@latest"), made);
    assertFalse(made.contains("pkg:docker/input"), made);
    String again = bake(engine, "top").succeeded().err();
    assertTrue(again.contains("[left 1/2] RUN echo left > /l\n#"), again);
    assertFalse(again.contains("aleftright"), again);
    assertEquals(before, dangling(engine));
    String failed = bake(engine, "stands").exited(1).err();
    assertTrue(failed.contains(">>> RUN exit 7"), failed);
    assertTrue(failed.contains("did not complete successfully: exit code: 7"), failed);
  }

  private static String dangling(Engine engine) {
    return engine.docker("images", "-aq", "--filter", "dangling=true").succeeded().out();
  }

  @Test
  void composeFilesSayAllOfIt(Engine engine) throws Exception {
    assumeTrue(
        docker(engine, "compose", "version").run().code() == 0,
        "needs Docker's Compose: tools/real-clients");
    Needs.program("ssh-keygen");
    project();
    Path key = folder.resolve("key");
    Command.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString())
        .run()
        .succeeded();
    file(
        "compose.yaml",
        """
        services:
          one:
            image: composed:one
            build:
              context: .
              target: final
              args: { V: c }
              secrets: [s]
              labels: { l: m }
              platforms: [ linux/amd64 ]
              extra_hosts: [ "x=192.0.2.1" ]
              shm_size: 16mb
              ulimits: { nofile: 99 }
              network: none
              tags: [ "composed:extra" ]
            command: cat /v
          two:
            image: composed:two
            build:
              context: .
              dockerfile_inline: |
                FROM base
                COPY --from=dir f /h
                RUN --mount=type=ssh,id=k,required true
              ssh: [ "k=%s" ]
              cache_from: [ "composed:two" ]
              additional_contexts:
                base: service:one
                dir: ./app
            command: cat /h /v
        secrets:
          s: { file: ./secret }
        """
            .formatted(key));
    String file = context.resolve("compose.yaml").toString();
    try {
      Outcome up =
          docker(engine, "compose", "-p", "gbake", "-f", file, "up", "--build", "--no-color")
              .within(Duration.ofMinutes(3))
              .run()
              .succeeded();
      assertTrue(up.out().contains("V is c 4"), up.toString());
      assertTrue(up.out().contains("of the app"), up.toString());
      assertEquals("V is c 4\n", sh(engine, "composed:extra", "cat /v"));
      docker(engine, "compose", "-p", "gbake", "-f", file, "build", "two").run().succeeded();
    } finally {
      docker(engine, "compose", "-p", "gbake", "-f", file, "down").run().succeeded();
    }
  }
}
