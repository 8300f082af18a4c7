package dev.gantry.clients;

import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/// A container that outlives its program, for the next one that wants the same: prints its id.
/// Arguments are an image of busybox and what distinguishes the container.
final class ReuseProgram {
  private ReuseProgram() {}

  public static void main(String[] arguments) {
    GenericContainer<?> kept =
        new GenericContainer<>(DockerImageName.parse(arguments[0]))
            .withCommand("sh", "-c", "echo up; exec sleep 1000")
            .withEnv("WHICH", arguments[1])
            .waitingFor(Wait.forLogMessage(".*up.*", 1))
            .withReuse(true);
    kept.start();
    System.out.println("container " + kept.getContainerId());
  }
}
