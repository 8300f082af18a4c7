package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/// A registry in a process of its own on a port of the loopback address: ours from the assembled
/// distribution, or Debian's docker-registry from the prepared peers.
public final class RegistryServer implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(60);

  private final Path folder;
  private final List<String> words;
  private final int port;
  private final ServingProcess process;

  private RegistryServer(Path folder, List<String> words, int port) {
    this.folder = folder;
    this.words = List.copyOf(words);
    this.port = port;
    this.process =
        new ServingProcess("the registry", folder.resolve("log"), Duration.ofSeconds(40));
  }

  /// Ours; skips the test without a distribution.
  ///
  /// @param extra further flags of `gantry registry serve`
  public static RegistryServer gantry(String... extra) {
    return gantry(folder(), extra);
  }

  /// Ours with its data below `folder`, which is removed at the end.
  public static RegistryServer gantry(Path folder, String... extra) {
    Path home = Needs.distribution();
    int port = freePort();
    List<String> words =
        new ArrayList<>(
            List.of(
                home.resolve("jdk/bin/java").toString(),
                "@" + home.resolve("lib/registry.args"),
                "serve",
                "--listen",
                "127.0.0.1:" + port,
                "--data",
                folder.resolve("data").toString()));
    words.addAll(List.of(extra));
    return started(new RegistryServer(folder, words, port));
  }

  /// Debian's docker-registry; skips the test where it is not prepared.
  ///
  /// @param extra further settings, as lines of YAML at the top level
  public static RegistryServer docker(String... extra) {
    Path program = Needs.peers().resolve("docker-registry");
    Path folder = folder();
    int port = freePort();
    String settings =
        """
        version: 0.1
        log: {level: error}
        storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
        http: {addr: "127.0.0.1:%d"}
        """
            .formatted(folder.resolve("data"), port);
    try {
      Path file = folder.resolve("settings.yml");
      Files.writeString(file, settings + String.join("\n", extra) + "\n");
      return started(
          new RegistryServer(folder, List.of(program.toString(), "serve", file.toString()), port));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static RegistryServer started(RegistryServer server) {
    try {
      server.restart();
      return server;
    } catch (AssertionError e) {
      server.close();
      throw e;
    }
  }

  /// A fresh folder for a registry and what a test keeps beside it.
  public static Path folder() {
    try {
      return Files.createTempDirectory(Path.of("/var/tmp"), "gantry-registry-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A port below those that the kernel gives to clients: nobody takes it while a test restarts us.
  private static int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (IOException e) {
        continue; // taken
      }
    }
  }

  /// Starts it again after [#kill] or [#stop], with the same port and data.
  public void restart() {
    process.awaitReady(process.start(words, Map.of()), READY, this::isListening);
  }

  private boolean isListening() {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /// Ends it at once, as `kill -9` does.
  public void kill() {
    process.end(true);
  }

  /// Ends it by SIGTERM.
  public void stop() {
    process.end(false);
  }

  /// `127.0.0.1:PORT`, as it stands before an image's name.
  public String address() {
    return "127.0.0.1:" + port;
  }

  /// Process id of the registry.
  public long pid() {
    return process.pid();
  }

  /// The folder with `data` and `log`; tests may put files there too.
  public Path home() {
    return folder;
  }

  /// What it has printed.
  public String log() {
    return process.log();
  }

  /// Ends it and removes its folder.
  @Override
  public void close() {
    try {
      process.end(false);
    } finally {
      Command.of("rm", "-rf", folder.toString()).within(Duration.ofMinutes(2)).run();
    }
  }
}
