package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Limits bite, measured by one script on this machine's cgroups and, where a virtual machine can
/// be had, on cgroup v2.
@ExtendWith(EngineExtension.class)
class LimitsIT {
  private static Path script(String name) {
    return Needs.tree().resolve("tests/integration/src/test/scripts").resolve(name);
  }

  private static void allOk(Outcome outcome) {
    assertTrue(outcome.out().contains("ok memory"), outcome.toString());
    assertFalse(outcome.out().contains("not ok"), outcome.toString());
    outcome.succeeded();
  }

  @Test
  void biteHere(Engine engine) {
    engine.busybox();
    allOk(
        Command.of("bash", script("limits.sh").toString(), Needs.dockerClient().toString())
            .with("DOCKER_HOST", "unix://" + engine.socket())
            .within(Duration.ofMinutes(4))
            .run());
  }

  @Test
  void biteOnCgroupV2() {
    Path tree = Needs.tree();
    Path client = Needs.dockerClient().getParent();
    allOk(
        Command.of(
                Needs.machine().toString(),
                "--jdk",
                jdk(),
                "--timeout",
                "400",
                "--volume",
                tree + ":" + tree,
                "--volume",
                client + ":" + client + ":ro",
                "--",
                "bash",
                script("in-vm.sh").toString(),
                tree.toString(),
                busyboxIn(tree),
                client.resolve("docker").toString(),
                script("limits.sh").toString())
            .within(Duration.ofMinutes(7))
            .run());
  }

  private static String jdk() {
    try {
      return Needs.distribution().resolve("jdk").toRealPath().toString();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// A copy in the tree, which the machine sees.
  private static String busyboxIn(Path tree) {
    Path copy = tree.resolve("target/busybox");
    Command.of("cp", Needs.program("busybox").toString(), copy.toString()).run().succeeded();
    return copy.toString();
  }
}
