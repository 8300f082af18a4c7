package dev.gantry.integration;

import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// Debian's `docker-registry` as a process; its content stays over [#kill] and [#start].
final class DebianRegistry implements AutoCloseable {
  /// What [#passwords] lets in.
  static final String USER = "ali";

  static final String PASSWORD = "open sesame";

  private final Path folder;
  private final InetSocketAddress address;
  private Process process;

  /// Starts one.
  ///
  /// @param more lines of its configuration, as `http.tls` and `auth`
  DebianRegistry(Path folder, String host, String http, String more) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.address = new InetSocketAddress(host, freePort(host));
    Files.writeString(
        folder.resolve("config.yml"),
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            + "storage: {filesystem: {rootdirectory: "
            + folder.resolve("data")
            + "}, delete: {enabled: true}}\nhttp: {addr: \""
            + host()
            + "\", secret: x"
            + http
            + "}\n"
            + more);
    this.process = launch();
  }

  static DebianRegistry plain(Path folder) throws IOException {
    return new DebianRegistry(folder, "127.0.0.1", "", "");
  }

  /// Configuration that lets [#USER] in alone.
  static String passwords(Path folder) throws IOException {
    Path file = Files.createDirectories(folder).resolve("htpasswd");
    Files.writeString(
        file, USER + ":$2b$04$td1PAchfzcX/KEcHQDiQXOM8zgNYr61T.SfbjFrlOYLRwfOr7budS\n");
    return "auth: {htpasswd: {realm: cave, path: " + file + "}}\n";
  }

  private static int freePort(String host) throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      return socket.getLocalPort();
    }
  }

  /// `address:port`, as names of images begin.
  String host() {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  int port() {
    return address.getPort();
  }

  private Process launch() throws IOException {
    Process started =
        new ProcessBuilder(
                List.of(
                    Needs.peers().resolve("docker-registry").toString(),
                    "serve",
                    folder.resolve("config.yml").toString()))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
            .start();
    Eventually.within(
        Duration.ofSeconds(30),
        () -> "docker-registry does not listen: " + log(),
        () -> !started.isAlive() || listens());
    if (!started.isAlive()) {
      throw new AssertionError("docker-registry ended: " + log());
    }
    return started;
  }

  private boolean listens() {
    try (Socket socket = new Socket()) {
      socket.connect(address, 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private String log() {
    try {
      return Files.readString(folder.resolve("log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  void kill() {
    try {
      process.destroyForcibly().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  void restart() {
    try {
      process = launch();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
