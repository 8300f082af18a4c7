package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A bundle with busybox, and `gantry-runtime` to run it with: the OCI command line as other
/// engines use it.
final class OciBundle implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  final Path folder;
  final Path root;
  final String group = "gantry-oci" + ProcessHandle.current().pid();
  private final List<String> program;
  private final Json.JsonObject base;

  OciBundle() throws IOException {
    Needs.root();
    Needs.distribution();
    folder = Files.createTempDirectory(Path.of("/var/tmp"), "gantry-oci");
    // a user namespace's root has to get here
    Command.of("chmod", "755", folder.toString()).run().succeeded();
    root = Files.createDirectories(folder.resolve("bundle/rootfs"));
    Command.of("tar", "-C", root.toString(), "-x").input(Busybox.tar()).run().succeeded();
    // the root of a user namespace can make nothing here
    for (String name : List.of("proc", "sys", "dev", "data", "a", "b", "c", "d")) {
      Files.createDirectory(root.resolve(name));
    }
    program =
        List.of(
            Needs.tree().resolve("gantry-runtime").toString(),
            "--root",
            folder.resolve("state").toString());
    call("spec", "-b", bundle()).succeeded();
    base = Json.parseObject(Files.readString(configuration()));
    patch(
        base,
        Json.parseObject(
            """
            {"process":{"terminal":false,"noNewPrivileges":false},"root":{"readonly":false},
             "linux":{"cgroupsPath":"/%s/box"}}
            """
                .formatted(group)));
  }

  String bundle() {
    return root.getParent().toString();
  }

  private Path configuration() {
    return root.resolveSibling("config.json");
  }

  /// The program with its options, to be followed by a command.
  List<String> program() {
    return program;
  }

  Command command(String... words) {
    List<String> all = new ArrayList<>(program);
    all.addAll(List.of(words));
    return Command.of(all).within(LIMIT);
  }

  Outcome call(String... words) {
    return command(words).run();
  }

  /// Writes the configuration: the usual one with `patch` (RFC 7396) and a shell script to run.
  void configure(String patch, String script) {
    Json.JsonObject all = Json.parseObject(base.text());
    patch(all, Json.parseObject(patch.isEmpty() ? "{}" : patch));
    Json.JsonArray words = Json.array().add("sh").add("-c").add(script);
    patch(all, Json.object().put("process", Json.object().put("args", words)));
    try {
      Files.writeString(configuration(), all.text());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// Starts a container and leaves it running; its output goes nowhere, since it would keep the
  /// test's open.
  void runDetached(String id) {
    List<String> words = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh"));
    words.addAll(program);
    words.addAll(List.of("run", "-d", "-b", bundle(), id));
    Command.of(words).within(LIMIT).run().succeeded();
  }

  /// Runs a script in a container made with `patch`.
  Outcome run(String patch, String script) {
    configure(patch, script);
    return call("run", "-b", bundle(), "box");
  }

  static Json.JsonObject patch(Json.JsonObject target, Json.JsonObject patch) {
    patch
        .members()
        .forEach(
            (key, value) -> {
              if (value instanceof Json.JsonObject object) {
                Json old = target.get(key);
                target.put(
                    key, patch(old instanceof Json.JsonObject o ? o : Json.object(), object));
              } else if (value instanceof Json.JsonNull) {
                target.remove(key);
              } else {
                target.put(key, value);
              }
            });
    return target;
  }

  String state(String id) {
    return Json.parseObject(call("state", id).succeeded().out()).string("status", "");
  }

  int pid(String id) {
    return (int) Json.parseObject(call("state", id).succeeded().out()).number("pid", 0);
  }

  /// Nothing of any container may be left.
  @Override
  public void close() throws IOException {
    String left = call("list", "-q").succeeded().out();
    left.lines().forEach(id -> call("delete", "-f", id));
    try {
      assertEquals("", left);
      String groups =
          Command.of("find", "/sys/fs/cgroup", "-path", "*/" + group + "/*", "-type", "d")
              .run()
              .out();
      assertEquals("", groups);
      String mounts = Files.readString(Path.of("/proc/self/mountinfo"));
      assertEquals(-1, mounts.indexOf(folder.toString()), mounts);
    } finally {
      Command.of("find", "/sys/fs/cgroup", "-depth", "-path", "*/" + group + "*", "-delete").run();
      Command.of("rm", "-rf", folder.toString()).run();
    }
  }
}
