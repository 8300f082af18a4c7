package dev.gantry.integration;

import static dev.gantry.integration.Containers.awaitLog;
import static dev.gantry.integration.Containers.awaitStatus;
import static dev.gantry.integration.Containers.events;
import static dev.gantry.integration.Containers.inspect;
import static dev.gantry.integration.Containers.now;
import static dev.gantry.integration.Containers.out;
import static dev.gantry.integration.Containers.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Volumes and mounts by the real Docker CLI.
@ExtendWith(EngineExtension.class)
class DockerCliVolumesIT {
  @AfterEach
  void removeAll(Engine engine) {
    Containers.removeAllWithVolumes(engine);
  }

  private static Path mountpoint(Engine engine, String volume) {
    return Path.of(
        engine.docker("volume", "inspect", "-f", "{{.Mountpoint}}", volume).succeeded().line());
  }

  private static boolean isMounted(Path point) throws IOException {
    return Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + point + " ");
  }

  @Test
  void tmpfsVolumeIsOneForAllItsUsers(Engine engine) throws IOException {
    engine
        .docker(
            "volume",
            "create",
            "--label",
            "kind=fast",
            "-o",
            "type=tmpfs",
            "-o",
            "device=tmpfs",
            "-o",
            "o=size=1m,uid=33,mode=0750",
            "fast")
        .succeeded();
    Path point = mountpoint(engine, "fast");
    run(engine, "holder", "echo shared >/v/f; echo ready; sleep 1000", "-v", "fast:/v");
    awaitLog(engine, "holder", "ready");
    assertTrue(isMounted(point), "not mounted while it is used");
    assertEquals(
        "shared 33 750 tmpfs",
        out(
            engine,
            "echo $(cat /v/f) $(stat -c '%u %a' /v) $(stat -f -c %T /v)",
            "-v",
            "fast:/v:ro"));
    assertTrue(isMounted(point), "gone with its second user");
    engine.kill();
    engine.restart();
    assertEquals("shared", out(engine, "cat /v/f", "-v", "fast:/v"));
    assertTrue(engine.docker("volume", "rm", "fast").exited(1).err().contains("volume is in use"));
    engine.docker("rm", "-f", "holder").succeeded();
    assertFalse(isMounted(point), "mounted still");
    assertEquals("", out(engine, "cat /v/f 2>/dev/null; true", "-v", "fast:/v"));
  }

  @Test
  void bindVolumeShowsAnotherFolder(Engine engine) throws IOException {
    Path folder = Files.createDirectories(engine.folder().resolve("elsewhere"));
    Files.writeString(folder.resolve("f"), "from elsewhere\n");
    engine
        .docker(
            "volume",
            "create",
            "-o",
            "type=none",
            "-o",
            "o=bind,ro",
            "-o",
            "device=" + folder,
            "view")
        .succeeded();
    assertEquals("from elsewhere", out(engine, "cat /v/f", "-v", "view:/v"));
    engine.docker("run", "--rm", "-v", "view:/v", engine.busybox(), "touch", "/v/g").exited(1);
    engine.docker("volume", "rm", "view").succeeded();
    assertTrue(Files.exists(folder.resolve("f")), "removed with the volume");
    engine
        .docker(
            "volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/no/such", "lost")
        .succeeded();
    Outcome failed =
        engine.docker("run", "--rm", "-v", "lost:/v", engine.busybox(), "true").exited(127);
    assertTrue(
        failed.err().contains("failed to mount local volume")
            && failed.err().contains("no such file or directory"),
        failed.err());
    assertTrue(
        engine
            .docker("volume", "create", "-o", "colour=red", "odd")
            .exited(1)
            .err()
            .contains("invalid option: \"colour\""));
  }

  @Test
  void mountOptionsMakeLabelAndNarrowVolumes(Engine engine) {
    assertEquals(
        "deep",
        out(
            engine,
            "mkdir -p /v/a/b; echo deep >/v/a/b/f; ln -s /etc /v/out; ln -s a /v/in; cat /v/a/b/f",
            "--mount",
            "type=volume,source=tree,target=/v,volume-label=kind=t,volume-nocopy"));
    assertEquals(
        "map[kind:t]",
        engine.docker("volume", "inspect", "-f", "{{.Labels}}", "tree").succeeded().line());
    assertEquals(
        "deep", out(engine, "cat /p/f", "--mount", "source=tree,target=/p,volume-subpath=a/b"));
    assertEquals(
        "deep", out(engine, "cat /p/b/f", "--mount", "source=tree,target=/p,volume-subpath=in"));
    assertEquals(
        "deep", out(engine, "cat /one", "--mount", "source=tree,target=/one,volume-subpath=a/b/f"));
    // the link leads to /etc of the volume, which has none, and not of the machine
    Outcome outside =
        engine
            .docker(
                "run",
                "--rm",
                "--mount",
                "source=tree,target=/p,volume-subpath=out",
                engine.busybox(),
                "true")
            .exited(127);
    assertTrue(outside.err().contains("cannot access path"), outside.err());
    engine
        .docker(
            "run",
            "--rm",
            "--mount",
            "source=tree,target=/p,volume-subpath=../..",
            engine.busybox(),
            "true")
        .exited(125);
    assertEquals(
        "noexec 5 600",
        out(
            engine,
            "echo $(grep -o noexec /proc/mounts | head -1) $(($(df -k /t | tail -1 |"
                + " awk '{print $2}')/1024)) $(stat -c %a /t)",
            "--mount",
            "type=tmpfs,target=/t,tmpfs-size=5m,tmpfs-mode=0600"));
  }

  @Test
  void imageContentIsCopiedUpOnce(Engine engine) {
    engine
        .docker(
            "run",
            "--name",
            "base",
            engine.busybox(),
            "sh",
            "-c",
            "mkdir -p /data/sub && echo one >/data/sub/f && chown 8:8 /data")
        .succeeded();
    engine.docker("commit", "base", "filled:latest").succeeded();
    engine
        .docker("run", "--rm", "-v", "up:/data", "filled", "sh", "-c", "rm /data/sub/f")
        .succeeded();
    assertEquals(
        "8 ",
        engine
            .docker(
                "run",
                "--rm",
                "-v",
                "up:/data",
                "filled",
                "sh",
                "-c",
                "echo \"$(stat -c %u /data) $(cat /data/sub/f 2>/dev/null)\"")
            .succeeded()
            .out()
            .replace("\n", ""));
    assertEquals(
        "",
        engine
            .docker("run", "--rm", "-v", "empty:/data:nocopy", "filled", "ls", "/data")
            .succeeded()
            .line());
    assertEquals(
        "one",
        out(
            engine,
            "cat /img/data/sub/f; touch /img/x 2>/dev/null && echo writable; true",
            "--mount",
            "type=image,source=filled,target=/img"));
    engine.docker("rmi", "filled").succeeded();
  }

  @Test
  void volumesFromOthersAreSharedAndStayTheirs(Engine engine) {
    engine
        .docker(
            "create",
            "--name",
            "owner",
            "-v",
            "/anon",
            "-v",
            "named:/named",
            engine.busybox(),
            "true")
        .succeeded();
    out(engine, "echo hi >/anon/f; echo ho >/named/f", "--volumes-from", "owner");
    assertEquals(
        "hi ho ro",
        out(
            engine,
            "echo $(cat /anon/f /named/f) $(touch /anon/x 2>/dev/null || echo ro)",
            "--volumes-from",
            "owner:ro"));
    engine
        .docker("create", "--name", "heir", "--volumes-from", "owner", engine.busybox(), "true")
        .succeeded();
    String anonymous =
        inspect(
            engine,
            "owner",
            "{{range .Mounts}}{{if eq .Destination \"/anon\"}}{{.Name}}{{end}}{{end}}");
    engine.docker("rm", "-v", "owner").succeeded();
    assertEquals(anonymous, engine.docker("volume", "ls", "-q", "-f", "name=" + anonymous).line());
    assertEquals("hi", out(engine, "cat /anon/f", "--volumes-from", "heir"));
    assertTrue(
        engine
            .docker("create", "--volumes-from", "nobody", engine.busybox())
            .exited(1)
            .err()
            .contains("No such container: nobody"));
  }

  @Test
  void listsFilterAndPruneTakesWhatWasMeant(Engine engine) {
    long since = now();
    engine.docker("volume", "create", "--label", "keep", "kept").succeeded();
    engine.docker("volume", "create", "loose").succeeded();
    engine
        .docker("create", "--name", "user", "-v", "used:/v", engine.busybox(), "true")
        .succeeded();
    String anonymous = engine.docker("volume", "create").succeeded().line();
    assertEquals("used", engine.docker("volume", "ls", "-qf", "dangling=false").line());
    assertEquals("kept", engine.docker("volume", "ls", "-qf", "label=keep").line());
    Outcome first = engine.docker("volume", "prune", "-f").succeeded();
    assertTrue(first.out().contains(anonymous) && !first.out().contains("loose"), first.out());
    Outcome second = engine.docker("volume", "prune", "-af", "--filter", "label!=keep").succeeded();
    assertTrue(second.out().contains("loose"), second.out());
    assertEquals(
        List.of("kept", "used"),
        engine.docker("volume", "ls", "-q").succeeded().out().lines().sorted().toList());
    assertEquals("kept", engine.docker("volume", "rm", "kept").succeeded().line());
    assertEquals(
        List.of("create", "destroy"), events(engine, since, "volume", "kept", "{{.Action}}"));
  }

  @Test
  void readOnlyBindsAreSoToTheirDepth(Engine engine) throws IOException {
    Path folder = Files.createDirectories(engine.folder().resolve("deep/inner"));
    engine.docker("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "in").succeeded();
    String bind = "type=bind,source=" + folder.getParent() + ",target=/d,readonly";
    engine.docker("run", "--rm", "--mount", bind, engine.busybox(), "touch", "/d/x").exited(1);
    assertEquals("inner", out(engine, "ls /d", "--mount", bind));
    assertTrue(
        engine
            .docker(
                "run",
                "--rm",
                "--mount",
                "type=bind,source=/no/such,target=/d",
                engine.busybox(),
                "true")
            .exited(125)
            .err()
            .contains("bind source path does not exist"));
  }

  @Test
  void pruneOfContainersKnowsAgeAndLabels(Engine engine) {
    run(engine, "gone", "exit 0", "--label", "x=1");
    run(engine, "labelled", "exit 0", "--label", "x=2");
    run(engine, "busy", "sleep 1000");
    awaitStatus(engine, "gone", "exited");
    awaitStatus(engine, "labelled", "exited");
    assertEquals(
        "Total reclaimed space: 0B",
        engine.docker("container", "prune", "-f", "--filter", "until=1h").succeeded().line());
    String id = inspect(engine, "gone", "{{.Id}}");
    String pruned =
        engine.docker("container", "prune", "-f", "--filter", "label!=x=2").succeeded().out();
    assertTrue(pruned.contains(id), pruned);
    engine.docker("container", "prune", "-f").succeeded();
    assertEquals("busy", engine.docker("ps", "-a", "--format", "{{.Names}}").line());
  }
}
