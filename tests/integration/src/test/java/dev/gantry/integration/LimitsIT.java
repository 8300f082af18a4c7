package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Limits bite, measured by one script on this machine's cgroups and, where a virtual machine can
/// be had, on cgroup v2.
@ExtendWith(EngineExtension.class)
class LimitsIT {
  private static void allOk(Outcome outcome) {
    assertTrue(outcome.out().contains("ok memory"), outcome.toString());
    assertFalse(outcome.out().contains("not ok"), outcome.toString());
    outcome.succeeded();
  }

  @Test
  void biteHere(Engine engine) {
    engine.busybox();
    allOk(
        Command.of(
                "bash",
                VirtualMachine.script("limits.sh").toString(),
                Needs.dockerClient().toString())
            .with("DOCKER_HOST", "unix://" + engine.socket())
            .within(Duration.ofMinutes(4))
            .run());
  }

  @Test
  void biteOnCgroupV2() {
    allOk(VirtualMachine.run("in-vm.sh", VirtualMachine.script("limits.sh")));
  }
}
