package dev.gantry.clients;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.testcontainers.containers.Container;
import org.testcontainers.containers.ContainerLaunchException;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.ToStringConsumer;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.images.builder.Transferable;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/// What tests do with Testcontainers, in one program. Its argument is an image of busybox.
final class GenericContainerProgram {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static DockerImageName image = DockerImageName.parse("none");

  private GenericContainerProgram() {}

  public static void main(String[] arguments) throws Exception {
    image = DockerImageName.parse(arguments[0]);
    waitStrategies();
    filesAndExec();
    networks();
    oneShot();
    failure();
    System.out.println("all is well");
  }

  private static GenericContainer<?> shell(String script) {
    return new GenericContainer<>(image)
        .withCommand("sh", "-c", script)
        .withStartupTimeout(PATIENCE);
  }

  private static void waitStrategies() throws Exception {
    try (GenericContainer<?> web =
        shell("echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
            .withExposedPorts(80)
            .waitingFor(Wait.forHttp("/index.html").forStatusCode(200))) {
      web.start();
      expect("hello\n", page(web));
    }
    try (GenericContainer<?> web =
        shell("sleep 0.3; exec httpd -f -p 80 -h /etc").withExposedPorts(80)) {
      web.start(); // waits for the port, from outside and inside
      expect(true, page(web, "/passwd").contains("root"));
    }
    try (GenericContainer<?> said =
        shell("sleep 0.3; echo now ready; exec sleep 1000")
            .waitingFor(Wait.forLogMessage(".*ready.*\\n", 1))) {
      said.start();
      expect(true, said.getLogs().contains("now ready"));
    }
    try (GenericContainer<?> healthy =
        shell("sleep 0.3; touch /tmp/ok; exec sleep 1000")
            .withCreateContainerCmdModifier(
                command ->
                    command.withHealthcheck(
                        new com.github.dockerjava.api.model.HealthCheck()
                            .withTest(java.util.List.of("CMD-SHELL", "test -e /tmp/ok"))
                            .withInterval(100_000_000L)
                            .withRetries(100)))
            .waitingFor(Wait.forHealthcheck())) {
      healthy.start();
      expect(true, healthy.isHealthy());
    }
    try (GenericContainer<?> asked =
        shell("sleep 0.3; touch /tmp/ok; exec sleep 1000")
            .waitingFor(Wait.forSuccessfulCommand("test -e /tmp/ok"))) {
      asked.start();
    }
  }

  private static String page(GenericContainer<?> web) throws Exception {
    return page(web, "/index.html");
  }

  private static String page(GenericContainer<?> web, String path) throws Exception {
    URI uri = URI.create("http://" + web.getHost() + ":" + web.getMappedPort(80) + path);
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  private static void filesAndExec() throws Exception {
    Path file = Files.createTempFile("copied", ".txt");
    Files.writeString(file, "from a file");
    try (GenericContainer<?> box =
        shell("cat /in/before; exec sleep 1000")
            .withEnv("WORD", "given")
            .withLabel("kind", "test")
            .withWorkingDirectory("/tmp")
            .withTmpFs(java.util.Map.of("/scratch", "rw,size=1m"))
            .withCopyToContainer(Transferable.of("there at the start\n"), "/in/before")
            .withCopyFileToContainer(MountableFile.forHostPath(file, 0640), "/in/file")) {
      ToStringConsumer output = new ToStringConsumer();
      box.withLogConsumer(output).waitingFor(Wait.forLogMessage(".*at the start.*", 1)).start();
      Container.ExecResult result =
          box.execInContainer("sh", "-c", "echo $WORD; pwd; cat /in/file; echo bad >&2; exit 3");
      expect("given\n/tmp\nfrom a file", result.getStdout());
      expect("bad\n", result.getStderr());
      expect(3, result.getExitCode());
      box.copyFileToContainer(Transferable.of("later"), "/scratch/later");
      box.execInContainer("sh", "-c", "echo $(cat /in/file) twice >/out");
      expect(
          "from a file twice\n",
          box.copyFileFromContainer(
              "/out", in -> new String(in.readAllBytes(), StandardCharsets.UTF_8)));
      expect("test", box.getContainerInfo().getConfig().getLabels().get("kind"));
      expect(true, box.isRunning());
      box.stop();
      expect(false, box.isRunning());
      expect(true, output.toUtf8String().contains("there at the start"));
    } finally {
      Files.delete(file);
    }
  }

  private static void networks() throws Exception {
    try (Network network = Network.newNetwork();
        GenericContainer<?> server =
            shell("echo over the network >/tmp/f; exec httpd -f -p 8080 -h /tmp")
                .withNetwork(network)
                .withNetworkAliases("server", "also")
                .withExposedPorts(8080);
        GenericContainer<?> client = shell("exec sleep 1000").withNetwork(network)) {
      server.start();
      client.start();
      for (String name : java.util.List.of("server", "also")) {
        expect(
            "over the network\n",
            client.execInContainer("wget", "-qO-", "http://" + name + ":8080/f").getStdout());
      }
    }
  }

  private static void oneShot() {
    try (GenericContainer<?> once =
        shell("echo done").withStartupCheckStrategy(new OneShotStartupCheckStrategy())) {
      once.start();
      expect("done\n", once.getLogs());
    }
  }

  private static void failure() {
    try (GenericContainer<?> failing =
        shell("echo alas; exit 5").withStartupCheckStrategy(new OneShotStartupCheckStrategy())) {
      failing.start();
      throw new AssertionError("it started");
    } catch (ContainerLaunchException e) {
      expect(true, String.valueOf(e.getMessage()).contains("Container startup failed"));
    }
  }

  static void expect(Object expected, Object actual) {
    if (!expected.equals(actual)) {
      throw new AssertionError("expected " + expected + ", and it is " + actual);
    }
  }
}
