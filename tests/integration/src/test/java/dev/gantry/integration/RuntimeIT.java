package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.base.Ids;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.kernel.Poller;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.BuiltInRuntime;
import dev.gantry.runtime.ExecLaunch;
import dev.gantry.runtime.ExitStatus;
import dev.gantry.runtime.Launch;
import dev.gantry.runtime.LaunchFailure;
import dev.gantry.runtime.Rootfs;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The built-in runtime on the real kernel, with a busybox root.
class RuntimeIT {
  private static final List<String> NAMESPACES =
      List.of("mount", "pid", "ipc", "uts", "network", "cgroup");
  private static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID");

  private final String id = Ids.next();
  private final CgroupLayout cgroups = CgroupLayout.detected();
  private Path folder = Path.of("/");
  private BuiltInRuntime runtime;

  @BeforeEach
  void makeRoot() throws IOException {
    assumeTrue(System.getProperty("user.name").equals("root"), "needs root");
    assumeTrue(Files.exists(Path.of("/bin/busybox")), "needs the package busybox-static");
    Path shim = Path.of(System.getProperty("gantry.native"), "gantry-shim");
    assumeTrue(Files.exists(shim), "needs ./dev build: no " + shim);
    runtime = BuiltInRuntime.open(shim, cgroups);
    folder = Files.createTempDirectory(Path.of("/run"), "gantry-runtime-it-");
    Path bin = Files.createDirectories(folder.resolve("lower/bin"));
    Files.copy(Path.of("/bin/busybox"), bin.resolve("busybox"));
    for (String applet :
        List.of("sh", "true", "cat", "echo", "sleep", "id", "ls", "hostname", "stty", "tty")) {
      Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
    }
    Files.writeString(bin.resolve("plain"), "no program");
    for (String name : List.of("state", "upper", "work", "merged")) {
      Files.createDirectories(folder.resolve(name));
    }
  }

  @AfterEach
  void removeAll() throws Exception {
    if (folder.getNameCount() < 2) {
      return;
    }
    for (int i = 0; i < 100 && !cgroups.remove("/gantry-it/" + id); i++) {
      Thread.sleep(20);
    }
    new ProcessBuilder("rm", "-rf", folder.toString()).start().waitFor();
    assertTrue(cgroups.processes("/gantry-it/" + id).isEmpty());
  }

