package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/// Real applications on a Debian made from packages: those of `examples/applications`, built by
/// Compose, started together and asked by their own clients; and source trees without a Dockerfile,
/// of which `gantry build` says what it recognised and `gantry init` writes it down. One engine, so
/// that packages are fetched and unpacked once.
@TestMethodOrder(MethodOrderer.MethodName.class)
class ApplicationsIT {
  private static final Duration LONG = Duration.ofMinutes(15);

  /// The machine's own settings of Maven, where it has some.
  private static final Path SETTINGS = Path.of(System.getProperty("user.home"), ".m2/settings.xml");

  @TempDir Path folder;
  private static @Nullable Engine shared;

  @BeforeAll
  static void start() {
    Needs.program("mmdebstrap");
    Needs.program("curl");
    Engine engine = Engine.startWithPool();
    shared = engine;
    engine.gantryCommand("image", "bootstrap", "debian:bookworm").within(LONG).run().succeeded();
  }

  @AfterAll
  static void end() {
    Engine engine = shared;
    if (engine != null) {
      engine.close();
    }
  }

  private static Engine engine() {
    return Objects.requireNonNull(shared);
  }

  // ---- applications of packages

  @Test
  void applicationsOfPackagesAnswerTheirClients() throws Exception {
    Engine engine = engine();
    Needs.dockerClient();
    assumeTrue(
        engine.docker("compose", "version").code() == 0,
        "needs Docker's Compose and Buildx: tools/real-clients");
    compose(engine, "build").within(LONG).run().succeeded();
    compose(engine, "up", "-d", "--no-build").within(LONG).run().succeeded();
    try {
      pages(engine);
      databases(engine);
      broker(engine);
      mail(engine);
    } finally {
      Outcome _ = compose(engine, "down", "-v", "-t", "0").within(LONG).run();
    }
    // another client finds what the first has built
    Path front = Needs.tree().resolve("examples/applications/front");
    String id = engine.gantry("build", "-q", front.toString()).succeeded().line();
    String layers = "{{json .RootFS.Layers}}";
    assertEquals(label(engine, "applications/front", layers), label(engine, id, layers));
  }

  private static final Path APPLICATIONS = Needs.tree().resolve("examples/applications");
  private static final String COMPOSE = APPLICATIONS.resolve("compose.yaml").toString();

  private Command compose(Engine engine, String... words) throws IOException {
    List<String> all = new ArrayList<>(List.of("compose", "-p", engine.name(), "-f", COMPOSE));
    all.addAll(List.of(words));
    return client(engine, all);
  }

