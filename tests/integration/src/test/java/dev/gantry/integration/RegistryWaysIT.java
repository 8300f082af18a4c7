package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.TestCertificates;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The ways to a registry that the engine's settings and the user's configuration name: proxies,
/// mirrors, rewritten prefixes, programs that keep passwords. The registry is Debian's.
class RegistryWaysIT {
  @TempDir Path folder;

  private Engine engine;
  private RegistryUser user;

  @BeforeEach
  void prepare() {
    Needs.dockerClient();
    Needs.peers();
  }

  @AfterEach
  void stop() {
    if (engine != null) {
      engine.close();
    }
  }

  private void use(Engine started) {
    engine = started;
    user = new RegistryUser(engine, folder.resolve("client"));
  }

  /// An address of this machine that is no loopback address, which proxies are not asked for.
  private String outside() {
    return engine.bridgeAddress().replaceFirst("/.*", "");
  }

  /// Where dockerd looks for the proxies' addresses.
  private enum Setting {
    FLAGS,
    FILE,
    ENVIRONMENT,
    SMALL_ENVIRONMENT
  }

  private Engine startBehind(Setting setting, String proxy, String none) throws IOException {
    String[] others = {
      "--insecure-registry",
      "10.0.0.0/8",
      "--registry-certs",
      folder.resolve("certs").toString(),
      "--config-file",
      Files.writeString(
              folder.resolve("daemon.json"),
              setting == Setting.FILE
                  ? Json.object()
                      .put(
                          "proxies",
                          Json.object()
                              .put("http-proxy", proxy)
                              .put("https-proxy", proxy)
                              .put("no-proxy", none))
                      .text()
                  : "{}")
          .toString()
    };
    return switch (setting) {
      case FLAGS ->
          Engine.start(
              Stream.concat(
                      Stream.of(
                          "--http-proxy=" + proxy, "--https-proxy=" + proxy, "--no-proxy=" + none),
                      Stream.of(others))
                  .toArray(String[]::new));
      case FILE -> Engine.start(others);
      case ENVIRONMENT ->
          Engine.startThrough(
              List.of("env", "HTTP_PROXY=" + proxy, "HTTPS_PROXY=" + proxy, "NO_PROXY=" + none),
              others);
      case SMALL_ENVIRONMENT ->
          Engine.startThrough(
              List.of("env", "http_proxy=" + proxy, "https_proxy=" + proxy, "no_proxy=" + none),
              others);
    };
  }

