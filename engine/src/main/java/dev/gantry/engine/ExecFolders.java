package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.ExitStatus;
import dev.gantry.runtime.RunningProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A folder per exec below the run folder, from before its start until its end is known, by which
/// the next engine finds it:
///
/// ```
/// execs/ID/exec.json     what was asked for, and in which container
///          monitor.sock  its monitor
///          exit          how it ended, if no engine was there to hear it
/// ```
final class ExecFolders {
  private static final String RECORD = "exec.json";

  private ExecFolders() {}

  static Path root(Engine engine) {
    return engine.options().execRoot().resolve("execs");
  }

  static Path make(Engine engine, Exec exec) {
    Path folder = root(engine).resolve(exec.id());
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve(RECORD), record(exec).text());
      return folder;
    } catch (IOException e) {
      throw new Failure.Internal("could not prepare exec " + exec.id() + ": " + e, e);
    }
  }

  static void remove(@Nullable Path folder) {
    if (folder != null) {
      Engine.deleteFolder(folder);
    }
  }

  /// Takes up the execs of the containers in `running`; what is left of others is removed. The
  /// monitor of an exec ends with it, so there is nothing else to look for.
  static void restore(Engine engine, Map<String, Container> running) {
    List<Path> folders;
    try (Stream<Path> children = Files.list(root(engine))) {
      folders = children.sorted().toList();
    } catch (IOException e) {
      return; // there was never one
    }
    for (Path folder : folders) {
      Optional<Exec> exec = read(folder, id -> Optional.ofNullable(running.get(id)));
      Optional<RunningProcess> process = engine.runtime().reattach(folder);
      if (exec.isEmpty()) {
        process.ifPresent(RunningProcess::release);
        remove(folder);
      } else if (process.isPresent()) {
        engine.execs().resume(exec.get(), process.get(), folder);
      } else {
        int code = engine.runtime().exitRecord(folder).map(ExitStatus::code).orElse(255);
        engine.execs().settle(exec.get(), code, folder);
      }
    }
  }

  private static Json.JsonObject record(Exec exec) {
    Exec.Spec spec = exec.spec();
    return Json.object()
        .put("container", exec.container().id())
        .put("command", Json.strings(spec.command()))
        .put("environment", Json.strings(spec.environment()))
        .put("workingDirectory", spec.workingDirectory())
        .put("user", spec.user())
        .put("tty", spec.tty())
        .put("privileged", spec.privileged())
        .put("stdin", spec.attachStdin())
        .put("stdout", spec.attachStdout())
        .put("stderr", spec.attachStderr())
        .put("detachKeys", spec.detachKeys());
  }

  /// The exec that a folder is of; empty if its container does not run, or the engine before was
  /// killed while it wrote the record.
  static Optional<Exec> read(Path folder, Function<String, Optional<Container>> containers) {
    Json.JsonObject json;
    try {
      json = Json.parseObject(Files.readString(folder.resolve(RECORD)));
    } catch (IOException | RuntimeException e) {
      return Optional.empty();
    }
    Exec.Spec spec =
        new Exec.Spec(
            json.strings("command"),
            json.strings("environment"),
            json.string("workingDirectory", ""),
            json.string("user", ""),
            json.bool("tty", false),
            json.bool("privileged", false),
            json.bool("stdin", false),
            json.bool("stdout", false),
            json.bool("stderr", false),
            json.string("detachKeys", ""),
            Optional.empty());
    // whom it runs as was decided at its start
    RuntimeSpec.User user = new RuntimeSpec.User(0, 0, null, List.of());
    return containers
        .apply(json.string("container", ""))
        .map(c -> new Exec(String.valueOf(folder.getFileName()), c, spec, user));
  }
}
