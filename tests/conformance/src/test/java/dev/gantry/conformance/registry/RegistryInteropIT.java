package dev.gantry.conformance.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// skopeo, buildah and podman with our registry: what they push they pull again, in every format.
class RegistryInteropIT {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String OCI = "application/vnd.oci.image.";
  private static final String DOCKER = "application/vnd.docker.";

  private Path peers = Path.of("/");
  private Path folder = Path.of("/");
  private @Nullable RegistryServer server;

  @BeforeEach
  void prepare() throws IOException {
    Needs.root();
    peers = Needs.peers();
    folder = RegistryServer.folder();
    Path settings = Files.createDirectories(folder.resolve("home/.config/containers"));
    Files.writeString(
        settings.resolve("policy.json"), "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    Files.writeString(folder.resolve("auth.json"), "{}");
    Files.writeString(folder.resolve("registries.conf"), "unqualified-search-registries = []\n");
  }

  @AfterEach
  void remove() {
    if (server != null) {
      server.close();
    }
    if (folder.getNameCount() > 1) {
      Command.of("rm", "-rf", folder.toString()).within(LIMIT).run();
    }
  }

  private RegistryServer start(String... flags) {
    if (server != null) {
      server.close();
    }
    RegistryServer started = RegistryServer.gantry(flags);
    server = started;
    return started;
  }

  private Outcome run(String program, String... words) {
    List<String> all = new ArrayList<>(List.of(peers.resolve(program).toString()));
    if (!program.equals("skopeo")) {
      all.addAll(
          List.of(
              "--storage-driver",
              "vfs",
              "--root",
              folder.resolve("root").toString(),
              "--runroot",
              folder.resolve("run").toString()));
    }
    all.addAll(List.of(words));
    return Command.of(all)
        .with("HOME", folder.resolve("home").toString())
        .with("PATH", peers + ":" + System.getenv("PATH"))
        .with("CONTAINERS_CONF", peers.resolveSibling("containers.conf").toString())
        .with("CONTAINERS_REGISTRIES_CONF", folder.resolve("registries.conf").toString())
        .with("REGISTRY_AUTH_FILE", folder.resolve("auth.json").toString())
        .with("PODMAN_IGNORE_CGROUPSV1_WARNING", "1")
        .with("SSL_CERT_FILE", folder.resolve("tls/ca.pem").toString())
        .within(LIMIT)
        .run();
  }

  /// An image with one file, in the storage of buildah and podman.
  private void build(String name, String format) throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "content of " + name);
    String container = run("buildah", "from", "scratch").succeeded().line();
    run("buildah", "copy", container, file.toString(), "/file").succeeded();
    run("buildah", "commit", "--format", format, container, name).succeeded();
    run("buildah", "rm", container).succeeded();
  }

  private Json.JsonObject raw(String image) {
    Outcome raw = run("skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + image);
    return Json.parseObject(raw.succeeded().out());
  }

  @Test
  void buildahPushesBothFormats() throws IOException {
    String registry = start().address();
    for (String format : List.of("oci", "docker")) {
      build("local/" + format, format);
      String image = registry + "/team/" + format + ":1";
      run("buildah", "push", "--tls-verify=false", "local/" + format, "docker://" + image)
          .succeeded();
      Json.JsonObject manifest = raw(image);
      String prefix = format.equals("oci") ? OCI : DOCKER;
      assertTrue(manifest.string("mediaType", "").startsWith(prefix), manifest.text());
      run("buildah", "rmi", "local/" + format).succeeded();
      run("buildah", "pull", "--tls-verify=false", "docker://" + image).succeeded();
    }
  }

  @Test
  void podmanPullsPushesAndSearches() throws IOException {
    String registry = start().address();
    build("local/a", "oci");
    String image = registry + "/team/a:1";
    run("podman", "push", "--tls-verify=false", "local/a", image).succeeded();
    String zstd = registry + "/team/a:zstd";
    run(
            "podman",
            "push",
            "--tls-verify=false",
            "--compression-format",
            "zstd",
            "--force-compression",
            "local/a",
            zstd)
        .succeeded();
    assertEquals(
        OCI + "layer.v1.tar+zstd", raw(zstd).objects("layers").getFirst().string("mediaType", ""));
    run("podman", "rmi", "-af").succeeded();
    for (String each : List.of(image, zstd)) {
      run("podman", "pull", "--tls-verify=false", each).succeeded();
    }
    String tags =
        run("podman", "search", "--tls-verify=false", "--list-tags", registry + "/team/a")
            .succeeded()
            .out();
    assertTrue(tags.contains(" 1\n") && tags.contains(" zstd\n"), tags);
    String names =
        run("podman", "search", "--tls-verify=false", registry + "/team").succeeded().out();
    assertTrue(names.contains(registry + "/team/a"), names);
    run("podman", "manifest", "create", "all").succeeded();
    run("podman", "manifest", "add", "--tls-verify=false", "all", image).succeeded();
    run(
            "podman",
            "manifest",
            "push",
            "--tls-verify=false",
            "--all",
            "all",
            "docker://" + registry + "/team/all:1")
        .succeeded();
    assertEquals(1, raw(registry + "/team/all:1").objects("manifests").size());
  }

  @Test
  void skopeoCopiesInspectsListsAndDeletes() throws IOException {
    String registry = start().address();
    Path layout = Layout.twoPlatforms(folder.resolve("layout"), "all");
    String all = "docker://" + registry + "/team/multi:all";
    copy("--all", "oci:" + layout + ":all", all);
    Json.JsonObject index = raw(registry + "/team/multi:all");
    assertEquals(2, index.objects("manifests").size());
    copy("--all", all, "docker://" + registry + "/elsewhere/multi:all"); // mounts the blobs
    assertEquals(index, raw(registry + "/elsewhere/multi:all"));
    copy("--override-arch", "arm64", all, "docker://" + registry + "/team/one:arm64");
    copy("--format", "v2s2", all, "docker://" + registry + "/team/one:docker");
    assertTrue(raw(registry + "/team/one:docker").string("mediaType", "").startsWith(DOCKER));
    copy(
        "--dest-compress-format",
        "zstd",
        "--dest-force-compress-format",
        all,
        "docker://" + registry + "/team/one:zstd");
    copy("--all", all, "oci:" + folder.resolve("back") + ":all");
    Json.JsonObject inspected =
        Json.parseObject(run("skopeo", "inspect", "--tls-verify=false", all).succeeded().out());
    assertEquals("amd64", inspected.string("Architecture", ""));
    String one = "docker://" + registry + "/team/one";
    assertEquals(List.of("arm64", "docker", "zstd"), tags(one));
    run("skopeo", "delete", "--tls-verify=false", one + ":zstd").succeeded();
    assertEquals(List.of("arm64", "docker"), tags(one));
  }

  private void copy(String... words) {
    List<String> all =
        new ArrayList<>(List.of("copy", "--src-tls-verify=false", "--dest-tls-verify=false"));
    all.addAll(List.of(words));
    run("skopeo", all.toArray(String[]::new)).succeeded();
  }

  private List<String> tags(String repository) {
    Outcome list = run("skopeo", "list-tags", "--tls-verify=false", repository);
    return Json.parseObject(list.succeeded().out()).strings("Tags");
  }

  @Test
  void tlsAndPasswordsOrTokens() throws IOException {
    Path tls = Files.createDirectories(folder.resolve("tls"));
    TestCertificates.make(tls);
    Path users = folder.resolve("users");
    Outcome line =
        Command.of(
                Needs.distribution().resolve("jdk/bin/java").toString(),
                "@" + Needs.distribution().resolve("lib/registry.args"),
                "password",
                "ann")
            .input("secret\n")
            .run()
            .succeeded();
    Files.writeString(users, line.out());
    Path layout = Layout.twoPlatforms(folder.resolve("layout"), "all");
    for (String kind : List.of("basic", "token")) {
      String registry =
          start(
                  "--tls-cert", tls.resolve("server.pem").toString(),
                  "--tls-key", tls.resolve("server.key").toString(),
                  "--htpasswd", users.toString(),
                  "--auth", kind)
              .address();
      String image = "docker://" + registry + "/private/a:1";
      run("skopeo", "copy", "--all", "oci:" + layout + ":all", image).exited(1);
      run("skopeo", "login", "-u", "ann", "-p", "wrong", registry).exited(1);
      run("skopeo", "login", "-u", "ann", "-p", "secret", registry).succeeded();
      run("skopeo", "copy", "--all", "oci:" + layout + ":all", image).succeeded();
      run("podman", "pull", image).succeeded();
      run("skopeo", "logout", registry).succeeded();
      run("skopeo", "inspect", image).exited(1);
    }
  }
}
