package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
  private RegistryUser user;

  @BeforeAll
  void start(@TempDir Path temporary) throws IOException {
    folder = temporary;
    Needs.dockerClient();
    Needs.peers();
    engine = Engine.start("--registry-certs", folder.resolve("certs").toString());
    plain = DebianRegistry.plain(folder.resolve("plain"));
    user = new RegistryUser(engine, folder.resolve("client"));
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

  private String push(String name) {
    String full = user.make(plain.host() + "/" + name);
    user.docker("push", "-q", full);
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
    String name = user.make(plain.host() + "/way/there:1");
    String id = user.docker("images", "-q", "--no-trunc", name).line();
    Outcome push = user.docker("push", name);
    assertTrue(push.out().contains("The push refers to repository [" + plain.host()), push.out());
    String digest = digest(push);
    assertTrue(user.docker("push", name).out().contains("Layer already exists"));
    Outcome removed = user.docker("rmi", name);
    assertTrue(removed.out().contains("Untagged: " + plain.host() + "/way/there@" + digest));
    Outcome pull = user.docker("pull", name);
    assertEquals(digest, digest(pull));
    assertTrue(pull.out().contains("Status: Downloaded newer image for " + name), pull.out());
    assertTrue(user.docker("pull", name).out().contains("Status: Image is up to date for"));
    assertEquals(id, user.docker("images", "-q", "--no-trunc", name).line());
    String byDigest = plain.host() + "/way/there@" + digest;
    assertEquals(byDigest, user.docker("pull", "-q", byDigest).line());
    assertEquals(
        "[" + byDigest + "]", user.docker("inspect", "-f", "{{.RepoDigests}}", byDigest).line());
    user.docker("rmi", name);
  }

  @Test
  void runFetchesWhatItMisses() {
    String name = push("run/missing:1");
    user.docker("rmi", name);
    Outcome run = user.docker("run", "--rm", name, "echo", "here");
    assertEquals("here", run.line());
    assertTrue(run.err().contains("Unable to find image '" + name + "' locally"), run.err());
    user.docker("rmi", name);
  }

  @Test
  void blobsOfTheSameRegistryAreMounted() {
    String from = push("mount/from:1");
    String to = plain.host() + "/mount/to:1";
    user.docker("tag", from, to);
    Outcome push = user.docker("push", to);
    assertTrue(push.out().contains("Mounted from "), push.out());
    user.docker("rmi", to, from);
  }

  @Test
  void allTagsComeTogether() {
    user.make(plain.host() + "/all/tags:1");
    user.make(plain.host() + "/all/tags:2");
    Outcome pushed = user.docker("push", "-a", plain.host() + "/all/tags");
    assertTrue(pushed.out().contains("1: digest: ") && pushed.out().contains("2: digest: "));
    user.docker("rmi", plain.host() + "/all/tags:1", plain.host() + "/all/tags:2");
    user.docker("pull", "-a", plain.host() + "/all/tags");
    assertEquals(
        List.of("1", "2"),
        user.docker("images", "--format", "{{.Tag}}", plain.host() + "/all/tags")
            .out()
            .lines()
            .sorted()
            .toList());
    user.docker("rmi", plain.host() + "/all/tags:1", plain.host() + "/all/tags:2");
  }

  @Test
  void whatIsNotThereIsNamed() {
    Outcome tag = user.command("pull", plain.host() + "/no/such:1").run().exited(1);
    assertTrue(
        tag.err()
            .contains(
                "manifest for "
                    + plain.host()
                    + "/no/such:1 not found: manifest unknown: manifest unknown"),
        tag.err());
    Outcome closed = user.command("pull", "127.0.0.1:1/x").run().exited(1);
    assertTrue(
        closed.err().contains("dial tcp 127.0.0.1:1: connect: connection refused"), closed.err());
    Outcome push = user.command("push", plain.host() + "/never/made:1").run().exited(1);
    assertTrue(push.err().contains("An image does not exist locally with the tag"), push.err());
    Outcome search = user.docker("search", plain.host() + "/nothing");
    assertTrue(search.out().startsWith("NAME"), search.out());
  }

  @Test
  void theMachinesPlatformIsTakenFromAnIndex() {
    String own = push("multi/amd64:1");
    String other = user.push(plain.host() + "/multi/arm64:1", "linux/arm64");
    String index = plain.host() + "/multi/both:1";
    user.docker("manifest", "create", "--insecure", index, own, other);
    user.docker("manifest", "annotate", "--arch", "arm64", index, other);
    user.docker("manifest", "annotate", "--arch", "amd64", index, own);
    user.docker("manifest", "push", "--insecure", index);
    user.docker("pull", index);
    assertEquals("ok", user.docker("run", "--rm", index, "echo", "ok").line());
    user.docker("pull", "--platform", "linux/arm64", index);
    Outcome none = user.command("pull", "--platform", "linux/s390x", index).run().exited(1);
    assertTrue(none.err().contains("no matching manifest for linux/s390x"), none.err());
    Outcome wrong = user.docker("pull", "--platform", "linux/s390x", own);
    assertTrue(wrong.out().contains("does not match the specified platform"), wrong.out());
    RegistryUser.skopeo(
        "copy",
        "--all",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "docker://" + index,
        "docker://" + plain.host() + "/multi/copied:1");
    user.docker("pull", plain.host() + "/multi/copied:1");
    user.docker("rmi", "-f", own, other, index, plain.host() + "/multi/copied:1");
  }

  @Test
  void otherFormsOfPackingAreTaken() {
    String name = push("packed/gzip:1");
    user.docker("rmi", name);
    for (List<String> form :
        List.of(
            List.of("zstd", "--format", "oci"),
            List.of("gzip", "--format", "oci"),
            List.of("gzip", "--format", "v2s2"))) {
      String copy = plain.host() + "/packed/" + form.getFirst() + ":" + form.getLast();
      RegistryUser.skopeo(
          "copy",
          "--src-tls-verify=false",
          "--dest-tls-verify=false",
          "--dest-compress",
          "--dest-compress-format",
          form.getFirst(),
          form.get(1),
          form.get(2),
          "docker://" + name,
          "docker://" + copy);
      user.docker("pull", "-q", copy);
      assertEquals("ok", user.docker("run", "--rm", copy, "echo", "ok").line());
      user.docker("rmi", copy);
    }
  }

  @Test
  void encryptedRegistryWithPasswordsLetsTheRightOnesIn() throws Exception {
    String gateway =
        user.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")
            .line();
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
      Outcome unknown = user.command("pull", name).run().exited(1);
      assertTrue(unknown.err().contains("certificate signed by unknown authority"), unknown.err());
      Path trusted = Files.createDirectories(folder.resolve("certs").resolve(safe.host()));
      Files.copy(keys.resolve("server.crt"), trusted.resolve("ca.crt"));
      Outcome stranger = user.command("pull", name).run().exited(1);
      assertTrue(stranger.err().contains("tls: "), stranger.err());
      Files.copy(keys.resolve("client.crt"), trusted.resolve("client.cert"));
      Outcome half = user.command("pull", name).run().exited(1);
      assertTrue(half.err().contains("missing key " + trusted.resolve("client.key")), half.err());
      Files.copy(keys.resolve("client.key"), trusted.resolve("client.key"));
      Outcome nobody = user.command("pull", name).run().exited(1);
      assertTrue(nobody.err().contains("no basic auth credentials"), nobody.err());
      Outcome wrong = user.login(safe, "not it").exited(1);
      assertTrue(wrong.err().contains("401"), wrong.err());
      user.login(safe, DebianRegistry.PASSWORD).succeeded();
      user.make(name);
      user.docker("push", "-q", name);
      user.docker("rmi", name);
      assertEquals("in", user.docker("run", "--rm", name, "echo", "in").line());
      user.docker("rmi", name);
      user.docker("logout", safe.host());
      assertFalse(user.command("pull", name).run().code() == 0);
    }
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
