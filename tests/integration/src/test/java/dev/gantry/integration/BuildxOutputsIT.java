package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.RegistryServer;
import dev.gantry.testkit.TestCertificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Where the real Buildx puts results: archives, registries, caches; and what other programs make
/// of them.
class BuildxOutputsIT extends BuildxTest {
  private void smallProject() throws IOException {
    file("f", "one\n");
    file(
        "Dockerfile",
        """
        FROM scratch
        ARG TARGETARCH
        COPY f /f-$TARGETARCH
        """);
  }

  private static Json.JsonObject inArchive(Path archive, String name) {
    return Json.parseObject(
        Command.of("tar", "xOf", archive.toString(), name).run().succeeded().out());
  }

  private static Json.JsonObject blob(Path archive, Json.JsonObject descriptor) {
    String digest = descriptor.string("digest", "");
    return inArchive(archive, "blobs/" + digest.replace(':', '/'));
  }

  @Test
  void archivesHaveEveryPlatformAndWhatIsSaidOfThem(Engine engine) throws IOException {
    smallProject();
    Path oci = folder.resolve("image.tar");
    String[] both = {"--platform=linux/amd64,linux/arm64", "--annotation=index,manifest:a=b"};
    has(
        build(
                engine,
                both[0],
                both[1],
                "--sbom=true",
                "--provenance=mode=max",
                "-tnamed:1",
                "-otype=oci,dest=" + oci)
            .succeeded(),
        "[linux/arm64 1/1] COPY f /f-arm64");
    Json.JsonObject top = inArchive(oci, "index.json").objects("manifests").getFirst();
    assertEquals(
        "docker.io/library/named:1", top.stringMap("annotations").get("io.containerd.image.name"));
    Json.JsonObject index = blob(oci, top);
    assertEquals("b", index.stringMap("annotations").get("a"));
    List<Json.JsonObject> entries = index.objects("manifests");
    assertEquals(4, entries.size(), index.text());
    assertEquals("b", blob(oci, entries.get(0)).stringMap("annotations").get("a"));
    List<String> said = new ArrayList<>();
    for (Json.JsonObject layer : blob(oci, entries.get(2)).objects("layers")) {
      said.add(layer.stringMap("annotations").get("in-toto.io/predicate-type"));
    }
    assertEquals(List.of("https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2"), said);
    assertEquals("", engine.docker("images", "-q", "named").succeeded().out());

    // the same without all that is as it would be if nobody had ever wanted it
    Path plain = folder.resolve("plain.tar");
    build(engine, "--platform=linux/amd64", "-otype=docker,dest=" + plain, "-tplain:1").succeeded();
    has(engine.docker("load", "-i", plain.toString()).succeeded(), "plain:1");
    Json.JsonObject manifest = inArchive(plain, "index.json").objects("manifests").getFirst();
    assertTrue(manifest.string("mediaType", "").contains("manifest"), manifest.text());

    Path out = folder.resolve("out");
    build(engine, both[0], "-otype=local,dest=" + out).succeeded();
    assertEquals("one\n", Files.readString(out.resolve("linux_amd64/f-amd64")));
    assertEquals("one\n", Files.readString(out.resolve("linux_arm64/f-arm64")));
    build(engine, both[0], "--sbom=true", "-otype=tar,dest=" + out + ".tar").succeeded();
    Outcome files = Command.of("tar", "tf", out + ".tar").run().succeeded();
    has(files, "linux_amd64/f-amd64");
    has(files, "linux_arm64/sbom.spdx.json");
  }

