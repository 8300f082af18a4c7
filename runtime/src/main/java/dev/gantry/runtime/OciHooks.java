package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.oci.RuntimeSpec;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The hooks that run in the runtime's own namespaces (config.md#posix-platform-hooks); each reads
/// the container's state from its standard input.
final class OciHooks {
  private static final int NO_LIMIT_SECONDS = 24 * 3600;

  private final RuntimeSpec.@Nullable Hooks hooks;

  OciHooks(RuntimeSpec.@Nullable Hooks hooks) {
    this.hooks = hooks;
  }

  /// prestart and createRuntime: the first failure ends the creation.
  void beforeStart(OciState state) {
    if (hooks != null) {
      run("prestart", hooks.prestart(), state, "creating");
      run("createRuntime", hooks.createRuntime(), state, "creating");
    }
  }

  /// poststart: a failure is said and changes nothing.
  void afterStart(OciState state) {
    if (hooks != null) {
      runAll("poststart", hooks.poststart(), state, "running");
    }
  }

  /// poststop: a failure is said and the others still run.
  void afterStop(OciState state) {
    if (hooks != null) {
      runAll("poststop", hooks.poststop(), state, "stopped");
    }
  }

  private static void runAll(
      String stage, List<RuntimeSpec.Hook> list, OciState state, String status) {
    for (RuntimeSpec.Hook hook : list) {
      try {
        run(stage, List.of(hook), state, status);
      } catch (Failure e) {
        System.err.println("warning: " + e.text());
      }
    }
  }

  private static void run(
      String stage, List<RuntimeSpec.Hook> list, OciState state, String status) {
    for (RuntimeSpec.Hook hook : list) {
      run(stage, hook, state, status);
    }
  }

  private static void run(String stage, RuntimeSpec.Hook hook, OciState state, String status) {
    if (!new File(hook.path()).isAbsolute()) {
      throw new Failure.InvalidRequest(
          "the path " + hook.path() + " of a " + stage + " hook is not absolute");
    }
    // ProcessBuilder cannot set argv[0] apart from the program; hooks get their path there
    List<String> command = new ArrayList<>(List.of(hook.path()));
    if (hook.args().size() > 1) {
      command.addAll(hook.args().subList(1, hook.args().size()));
    }
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().clear();
    for (String entry : hook.env()) {
      int equals = entry.indexOf('=');
      if (equals > 0) {
        builder.environment().put(entry.substring(0, equals), entry.substring(equals + 1));
      }
    }
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    try {
      Process process = builder.start();
      try (var out = process.getOutputStream()) {
        out.write(state.document(status).text().getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        // a hook that does not read its input is fine
      }
      Integer timeout = hook.timeout();
      if (!process.waitFor(timeout == null ? NO_LIMIT_SECONDS : timeout, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new Failure.TimedOut(
            stage + " hook " + hook.path() + " did not end within " + timeout + " s");
      }
      if (process.exitValue() != 0) {
        throw new Failure.Internal(
            "error running "
                + stage
                + " hook "
                + hook.path()
                + ": exit status "
                + process.exitValue(),
            null);
      }
    } catch (IOException e) {
      throw new Failure.InvalidRequest(
          "error running " + stage + " hook " + hook.path() + ": " + e.getMessage(), null, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while running the " + stage + " hook");
    }
  }
}
