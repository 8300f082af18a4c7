package dev.gantry.integration;

import static dev.gantry.integration.Containers.awaitLog;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Snapshots, clones and archives of volumes.
@ExtendWith(EngineExtension.class)
class VolumeCopiesIT {
  private static final String FILL =
      "mkdir -p /v/a/b; echo one >/v/a/b/f; ln /v/a/b/f /v/hard; ln -s a/b/f /v/soft;"
          + " chown 33:44 /v/a; chmod 4751 /v/a/b/f; chown 7:8 /v; chmod 1770 /v;"
          + " mknod /v/pipe p; touch -d '2001-02-03 04:05:06' /v/a/b/f";
  private static final String SHOW =
      "cd /v; stat -c '%n %u:%g %a %h %F' . a a/b/f hard soft pipe; cat soft; stat -c %Y a/b/f";

  @AfterEach
  void removeAll(Engine engine) {
    engine.containers().forEach(id -> engine.docker("rm", "-f", id));
    engine.docker("volume", "prune", "-a", "-f").succeeded();
  }

  private static String in(Engine engine, String volume, String script) {
    return engine
        .docker("run", "--rm", "-v", volume + ":/v", engine.busybox(), "sh", "-c", script)
        .succeeded()
        .out();
  }

  @Test
  void archivesAndClonesKeepWhatFilesAre(Engine engine) throws IOException {
    in(engine, "data", FILL);
    String shown = in(engine, "data", SHOW);
    assertTrue(shown.contains(". 7:8 1770"), shown);
    assertEquals("copy", engine.gantry("volume", "clone", "data", "copy").succeeded().line());
    assertEquals(shown, in(engine, "copy", SHOW));
    Path archive = engine.folder().resolve("data.tar");
    engine.gantry("volume", "export", "-o", archive.toString(), "data").succeeded();
    assertEquals(
        "back", engine.gantry("volume", "import", archive.toString(), "back").succeeded().line());
    assertEquals(shown, in(engine, "back", SHOW));
    in(engine, "copy", "echo two >/v/a/b/f");
    assertEquals("one\n", in(engine, "data", "cat /v/soft"), "a clone is a volume of its own");

    String there = engine.gantry("volume", "clone", "data", "copy").exited(1).err();
    assertTrue(there.contains("a volume named \"copy\" is there already"), there);
    engine.gantry("volume", "clone", "nosuch", "x1").exited(1);
    Files.writeString(archive, "no archive at all, but text of more than a block".repeat(40));
    engine.gantry("volume", "import", archive.toString(), "broken").exited(1);
    assertFalse(
        engine.docker("volume", "ls", "-q").out().contains("broken"), "a failure leaves a volume");
    assertEquals("", in(engine, "broken", "ls /v"));
  }

  @Test
  void snapshotIsOfOneMomentAndStaysAsItIs(Engine engine) {
    // two counters that differ by one at most while their writer runs or is paused
    run(
        engine,
        "writer",
        "i=0; while :; do i=$((i+1)); echo $i >/v/first; echo $i >/v/second; [ $i = 5 ] && echo up;"
            + " done",
        "-v",
        "live:/v");
    awaitLog(engine, "writer", "up");
    engine.gantry("volume", "snapshot", "live", "kept").succeeded();
    assertEquals("running", inspect(engine, "writer", "{{.State.Status}}"));
    List<String> two = in(engine, "kept", "cat /v/first /v/second").lines().toList();
    if (two.size() == 2) { // else one of them had just been emptied
      long apart = Long.parseLong(two.get(0)) - Long.parseLong(two.get(1));
      assertTrue(apart == 0 || apart == 1, two.toString());
    }
    engine.docker("run", "--rm", "-v", "kept:/v", engine.busybox(), "touch", "/v/new").exited(1);
    engine
        .docker("create", "--name", "reader", "-v", "kept:/v", engine.busybox(), "true")
        .succeeded();
    assertEquals("false", inspect(engine, "reader", "{{(index .Mounts 0).RW}}"));
    assertEquals(
        "map[SnapshotOf:live]",
        engine.docker("volume", "inspect", "-f", "{{.Status}}", "kept").succeeded().line());
    engine.kill();
    engine.restart();
    engine.docker("run", "--rm", "-v", "kept:/v", engine.busybox(), "touch", "/v/new").exited(1);
    engine.gantry("volume", "clone", "kept", "trial").succeeded();
    in(engine, "trial", "touch /v/new");
    String named = engine.gantry("volume", "snapshot", "--pause=false", "live").succeeded().line();
    assertTrue(named.matches("live-\\d{8}T\\d{6}Z"), named);
  }

  @Test
  void mountedVolumeIsCopiedThroughItsMount(Engine engine) {
    engine
        .docker(
            "volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m", "ram")
        .succeeded();
    run(engine, "user", "echo here >/v/f; echo up; sleep 1000", "-v", "ram:/v");
    awaitLog(engine, "user", "up");
    engine.gantry("volume", "clone", "ram", "disk").succeeded();
    assertEquals("here\n", in(engine, "disk", "cat /v/f"));
    engine.docker("rm", "-f", "user").succeeded();
    engine.gantry("volume", "clone", "ram", "empty").succeeded();
    assertEquals("", in(engine, "empty", "ls /v"));
  }
}
