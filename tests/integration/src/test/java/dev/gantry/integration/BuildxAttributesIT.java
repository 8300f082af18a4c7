package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The attributes of outputs and caches, the build arguments that BuildKit gives a meaning to, and
/// the sources that only its clients send, with the real Buildx.
class BuildxAttributesIT extends BuildxTest {
  private void small() throws IOException {
    file("f", "one\n".repeat(1000));
    file("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f /f-$TARGETARCH\n");
  }

  private static Json.JsonObject read(Path layout, String digest) throws IOException {
    Path file = layout.resolve("blobs").resolve(digest.replace(':', '/'));
    return Json.parseObject(Files.readString(file));
  }

  /// The manifest that a layout's index names.
  private static Json.JsonObject manifest(Path layout) throws IOException {
    Json.JsonObject index = Json.parseObject(Files.readString(layout.resolve("index.json")));
    return read(layout, index.objects("manifests").getFirst().string("digest", ""));
  }

  /// Builds into a layout in a folder and reads its manifest.
  private Json.JsonObject layout(Engine engine, String name, String attributes) throws IOException {
    Path place = folder.resolve(name);
    build(engine, "-o", "type=oci,tar=false,dest=" + place + attributes).succeeded();
    return manifest(place);
  }

  private static String layerType(Json.JsonObject manifest) {
    return manifest.objects("layers").getFirst().string("mediaType", "");
  }

  @Test
  void layersArePackedAsTheOutputSays(Engine engine) throws IOException {
    small();
    String oci = "application/vnd.oci.image.layer.v1.tar";
    assertEquals(oci + "+gzip", layerType(layout(engine, "plain", "")));
    String force = ",force-compression=true";
    Json.JsonObject zstd = layout(engine, "zstd", ",compression=zstd,compression-level=3" + force);
    assertEquals(oci + "+zstd", layerType(zstd));
    assertEquals(oci, layerType(layout(engine, "tar", ",compression=uncompressed" + force)));
    Json.JsonObject docker =
        layout(engine, "docker", ",compression=gzip,oci-mediatypes=false" + force);
    assertEquals(
        "application/vnd.docker.distribution.manifest.v2+json", docker.string("mediaType", ""));
    assertEquals("application/vnd.docker.image.rootfs.diff.tar.gzip", layerType(docker));
    has(
        build(engine, "-o", "type=oci,dest=" + folder.resolve("x") + ",compression=lzma").exited(1),
        "unsupported layer compression type lzma");
    // what was packed is what runs
    Path archive = folder.resolve("zstd.tar");
    build(engine, "-t", "zipped:1", "-o", "type=docker,compression=zstd,dest=" + archive)
        .succeeded();
    has(engine.docker("load", "-i", archive.toString()).succeeded(), "zipped:1");
  }

  @Test
  void imagesAreNamedStoredAndPushedAsTheOutputSays(Engine engine) throws IOException {
    small();
    try (RegistryServer registry = RegistryServer.gantry()) {
      String name = registry.address() + "/pushed";
      build(
              engine,
              "-o",
              "type=image,store=false,push=true,registry.insecure=true,unpack=true"
                  + ",prefer-nondist-layers=true,name="
                  + name
                  + ":stored")
          .succeeded();
      assertEquals("", engine.docker("images", "-q", name + ":stored").succeeded().out());
      engine.docker("pull", name + ":stored").succeeded();
      build(engine, "-o", "type=image,name=canonical:1,name-canonical=true").succeeded();
      String digests = "{{json .RepoDigests}}";
      has(engine.docker("inspect", "-f", digests, "canonical:1").succeeded(), "canonical@sha256:");
      build(engine, "-o", "type=image,dangling-name-prefix=hanging").succeeded();
      has(engine.docker("images", "--digests").succeeded(), "hanging");
    }
  }