  @Test
  void layoutsComeAndGo(Engine engine) throws IOException {
    final String before = engine.docker("images", "-aq", "--filter=dangling=true").out();
    smallProject();
    Path layout = folder.resolve("layout");
    String[] both = {"--platform=linux/amd64,linux/arm64", "--provenance=mode=max"};
    String dest = ",tar=false,dest=" + layout;
    build(engine, both[0], both[1], "-tnamed:1", "-otype=oci" + dest).succeeded();
    Json.JsonObject top =
        Json.parseObject(Files.readString(layout.resolve("index.json")))
            .objects("manifests")
            .getFirst();
    String digest = top.string("digest", "");
    Json.JsonObject index =
        Json.parseObject(
            Files.readString(layout.resolve("blobs").resolve(digest.replace(':', '/'))));
    assertEquals(4, index.objects("manifests").size(), index.text());
    assertEquals(before, engine.docker("images", "-aq", "--filter=dangling=true").out());
    // and it is a base image, of which nothing stays
    file("Dockerfile", "FROM base\nCOPY f /g\n");
    Path from = folder.resolve("from");
    build(engine, "--build-context=base=oci-layout://" + layout, "-o", from + "").succeeded();
    assertEquals("one\n", Files.readString(from.resolve("f-amd64")));
    assertEquals("one\n", Files.readString(from.resolve("g")));
    has(build(engine, "--build-context=base=oci-layout://" + from).exited(1), "index.json");
    assertEquals(before, engine.docker("images", "-aq", "--filter=dangling=true").out());
    smallProject();
    // one alone, packed as it is said
    Path plain = folder.resolve("plain");
    String form = ",compression=zstd,force-compression=true,dest=" + plain;
    build(engine, "-tplain:1", "-otype=oci,tar=false" + form).succeeded();
    top =
        Json.parseObject(Files.readString(plain.resolve("index.json")))
            .objects("manifests")
            .getFirst();
    Path blobs = plain.resolve("blobs");
    Json.JsonObject manifest =
        Json.parseObject(
            Files.readString(blobs.resolve(top.string("digest", "").replace(':', '/'))));
    assertTrue(manifest.text().contains("tar+zstd"), manifest.text());
    has(
        build(engine, "-otype=oci,compression=lzma,dest=-").exited(1),
        "gzip, zstd or uncompressed");
    has(
        build(engine, "-otype=image,compression=zstd,oci-mediatypes=false").exited(1),
        "zstd needs oci-mediatypes");
    // what is said of files lies beside them
    Path files = folder.resolve("files");
    build(engine, "--provenance=true", "--sbom=true", "-otype=local,dest=" + files).succeeded();
    Json.JsonObject statement =
        Json.parseObject(Files.readString(files.resolve("provenance.json")));
    assertEquals("f-amd64", statement.objects("subject").getFirst().string("name", ""));
    assertTrue(Files.readString(files.resolve("sbom.spdx.json")).contains("SPDX-2.3"));
    file("Dockerfile", "FROM scratch\nCOPY f /provenance.json\n");
    has(
        build(engine, "--provenance=true", "-otype=local,dest=" + files).exited(1),
        "attestation-prefix");
    build(engine, "--provenance=true", "-otype=local,attestation-prefix=about-,dest=" + files)
        .succeeded();
    assertTrue(Files.exists(files.resolve("about-provenance.json")));
  }

  @Test
  void cachesTravelByFoldersRegistriesAndImages(Engine engine) throws IOException {
    file("Dockerfile", "FROM busybox\nRUN head -c 8 /dev/urandom | od -An -tx1 > /r\n");
    Path cache = folder.resolve("cache");
    try (RegistryServer registry = RegistryServer.gantry()) {
      String ref = registry.address() + "/cache:1";
      build(
              engine,
              "-tcached:1",
              "--cache-to=type=local,mode=max,dest=" + cache,
              "--cache-to=type=registry,ref=" + ref)
          .succeeded();
      final String first = sh(engine, "cached:1", "cat /r");
      String inline = registry.address() + "/inline:1";
      build(engine, "-t" + inline, "--push", "--cache-to=type=inline").succeeded();
      for (String from :
          List.of("type=local,src=" + cache, "type=registry,ref=" + ref, inline, "")) {
        engine.docker("rmi", "-f", "cached:1", inline).succeeded();
        docker(engine, "buildx", "prune", "-af").run().succeeded();
        Outcome again =
            (from.isEmpty()
                    ? build(engine, "-tcached:1")
                    : build(engine, "-tcached:1", "--cache-from=" + from))
                .succeeded();
        assertEquals(!from.isEmpty(), again.err().contains("CACHED"), from + again);
        assertEquals(!from.isEmpty(), first.equals(sh(engine, "cached:1", "cat /r")), from);
        engine.docker("tag", "cached:1", inline).succeeded();
      }
      // a cache that is not there stops nothing, one that nobody knows does
      build(engine, "--cache-from=type=registry,ref=" + registry.address() + "/none:1").succeeded();
      has(build(engine, "--cache-to=type=registry,ref=127.0.0.1:1/x").exited(1), "127.0.0.1:1");
      build(engine, "--cache-to=type=registry,ref=127.0.0.1:1/x,ignore-error=true").succeeded();
    }
  }

  // ---- registries

