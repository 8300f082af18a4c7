package dev.gantry.integration;

import static dev.gantry.integration.Containers.PATIENCE;
import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.http.TlsFiles;
import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.TestCertificates;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Log drivers that keep lines elsewhere, with receivers of the test's own.
@ExtendWith(EngineExtension.class)
class DockerCliLogDriversIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
  }

  /// Takes everything that comes on a TCP port.
  private static final class Receiver implements AutoCloseable {
    private final ServerSocket server;
    private final StringBuffer text = new StringBuffer();
    private volatile CountDownLatch held = new CountDownLatch(0);

    Receiver(int port) throws IOException {
      this(new ServerSocket(port, 10, InetAddress.getLoopbackAddress()));
    }

    Receiver(ServerSocket server) {
      this.server = server;
      Thread.ofVirtual().start(this::accept);
    }

    private void accept() {
      try {
        while (true) {
          Socket socket = server.accept();
          Thread.ofVirtual().start(() -> take(socket));
        }
      } catch (IOException e) {
        return; // closed
      }
    }

    /// Takes nothing until [#release()].
    void hold() {
      held = new CountDownLatch(1);
    }

    void release() {
      held.countDown();
    }

    private void take(Socket socket) {
      byte[] buffer = new byte[4096];
      try (socket) {
        held.await();
        for (int n = socket.getInputStream().read(buffer);
            n > 0;
            n = socket.getInputStream().read(buffer)) {
          text.append(new String(buffer, 0, n, StandardCharsets.UTF_8));
        }
      } catch (IOException e) {
        return; // the other side is gone
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    int port() {
      return server.getLocalPort();
    }

    void await(String wanted) {
      Eventually.within(
          PATIENCE, () -> wanted + " arrives: " + text, () -> text.indexOf(wanted) >= 0);
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }

  private static byte[] datagram(DatagramSocket socket) throws IOException {
    socket.setSoTimeout((int) PATIENCE.toMillis());
    DatagramPacket packet = new DatagramPacket(new byte[65536], 65536);
    socket.receive(packet);
    return Arrays.copyOf(packet.getData(), packet.getLength());
  }

  private static DatagramSocket loopback() throws IOException {
    return new DatagramSocket(0, InetAddress.getLoopbackAddress());
  }

  @Test
  void syslogByDatagramsAndStreamIsReadBackToo(Engine engine) throws IOException {
    try (DatagramSocket socket = loopback()) {
      run(
          engine,
          "udp",
          "echo one; echo two >&2; sleep 1000",
          "--log-driver",
          "syslog",
          "--log-opt",
          "syslog-address=udp://127.0.0.1:" + socket.getLocalPort(),
          "--log-opt",
          "tag={{.Name}}",
          "--log-opt",
          "syslog-facility=local3");
      List<String> both =
          List.of(
                  new String(datagram(socket), StandardCharsets.UTF_8),
                  new String(datagram(socket), StandardCharsets.UTF_8))
              .stream()
              .sorted()
              .toList();
      assertTrue(both.get(0).matches("<155>.* udp\\[\\d+\\]: two\n"), both::toString);
      assertTrue(both.get(1).matches("<158>.* udp\\[\\d+\\]: one\n"), both::toString);
    }
    assertEquals("one", engine.docker("logs", "udp").succeeded().out().strip());
    try (Receiver receiver = new Receiver(0)) {
      run(
          engine,
          "tcp",
          "echo whole; printf half",
          "--log-driver",
          "syslog",
          "--log-opt",
          "syslog-address=tcp://127.0.0.1:" + receiver.port(),
          "--log-opt",
          "syslog-format=rfc5424",
          "--log-opt",
          "cache-disabled=true");
      receiver.await(" - whole\n");
      receiver.await(" - half\n");
    }
    Outcome unreadable = engine.docker("logs", "tcp").exited(1);
    assertTrue(unreadable.err().contains("does not support reading"), unreadable.err());
  }

  @Test
  void gelfCarriesTheContainer(Engine engine) throws IOException {
    try (DatagramSocket socket = loopback()) {
      engine
          .docker(
              "run",
              "--rm",
              "--name",
              "gelf",
              "--log-driver",
              "gelf",
              "--log-opt",
              "gelf-address=udp://127.0.0.1:" + socket.getLocalPort(),
              "--log-opt",
              "labels=team",
              "--label",
              "team=blue",
              engine.busybox(),
              "echo",
              "hello")
          .succeeded();
      byte[] packet = datagram(socket);
      Json.JsonObject message =
          Json.parseObject(
              new String(
                  new GZIPInputStream(new ByteArrayInputStream(packet)).readAllBytes(),
                  StandardCharsets.UTF_8));
      assertEquals("hello", message.string("short_message", ""));
      assertEquals("gelf", message.string("_container_name", ""));
      assertEquals("blue", message.string("_team", ""));
    }
  }

  @Test
  void fluentdMissesNothingWhileItIsAway(Engine engine) throws IOException {
    int port;
    try (Receiver receiver = new Receiver(0)) {
      port = receiver.port();
      run(
          engine,
          "fluent",
          "echo first; while [ ! -e /go ]; do sleep 0.05; done; echo second; sleep 1000",
          "--log-driver",
          "fluentd",
          "--log-opt",
          "fluentd-address=127.0.0.1:" + port);
      receiver.await("first");
    }
    Outcome refused =
        engine
            .docker(
                "run",
                "--rm",
                "--log-driver",
                "fluentd",
                "--log-opt",
                "fluentd-address=127.0.0.1:" + port,
                engine.busybox(),
                "true")
            .exited(125);
    assertTrue(refused.err().contains("failed to initialize logging driver"), refused.err());
    run(
        engine,
        "patient",
        "echo later",
        "--log-driver",
        "fluentd",
        "--log-opt",
        "fluentd-address=127.0.0.1:" + port,
        "--log-opt",
        "fluentd-async=true");
    awaitStatus(engine, "patient", "exited");
    engine.kill();
    engine.docker("version"); // nobody answers
    engine.restart();
    engine.docker("exec", "fluent", "touch", "/go").succeeded();
    Containers.awaitLog(engine, "fluent", "second");
    try (Receiver receiver = new Receiver(port)) {
      receiver.await("later");
      receiver.await("second");
      assertFalse(receiver.text.toString().contains("first"), "sent twice");
    }
  }

  @Test
  void syslogBehindTlsMustShowACertificateThatWeTrust(Engine engine, @TempDir Path folder)
      throws Exception {
    TestCertificates.make(folder);
    SSLContext context =
        TlsFiles.server(
            folder.resolve("server.pem"),
            folder.resolve("server.key"),
            Optional.of(folder.resolve("ca.pem")));
    ServerSocket server =
        context
            .getServerSocketFactory()
            .createServerSocket(0, 10, InetAddress.getLoopbackAddress());
    ((SSLServerSocket) server).setNeedClientAuth(true);
    try (Receiver receiver = new Receiver(server)) {
      String address = "syslog-address=tcp+tls://127.0.0.1:" + receiver.port();
      run(
          engine,
          "tls",
          "echo private; sleep 1000",
          "--log-driver",
          "syslog",
          "--log-opt",
          address,
          "--log-opt",
          "syslog-format=rfc5424micro",
          "--log-opt",
          "syslog-tls-ca-cert=" + folder.resolve("ca.pem"),
          "--log-opt",
          "syslog-tls-cert=" + folder.resolve("client.pem"),
          "--log-opt",
          "syslog-tls-key=" + folder.resolve("client.key"));
      receiver.await(" - private\n");
      assertTrue(receiver.text.toString().matches("(?s)[0-9]+ <30>1 .*"), "RFC 5425 has lengths");
      Outcome distrusted =
          engine
              .docker(
                  "run",
                  "--rm",
                  "--log-driver",
                  "syslog",
                  "--log-opt",
                  address,
                  engine.busybox(),
                  "true")
              .exited(125);
      assertTrue(distrusted.err().contains("failed to initialize logging driver"));
    }
  }

  /// systemd's journald in a mount namespace of its own, and an engine beside it.
  @Test
  void journaldKeepsLinesWithTheirContainer() throws Exception {
    Needs.root();
    Path journald = Path.of("/lib/systemd/systemd-journald");
    assumeTrue(Files.isExecutable(journald), "needs systemd-journald");
    String journalctl = Needs.program("journalctl").toString();
    String script =
        "mount --make-rprivate / && mount -t tmpfs run /run && mkdir -p /run/systemd/journald.conf.d"
            + " /run/log/journal/$(cat /etc/machine-id) &&"
            + " printf '[Journal]\\nStorage=volatile\\nReadKMsg=no\\nAudit=\\n'"
            + " >/run/systemd/journald.conf.d/test.conf && exec "
            + journald;
    Process journal =
        new ProcessBuilder("unshare", "-m", "sh", "-c", script)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      String pid = Long.toString(journal.pid());
      Path socket = Path.of("/proc", pid, "root/run/systemd/journal/socket");
      Eventually.within(
          PATIENCE,
          () -> "journald listens, it runs: " + journal.isAlive(),
          () -> !journal.isAlive() || Files.exists(socket));
      assumeTrue(journal.isAlive(), "systemd-journald does not run here");
      List<String> there = List.of("nsenter", "-t", pid, "-m", "--");
      try (Engine engine = Engine.startThrough(there)) {
        run(
            engine,
            "kept",
            "echo first; printf 'of two\\n' >&2; sleep 1000",
            "--log-driver",
            "journald",
            "--log-opt",
            "tag=t-{{.Name}}",
            "--log-opt",
            "labels=team",
            "--label",
            "team=blue");
        List<String> ask = new ArrayList<>(there);
        ask.addAll(
            List.of(
                journalctl, "-q", "-D", "/run/log/journal", "-o", "json", "CONTAINER_NAME=kept"));
        Command asked = Command.of(ask);
        Eventually.within(
            PATIENCE,
            () -> "two lines: " + asked.run(),
            () -> asked.run().out().lines().count() == 2);
        for (String line : asked.run().succeeded().out().lines().toList()) {
          Json.JsonObject fields = Json.parseObject(line);
          boolean first = fields.string("MESSAGE", "").equals("first");
          assertEquals(first ? "first" : "of two", fields.string("MESSAGE", ""));
          assertEquals(first ? "6" : "3", fields.string("PRIORITY", ""));
          assertEquals("t-kept", fields.string("CONTAINER_TAG", ""));
          assertEquals("blue", fields.string("TEAM", ""));
          assertEquals(inspect(engine, "kept", "{{.Id}}"), fields.string("CONTAINER_ID_FULL", ""));
        }
        assertTrue(engine.docker("logs", "kept").succeeded().out().contains("first"));
      }
    } finally {
      journal.destroy();
      journal.waitFor();
    }
  }

  /// The log beside the driver holds 200 KB of 3 MB.
  @Test
  void whoBlocksLosesNothingToASlowReceiver(Engine engine) throws IOException {
    try (Receiver waited = new Receiver(0);
        Receiver ignored = new Receiver(0)) {
      waited.hold();
      ignored.hold();
      printMuch(engine, "blocking", waited);
      printMuch(engine, "non-blocking", ignored);
      awaitStatus(engine, "non-blocking", "exited");
      assertEquals("running", Containers.status(engine, "blocking"));
      waited.release();
      waited.await("end-of-blocking");
      String all = waited.text.toString();
      int at = 0;
      for (int i = 1; i <= 3000; i++) {
        at = all.indexOf("line" + i + " ", at);
        assertTrue(at >= 0, "line " + i + " has come, in its turn");
      }
      ignored.release();
    }
  }

  /// What may wait for a receiver is bounded where the options say so: the last lines remain.
  @Test
  void onlyAsMuchWaitsAsMay(Engine engine) throws IOException {
    int lines;
    int bytes;
    try (Receiver first = new Receiver(0);
        Receiver second = new Receiver(0)) {
      lines = first.port();
      bytes = second.port();
    }
    String print = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line$i.; done; sleep 1000";
    run(
        engine,
        "by-lines",
        print,
        "--log-driver",
        "fluentd",
        "--log-opt",
        "fluentd-address=127.0.0.1:" + lines,
        "--log-opt",
        "fluentd-async=true",
        "--log-opt",
        "fluentd-retry-wait=100ms",
        "--log-opt",
        "fluentd-buffer-limit=100");
    run(
        engine,
        "by-bytes",
        print,
        "--log-driver",
        "fluentd",
        "--log-opt",
        "fluentd-address=127.0.0.1:" + bytes,
        "--log-opt",
        "fluentd-async=true",
        "--log-opt",
        "mode=non-blocking",
        "--log-opt",
        "max-buffer-size=500b",
        "--log-opt",
        "cache-max-size=10k",
        "--log-opt",
        "fluentd-retry-wait=100ms");
    // what has only just come is not counted yet
    for (String name : List.of("by-lines", "by-bytes")) {
      Eventually.within(
          PATIENCE,
          "all was printed three seconds ago",
          () -> {
            List<String> last = Containers.log(engine, name, false, "&tail=1&timestamps=1");
            return last.size() == 1
                && last.getFirst().endsWith(" line3000.")
                && Instant.parse(last.getFirst().split(" ")[0])
                    .isBefore(Instant.now().minusSeconds(3));
          });
    }
    try (Receiver first = new Receiver(lines);
        Receiver second = new Receiver(bytes)) {
      first.await("line3000.");
      second.await("line3000.");
      assertTrue(first.text.indexOf("line2950.") > 0, first.text::toString);
      assertTrue(first.text.indexOf("line2900.") < 0, first.text::toString);
      assertTrue(second.text.indexOf("line2970.") > 0, second.text::toString);
      assertTrue(second.text.indexOf("line2940.") < 0, second.text::toString);
    }
  }

  private static void printMuch(Engine engine, String mode, Receiver receiver) {
    run(
        engine,
        mode,
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo \"line$i"
            + " ".repeat(1000)
            + "\"; done; echo end-of-"
            + mode,
        "--log-driver",
        "fluentd",
        "--log-opt",
        "fluentd-address=127.0.0.1:" + receiver.port(),
        "--log-opt",
        "mode=" + mode,
        "--log-opt",
        "cache-max-size=100k",
        "--log-opt",
        "cache-max-file=2",
        "--log-opt",
        "cache-compress=false");
  }

  @Test
  void localIsCompactCompressedAndKeepsEveryByte(Engine engine) throws IOException {
    run(
        engine,
        "compact",
        "printf 'bytes \\377\\376 that are no text\\n'; echo two >&2;"
            + " for i in $(seq 20000); do echo $i some more; done; printf half",
        "--log-driver",
        "local",
        "--log-opt",
        "max-size=100k",
        "--log-opt",
        "max-file=40",
        "--log-opt",
        "labels=team",
        "--label",
        "team=blue");
    awaitStatus(engine, "compact", "exited");
    Path folder =
        engine.folder().resolve("data/containers").resolve(inspect(engine, "compact", "{{.Id}}"));
    Eventually.within(
        PATIENCE,
        () -> "older files are compressed: " + names(folder),
        () -> names(folder).stream().filter(name -> name.endsWith(".gz")).count() >= 2);
    byte[] raw = engine.get("/containers/compact/logs?stdout=1").expect(200).body();
    byte[] first = {'s', ' ', (byte) 0xff, (byte) 0xfe, ' '};
    assertTrue(indexOf(Arrays.copyOf(raw, 100), first) > 0, "bytes come back as they were printed");
    List<String> lines = Containers.text(raw).lines().toList();
    assertEquals(20_002, lines.size());
    assertEquals("20000 some more", lines.get(20_000));
    assertEquals("half", lines.getLast());
    assertEquals("two\n", engine.docker("logs", "compact").succeeded().err());
    byte[] last =
        engine.get("/containers/compact/logs?stdout=1&details=1&tail=1").expect(200).body();
    assertEquals("team=blue half", Containers.text(last));
    assertEquals("", inspect(engine, "compact", "{{.LogPath}}"));
    String file = Files.readString(folder.resolve("container.log"), StandardCharsets.ISO_8859_1);
    assertTrue(file.contains("}\u0001half\n") && !file.contains("stdout"), file);
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int indexOf(byte[] all, byte[] wanted) {
    return new String(all, StandardCharsets.ISO_8859_1)
        .indexOf(new String(wanted, StandardCharsets.ISO_8859_1));
  }

  @Test
  void optionsAreChecked(Engine engine) {
    for (List<String> wrong :
        List.of(
            List.of("syslog", "max-size=1m", "unknown log opt 'max-size' for syslog log driver"),
            List.of("gelf", "tag=x", "gelf-address is a required parameter"),
            List.of("syslog", "syslog-facility=nowhere", "invalid syslog facility"),
            List.of("local", "mode=sometimes", "logging mode not supported"),
            List.of("local", "max-buffer-size=1m", "only supported with 'mode=non-blocking'"),
            List.of("fluentd", "fluentd-retry-wait=soon", "invalid duration"),
            List.of("fluentd", "fluentd-max-retries=-1", "invalid syntax"))) {
      Outcome refused =
          engine
              .docker(
                  "create",
                  "--log-driver",
                  wrong.get(0),
                  "--log-opt",
                  wrong.get(1),
                  engine.busybox())
              .exited(1);
      assertTrue(refused.err().contains(wrong.get(2)), refused.err());
    }
    String info = engine.docker("info", "--format", "{{.Plugins.Log}}").succeeded().line();
    assertEquals("[fluentd gelf journald json-file local syslog]", info);
    run(engine, "local", "echo kept", "--log-driver", "local", "--log-opt", "max-size=1m");
    Containers.awaitLog(engine, "local", "kept");
    run(engine, "none", "echo lost", "--log-driver", "none");
    engine.docker("logs", "none").exited(1);
  }
}
