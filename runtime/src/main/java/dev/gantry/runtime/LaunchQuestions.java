package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.MemFd;
import dev.gantry.kernel.PidFd;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// What the monitor asks of us while a launch is under way, and our answers: the hooks that run in
/// our own namespaces, and where a seccomp listener goes.
///
/// The state that hooks inside the container read is in two files in memory, which the helper
/// inherits; they are filled in when the process id is known.
final class LaunchQuestions implements AutoCloseable {
  /// "Run your hooks": the container is there, its root is not changed yet.
  static final char HOOKS = 'H';

  /// "Here is the listener of the program's seccomp filter."
  static final char LISTENER = 'N';

  private static final int SIGKILL = 9;

  private final RuntimeSpec.@Nullable Hooks hooks;
  private final RuntimeSpec.@Nullable Seccomp seccomp;
  private final IntFunction<OciState> state;
  private final Map<Integer, Fd> inherited = new TreeMap<>();

  /// @param state the container's state, given the process id
  LaunchQuestions(
      RuntimeSpec.@Nullable Hooks hooks,
      RuntimeSpec.@Nullable Seccomp seccomp,
      IntFunction<OciState> state) {
    this.hooks = hooks;
    this.seccomp = seccomp;
    this.state = state;
    if (HookPlan.needsState(hooks)) {
      try {
        inherited.put(HookPlan.CREATING, MemFd.open("state-creating"));
        inherited.put(HookPlan.CREATED, MemFd.open("state-created"));
      } catch (Errno e) {
        close();
        throw new Failure.Unavailable("could not prepare the hooks: " + e.getMessage(), e);
      }
    }
  }

  /// Of a container's start.
  static LaunchQuestions of(RuntimeSpec spec, IntFunction<OciState> state) {
    RuntimeSpec.Linux linux = spec.linux();
    return new LaunchQuestions(spec.hooks(), linux == null ? null : linux.seccomp(), state);
  }

  /// The files for the helper, by the number that it knows them under.
  Map<Integer, Fd> inherited() {
    return inherited;
  }

  /// Does what is asked. When that fails, the process is ended first.
  void answer(char question, int pid, List<Fd> fds) throws IOException {
    try {
      switch (question) {
        case HOOKS -> runHooks(state.apply(pid));
        case LISTENER -> sendListener(state.apply(pid), fds.getFirst());
        default -> throw new Failure.Internal("the monitor asks for " + (int) question, null);
      }
    } catch (IOException | RuntimeException e) {
      try (PidFd process = PidFd.open(pid)) {
        process.signal(SIGKILL);
      } catch (Errno gone) {
        e.addSuppressed(gone);
      }
      throw e;
    }
  }

  private void runHooks(OciState created) throws IOException {
    for (Map.Entry<Integer, Fd> file : inherited.entrySet()) {
      String status = file.getKey() == HookPlan.CREATING ? "creating" : "created";
      file.getValue().writeFully(text(created.document(status)));
    }
    new OciHooks(hooks).beforeStart(created);
  }

  /// config-linux.md#containerprocessstate
  private void sendListener(OciState current, Fd listener) throws IOException {
    String path = seccomp == null ? null : seccomp.listenerPath();
    if (seccomp == null || path == null) {
      throw new Failure.Internal("a seccomp listener without a path to send it to", null);
    }
    String metadata = seccomp.listenerMetadata();
    Json.JsonObject document =
        Json.object()
            .put("ociVersion", RuntimeSpec.VERSION)
            .put("fds", Json.array().add("seccompFd"))
            .put("pid", current.pid())
            .put("metadata", metadata == null ? "" : metadata)
            .put("state", current.document("creating"));
    try (Fd connection = FdPassing.connectStream(path)) {
      FdPassing.send(connection, text(document), List.of(listener));
    } catch (Errno e) {
      throw new Failure.Unavailable(
          "could not send the seccomp listener to " + path + ": " + e.getMessage(), e);
    }
  }

  private static byte[] text(Json.JsonObject document) {
    return document.text().getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    inherited.values().forEach(Fd::close);
  }
}
