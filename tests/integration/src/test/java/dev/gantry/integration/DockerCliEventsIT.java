package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// The order of events as Docker's clients see them.
@ExtendWith(EngineExtension.class)
class DockerCliEventsIT {
  @Test
  void tellsTheLifeOfAContainerInOrder(Engine engine) {
    String image = engine.busybox();
    long since = System.currentTimeMillis() / 1000;
    engine.docker("run", "--name", "watched", image, "sh", "-c", "exit 2").exited(2);
    engine.docker("rename", "watched", "seen").succeeded();
    engine.docker("rm", "seen").succeeded();
    List<String> events =
        engine
            .docker(
                "events",
                "--since",
                Long.toString(since),
                "--until",
                Long.toString(System.currentTimeMillis() / 1000 + 1),
                "--filter",
                "type=container",
                "--format",
                "{{.Action}}")
            .succeeded()
            .out()
            .lines()
            .toList();
    assertEquals(List.of("create", "attach", "start", "die", "rename", "destroy"), events);
  }

  @Test
  void killAndStopAreToldWithTheirSignals(Engine engine) {
    String image = engine.busybox();
    long since = System.currentTimeMillis() / 1000;
    engine.docker("run", "-d", "--name", "killed", image, "sleep", "1000").succeeded();
    engine.docker("kill", "killed").succeeded();
    engine.docker("wait", "killed");
    engine.docker("rm", "killed").succeeded();
    List<String> events =
        engine
            .docker(
                "events",
                "--since",
                Long.toString(since),
                "--until",
                Long.toString(System.currentTimeMillis() / 1000 + 1),
                "--filter",
                "container=killed",
                "--format",
                "{{.Action}} {{.Actor.Attributes.signal}} {{.Actor.Attributes.exitCode}}")
            .succeeded()
            .out()
            .lines()
            .toList();
    assertEquals(
        List.of(
            "create <no value> <no value>",
            "start <no value> <no value>",
            "kill 9 <no value>",
            "die <no value> 137",
            "destroy <no value> <no value>"),
        events);
  }
}
