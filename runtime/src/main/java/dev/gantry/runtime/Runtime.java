package dev.gantry.runtime;

import java.nio.file.Path;
import java.util.Optional;

/// Starts containers from OCI configurations. The built-in one is [BuiltInRuntime].
public interface Runtime {
  /// Starts the container; returns once its program is executed. Thread-safe.
  RunningProcess launch(Launch launch) throws LaunchFailure;

  /// Starts a further process in a running container.
  RunningProcess exec(ExecLaunch exec) throws LaunchFailure;

  /// Takes up the container whose monitor lives in `stateDirectory`, running or ended; empty if no
  /// monitor answers there. See [#exitRecord(Path)] for one that died.
  Optional<RunningProcess> reattach(Path stateDirectory);

  /// The exit that a monitor noted in `stateDirectory`, if it did.
  Optional<ExitStatus> exitRecord(Path stateDirectory);
}