  private RuntimeSpec spec(boolean terminal, String... args) {
    List<RuntimeSpec.Mount> mounts =
        List.of(
            RuntimeSpec.Mount.of("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
            RuntimeSpec.Mount.of(
                "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            RuntimeSpec.Mount.of(
                "/dev/pts",
                "devpts",
                "devpts",
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5"),
            RuntimeSpec.Mount.of("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
            RuntimeSpec.Mount.of(
                "/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
            RuntimeSpec.Mount.of("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"));
    List<RuntimeSpec.Namespace> namespaces = new ArrayList<>();
    NAMESPACES.forEach(n -> namespaces.add(new RuntimeSpec.Namespace(n, null)));
    return new RuntimeSpec(
        RuntimeSpec.VERSION,
        new RuntimeSpec.Root("unused", false),
        process(terminal, args),
        "box",
        null,
        mounts,
        null,
        Map.of(),
        new RuntimeSpec.Linux(
            namespaces,
            List.of(),
            List.of(),
            List.of(
                new RuntimeSpec.Device("/dev/null", "c", 1, 3, null, null, null),
                new RuntimeSpec.Device("/dev/zero", "c", 1, 5, null, null, null),
                new RuntimeSpec.Device("/dev/tty", "c", 5, 0, null, null, null)),
            Map.of(),
            "/gantry-it/" + id,
            null,
            null,
            new RuntimeSpec.Seccomp(
                "SCMP_ACT_ALLOW",
                null,
                List.of("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
                List.of(),
                null,
                null,
                List.of(
                    new RuntimeSpec.SeccompSyscall(
                        List.of("mount", "umount2", "mkdirat", "mkdir"),
                        "SCMP_ACT_ERRNO",
                        38,
                        List.of()))),
            Map.of("net.ipv4.ip_unprivileged_port_start", "0"),
            List.of("/proc/kcore", "/proc/acpi", "/sys/firmware", "/proc/nothing"),
            List.of("/proc/sys", "/proc/bus"),
            null,
            null,
            null,
            null,
            Map.of()));
  }

  private static RuntimeSpec.Process process(boolean terminal, String... args) {
    return new RuntimeSpec.Process(
        terminal,
        terminal ? new RuntimeSpec.ConsoleSize(24, 80) : null,
        new RuntimeSpec.User(0, 0, null, List.of()),
        List.of(args),
        List.of("PATH=/bin", "A=1"),
        "/",
        RuntimeSpec.Capabilities.of(CAPABILITIES),
        List.of(new RuntimeSpec.Rlimit("RLIMIT_NOFILE", 512, 512)),
        false,
        null,
        100,
        null,
        null,
        null,
        null);
  }

  private Launch launch(RuntimeSpec spec, boolean stdin) {
    return new Launch(
        id,
        spec,
        new Rootfs.Overlay(
            List.of(folder.resolve("lower")),
            folder.resolve("upper"),
            folder.resolve("work"),
            folder.resolve("merged"),
            false),
        folder.resolve("state"),
        NetlinkSetup.NONE,
        stdin);
  }

  private record Result(int code, String out, String err) {}

  private Result run(RuntimeSpec spec, @Nullable String input) throws Exception {
    RunningProcess p = runtime.launch(launch(spec, input != null));
    try {
      return finish(p, input);
    } finally {
      p.release();
    }
  }

  private static Result finish(RunningProcess p, @Nullable String input) throws Exception {
    if (input != null) {
      p.stdin().orElseThrow().output(Poller.shared()).write(input.getBytes(StandardCharsets.UTF_8));
      p.closeStdin();
    }
    String out = read(p.stdout().orElseThrow());
    String err = read(p.stderr().orElseThrow());
    return new Result(p.awaitExit().code(), out, err);
  }

  private static String read(dev.gantry.kernel.Fd fd) throws IOException {
    return new String(fd.input(Poller.shared()).readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void runsAProgramAndReportsItsOutputAndCode() throws Exception {
    assertEquals(
        new Result(7, "box\n1\n", "oops\n"),
        run(spec(false, "sh", "-c", "hostname; echo $$; echo oops >&2; exit 7"), null));
  }

  @Test
  void passesInputAndItsEnd() throws Exception {
    assertEquals(new Result(0, "hello\nyou", ""), run(spec(false, "cat"), "hello\nyou"));
  }

  @Test
  void masksAndProtectsPaths() throws Exception {
    Result r =
        run(
            spec(
                false,
                "sh",
                "-c",
                "cat /proc/kcore | wc -c 2>/dev/null; ls /sys/firmware; echo x > /proc/sys/kernel/hostname;"
                    + " cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /proc/self/oom_score_adj;"
                    + " ls /sys/fs/cgroup; ls -l /proc/self/fd | busybox wc -l"),
            null);
    assertTrue(r.err().contains("/proc/sys/kernel/hostname"), r.toString());
    assertTrue(r.out().contains("0\n100\n"), r.toString());
    assertTrue(r.out().contains("memory"), r.toString());
  }

  @Test
  void filtersSystemCalls() throws Exception {
    Result r = run(spec(false, "busybox", "mkdir", "/tmp1"), null);
    assertTrue(r.err().contains("Function not implemented"), r.toString());
  }

  @Test
  void saysWhyAProgramCannotRun() {
    assertEquals(
        "exec: \"nope\": executable file not found in $PATH",
        assertThrows(LaunchFailure.class, () -> run(spec(false, "nope"), null)).getMessage());
    LaunchFailure denied =
        assertThrows(LaunchFailure.class, () -> run(spec(false, "/bin/plain"), null));
    assertEquals(LaunchFailure.Kind.COMMAND_NOT_EXECUTABLE, denied.kind());
  }

  @Test
  void givesATerminalThatCanBeResized() throws Exception {
    RunningProcess p =
        runtime.launch(
            launch(
                spec(true, "sh", "-c", "tty; stty size; read x; stty size; echo got $x"), false));
    try {
      p.resize(40, 100);
      p.terminal()
          .orElseThrow()
          .output(Poller.shared())
          .write("hi\n".getBytes(StandardCharsets.UTF_8));
      String out = read(p.terminal().orElseThrow());
      assertTrue(out.contains("/dev/"), out);
      assertTrue(out.contains("40 100"), out);
      assertTrue(out.contains("got hi"), out);
      assertEquals(0, p.awaitExit().code());
    } finally {
      p.release();
    }
  }

  @Test
  void executesFurtherProcessesAndKillsThem() throws Exception {
    RunningProcess p = runtime.launch(launch(spec(false, "sleep", "1000"), false));
    try {
      RuntimeSpec.Linux linux = p.isRunning() ? spec(false, "x").linux() : null;
      for (boolean terminal : new boolean[] {false, true}) {
        RunningProcess e =
            runtime.exec(
                new ExecLaunch(
                    p.pidFd(),
                    process(terminal, "sh", "-c", "hostname; echo $A; exit 5"),
                    linux == null ? null : linux.seccomp(),
                    "/gantry-it/" + id,
                    java.util.Set.of("cgroup"),
                    false));
        String out = read(terminal ? e.terminal().orElseThrow() : e.stdout().orElseThrow());
        assertEquals("box\n1\n", out.replace("\r", ""));
        assertEquals(5, e.awaitExit().code());
        e.release();
      }
      assertTrue(p.signal(9));
      ExitStatus exit = p.awaitExit();
      assertEquals(137, exit.code());
      assertTrue(exit.signaled());
    } finally {
      p.release();
    }
  }

  @Test
  void findsAContainerAgainWithItsOutputAndExit() throws Exception {
    RunningProcess p =
        runtime.launch(
            launch(spec(false, "sh", "-c", "echo one; read x; echo two $x; exit 9"), true));
    p.close(); // as if the engine had died
    RunningProcess again = runtime.reattach(folder.resolve("state")).orElseThrow();
    again
        .stdin()
        .orElseThrow()
        .output(Poller.shared())
        .write("y\n".getBytes(StandardCharsets.UTF_8));
    assertEquals("one\ntwo y\n", read(again.stdout().orElseThrow()));
    assertEquals(9, again.awaitExit().code());
    again.close();
    RunningProcess ended = runtime.reattach(folder.resolve("state")).orElseThrow();
    assertFalse(ended.isRunning());
    assertEquals(9, ended.awaitExit().code());
    assertEquals(9, runtime.exitRecord(folder.resolve("state")).orElseThrow().code());
    ended.release();
  }
}
