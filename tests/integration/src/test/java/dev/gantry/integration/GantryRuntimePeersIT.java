package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import dev.gantry.testkit.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// `gantry-runtime` in the place of runc or crun under Podman, containerd and Docker.
class GantryRuntimePeersIT {
  private static final Duration LIMIT = Duration.ofMinutes(1);

  private final String name = "grt" + ProcessHandle.current().pid();
  private Path folder = Path.of("/");
  private Path root = Path.of("/");
  private Path peers = Path.of("/");
  private String runtime = "";

  @BeforeEach
  void prepare() throws IOException {
    Needs.root();
    Needs.distribution();
    peers = Needs.peers();
    runtime = Needs.tree().resolve("gantry-runtime").toString();
    // not below /tmp: the peers mount there
    folder = Files.createTempDirectory(Path.of("/var/tmp"), name);
    root = Files.createDirectories(folder.resolve("rootfs"));
    Command.of("tar", "-C", root.toString(), "-x").input(Busybox.tar()).run().succeeded();
  }

  @AfterEach
  void remove() {
    if (folder.getNameCount() > 1) {
      Command.of("rm", "-rf", folder.toString()).run().succeeded();
    }
  }

  private Command command(List<String> first, String... more) {
    List<String> words = new ArrayList<>(first);
    words.addAll(List.of(more));
    return Command.of(words).with("PATH", peers + ":" + System.getenv("PATH")).within(LIMIT);
  }

  private static void dialogue(Command command) {
    try (Session session = Session.start(command)) {
      session.await("#").type("tty; echo co'd'e\r").await("/dev/").await("code");
      session.resize(33, 99).type("sleep 1; stty size\r").await("33 99").type("exit 5\r");
      assertEquals(5, session.exitCode(), session.screen());
    }
  }

  @Test
  void podmanRunsContainersWithIt() {
    List<String> podman =
        List.of(
            Needs.tree().resolve("tools/real-peers").toString(), "podman", "--runtime", runtime);
    List<String> own = List.of("--network", "none", "--cgroup-parent", "/" + name, "--rootfs");
    List<String> run = new ArrayList<>(podman);
    run.add("run");
    try {
      run.addAll(own.subList(0, 4));
      Outcome hello =
          command(run, "--rm", "--rootfs", root.toString(), "sh", "-c", "echo hello; exit 3")
              .run()
              .exited(3);
      assertEquals("hello", hello.line());
      command(run, "-d", "--name", name, "--rootfs", root.toString(), "sleep", "1000")
          .run()
          .succeeded();
      assertEquals(
          "in",
          command(podman, "exec", name, "sh", "-c", "echo in; exit 4").run().exited(4).line());
      assertEquals(
          "hi", command(podman, "exec", "-i", name, "cat").input("hi").run().succeeded().line());
      dialogue(command(podman, "exec", "-it", name, "sh"));
      assertTrue(command(podman, "top", name).run().succeeded().out().contains("sleep 1000"));
      command(podman, "stats", "--no-stream", name).run().succeeded();
      command(podman, "pause", name).run().succeeded();
      assertEquals("paused", state(podman, "{{.State.Status}}"));
      command(podman, "unpause", name).run().succeeded();
      command(podman, "kill", "--signal", "KILL", name).run().succeeded();
      assertEquals("137", command(podman, "wait", name).run().succeeded().line());
      dialogue(command(run, "--rm", "-it", "--rootfs", root.toString(), "sh"));
      Outcome missing =
          command(run, "--rm", "--rootfs", root.toString(), "nothing-here").run().exited(127);
      assertTrue(missing.err().contains("executable file not found in $PATH"), missing.err());
    } finally {
      command(podman, "rm", "-f", "-t", "0", name).run();
      removeGroups();
    }
  }

  private String state(List<String> podman, String format) {
    return command(podman, "inspect", "--format", format, name).run().succeeded().line();
  }

  /// Podman leaves the parent that it was told to use.
  private void removeGroups() {
    Command.of("find", "/sys/fs/cgroup", "-depth", "-path", "*/" + name + "*", "-delete").run();
  }

