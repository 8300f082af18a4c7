package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Buildx's subcommands with the default builder, beside `build` and `bake`: each works, or fails
/// as it does with Docker's daemon; and the attributes of outputs that are images.
class BuildxCommandsIT extends BuildxTest {
  private Outcome buildx(Engine engine, String... words) {
    String[] all = new String[words.length + 1];
    all[0] = "buildx";
    System.arraycopy(words, 0, all, 1, words.length);
    return docker(engine, all).run();
  }

  private String inspected(Engine engine, String name) {
    return buildx(engine, "imagetools", "inspect", "--raw", name).succeeded().out();
  }

  @Test
  void theBuilderIsListedUsedAndLookedInto(Engine engine) throws IOException {
    file("f", "x\n");
    file("Dockerfile", "FROM scratch\nCOPY f /f\n");
    build(engine, "-t", "listed:1").succeeded();
    has(buildx(engine, "ls", "--format={{.Name}} {{.DriverEndpoint}} {{.Status}}"), "running");
    has(buildx(engine, "inspect", "default").succeeded(), "linux/amd64");
    has(buildx(engine, "du", "--format={{.Type}}").succeeded(), "regular");
    has(
        buildx(engine, "du", "--filter=type=source.local", "--verbose").succeeded(),
        "source.local");
    buildx(engine, "use", "default").succeeded();
    buildx(engine, "stop").succeeded();
    has(buildx(engine, "rm", "default").exited(1), "context builder cannot be removed");
    buildx(engine, "create", "--name=other", "--driver=remote", "unix:///nowhere").succeeded();
    has(buildx(engine, "ls").succeeded(), "other");
    buildx(engine, "rm", "other").succeeded();
    has(buildx(engine, "history", "ls", "--filter=startedAt>24h").succeeded(), "Completed");
    String[] never = {"--filter=status=completed", "--filter=duration>1h"};
    assertFalse(
        buildx(engine, "history", "ls", never[0], never[1])
            .succeeded()
            .out()
            .contains("Completed"));
    has(
        buildx(engine, "history", "inspect", "attachment", "--type=provenance").succeeded(),
        "buildType");
    has(buildx(engine, "prune", "-f", "--filter=type=source.local").succeeded(), "Total:");
    has(buildx(engine, "prune", "-f", "--reserved-space=1gb").succeeded(), "Total:");
    // a builder is reached through the command line, as editors do
    Outcome raw = docker(engine, "buildx", "dial-stdio").input("").run();
    assertEquals(0, raw.code(), raw.err());
  }

  @Test
  void imagesGoOutInEveryForm(Engine engine) throws IOException {
    file("f", "x".repeat(4000) + System.nanoTime() + "\n");
    file("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f /f-$TARGETARCH\n");
    final String before = engine.docker("images", "-aq", "--filter=dangling=true").out();
    Path metadata = folder.resolve("metadata.json");
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/team/form";
      String push = "-otype=image,push=true,name=" + name;
      String[] digests = new String[2];
      // Buildx refuses by itself what ours does
      has(build(engine, push + ",push-by-digest=true").exited(1), "push-by-digest");
      for (int i = 0; i < 2; i++) {
        engine
            .gantry(
                "build",
                "--metadata-file=" + metadata,
                "--platform=" + List.of("linux/amd64", "linux/arm64").get(i),
                push + ",push-by-digest=true",
                context.toString())
            .succeeded();
        digests[i] =
            Json.parseObject(Files.readString(metadata)).string("containerimage.digest", "");
      }
      buildx(engine, "imagetools", "inspect", name + ":latest").exited(1); // no tag points to it
      buildx(
              engine,
              "imagetools",
              "create",
              "-t",
              name + ":both",
              name + "@" + digests[0],
              name + "@" + digests[1])
          .succeeded();
      Outcome both = buildx(engine, "imagetools", "inspect", name + ":both").succeeded();
      has(both, "linux/amd64");
      has(both, "linux/arm64");
      engine.docker("pull", name + ":both").succeeded();
      engine.docker("rmi", name + ":both").succeeded();

      build(engine, push + ":once,store=false").succeeded();
      assertEquals("", engine.docker("images", "-q", name).out());
      engine.docker("pull", name + ":once").succeeded();
      engine.docker("rmi", name + ":once").succeeded();
      assertEquals(before, engine.docker("images", "-aq", "--filter=dangling=true").out());

      String packed = ",compression=zstd,compression-level=9,force-compression=true";
      build(engine, push + ":zstd" + packed).succeeded();
      assertTrue(inspected(engine, name + ":zstd").contains("layer.v1.tar+zstd"));
      build(engine, push + ":plain,compression=uncompressed,force-compression=true").succeeded();
      assertTrue(inspected(engine, name + ":plain").contains("layer.v1.tar\""));
      build(engine, push + ":docker,compression=gzip,force-compression=true,oci-mediatypes=false")
          .succeeded();
      assertTrue(inspected(engine, name + ":docker").contains("docker.image.rootfs.diff.tar.gzip"));
      build(engine, push + ":oci,oci-mediatypes=true").succeeded();
      assertTrue(inspected(engine, name + ":oci").contains("oci.image.manifest"));
      for (String tag : List.of("zstd", "plain", "docker", "oci")) {
        engine.docker("rmi", name + ":" + tag).succeeded();
        engine.docker("pull", name + ":" + tag).succeeded();
        engine.docker("rmi", name + ":" + tag).succeeded();
      }
    }
    build(engine, "-otype=image,dangling-name-prefix=nameless").succeeded();
    assertFalse(engine.docker("images", "-aq", "nameless").out().isBlank());
    String elsewhere = "--cache-to=type=azblob,name=n,account_url=https://a.invalid";
    has(build(engine, elsewhere).exited(1), "registry, local and inline are supported");
    file("Dockerfile", "FROM scratch\nCOPY f /f\n");
    String dated = "--build-arg=SOURCE_DATE_EPOCH=86400";
    Path out = folder.resolve("dated");
    build(engine, dated, "-otype=oci,tar=false,rewrite-timestamp=true,dest=" + out).succeeded();
    Path again = folder.resolve("again");
    build(engine, "--no-cache", dated, "-otype=oci,tar=false,dest=" + again).succeeded();
    assertEquals(
        Files.readString(out.resolve("index.json")), Files.readString(again.resolve("index.json")));
  }
}
