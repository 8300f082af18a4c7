package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Images by the real Docker CLI: what needs no registry.
@ExtendWith(EngineExtension.class)
class DockerCliImagesIT {
  @Test
  void savedImageCanBeLoadedAgain(Engine engine) {
    engine.docker("tag", engine.busybox(), "kept:1").succeeded();
    String id = engine.docker("images", "-q", "--no-trunc", "kept:1").succeeded().line();
    byte[] archive = engine.docker("save", "kept:1").succeeded().bytes();
    engine.docker("rmi", "kept:1").succeeded();
    Outcome load = engine.dockerCommand("load").input(archive).run().succeeded();
    assertTrue(load.out().contains("Loaded image: kept:1"), load.out());
    assertEquals(id, engine.docker("images", "-q", "--no-trunc", "kept:1").succeeded().line());
    assertEquals("ok", engine.docker("run", "--rm", "kept:1", "echo", "ok").succeeded().line());
    engine.docker("rmi", "kept:1").succeeded();
  }

  @Test
  void importTakesChanges(Engine engine) {
    Outcome imported =
        engine
            .dockerCommand(
                "import", "-c", "CMD [\"echo\",\"default\"]", "-c", "ENV A=b", "-", "mine:2")
            .input(Busybox.tar())
            .run()
            .succeeded();
    assertTrue(imported.line().matches("sha256:[0-9a-f]{64}"), imported.out());
    assertEquals("default", engine.docker("run", "--rm", "mine:2").succeeded().line());
    assertEquals("b", engine.docker("run", "--rm", "mine:2", "sh", "-c", "echo $A").line());
    assertEquals("[A=b]", engine.docker("inspect", "-f", "{{.Config.Env}}", "mine:2").line());
    Outcome removed = engine.docker("rmi", "mine:2").succeeded();
    assertTrue(removed.out().contains("Untagged: mine:2"), removed.out());
    assertTrue(removed.out().contains("Deleted: sha256:"), removed.out());
  }

  @Test
  void listsImagesAsATable(Engine engine) {
    engine.busybox();
    Outcome table = engine.docker("images").succeeded();
    assertTrue(table.out().startsWith("REPOSITORY"), table.out());
    assertEquals(
        "busybox latest",
        engine.docker("images", "--format", "{{.Repository}} {{.Tag}}", "busybox").line());
    assertTrue(engine.docker("history", "busybox").succeeded().out().startsWith("IMAGE"));
  }

  @Test
  void refusesToRemoveAnImageInUse(Engine engine) {
    engine.docker("create", "--name", "user", engine.busybox()).succeeded();
    Outcome refused = engine.docker("rmi", "busybox").exited(1);
    assertTrue(refused.err().contains("conflict"), refused.err());
    engine.docker("rm", "user").succeeded();
  }

  @Test
  void namesTheMissingImage(Engine engine) {
    Outcome missing = engine.docker("rmi", "nothing:here").exited(1);
    assertTrue(missing.err().contains("No such image: nothing:here"), missing.err());
    assertTrue(engine.docker("tag", "nothing:here", "x").exited(1).err().contains("No such image"));
    assertTrue(engine.docker("tag", engine.busybox(), "Bad").exited(1).err().contains("Bad"));
  }
}
