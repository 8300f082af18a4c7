package dev.gantry.integration;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A throw-away machine with systemd and cgroup v2. The tree and Docker's client are in it where
/// they are here.
final class VirtualMachine {
  private VirtualMachine() {}

  static Path script(String name) {
    return Needs.tree().resolve("tests/integration/src/test/scripts").resolve(name);
  }

  /// Runs `SCRIPT TREE BUSYBOX CLIENT MORE…` in one; skips where there can be none.
  static Outcome run(String script, Path... more) {
    Path tree = Needs.tree();
    Path client = Needs.dockerClient();
    Path clients = client.resolveSibling(".").normalize();
    Path busybox = Needs.program("busybox");
    List<String> words =
        new ArrayList<>(
            List.of(
                Needs.machine().toString(),
                "--jdk",
                jdk(),
                "--timeout",
                "400",
                "--volume",
                tree + ":" + tree,
                "--volume",
                clients + ":" + clients + ":ro",
                "--volume",
                busybox.resolveSibling(".").normalize() + ":/programs:ro",
                "--",
                "bash",
                script(script).toString(),
                tree.toString(),
                "/programs/" + busybox.getFileName(),
                client.toString()));
    for (Path each : more) {
      words.add(each.toString());
    }
    return Command.of(words).within(Duration.ofMinutes(7)).run();
  }

  private static String jdk() {
    try {
      return Needs.distribution().resolve("jdk").toRealPath().toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
