package dev.gantry.testkit;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/// Skips the running test, with the reason, when the machine lacks something.
public final class Needs {
  private Needs() {}

  public static void root() {
    if (!System.getProperty("user.name").equals("root")) {
      abort("needs root");
    }
  }

  /// The folder of the assembled distribution.
  public static Path distribution() {
    Path home = Path.of(System.getProperty("gantry.dist", "target/gantry"));
    if (!Files.exists(home.resolve("lib/daemon.args"))) {
      abort("needs the distribution: ./dev build");
    }
    return home;
  }

  /// The first of the programs that is installed.
  public static Path program(String... names) {
    for (String name : names) {
      Optional<Path> found = find(name);
      if (found.isPresent()) {
        return found.get();
      }
    }
    return abort("needs the program " + String.join(" or ", names));
  }

  /// The real Docker CLI: the one that tools/real-clients fetched, else the one on the PATH.
  public static Path dockerClient() {
    return dockerClientIfAny()
        .orElseGet(() -> abort("needs the real Docker CLI: tools/real-clients"));
  }

  static Optional<Path> dockerClientIfAny() {
    Path fetched = clients().resolve("bin/docker");
    return Files.isExecutable(fetched) ? Optional.of(fetched) : find("docker");
  }

  /// The private client configuration of the fetched Docker CLI.
  public static Path dockerConfig() {
    return clients().resolve("config");
  }

  /// The folder of the binaries that tools/real-peers has prepared, or a skip.
  public static Path peers() {
    Path folder = Path.of(environment("GANTRY_PEERS", cache().resolve("gantry-peers").toString()));
    return Files.exists(folder.resolve("ready"))
        ? folder.resolve("bin")
        : abort("needs the peers: tools/real-peers prepare");
  }

  /// The tool that runs a command in a throw-away machine with cgroup v2 and systemd. Skips where
  /// it has not been prepared, which takes minutes.
  public static Path machine() {
    Path tool = tree().resolve("tools/vm/run-in-vm");
    return Command.of(tool.toString(), "--prepared").run().code() == 0
        ? tool
        : abort("needs a prepared virtual machine: tools/vm/run-in-vm --prepare");
  }

  /// A file of the folder `shared` beside the tree, or a skip.
  public static Path shared(String name) {
    Optional<Path> file = sharedIfAny(name);
    return file.isPresent() ? file.get() : abort("needs " + name + " of the shared folder");
  }

  /// The same where it is.
  static Optional<Path> sharedIfAny(String name) {
    return Stream.of(
            tree().resolveSibling("shared").resolve(name),
            Path.of(environment("GANTRY_SHARED", "/nonexistent"), name))
        .filter(Files::exists)
        .findFirst();
  }

  /// The source tree that the distribution was built in.
  public static Path tree() {
    return distribution().toAbsolutePath().resolve("../..").normalize();
  }

  private static Path clients() {
    return cache().resolve("gantry-clients");
  }

  private static Path cache() {
    return Path.of(environment("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache"));
  }

  private static String environment(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  static Optional<Path> find(String name) {
    return Stream.of((environment("PATH", "") + ":/usr/sbin:/sbin").split(":"))
        .map(folder -> Path.of(folder, name))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
