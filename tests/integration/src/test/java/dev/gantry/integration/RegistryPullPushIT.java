package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// The engine and Debian's docker-registry, driven by the real Docker CLI; skopeo looks on.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RegistryPullPushIT {
  private Path folder;
  private Engine engine;
  private DebianRegistry plain;
  private Path clientConfig;

  @BeforeAll
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Needs.dockerClient();
    Needs.peers();
    engine = Engine.start("--registry-certs", folder.resolve("certs").toString());
    plain = DebianRegistry.plain(folder.resolve("plain"));
    clientConfig = Files.createDirectories(folder.resolve("client"));
    engine.busybox();
  }

  @AfterAll
  void stop() {
    if (plain != null) {
      plain.close();
    }
    if (engine != null) {
      engine.close();
    }
  }

  private Command command(String... words) {
    return engine.dockerCommand(words).with("DOCKER_CONFIG", clientConfig.toString());
  }

  private Outcome docker(String... words) {
    return command(words).run();
  }

  private Command skopeo(String... words) {
    java.util.List<String> all = new java.util.ArrayList<>();
    all.add(Needs.peers().resolve("skopeo").toString());
    all.add("--insecure-policy");
    all.addAll(List.of(words));
    return Command.of(all);
  }

  /// An image that only this name has.
  private String make(String name) {
    command("import", "-c", "LABEL name=" + name, "-", name).input(Busybox.tar()).run().succeeded();
    return name;
  }

  private String push(String name) {
    String full = make(plain.host() + "/" + name);
    docker("push", "-q", full).succeeded();
    return full;
  }

  private static String digest(Outcome pushOrPull) {
    return pushOrPull
        .out()
        .lines()
        .filter(l -> l.contains("igest: "))
        .map(l -> l.replaceFirst(".*igest: (sha256:[0-9a-f]{64}).*", "$1"))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no digest in " + pushOrPull));
  }

  @Test
  void whatIsPushedComesBack() {
    String name = make(plain.host() + "/way/there:1");
    String id = docker("images", "-q", "--no-trunc", name).line();
    Outcome push = docker("push", name).succeeded();
    assertTrue(push.out().contains("The push refers to repository [" + plain.host()), push.out());
    String digest = digest(push);
    assertTrue(docker("push", name).succeeded().out().contains("Layer already exists"));
    Outcome removed = docker("rmi", name).succeeded();
    assertTrue(removed.out().contains("Untagged: " + plain.host() + "/way/there@" + digest));
    Outcome pull = docker("pull", name).succeeded();
    assertEquals(digest, digest(pull));
    assertTrue(pull.out().contains("Status: Downloaded newer image for " + name), pull.out());
    assertTrue(docker("pull", name).succeeded().out().contains("Status: Image is up to date for"));
    assertEquals(id, docker("images", "-q", "--no-trunc", name).line());
    String byDigest = plain.host() + "/way/there@" + digest;
    assertEquals(byDigest, docker("pull", "-q", byDigest).succeeded().line());
    assertEquals(
        "[" + byDigest + "]", docker("inspect", "-f", "{{.RepoDigests}}", byDigest).line());
    docker("rmi", name).succeeded();
  }

  @Test
  void runFetchesWhatItMisses() {
    String name = push("run/missing:1");
    docker("rmi", name).succeeded();
    Outcome run = docker("run", "--rm", name, "echo", "here").succeeded();
    assertEquals("here", run.line());
    assertTrue(run.err().contains("Unable to find image '" + name + "' locally"), run.err());
    docker("rmi", name).succeeded();
  }

  @Test
  void blobsOfTheSameRegistryAreMounted() {
    String from = push("mount/from:1");
    String to = plain.host() + "/mount/to:1";
    docker("tag", from, to).succeeded();
    Outcome push = docker("push", to).succeeded();
    assertTrue(push.out().contains("Mounted from "), push.out());
    docker("rmi", to, from).succeeded();
  }

  @Test
  void allTagsComeTogether() {
    push("all/tags:1");
    push("all/tags:2");
    docker("rmi", plain.host() + "/all/tags:1", plain.host() + "/all/tags:2").succeeded();
    docker("pull", "-a", plain.host() + "/all/tags").succeeded();
    assertEquals(
        List.of("1", "2"),
        docker("images", "--format", "{{.Tag}}", plain.host() + "/all/tags")
            .out()
            .lines()
            .sorted()
            .toList());
    docker("rmi", plain.host() + "/all/tags:1", plain.host() + "/all/tags:2").succeeded();
  }

  @Test
  void whatIsNotThereIsNamed() {
    Outcome tag = docker("pull", plain.host() + "/no/such:1").exited(1);
    assertTrue(
        tag.err()
            .contains(
                "manifest for "
                    + plain.host()
                    + "/no/such:1 not found: manifest unknown: manifest unknown"),
        tag.err());
    Outcome closed = docker("pull", "127.0.0.1:1/x").exited(1);
    assertTrue(
        closed.err().contains("dial tcp 127.0.0.1:1: connect: connection refused"), closed.err());
    Outcome push = docker("push", plain.host() + "/never/made:1").exited(1);
    assertTrue(push.err().contains("An image does not exist locally with the tag"), push.err());
    Outcome search = docker("search", plain.host() + "/nothing").succeeded();
    assertTrue(search.out().startsWith("NAME"), search.out());
  }

  @Test
  void theMachinesPlatformIsTakenFromAnIndex() {
    String own = push("multi/amd64:1");
    String other = plain.host() + "/multi/arm64:1";
    command("import", "--platform", "linux/arm64", "-", other)
        .input(Busybox.tar())
        .run()
        .succeeded();
    docker("push", "-q", other).succeeded();
    String index = plain.host() + "/multi/both:1";
    docker("manifest", "create", "--insecure", index, own, other).succeeded();
    docker("manifest", "annotate", "--arch", "arm64", index, other).succeeded();
    docker("manifest", "annotate", "--arch", "amd64", index, own).succeeded();
    docker("manifest", "push", "--insecure", index).succeeded();
    docker("pull", index).succeeded();
    assertEquals("ok", docker("run", "--rm", index, "echo", "ok").succeeded().line());
    docker("pull", "--platform", "linux/arm64", index).succeeded();
    Outcome none = docker("pull", "--platform", "linux/s390x", index).exited(1);
    assertTrue(none.err().contains("no matching manifest for linux/s390x"), none.err());
    Outcome wrong = docker("pull", "--platform", "linux/s390x", own).succeeded();
    assertTrue(wrong.out().contains("does not match the specified platform"), wrong.out());
    skopeo(
            "copy",
            "--all",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "docker://" + index,
            "docker://" + plain.host() + "/multi/copied:1")
        .run()
        .succeeded();
    docker("pull", plain.host() + "/multi/copied:1").succeeded();
    docker("rmi", "-f", own, other, index, plain.host() + "/multi/copied:1").succeeded();
  }

  @Test
  void otherFormsOfPackingAreTaken() {
    String name = push("packed/gzip:1");
    docker("rmi", name).succeeded();
    for (List<String> form :
        List.of(
            List.of("zstd", "--format", "oci"),
            List.of("gzip", "--format", "oci"),
            List.of("gzip", "--format", "v2s2"))) {
      String copy = plain.host() + "/packed/" + form.getFirst() + ":" + form.getLast();
      skopeo(
              "copy",
              "--src-tls-verify=false",
              "--dest-tls-verify=false",
              "--dest-compress",
              "--dest-compress-format",
              form.getFirst(),
              form.get(1),
              form.get(2),
              "docker://" + name,
              "docker://" + copy)
          .run()
          .succeeded();
      docker("pull", "-q", copy).succeeded();
      assertEquals("ok", docker("run", "--rm", copy, "echo", "ok").succeeded().line());
      docker("rmi", copy).succeeded();
    }
  }

  @Test
  void encryptedRegistryWithPasswordsLetsTheRightOnesIn() throws Exception {
    String gateway =
        docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge").line();
    Path keys = Files.createDirectories(folder.resolve("keys"));
    certificate(keys, "server", "-addext", "subjectAltName=IP:" + gateway);
    certificate(keys, "client");
    String tls =
        ", tls: {certificate: "
            + keys.resolve("server.crt")
            + ", key: "
            + keys.resolve("server.key")
            + ", clientcas: ["
            + keys.resolve("client.crt")
            + "]}";
    try (DebianRegistry safe =
        new DebianRegistry(
            folder.resolve("safe"),
            gateway,
            tls,
            DebianRegistry.passwords(folder.resolve("safe")))) {
      String name = safe.host() + "/safe/image:1";
      Outcome unknown = docker("pull", name).exited(1);
      assertTrue(unknown.err().contains("certificate signed by unknown authority"), unknown.err());
      Path trusted = Files.createDirectories(folder.resolve("certs").resolve(safe.host()));
      Files.copy(keys.resolve("server.crt"), trusted.resolve("ca.crt"));
      Outcome stranger = docker("pull", name).exited(1);
      assertTrue(stranger.err().contains("tls: "), stranger.err());
      Files.copy(keys.resolve("client.crt"), trusted.resolve("client.cert"));
      Files.copy(keys.resolve("client.key"), trusted.resolve("client.key"));
      Outcome nobody = docker("pull", name).exited(1);
      assertTrue(nobody.err().contains("no basic auth credentials"), nobody.err());
      Outcome wrong = login(safe, "not it").exited(1);
      assertTrue(wrong.err().contains("401"), wrong.err());
      login(safe, DebianRegistry.PASSWORD).succeeded();
      make(name);
      docker("push", "-q", name).succeeded();
      docker("rmi", name).succeeded();
      assertEquals("in", docker("run", "--rm", name, "echo", "in").succeeded().line());
      docker("rmi", name).succeeded();
      docker("logout", safe.host()).succeeded();
      assertFalse(docker("pull", name).code() == 0);
    }
  }

  private Outcome login(DebianRegistry registry, String password) {
    return command("login", "-u", DebianRegistry.USER, "--password-stdin", registry.host())
        .input(password)
        .run();
  }

  /// A self-signed certificate and its key, in the old form of keys.
  private static void certificate(Path folder, String name, String... more) {
    List<String> words =
        new java.util.ArrayList<>(
            List.of(
                Needs.program("openssl").toString(),
                "req",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-subj",
                "/CN=" + name,
                "-keyout",
                folder.resolve(name + ".pk8").toString(),
                "-out",
                folder.resolve(name + ".crt").toString()));
    words.addAll(List.of(more));
    Command.of(words).within(Duration.ofMinutes(1)).run().succeeded();
    Command.of(
            "openssl",
            "ec",
            "-in",
            folder.resolve(name + ".pk8").toString(),
            "-out",
            folder.resolve(name + ".key").toString())
        .run()
        .succeeded();
  }
}