  @Test
  void pushesToOurRegistryWithLoginAndTls(Engine engine) throws IOException {
    smallProject();
    Path home = Needs.distribution();
    Path tls = Files.createDirectory(folder.resolve("tls"));
    TestCertificates.make(tls);
    Path users = folder.resolve("users");
    Outcome line =
        Command.of(
                home.resolve("jdk/bin/java").toString(),
                "@" + home.resolve("lib/registry.args"),
                "password",
                "ann")
            .input("secret\n")
            .run();
    Files.writeString(users, line.succeeded().out());
    for (String kind : List.of("basic", "token")) {
      try (RegistryServer registry =
          RegistryServer.gantry(
              "--htpasswd=" + users,
              "--auth=" + kind,
              "--tls-cert=" + tls.resolve("server.pem"),
              "--tls-key=" + tls.resolve("server.key"))) {
        String image = registry.address() + "/team/pushed:1";
        Path config = config(registry.address());
        assertFalse(build(engine, "--push", "-t" + image).code() == 0, "without a login");
        as(config, command(engine, "--push", "-t" + image, "--sbom=true")).run().succeeded();
        engine.docker("rmi", image).succeeded();
        // and a base image of that registry, with the client's login
        file("Dockerfile", "FROM " + image + "\nCOPY f /g\n");
        has(build(engine).exited(1), image);
        as(config, command(engine, "-tfrom:" + kind)).run().succeeded();
        smallProject();
      }
    }
  }

  /// A client's configuration that has a login and finds Buildx.
  private Path config(String registry) throws IOException {
    Path config = Files.createDirectories(folder.resolve("config"));
    Json.JsonObject all =
        Json.parseObject(Files.readString(Needs.dockerConfig().resolve("config.json")));
    Json.JsonObject login = Json.object().put("auth", "YW5uOnNlY3JldA=="); // ann:secret
    all.put("auths", Json.object().put(registry, login));
    Files.writeString(config.resolve("config.json"), all.text());
    return config;
  }

  private static Command as(Path config, Command command) {
    return command.with("DOCKER_CONFIG", config.toString());
  }

  @Test
  void othersPullAndPushWhatWasBuilt(Engine engine) throws IOException {
    Path peers = Needs.peers();
    smallProject();
    try (RegistryServer ours = RegistryServer.gantry();
        RegistryServer docker = RegistryServer.docker()) {
      for (RegistryServer registry : List.of(ours, docker)) {
        String image = registry.address() + "/team/both:1";
        build(engine, "--push", "-t" + image, "--platform=linux/amd64,linux/arm64", "--sbom=true")
            .succeeded();
        Outcome inspect =
            docker(engine, "buildx", "imagetools", "inspect", image).run().succeeded();
        has(inspect, "linux/arm64");
        has(inspect, "attestation-manifest");
        for (String program : List.of("buildah", "podman")) {
          other(peers, program, "pull", "--tls-verify=false", image).succeeded();
          String again = registry.address() + "/team/" + program + ":2";
          other(peers, program, "push", "--tls-verify=false", image, "docker://" + again)
              .succeeded();
          String base = "FROM " + again + "\nCOPY f /g\n";
          file("Dockerfile", base);
          Path out = folder.resolve(program + registry.address().replace(':', '-'));
          build(engine, "-otype=local,dest=" + out).succeeded();
          assertEquals("one\n", Files.readString(out.resolve("f-amd64")));
          assertEquals("one\n", Files.readString(out.resolve("g")));
          other(peers, program, "rmi", "-f", image).succeeded();
        }
        smallProject();
      }
    }
  }

  private Outcome other(Path peers, String program, String... words) throws IOException {
    Path home = Files.createDirectories(folder.resolve("home"));
    Path settings = Files.createDirectories(home.resolve(".config/containers"));
    Files.writeString(
        settings.resolve("policy.json"), "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    List<String> all = new ArrayList<>(List.of(peers.resolve(program).toString()));
    all.addAll(List.of("--storage-driver", "vfs", "--root", folder.resolve("root").toString()));
    all.addAll(List.of("--runroot", folder.resolve("run").toString()));
    all.addAll(List.of(words));
    Path registries = folder.resolve("registries.conf");
    Files.writeString(registries, "unqualified-search-registries = []\n");
    return Command.of(all)
        .with("HOME", home.toString())
        .with("PATH", peers + ":" + System.getenv("PATH"))
        .with("CONTAINERS_CONF", peers.resolveSibling("containers.conf").toString())
        .with("CONTAINERS_REGISTRIES_CONF", registries.toString())
        .with("PODMAN_IGNORE_CGROUPSV1_WARNING", "1")
        .within(Duration.ofMinutes(2))
        .run();
  }
}
