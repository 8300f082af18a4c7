package dev.gantry.engine;

import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.RunningProcess;
import org.jspecify.annotations.Nullable;

/// A further process of a container. Thread-safe.
public final class Exec {
  /// What to run.
  ///
  /// @param user empty for the container's own
  /// @param detachKeys as the request gave them
  /// @param size rows and columns of its terminal, unless the start says others
  public record Spec(
      java.util.List<String> command,
      java.util.List<String> environment,
      String workingDirectory,
      String user,
      boolean tty,
      boolean privileged,
      boolean attachStdin,
      boolean attachStdout,
      boolean attachStderr,
      String detachKeys,
      java.util.Optional<RuntimeSpec.ConsoleSize> size) {}

  private final String id;
  private final Container container;
  private final Spec spec;
  private final RuntimeSpec.User user;
  private @Nullable RunningProcess process;
  private @Nullable Output output;
  private boolean started;
  private int pid;
  private @Nullable Integer exitCode;

  Exec(String id, Container container, Spec spec, RuntimeSpec.User user) {
    this.id = id;
    this.container = container;
    this.spec = spec;
    this.user = user;
  }

  public String id() {
    return id;
  }

  public Container container() {
    return container;
  }

  public Spec spec() {
    return spec;
  }

  RuntimeSpec.User user() {
    return user;
  }

  /// Marks the start; false if that was done before.
  synchronized boolean begin() {
    if (started) {
      return false;
    }
    started = true;
    return true;
  }

  synchronized void run(RunningProcess newProcess, Output newOutput) {
    process = newProcess;
    output = newOutput;
    pid = newProcess.pid();
    notifyAll();
  }

  synchronized void ended(int code) {
    exitCode = code;
    process = null;
    notifyAll();
  }

  synchronized java.util.Optional<RunningProcess> process() {
    return java.util.Optional.ofNullable(process);
  }

  synchronized java.util.Optional<Output> output() {
    return java.util.Optional.ofNullable(output);
  }

  /// Waits, for a while, until the exit code is known: clients ask for it as soon as the output
  /// ends.
  public synchronized void awaitExit(long millis) {
    long deadline = System.nanoTime() + millis * 1_000_000L;
    try {
      for (long left = millis; exitCode == null && left > 0; ) {
        wait(left);
        left = (deadline - System.nanoTime()) / 1_000_000L;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  public synchronized boolean isRunning() {
    return started && exitCode == null && process != null;
  }

  public synchronized boolean isStarted() {
    return started;
  }

  public synchronized int pid() {
    return pid;
  }

  /// The exit code; empty until the process has ended.
  public synchronized java.util.Optional<Integer> exitCode() {
    return java.util.Optional.ofNullable(exitCode);
  }
}