  @Test
  void containerdRunsContainersWithIt() throws Exception {
    Path socket = folder.resolve("s");
    Files.writeString(
        folder.resolve("config.toml"),
        """
        version = 2
        root = "%1$s/root"
        state = "%1$s/state"
        disabled_plugins = ["io.containerd.grpc.v1.cri"]
        [grpc]
        address = "%1$s/s"
        [ttrpc]
        address = "%1$s/t"
        """
            .formatted(folder));
    List<String> ctr =
        List.of(peers.resolve("ctr").toString(), "-a", socket.toString(), "-n", name);
    List<String> run = new ArrayList<>(ctr);
    run.addAll(
        List.of("run", "--runtime", "io.containerd.runc.v2", "--runc-binary", runtime, "--rootfs"));
    ProcessBuilder builder =
        new ProcessBuilder(
            peers.resolve("containerd").toString(), "-c", folder.resolve("config.toml").toString());
    builder.environment().merge("PATH", peers.toString(), (old, more) -> more + ":" + old);
    builder.redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile());
    Process containerd = builder.start();
    try {
      Eventually.within(
          LIMIT, "containerd answers", () -> command(ctr, "version").run().code() == 0);
      assertEquals(
          "hello",
          command(run, "--rm", root.toString(), "a", "sh", "-c", "echo hello; exit 6")
              .run()
              .exited(6)
              .line());
      List<String> detached = new ArrayList<>(run);
      detached.add(detached.size() - 1, "-d");
      command(detached, root.toString(), "b", "sleep", "1000").run().succeeded();
      assertEquals(
          "in",
          command(ctr, "task", "exec", "--exec-id", "e", "b", "sh", "-c", "echo in; exit 7")
              .run()
              .exited(7)
              .line());
      dialogue(command(ctr, "task", "exec", "-t", "--exec-id", "t", "b", "sh"));
      assertEquals(2, command(ctr, "task", "ps", "b").run().succeeded().out().lines().count());
      assertTrue(command(ctr, "task", "metrics", "b").run().succeeded().out().contains("memory"));
      command(ctr, "task", "pause", "b").run().succeeded();
      assertTrue(command(ctr, "task", "ls").run().succeeded().out().contains("PAUSED"));
      command(ctr, "task", "resume", "b").run().succeeded();
      command(ctr, "task", "kill", "-s", "KILL", "b").run().succeeded();
      Eventually.within(
          LIMIT,
          "the task has stopped",
          () -> command(ctr, "task", "ls").run().out().contains("STOPPED"));
    } finally {
      command(ctr, "task", "rm", "-f", "b").run();
      command(ctr, "container", "rm", "b").run();
      containerd.destroy();
      containerd.waitFor();
      removeGroups();
    }
  }

  @Test
  void dockerRunsContainersWithIt() {
    String tool = Needs.tree().resolve("tools/real-peers").toString();
    Outcome started =
        Command.of(
                tool,
                "dockerd",
                name,
                "--add-runtime",
                "gantry=" + runtime,
                "--cgroup-parent",
                "/" + name)
            .within(LIMIT)
            .run()
            .succeeded();
    List<String> docker =
        List.of(peers.resolve("docker").toString(), "-H", "unix://" + started.line());
    try {
      command(docker, "import", "-", "busybox").input(Busybox.tar()).run().succeeded();
      List<String> run = new ArrayList<>(docker);
      run.addAll(List.of("run", "--runtime", "gantry"));
      assertEquals(
          "hello",
          command(run, "--rm", "busybox", "sh", "-c", "echo hello; exit 3").run().exited(3).line());
      command(run, "-d", "--name", "box", "--memory", "64m", "busybox", "sleep", "1000")
          .run()
          .succeeded();
      assertEquals(
          "in",
          command(docker, "exec", "box", "sh", "-c", "echo in; exit 4").run().exited(4).line());
      assertTrue(command(docker, "top", "box").run().succeeded().out().contains("sleep 1000"));
      assertTrue(
          command(docker, "stats", "--no-stream", "box").run().succeeded().out().contains("64MiB"));
      command(docker, "pause", "box").run().succeeded();
      assertTrue(command(docker, "ps").run().succeeded().out().contains("(Paused)"));
      command(docker, "unpause", "box").run().succeeded();
      command(docker, "update", "--memory", "96m", "--memory-swap", "96m", "--cpus", "1", "box")
          .run()
          .succeeded();
      assertTrue(
          command(docker, "stats", "--no-stream", "box").run().succeeded().out().contains("96MiB"));
      command(docker, "stop", "-t", "1", "box").run().succeeded();
      command(docker, "start", "box").run().succeeded();
      command(docker, "kill", "box").run().succeeded();
      assertEquals("137", command(docker, "wait", "box").run().succeeded().line());
      dialogue(command(run, "--rm", "-it", "busybox", "sh"));
      command(run, "--rm", "busybox", "nothing-here").run().exited(127);
      command(run, "--rm", "busybox", "/etc").run().exited(126);
    } finally {
      command(docker, "rm", "-f", "box").run();
      Command.of(tool, "stop", name).within(LIMIT).run();
      Path run = peers.resolve("../run").normalize();
      Command.of("rm", "-rf", run.resolve(name).toString(), run.resolve(name + ".log").toString())
          .run();
      removeGroups();
    }
  }
}
