package dev.gantry.bench;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// A dockerd that `tools/real-peers` keeps in namespaces of its own.
final class Dockerd {
  private final String tool;
  private final String name;

  /// @param name what the peers' tool calls it, one for each benchmark
  Dockerd(Path tree, String name) {
    this.tool = tree.resolve("tools/real-peers").toString();
    this.name = name;
  }

  /// Its socket; empty, and said, where it does not start.
  Optional<Path> start() {
    try {
      return Optional.of(
          Path.of(
              Command.of(tool, "dockerd", name)
                  .within(Duration.ofMinutes(2))
                  .run()
                  .succeeded()
                  .line()));
    } catch (AssertionError e) {
      System.out.println("dockerd does not start here: " + e.getMessage());
      return Optional.empty();
    }
  }

  /// Its process, once it runs.
  long pid() throws IOException {
    return Long.parseLong(Files.readString(file("pid")).strip());
  }

  /// A file that the tool keeps about what it has started.
  private Path file(String suffix) {
    return Needs.peers().resolveSibling("run").resolve(name + "." + suffix);
  }

  /// Ends it and what was started beside it; nothing if it did not start.
  void stop() {
    Command.of(tool, "stop", name).within(Duration.ofMinutes(2)).run();
  }
}
