package dev.gantry.conformance;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Assumptions;

/// A real dockerd to hold ours against, from the prepared peers.
final class Dockerd implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  private final String tool = Needs.tree().resolve("tools/real-peers").toString();
  private final String name;
  private final String host;

  /// Starts one; skips the test where none can be.
  ///
  /// @param purpose part of its name
  Dockerd(String purpose) {
    name = purpose + ProcessHandle.current().pid();
    Outcome started =
        Command.of(tool, "dockerd", name, "--cgroup-parent", "/" + name).within(LIMIT).run();
    if (started.code() != 0) {
      close();
      Assumptions.abort("no dockerd here: " + started.err().strip());
    }
    host = "unix://" + started.line();
  }

  /// For `docker -H`.
  String host() {
    return host;
  }

  @Override
  public void close() {
    Command.of(tool, "stop", name).within(LIMIT).run();
    Command.of("find", "/sys/fs/cgroup", "-depth", "-path", "*/" + name + "*", "-delete").run();
    Path run = Path.of(Needs.peers().toString()).resolveSibling("run/" + name);
    Command.of("rm", "-rf", run.toString()).within(LIMIT).run();
  }
}