  /// The real client with what the applications' compose file reads of the environment.
  private Command client(Engine engine, List<String> all) throws IOException {
    Command command =
        engine
            .dockerCommand(all.toArray(String[]::new))
            .with("BUILDX_CONFIG", folder.resolve("buildx").toString())
            .with("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
    Path settings = Files.exists(SETTINGS) ? SETTINGS : APPLICATIONS.resolve("shop/settings.xml");
    String trusted = trusted();
    Path certificates =
        trusted.isEmpty()
            ? APPLICATIONS.resolve("no-certificates.pem")
            : Files.writeString(folder.resolve("trusted"), trusted);
    return command
        .with("MAVEN_SETTINGS", settings.toString())
        .with("CERTIFICATES", certificates.toString());
  }

  /// What this machine trusts beside its distribution's certificates.
  private static String trusted() throws IOException {
    Path certificates = Path.of("/usr/local/share/ca-certificates");
    if (!Files.isDirectory(certificates)) {
      return "";
    }
    StringBuilder all = new StringBuilder();
    try (Stream<Path> files = Files.list(certificates)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".crt")).sorted().toList()) {
        all.append(Files.readString(file).strip()).append('\n');
      }
    }
    return all.toString();
  }

  /// Waits until the program in a service's container succeeds; what it printed.
  private String eventually(Engine engine, String service, String... program) throws IOException {
    List<String> words = new ArrayList<>(List.of("exec", "-T", service));
    words.addAll(List.of(program));
    Command command = compose(engine, words.toArray(String[]::new));
    AtomicReference<Outcome> last = new AtomicReference<>(new Outcome(words, 1, new byte[0], ""));
    Eventually.within(
        LONG,
        () -> service + ": " + last.get(),
        () -> {
          last.set(command.run());
          return last.get().code() == 0;
        });
    return last.get().out();
  }

  private void pages(Engine engine) throws IOException {
    String front = compose(engine, "port", "front", "8080").run().succeeded().line();
    assertEquals("the database says 42\n", page("http://" + front + "/shop"));
    assertEquals("two hours are 7200000 ms\n", page("http://" + front + "/greeter"));
  }

  private static String page(String url) {
    Command ask = Command.of("curl", "-sf", "--max-time", "30", "--noproxy", "*", url);
    AtomicReference<Outcome> last = new AtomicReference<>(ask.run());
    Eventually.within(
        LONG,
        () -> url + ": " + last.get(),
        () -> {
          last.set(ask.run());
          return last.get().code() == 0;
        });
    return last.get().out();
  }

  private void databases(Engine engine) throws IOException {
    assertEquals(
        "42\n",
        eventually(
            engine,
            "postgres",
            "psql",
            "-At",
            "postgresql://shop:shop@127.0.0.1/shop",
            "-c",
            "select 6 * 7"));
    assertEquals(
        "42\n",
        eventually(
            engine,
            "mariadb",
            "mariadb",
            "-N",
            "-h127.0.0.1",
            "-ushop",
            "-pshop",
            "shop",
            "-e",
            "select 6 * 7"));
  }

  /// By its own tool, and by the first words of AMQP 0-9-1, which the broker answers with
  /// connection.start (class 10, method 10) on channel 0.
  private void broker(Engine engine) throws Exception {
    String running = eventually(engine, "rabbitmq", "rabbitmqctl", "-q", "eval", "6 * 7.");
    assertTrue(running.contains("42"), running);
    try (Socket socket = connect(engine, "rabbitmq", 5672)) {
      socket.getOutputStream().write(new byte[] {'A', 'M', 'Q', 'P', 0, 0, 9, 1});
      byte[] start = socket.getInputStream().readNBytes(11);
      assertArrayEquals(new byte[] {1, 0, 0}, Arrays.copyOf(start, 3));
      assertArrayEquals(new byte[] {0, 10, 0, 10}, Arrays.copyOfRange(start, 7, 11));
    }
  }

  private void mail(Engine engine) throws Exception {
    try (Socket socket = connect(engine, "exim", 25)) {
      var in =
          new BufferedReader(
              new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
      assertTrue(in.readLine().startsWith("220 "));
      for (String line :
          List.of(
              "HELO client.example > 250",
              "MAIL FROM:<someone@client.example> > 250",
              "RCPT TO:<clerk@shop.example> > 250",
              "RCPT TO:<nobody-there@elsewhere.example> > 550",
              "DATA > 354",
              "Subject: order\r\n\r\nforty-two apples\r\n. > 250",
              "QUIT > 221")) {
        String[] pair = line.split(" > ");
        socket.getOutputStream().write((pair[0] + "\r\n").getBytes(StandardCharsets.US_ASCII));
        String answer = String.valueOf(in.readLine());
        assertTrue(answer.startsWith(pair[1]), pair[0] + ": " + answer);
      }
    }
    String box = eventually(engine, "exim", "grep", "-A", "9", "Subject", "/var/mail/clerk");
    assertTrue(box.contains("forty-two apples"), box);
  }

  private Socket connect(Engine engine, String service, int port) throws Exception {
    String id = compose(engine, "ps", "-q", service).run().succeeded().line();
    String address = label(engine, id, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    AtomicReference<@Nullable Socket> connected = new AtomicReference<>();
    Eventually.within(
        LONG,
        () -> service + " does not listen: " + engine.docker("logs", id),
        () -> {
          connected.set(connect(address, port));
          return connected.get() != null;
        });
    return Objects.requireNonNull(connected.get());
  }

  private static @Nullable Socket connect(String address, int port) {
    Socket socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(address, port), 5000);
      socket.setSoTimeout(60_000);
      return socket;
    } catch (IOException e) {
      return null; // it does not listen yet
    }
  }

  private static String label(Engine engine, String image, String format) {
    return engine.docker("inspect", "-f", format, image).succeeded().line();
  }

  // ---- trees without a Dockerfile

  @Test
  void treesOfEachKindAreBuiltAndAnswer() throws IOException {
    new SourceTrees(engine(), folder).all();
  }
}