  @ParameterizedTest
  @EnumSource
  void proxiesAreAskedWithTheirPassword(Setting setting) throws Exception {
    try (ForwardProxy proxy = new ForwardProxy()) {
      use(startBehind(setting, proxy.address(), "left.out.invalid"));
      String shown = user.docker("info").out();
      assertTrue(shown.contains("HTTP Proxy: http://xxxxx:xxxxx@127.0.0.1:"), shown);
      assertTrue(shown.contains("No Proxy: left.out.invalid"), shown);
      String host = outside();
      try (DebianRegistry plain = new DebianRegistry(folder.resolve("plain"), host, "", "")) {
        user.comesBack(user.make(plain.host() + "/plain:1"));
        String requests = String.join("\n", proxy.requests());
        assertTrue(requests.contains("PUT http://" + plain.host() + "/v2/plain/"), requests);
        assertTrue(requests.contains("GET http://" + plain.host() + "/v2/plain/blobs/"), requests);
      }
      if (setting != Setting.FLAGS) {
        return; // whose addresses are the same from here on
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
        user.login(encrypted, DebianRegistry.PASSWORD).succeeded();
        user.comesBack(user.make(encrypted.host() + "/encrypted:1"));
        assertEquals(
            List.of("CONNECT " + encrypted.host()), proxy.requests().stream().distinct().toList());
        assertFalse(
            proxy.heads().toLowerCase(java.util.Locale.ROOT).contains("\nauthorization:"),
            "the registry's password is not for the proxy");
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FILE", "ENVIRONMENT"})
  void proxiesAreLeftOutWhereToldTo(Setting setting) throws Exception {
    try (ForwardProxy proxy = new ForwardProxy()) {
      use(startBehind(setting, proxy.address(), "registry.invalid,10.0.0.0/8"));
      try (DebianRegistry registry =
          new DebianRegistry(folder.resolve("plain"), outside(), "", "")) {
        user.comesBack(user.make(registry.host() + "/direct:1"));
        assertEquals("", proxy.heads());
      }
    }
  }

  @Test
  void proxiesThatRefuseAreNamed() throws Exception {
    try (ForwardProxy proxy = new ForwardProxy()) {
      String wrong = proxy.address().replace("p%3Ass", "wrong");
      use(Engine.start("--http-proxy", wrong, "--insecure-registry", "192.0.2.0/24"));
      Outcome refused = user.command("pull", "192.0.2.1:5000/x").run().exited(1);
      assertTrue(refused.err().contains("Proxy Authentication Required"), refused.err());
      assertTrue(proxy.heads().contains("http://192.0.2.1:5000/v2/"), proxy.heads());
    }
  }

  @Test
  void mirrorsAndRewrittenPrefixesAreAskedFirst() throws Exception {
    try (DebianRegistry mirror = DebianRegistry.plain(folder.resolve("mirror"))) {
      use(
          Engine.start(
              "--registry-mirror",
              "http://" + mirror.host(),
              "--registry-rewrite",
              "registry.invalid/team=" + mirror.host() + "/moved"));
      for (String path : List.of("library/mirrored", "moved/app")) {
        String name = user.make(mirror.host() + "/" + path + ":1");
        user.docker("push", "-q", name);
        user.docker("rmi", name);
      }
      assertEquals("docker.io/library/mirrored:1", user.docker("pull", "-q", "mirrored:1").line());
      assertEquals(
          "registry.invalid/team/app:1",
          user.docker("pull", "-q", "registry.invalid/team/app:1").line());
      assertEquals("ok", user.docker("run", "--rm", "mirrored:1", "echo", "ok").line());
      Outcome elsewhere = user.command("pull", "registry.invalid/other:1").run().exited(1);
      assertTrue(elsewhere.err().contains("registry.invalid"), elsewhere.err());
    }
  }

  /// dockerd reads these again on a hang-up.
  @Test
  void changedSettingsCountAfterAHangUp() throws Exception {
    Path file = Files.writeString(folder.resolve("daemon.json"), "{}");
    use(Engine.start("--config-file", file.toString(), "--registry-certs", "/nonexistent"));
    try (DebianRegistry outside = new DebianRegistry(folder.resolve("out"), outside(), "", "")) {
      String name = user.make(outside.host() + "/library/later:1");
      Outcome refused = user.command("push", "-q", name).run().exited(1);
      assertTrue(refused.err().contains("server gave HTTP response to HTTPS"), refused.err());
      Json.JsonObject changed =
          Json.object()
              .put("registry-mirrors", Json.array().add("http://" + outside.host()))
              .put("insecure-registries", Json.array().add(outside.host()))
              .put("max-concurrent-downloads", 1)
              .put("max-concurrent-uploads", 1)
              .put("max-download-attempts", 2);
      Files.writeString(file, changed.text());
      Command.of("kill", "-HUP", Long.toString(engine.pid())).run().succeeded();
      Eventually.within(
          Duration.ofSeconds(30),
          () -> engine.log(),
          () -> engine.json("/info").text().contains("http://" + outside.host() + "/"));
      user.docker("push", "-q", name);
      user.docker("rmi", name);
      assertEquals("docker.io/library/later:1", user.docker("pull", "-q", "later:1").line());
      user.docker("rmi", "later:1");
    }
  }

  @Test
  void programsKeepPasswords() throws Exception {
    use(Engine.start());
    Path safe = folder.resolve("safe");
    try (DebianRegistry registry =
        new DebianRegistry(safe, "127.0.0.1", "", DebianRegistry.passwords(safe))) {
      Path programs = helper();
      Path config = user.config().resolve("config.json");
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
      String name = user.make(registry.host() + "/kept:1");
      gantry(programs, "push", "-q", name).run().succeeded();
      user.docker("rmi", name);
      gantry(programs, "pull", "-q", name).run().succeeded();
      gantry(programs, "logout", registry.host()).run().succeeded();
      assertFalse(Files.exists(programs.resolve("kept")));
      gantry(programs, "push", "-q", name).run().exited(1);
    }
  }

  private Command gantry(Path programs, String... words) {
    return user.gantryCommand(words).with("PATH", programs + ":" + System.getenv("PATH"));
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
