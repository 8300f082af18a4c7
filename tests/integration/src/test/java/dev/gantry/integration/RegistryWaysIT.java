package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.TestCertificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The ways to a registry that the engine's settings and the user's configuration name: proxies,
/// mirrors, rewritten prefixes, programs that keep passwords. The registry is Debian's.
class RegistryWaysIT {
  @TempDir Path folder;

  private Engine engine;
  private Path clientConfig;

  @BeforeEach
  void prepare() throws IOException {
    Needs.dockerClient();
    Needs.peers();
    clientConfig = Files.createDirectories(folder.resolve("client"));
  }

  @AfterEach
  void stop() {
    if (engine != null) {
      engine.close();
    }
  }

  private Command command(String... words) {
    return engine.dockerCommand(words).with("DOCKER_CONFIG", clientConfig.toString());
  }

  private Outcome docker(String... words) {
    return command(words).run().succeeded();
  }

  /// An image that only this name has.
  private String make(String name) {
    command("import", "-c", "LABEL name=" + name, "-", name).input(Busybox.tar()).run().succeeded();
    return name;
  }

  private void comesBack(String name) {
    docker("push", "-q", name);
    docker("rmi", name);
    assertEquals(name, docker("pull", "-q", name).line());
    docker("rmi", name);
  }

  /// An address of this machine that is no loopback address, which proxies are not asked for.
  private String outside() {
    return engine.bridgeAddress().replaceFirst("/.*", "");
  }

  @Test
  void proxiesAreAskedWithTheirPassword() throws Exception {
    try (ForwardProxy proxy = new ForwardProxy()) {
      engine =
          Engine.start(
              "--http-proxy",
              proxy.address(),
              "--https-proxy",
              proxy.address(),
              "--insecure-registry",
              "10.0.0.0/8",
              "--registry-certs",
              folder.resolve("certs").toString());
      String host = outside();
      try (DebianRegistry plain = new DebianRegistry(folder.resolve("plain"), host, "", "")) {
        comesBack(make(plain.host() + "/plain:1"));
        String requests = String.join("\n", proxy.requests());
        assertTrue(requests.contains("PUT http://" + plain.host() + "/v2/plain/"), requests);
        assertTrue(requests.contains("GET http://" + plain.host() + "/v2/plain/blobs/"), requests);
      }
      proxy.forget();
      Path keys = Files.createDirectories(folder.resolve("keys"));
      TestCertificates.make(keys);
      String tls =
          ", tls: {certificate: "
              + keys.resolve("server.pem")
              + ", key: "
              + keys.resolve("server.key")
              + "}";
      Path safe = folder.resolve("safe");
      try (DebianRegistry encrypted =
          new DebianRegistry(safe, host, tls, DebianRegistry.passwords(safe))) {
        command("login", "-u", DebianRegistry.USER, "--password-stdin", encrypted.host())
            .input(DebianRegistry.PASSWORD)
            .run()
            .succeeded();
        comesBack(make(encrypted.host() + "/encrypted:1"));
        assertEquals(
            List.of("CONNECT " + encrypted.host()), proxy.requests().stream().distinct().toList());
        assertFalse(
            proxy.heads().toLowerCase(java.util.Locale.ROOT).contains("\nauthorization:"),
            "the registry's password is not for the proxy");
      }
    }
  }

  @Test
  void proxiesAreLeftOutAndFailuresNamed() throws Exception {
    try (ForwardProxy proxy = new ForwardProxy()) {
      String wrong = proxy.address().replace("p%3Ass", "wrong");
      engine =
          Engine.start(
              "--http-proxy",
              wrong,
              "--no-proxy",
              "registry.invalid,10.0.0.0/8",
              "--insecure-registry",
              "0.0.0.0/0");
      try (DebianRegistry registry =
          new DebianRegistry(folder.resolve("plain"), outside(), "", "")) {
        comesBack(make(registry.host() + "/direct:1"));
        assertEquals("", proxy.heads());
      }
      Outcome refused = command("pull", "192.0.2.1:5000/x").run().exited(1);
      assertTrue(refused.err().contains("Proxy Authentication Required"), refused.err());
      assertTrue(proxy.heads().contains("http://192.0.2.1:5000/v2/"), proxy.heads());
    }
  }

  @Test
  void mirrorsAndRewrittenPrefixesAreAskedFirst() throws Exception {
    try (DebianRegistry mirror = DebianRegistry.plain(folder.resolve("mirror"))) {
      engine =
          Engine.start(
              "--registry-mirror",
              "http://" + mirror.host(),
              "--registry-rewrite",
              "registry.invalid/team=" + mirror.host() + "/moved");
      for (String path : List.of("library/mirrored", "moved/app")) {
        String name = make(mirror.host() + "/" + path + ":1");
        docker("push", "-q", name);
        docker("rmi", name);
      }
      assertEquals("docker.io/library/mirrored:1", docker("pull", "-q", "mirrored:1").line());
      assertEquals(
          "registry.invalid/team/app:1",
          docker("pull", "-q", "registry.invalid/team/app:1").line());
      assertEquals("ok", docker("run", "--rm", "mirrored:1", "echo", "ok").line());
      Outcome elsewhere = command("pull", "registry.invalid/other:1").run().exited(1);
      assertTrue(elsewhere.err().contains("registry.invalid"), elsewhere.err());
    }
  }

  @Test
  void programsKeepPasswords() throws Exception {
    engine = Engine.start();
    Path safe = folder.resolve("safe");
    try (DebianRegistry registry =
        new DebianRegistry(safe, "127.0.0.1", "", DebianRegistry.passwords(safe))) {
      Path programs = helper();
      Path config = clientConfig.resolve("config.json");
      Files.writeString(config, "{\"credHelpers\": {\"" + registry.host() + "\": \"test\"}}");
      gantry(programs, "login", "-u", DebianRegistry.USER, "--password-stdin", registry.host())
          .input("wrong")
          .run()
          .exited(1);
      gantry(programs, "login", "-u", DebianRegistry.USER, "--password-stdin", registry.host())
          .input(DebianRegistry.PASSWORD)
          .run()
          .succeeded();
      assertFalse(Files.readString(config).contains("\"auth\":"), Files.readString(config));
      String kept = Files.readString(programs.resolve("kept"));
      assertTrue(kept.contains("\"Secret\":\"" + DebianRegistry.PASSWORD), kept);
      String name = make(registry.host() + "/kept:1");
      gantry(programs, "push", "-q", name).run().succeeded();
      docker("rmi", name);
      gantry(programs, "pull", "-q", name).run().succeeded();
      gantry(programs, "logout", registry.host()).run().succeeded();
      assertFalse(Files.exists(programs.resolve("kept")));
      gantry(programs, "push", "-q", name).run().exited(1);
    }
  }

  private Command gantry(Path programs, String... words) {
    return engine
        .gantryCommand(words)
        .with("DOCKER_CONFIG", clientConfig.toString())
        .with("PATH", programs + ":" + System.getenv("PATH"));
  }

  /// `docker-credential-test`, which keeps one entry in the file `kept` beside it.
  private Path helper() throws IOException {
    Path programs = Files.createDirectories(folder.resolve("programs"));
    Path program = programs.resolve("docker-credential-test");
    Files.writeString(
        program,
        """
        #!/bin/sh
        kept=$(dirname "$0")/kept
        case $1 in
          store) cat >"$kept" ;;
          get) [ -e "$kept" ] && cat "$kept" || { echo 'credentials not found in native keychain'; exit 1; } ;;
          erase) rm -f "$kept" ;;
        esac
        """);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    return programs;
  }
}
