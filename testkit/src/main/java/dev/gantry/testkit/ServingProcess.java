package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// A program that serves until it is ended, may be started again, and writes one log. One thread
/// starts and ends it.
final class ServingProcess {
  private final String name;
  private final Path log;
  private final Duration ending;
  private @Nullable Process process;

  /// @param name as failures call it: `the engine`
  /// @param log where its two streams are appended
  /// @param ending how long it may take after SIGTERM
  ServingProcess(String name, Path log, Duration ending) {
    this.name = name;
    this.log = log;
    this.ending = ending;
  }

  /// Starts the program without waiting for anything.
  Process start(List<String> words, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectInput(Path.of("/dev/null").toFile());
    try {
      Process started = builder.start();
      process = started;
      return started;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Waits until what was started is ready; fails if it ends before.
  void awaitReady(Process started, Duration limit, BooleanSupplier ready) {
    Eventually.within(
        limit,
        () -> name + " is not ready: " + log(),
        () -> !started.isAlive() || ready.getAsBoolean());
    if (!started.isAlive()) {
      throw new AssertionError(name + " ended with " + started.exitValue() + ": " + log());
    }
  }

  boolean isStarted() {
    return process != null;
  }

  /// Ends it, if it was started: at once, as `kill -9` does, or by SIGTERM.
  void end(boolean atOnce) {
    Process running = process;
    if (running == null) {
      return;
    }
    process = null;
    try {
      if (atOnce) {
        running.destroyForcibly().waitFor();
        return;
      }
      running.destroy();
      if (!running.waitFor(ending.toSeconds(), TimeUnit.SECONDS)) {
        running.destroyForcibly().waitFor();
        throw new AssertionError(
            name + " did not end within " + ending.toSeconds() + " s of SIGTERM: " + log());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /// Its process id; -1 while it does not run.
  long pid() {
    Process running = process;
    return running == null ? -1 : running.pid();
  }

  /// What it has printed.
  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "(no log: " + e + ")";
    }
  }
}
