package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The operations of the OCI command line (runtime.md), their states and their refusals.
class OciLifecycleIT {
  private static final Duration LIMIT = Duration.ofMinutes(1);

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

  private void refused(String words, String... command) {
    Outcome out = box.call(command);
    assertTrue(out.code() == 1 || out.code() == 255, out.toString());
    assertTrue(out.err().contains(words), out.toString());
  }

  private void stopped(String id) {
    Eventually.within(LIMIT, id + " has stopped", () -> box.state(id).equals("stopped"));
  }

  /// Without a pipe of the test's as the container's output.
  private void create(String id) {
    List<String> words = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"));
    words.addAll(box.program());
    words.addAll(List.of("create", "-b", box.bundle(), "--pid-file", pidFile().toString(), id));
    Command.of(words).within(LIMIT).run().succeeded();
  }

  private Path pidFile() {
    return box.folder.resolve("pid");
  }

  @Test
  void goesThroughItsLife() throws IOException {
    box.configure("{\"root\":{\"readonly\":true}}", ">/dev/shm/ran; >/ran; sleep 1000");
    create("box");
    assertEquals("created", box.state("box"));
    assertEquals(Integer.toString(box.pid("box")), Files.readString(pidFile()));
    refused("already exists", "create", "-b", box.bundle(), "box");
    Path shm = Path.of("/proc", Files.readString(pidFile()), "root/dev/shm/ran");
    assertTrue(Files.notExists(shm), "the program ran before its start");
    box.call("start", "box").succeeded();
    assertEquals("running", box.state("box"));
    Eventually.within(LIMIT, "the program runs", () -> Files.exists(shm));
    assertTrue(Files.notExists(box.root.resolve("ran")), "the root is not read-only");
    refused("cannot start an already running container", "start", "box");
    refused("that is not stopped", "delete", "box");

    box.call("pause", "box").succeeded();
    assertEquals("paused", box.state("box"));
    refused("cannot exec in a paused container", "exec", "box", "true");
    box.call("resume", "box").succeeded();
    assertEquals("running", box.state("box"));
    refused("not paused", "resume", "box");

    assertEquals(
        List.of("PID      COMMAND"),
        box.call("ps", "box").succeeded().out().lines().limit(1).toList());
    assertTrue(box.call("ps", "--format", "json", "box").succeeded().out().startsWith("["));
    box.call("update", "--pids-limit", "50", "--memory", "67108864", "box").succeeded();
    Json.JsonObject stats =
        Json.parseObject(box.call("events", "--stats", "box").succeeded().out());
    assertEquals("stats", stats.string("type", ""));
    assertTrue(stats.text().contains("\"limit\":50}"), stats.text());
    assertTrue(stats.text().contains("\"limit\":67108864}"), stats.text());

    box.call("kill", "box", "KILL").succeeded();
    stopped("box");
    refused("cannot start a container that has stopped", "start", "box");
    refused("container not running", "kill", "box", "TERM");
    refused("cannot exec in a stopped container", "exec", "box", "true");
    box.call("delete", "box").succeeded();
    refused("container does not exist: box", "state", "box");
    box.call("delete", "-f", "box").succeeded();
  }

  @Test
  void executesFurtherPrograms() {
    box.configure(
        "{\"process\":{\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0\"}}}", "sleep 1000");
    box.runDetached("box");
    try {
      Outcome out =
          box.call(
              "exec",
              "--cwd",
              "/tmp",
              "-e",
              "A=1",
              "-u",
              "5:6",
              "box",
              "sh",
              "-c",
              "pwd; echo $A; id -u; id -g; grep Cpus_allowed_list /proc/self/status; exit 7");
      assertEquals("/tmp\n1\n5\n6\nCpus_allowed_list:\t0\n", out.exited(7).out());
      Outcome missing = box.call("exec", "box", "nothing-here").exited(255);
      assertTrue(missing.err().contains("executable file not found in $PATH"), missing.err());
      assertEquals("x", box.command("exec", "box", "cat").input("x").run().succeeded().out());
      refused("unknown signal \"NONSENSE\"", "kill", "box", "NONSENSE");
      box.call("kill", "--all", "box", "9").succeeded();
      stopped("box");
    } finally {
      box.call("delete", "-f", "box").succeeded();
    }
  }

  @Test
  void saysWhatItCannotDo() throws IOException {
    refused("checkpoint", "checkpoint", "box");
    refused("restore", "restore", "box");
    refused("unknown command dance", "dance", "box");
    refused("missing container ID", "state");
    refused("invalid container ID", "state", "../box");
    refused("config.json not found", "run", "-b", box.folder.toString(), "box");
    box.configure("{\"ociVersion\":\"2.0.0\"}", "true");
    refused("1.x is", "run", "-b", box.bundle(), "box");
    box.configure("{\"root\":{\"path\":\"nowhere\"}}", "true");
    refused("the root folder nowhere does not exist", "run", "-b", box.bundle(), "box");
    Files.writeString(Path.of(box.bundle(), "config.json"), "{\"ociVersion\":");
    refused("config.json", "run", "-b", box.bundle(), "box");
    box.configure("", "true");
    refused("remove it first", "spec", "-b", box.bundle());
    Outcome gone = box.run("{\"process\":{\"cwd\":\"/tmp\"}}", "exit 9");
    assertEquals(9, gone.code(), gone.toString());
  }

  @Test
  void saysWhatItCan() {
    Json.JsonObject features = Json.parseObject(box.call("features").succeeded().out());
    assertEquals("1.3.0", features.string("ociVersionMax", ""));
    assertEquals(
        List.of(
            "prestart",
            "createRuntime",
            "createContainer",
            "startContainer",
            "poststart",
            "poststop"),
        features.strings("hooks"));
    assertTrue(features.strings("mountOptions").containsAll(List.of("rro", "ridmap", "tmpcopyup")));
    Json.JsonObject linux = features.object("linux").orElseThrow();
    assertEquals(8, linux.strings("namespaces").size());
    assertTrue(
        linux.object("seccomp").orElseThrow().strings("actions").contains("SCMP_ACT_NOTIFY"));
    assertTrue(box.call("--version").succeeded().out().contains("spec: 1.3.0"));
    assertTrue(box.call("--help").succeeded().out().contains("Usage: gantry-runtime"));
  }
}
