package dev.gantry.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Testcontainers and docker-java, unmodified from Maven Central, on our engine.
@ExtendWith(EngineExtension.class)
class TestcontainersIT {
  @AfterEach
  void removeAll(Engine engine) {
    engine
        .containers()
        .forEach(id -> engine.request("DELETE", "/containers/" + id + "?force=1&v=1", ""));
  }

  @Test
  void containersAreWaitedForCopiedIntoAndAskedOverTheirNetwork(Engine engine) {
    String out = JavaClient.run(engine, GenericContainerProgram.class);
    assertTrue(out.endsWith("all is well\n"), out);
    assertEquals(List.of(), engine.containers(), "its containers are removed at its end");
  }

  @Test
  void reusedContainerIsFoundByTheNextProgram(Engine engine) {
    String first = JavaClient.run(engine, ReuseProgram.class, "counting");
    assertEquals(1, engine.containers().size());
    String second = JavaClient.run(engine, ReuseProgram.class, "counting");
    assertEquals(first, second, "the same container");
    assertFalse(JavaClient.run(engine, ReuseProgram.class, "other").equals(first));
  }

  @Test
  void dockerJavaDrivesContainersFromTheirCreationToTheirEnd(Engine engine) {
    String out = JavaClient.run(engine, DockerJavaProgram.class);
    assertTrue(out.endsWith("all is well\n"), out);
  }
}
