package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.TestCertificates;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The real Docker CLI over TLS, and what Prometheus reads.
class EngineTlsIT {
  @TempDir Path folder;

  /// What the log says of where the engine listens; it may already answer on its unix socket.
  private static String address(Engine engine, String pattern) {
    Pattern wanted = Pattern.compile(pattern);
    Eventually.within(
        Duration.ofSeconds(60),
        () -> "no " + pattern + " in " + engine.log(),
        () -> wanted.matcher(engine.log()).find());
    Matcher address = wanted.matcher(engine.log());
    assertTrue(address.find());
    return address.group(1);
  }

  private Outcome docker(String input, String... words) {
    List<String> all = new ArrayList<>(List.of(Needs.dockerClient().toString()));
    all.addAll(List.of(words));
    return Command.of(all)
        .with("DOCKER_CONFIG", folder.resolve("config").toString())
        .with("DOCKER_HOST", "")
        .input(input)
        .run();
  }

  @Test
  void clientsShowCertificates() throws IOException {
    Needs.dockerClient();
    TestCertificates.make(folder);
    Files.createDirectories(folder.resolve("config"));
    String ca = folder.resolve("ca.pem").toString();
    String certificate = folder.resolve("client.pem").toString();
    String key = folder.resolve("client.key").toString();
    try (Engine engine =
        Engine.start(
            "-H=tcp://127.0.0.1:0",
            "--tlsverify",
            "--tlscacert=" + ca,
            "--tlscert=" + folder.resolve("server.pem"),
            "--tlskey=" + folder.resolve("server.key"))) {
      String direct = address(engine, "ready: .*tcp://([0-9.:]+)");
      String host = "tcp://" + engine.watched(direct, folder);
      String image = engine.busybox();
      List<String> shown =
          List.of(
              "--tlsverify", "--tlscacert", ca, "--tlscert", certificate, "--tlskey", key, "-H");
      List<String> known = List.of(with(shown, host));
      // standard input and its end travel over the hijacked connection too
      Outcome echoed = docker("over TLS\n", with(known, "run", "-i", "--rm", image, "cat"));
      assertEquals("over TLS\n", echoed.succeeded().out());
      String endpoint = "host=" + host + ",ca=" + ca + ",cert=" + certificate + ",key=" + key;
      docker("", "context", "create", "far", "--docker", endpoint).succeeded();
      Outcome byContext =
          docker("", "--context", "far", "version", "--format", "{{.Server.Version}}");
      assertFalse(byContext.succeeded().line().isEmpty());

      // and without anything between
      List<String> own = List.of(with(shown, "tcp://" + direct));
      docker("", with(own, "ps")).succeeded();
      Outcome nobody = docker("", "--tls", "--tlscacert", ca, "-H", "tcp://" + direct, "ps");
      assertEquals(1, nobody.code(), nobody.toString());
      Outcome plain = docker("", "-H", "tcp://" + direct, "ps");
      assertEquals(1, plain.code(), plain.toString());
      Files.delete(folder.resolve("ca.pem"));
      TestCertificates.make(folder); // other authorities, other clients
      assertEquals(1, docker("", with(own, "ps")).code());
      engine.docker("ps").succeeded();
    }
  }

  private static String[] with(List<String> first, String... more) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void countsForPrometheus() throws IOException, InterruptedException {
    try (Engine engine = Engine.start("--metrics-addr=127.0.0.1:0")) {
      engine.docker("run", "-d", "--name", "web", engine.busybox(), "sleep", "1000").succeeded();
      URI metrics =
          URI.create("http://" + address(engine, "metrics on http://([0-9.:]+)/") + "/metrics");
      try (HttpClient client = HttpClient.newHttpClient()) {
        HttpRequest request =
            HttpRequest.newBuilder(metrics).timeout(Duration.ofSeconds(60)).build();
        String text = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        assertTrue(
            text.contains("engine_daemon_container_states_containers{state=\"running\"} 1\n"),
            text);
        assertTrue(text.contains("container_memory_usage_bytes{id=\""), text);
        assertTrue(text.contains(",name=\"web\",image=\"" + engine.busybox() + "\"}"), text);
        for (String line : text.lines().toList()) {
          assertTrue(
              line.startsWith("# ")
                  || line.matches("[a-z_]+(\\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*})? [-0-9.E]+"),
              line);
        }
      }
    }
  }

  @Test
  void takesTheServiceManagersSocket() throws IOException {
    Needs.root();
    Needs.distribution();
    Path activator = Needs.program("systemd-socket-activate");
    Needs.dockerClient();
    Path socket = folder.resolve("sock");
    Path gantryd = Needs.tree().resolve("gantryd");
    String name = "gfd" + ProcessHandle.current().pid() % 100_000;
    Process engine =
        Command.of(
                activator.toString(),
                "-l",
                socket.toString(),
                gantryd.toString(),
                "-H",
                "fd://",
                "--data-root",
                folder.resolve("data").toString(),
                "--exec-root",
                folder.resolve("run").toString(),
                "--iptables=false",
                "--ip-forward=false",
                "--bridge",
                "none",
                "--cgroup-parent",
                "/" + name)
            .start();
    try {
      Command version =
          Command.of(
              Needs.dockerClient().toString(),
              "-H",
              "unix://" + socket,
              "version",
              "--format",
              "{{.Server.Version}}");
      Eventually.within(
          Duration.ofSeconds(120), "the engine answers", () -> version.run().code() == 0);
    } finally {
      engine.destroy();
      try {
        if (!engine.waitFor(30, java.util.concurrent.TimeUnit.SECONDS)) {
          engine.destroyForcibly().waitFor();
        }
      } catch (InterruptedException e) {
        engine.destroyForcibly();
        Thread.currentThread().interrupt();
      }
    }
  }
}
