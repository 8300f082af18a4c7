package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What an image may hold to trick a runtime while it sets the container up. Each case once opened
/// a way to the host in some runtime; docs/isolation.md lists them.
class OciTrapsIT {
  private static final String NO_DEV =
      "{\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}]}";

  private OciBundle box;

  @BeforeEach
  void make() throws IOException {
    box = new OciBundle();
  }

  @AfterEach
  void remove() throws IOException {
    if (box != null) {
      box.close();
    }
  }

  private void link(String name, String target) throws IOException {
    Path path = box.root.resolve(name);
    Command.of("rm", "-rf", path.toString()).run().succeeded();
    Files.createSymbolicLink(path, Path.of(target));
  }

  /// CVE-2021-30465: a link where a mount goes.
  @Test
  void aLinkInTheImageCannotLeadAMountOut() throws IOException {
    Path outside = Files.createDirectories(box.folder.resolve("outside"));
    // inside, the same path is the image's own
    Files.createDirectories(box.root.resolve(outside.toString().substring(1)));
    Path source = Files.createDirectories(box.folder.resolve("source"));
    Files.writeString(source.resolve("file"), "x");
    link("a", "../../../../../../../.." + outside);
    link("b", outside.toString());
    link("c", "/proc/self/root/../../..");
    for (String name : List.of("a", "b")) {
      Outcome out =
          box.run(
              """
              {"mounts":[{"destination":"/proc","type":"proc"},{"destination":"/dev","type":"tmpfs"},
                {"destination":"/%s/deep/er","type":"bind","source":"%s","options":["rbind"]}]}
              """
                  .formatted(name, source),
              "cat " + outside + "/deep/er/file");
      assertTrue(out.succeeded().out().startsWith("x"), out.toString());
    }
    try (var files = Files.list(outside)) {
      assertEquals(List.of(), files.toList());
    }
    Outcome magic =
        box.run(
                """
                {"mounts":[{"destination":"/proc","type":"proc"},
                  {"destination":"/c/x","type":"bind","source":"%s","options":["rbind"]}]}
                """
                    .formatted(source),
                "true")
            .exited(1);
    assertTrue(magic.err().contains("too many levels of symbolic links"), magic.err());
  }

  /// CVE-2019-19921, CVE-2023-27561: /proc or /sys as a link.
  @Test
  void procAndSysMustNotBeLinks() throws IOException {
    link("proc", "/tmp");
    Outcome proc = box.run("", "true").exited(1);
    assertTrue(proc.err().contains("could not mount proc on /proc: too many levels"), proc.err());
    Files.delete(box.root.resolve("proc"));
    Files.createDirectory(box.root.resolve("proc"));
    link("sys", "/tmp");
    Outcome sys = box.run("", "true").exited(1);
    assertTrue(sys.err().contains("could not mount sysfs on /sys: too many levels"), sys.err());
  }

  /// CVE-2025-31133: masking with a /dev/null that is none.
  @Test
  void masksWithTheRealNullDeviceOnly() throws IOException {
    link("dev/null", "/proc/sys/kernel/core_pattern");
    Outcome linked = box.run(NO_DEV, "true").exited(1);
    assertTrue(linked.err().contains("could not open the container's /dev/null"), linked.err());
    Files.delete(box.root.resolve("dev/null"));
    Files.writeString(box.root.resolve("dev/null"), "secret");
    Outcome file = box.run(NO_DEV, "true").exited(1);
    assertTrue(file.err().contains("could not open the container's /dev/null"), file.err());
  }

  /// CVE-2025-52565: /dev/console as a link.
  @Test
  void theTerminalGoesOnTheConsoleItself() throws IOException {
    Files.writeString(box.root.resolve("tmp/elsewhere"), "");
    link("dev/console", "/tmp/elsewhere");
    box.configure(
        """
        {"process":{"terminal":true},
         "mounts":[{"destination":"/proc","type":"proc"},
           {"destination":"/dev/pts","type":"devpts","source":"devpts","options":["newinstance","ptmxmode=0666"]}]}
        """,
        "true");
    Outcome out = box.call("run", "-b", box.bundle(), "box").exited(1);
    assertTrue(
        out.err().contains("could not mount the terminal on /dev/console: too many levels"),
        out.err());
  }

  /// CVE-2024-21626: the working folder, and what the program inherits.
  @Test
  void theWorkingFolderIsInsideTheRoot() {
    for (String folder : List.of("/proc/self/fd/4", "/proc/self/fd/6", "/proc/1/cwd")) {
      Outcome out =
          box.run("{\"process\":{\"cwd\":\"%s\"}}".formatted(folder), "pwd; ls").exited(1);
      assertTrue(out.err().contains("chdir to cwd"), out.err());
    }
    assertEquals("0 1 2 3", box.run("", "echo $(ls /proc/self/fd)").succeeded().line());
  }

  /// A filter that forbids what the launch itself needs last must not look like a start.
  @Test
  void aFilterThatStopsTheLaunchIsAFailure() {
    for (String calls :
        List.of("\"execve\"", "\"execve\",\"write\"", "\"execve\",\"write\",\"exit_group\"")) {
      Outcome out =
          box.run(
              """
              {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW",
                "syscalls":[{"names":[%s],"action":"SCMP_ACT_ERRNO"}]}}}
              """
                  .formatted(calls),
              "echo ran");
      assertFalse(out.code() == 0, out.toString());
      assertEquals("", out.out());
    }
  }
}
