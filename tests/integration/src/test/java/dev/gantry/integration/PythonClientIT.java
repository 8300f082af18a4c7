package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Debian's `python3-docker`, unmodified, on our engine.
@ExtendWith(EngineExtension.class)
class PythonClientIT {
  private static final Path PYTHON = Path.of("/usr/bin/python3");

  @Test
  void programOnDockersPythonLibraryRuns(Engine engine) throws Exception {
    boolean there =
        Files.exists(PYTHON)
            && Command.of(PYTHON.toString(), "-c", "import docker").run().code() == 0;
    assumeTrue(there, "needs python3-docker");
    Path script = engine.folder().resolve("client.py");
    try (var in = PythonClientIT.class.getResourceAsStream("/client.py")) {
      Files.copy(in, script);
    }
    assertEquals(
        "all is well",
        Command.of(
                PYTHON.toString(), script.toString(), engine.busybox(), engine.socket().toString())
            .run()
            .succeeded()
            .line());
  }
}