  @Test
  void attestationsAreArtifactsOrFilesAsTheOutputSays(Engine engine) throws IOException {
    small();
    Path place = folder.resolve("attested");
    build(engine, "--provenance=true", "-o", "type=oci,tar=false,oci-artifact=true,dest=" + place)
        .succeeded();
    Json.JsonObject about =
        manifest(place).objects("manifests").stream()
            .filter(m -> m.stringMap("annotations").containsKey("vnd.docker.reference.type"))
            .findFirst()
            .orElseThrow();
    Json.JsonObject artifact = read(place, about.string("digest", ""));
    assertEquals(
        "application/vnd.docker.attestation.manifest.v1+json", artifact.string("artifactType", ""));
    assertTrue(artifact.object("subject").isPresent(), artifact.text());

    String[] both = {"--platform=linux/amd64,linux/arm64", "--provenance=true", "--sbom=true"};
    Path files = folder.resolve("files");
    String local = "type=local,attestation-prefix=about-,dest=" + files;
    build(engine, both[0], both[1], both[2], "-o", local).succeeded();
    assertEquals(
        List.of("about-provenance.json", "about-sbom.spdx.json", "f-arm64"),
        names(files.resolve("linux_arm64")));
    assertTrue(
        Files.readString(files.resolve("linux_amd64/about-provenance.json")).contains("f-amd64"));
    Path together = folder.resolve("together");
    build(engine, both[0], both[1], "-o", "type=local,platform-split=false,dest=" + together)
        .succeeded();
    assertEquals(
        List.of("f-amd64", "f-arm64", "provenance.linux_amd64.json", "provenance.linux_arm64.json"),
        names(together));
    Path tar = folder.resolve("files.tar");
    build(engine, both[0], both[1], "-o", "type=tar,dest=" + tar).succeeded();
    String members = Command.of("tar", "-tf", tar.toString()).run().succeeded().out();
    assertTrue(members.contains("linux_arm64/f-arm64\n"), members);
    assertTrue(members.contains("linux_amd64/provenance.json\n"), members);
    // clients attest every build by themselves, for images that go to registries
    Path inline = folder.resolve("inline");
    command(engine, "-o", "type=oci,tar=false,attestation-inline=true,dest=" + inline)
        .with("BUILDX_NO_DEFAULT_ATTESTATIONS", "0")
        .run()
        .succeeded();
    assertTrue(
        manifest(inline).objects("manifests").stream()
            .anyMatch(m -> m.stringMap("annotations").containsKey("vnd.docker.reference.type")),
        "an attestation of the client's own");
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void timesAreRewrittenAsTheOutputSays(Engine engine) throws IOException {
    small();
    build(
            engine,
            "-t",
            "dated:1",
            "-o",
            "type=image,rewrite-timestamp=true,source-date-epoch=86400")
        .succeeded();
    assertEquals(
        "1970-01-02T00:00:00Z", engine.docker("inspect", "-f", "{{.Created}}", "dated:1").line());
  }

  @Test
  void cachesAreWrittenAsTheirAttributesSay(Engine engine) throws IOException {
    small();
    Path zstd = folder.resolve("zstd");
    build(
            engine,
            "--cache-to",
            "type=local,mode=max,compression=zstd,compression-level=1,force-compression=true,dest="
                + zstd)
        .succeeded();
    assertEquals("application/vnd.oci.image.layer.v1.tar+zstd", layerType(manifest(zstd)));
    Path docker = folder.resolve("docker");
    build(engine, "--cache-to", "type=local,oci-mediatypes=false,dest=" + docker).succeeded();
    Json.JsonObject list = manifest(docker);
    assertEquals(
        "application/vnd.docker.distribution.manifest.list.v2+json", list.string("mediaType", ""));
    engine.docker("builder", "prune", "-af").succeeded();
    has(build(engine, "--cache-from", "type=local,src=" + zstd).succeeded(), "CACHED");
    try (RegistryServer registry = RegistryServer.gantry()) {
      String ref = ",ref=" + registry.address() + "/cache";
      String how = "compression=zstd,force-compression=true,registry.insecure=true";
      build(engine, "--cache-to", "type=registry," + how + ref).succeeded();
      engine.docker("builder", "prune", "-af").succeeded();
      String from = "type=registry,registry.insecure=true" + ref;
      has(build(engine, "--cache-from", from).succeeded(), "CACHED");
    }
  }

  @Test
  void layoutsAreBases(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN echo below > /below\n");
    Path layout = folder.resolve("layout");
    build(engine, "-o", "type=oci,tar=false,dest=" + layout).succeeded();
    String before = engine.docker("images", "-aq", "--no-trunc").succeeded().out();
    file("Dockerfile", "FROM base\nRUN cat /below > /a\nCOPY --from=base /below /b\n");
    build(engine, "-t", "above:1", "--build-context=base=oci-layout://" + layout).succeeded();
    assertEquals("below\nbelow\n", sh(engine, "above:1", "cat /a /b"));
    engine.docker("rmi", "above:1").succeeded();
    assertEquals(before, engine.docker("images", "-aq", "--no-trunc").succeeded().out());
    Json.JsonObject index = Json.parseObject(Files.readString(layout.resolve("index.json")));
    String digest = index.objects("manifests").getFirst().string("digest", "");
    Path blob = layout.resolve("blobs").resolve(digest.replace(':', '/'));
    Files.writeString(blob, Files.readString(blob) + " ");
    String damaged = "--build-context=base=oci-layout://" + layout + "@" + digest;
    has(build(engine, "--no-cache", damaged).exited(1), "is not what its name says");
  }

  @Test
  void policiesDenyAndReplaceSources(Engine engine) throws IOException {
    Path policy =
        Files.writeString(
            folder.resolve("policy.json"),
            """
            {"version": 1, "rules": [
              {"action": "DENY", "selector": {"identifier": "docker-image://docker.io/library/no*"}},
              {"action": "DENY", "selector": {"identifier": "https?://.*", "match_type": "REGEX", "matchType": "REGEX"}},
              {"action": "CONVERT",
               "selector": {"identifier": "docker-image://docker.io/library/wanted:*"},
               "updates": {"identifier": "docker-image://docker.io/library/busybox:${1}"}}]}
            """);
    file("Dockerfile", "FROM wanted:latest\nRUN echo replaced\n");
    has(kept(engine, policy).run().succeeded(), "replaced");
    file("Dockerfile", "FROM nothing:1\n");
    has(kept(engine, policy).run().exited(1), "denied by policy");
    file("Dockerfile", "FROM scratch\nADD http://127.0.0.1:1/x /x\n");
    has(kept(engine, policy).run().exited(1), "denied by policy");
  }

  private Command kept(Engine engine, Path policy) {
    return command(engine).with("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY", policy.toString());
  }

  @Test
  void argumentsOfBuildKitMeanWhatTheyDoThere(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN hostname\n");
    has(build(engine, "--build-arg=BUILDKIT_SANDBOX_HOSTNAME=own").succeeded(), "own");
    file("Dockerfile", "FROM busybox\nRUN --mount=type=cache,target=/c,id=ns echo x >> /c/x\n");
    build(engine).succeeded();
    file("Dockerfile", "FROM busybox\nRUN --mount=type=cache,target=/c,id=ns echo in:$(ls /c)\n");
    has(build(engine).succeeded(), "in:x");
    has(build(engine, "--no-cache", "--build-arg=BUILDKIT_CACHE_MOUNT_NS=b").succeeded(), "in:\n");

    small();
    Path out = folder.resolve("out");
    build(engine, "--build-arg=BUILDKIT_MULTI_PLATFORM=1", "-o", out.toString()).succeeded();
    assertTrue(Files.exists(out.resolve("linux_amd64/f-amd64")), "a folder for one platform");
    Path layout = folder.resolve("layout");
    String multi = "--build-arg=BUILDKIT_MULTI_PLATFORM=true";
    build(engine, multi, "-o", "type=oci,tar=false,dest=" + layout).succeeded();
    assertEquals(1, manifest(layout).objects("manifests").size());

    file("Dockerfile", "FROM busybox AS Base\n");
    String checks = "--build-arg=BUILDKIT_DOCKERFILE_CHECK=";
    has(build(engine, checks + "error=true").exited(1), "lint violation found for rules");
    build(engine, checks + "skip=all;error=true").succeeded();
    has(build(engine, "--build-arg=BUILDKIT_SYNTAX=some/other:1").exited(1), "frontend some/other");
    file("Dockerfile", "// syntax=some/other:1\n{}\n");
    has(build(engine).exited(1), "frontend some/other:1");
    file("Dockerfile", "FROM busybox\nLABEL a=b\n");
    build(engine, "--build-arg=BUILDKIT_BUILD_NAME=christened").succeeded();
    has(docker(engine, "buildx", "history", "ls", "--no-trunc").run().succeeded(), "christened");
  }

  @Test
  void listsOfPackagesTellOfStagesAndTheContext(Engine engine) throws IOException {
    file("package/status", "Package: inside\nStatus: install ok installed\nVersion: 1\n");
    file("node_modules/given/package.json", "{\"name\":\"given\",\"version\":\"2\"}");
    file(
        "Dockerfile",
        """
        ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
        FROM scratch AS tools
        ARG BUILDKIT_SBOM_SCAN_STAGE=true
        COPY package/status /var/lib/dpkg/status
        FROM scratch
        COPY --from=tools /var/lib/dpkg/status /elsewhere
        """);
    Path layout = folder.resolve("layout");
    String output = "type=oci,tar=false,dest=" + layout;
    build(engine, "--sbom=true", "-o", output).succeeded();
    String all =
        Command.of("grep", "-rhF", "spdxVersion", layout.toString()).run().succeeded().out();
    assertTrue(all.contains("pkg:deb/debian/inside@1"), all);
    assertTrue(all.contains("pkg:npm/given@2"), all);
    assertTrue(all.contains("stage tools"), all);
  }

  @Test
  void stepsGetDevicesThatAreAllowed() throws IOException {
    Path vendors = Files.createDirectory(folder.resolve("vendors"));
    Files.writeString(
        vendors.resolve("thing.json"),
        """
        {"cdiVersion": "0.5.0", "kind": "vendor.example/thing", "devices": [
          {"name": "one", "containerEdits": {"env": ["ONE=1"]}},
          {"name": "two", "containerEdits": {"env": ["TWO=2"]}}]}
        """);
    try (Engine engine = Engine.start("--cdi-spec-dir", vendors.toString())) {
      engine.busybox();
      file(
          "Dockerfile",
          """
          FROM busybox
          RUN --device=vendor.example/thing=one,required echo "one: $ONE$TWO"
          RUN --device=name=vendor.example/thing=* echo "all: $ONE$TWO"
          RUN --device=vendor.example/other echo "none: $ONE$TWO"
          """);
      has(build(engine).exited(1), "device vendor.example/thing=one is not allowed");
      Outcome built = build(engine, "--allow=device").succeeded();
      has(built, "one: 1\n");
      has(built, "all: 12\n");
      has(built, "none: \n");
      file("Dockerfile", "FROM busybox\nRUN --device=vendor.example/other,required true\n");
      has(build(engine, "--allow=device").exited(1), "is not registered");
    }
  }
}
