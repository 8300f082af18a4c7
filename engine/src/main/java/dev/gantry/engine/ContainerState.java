package dev.gantry.engine;

import java.time.Instant;

/// Where a container is in its life. One value at a time; [Container] alone changes it.
public sealed interface ContainerState {
  /// States in which a start is possible.
  sealed interface Startable extends ContainerState {}

  /// States in which processes live.
  sealed interface Live extends ContainerState {
    int pid();

    Instant startedAt();
  }

  /// Never ran; `exitCode` and `error` tell of a start that failed.
  record Created(int exitCode, String error) implements Startable {}

  record Running(int pid, Instant startedAt) implements Live {}

  record Paused(int pid, Instant startedAt) implements Live {}

  /// Ended, and to be started again by its restart policy.
  record Restarting(int exitCode, Instant startedAt, Instant finishedAt)
      implements ContainerState {}

  record Exited(
      int exitCode, Instant startedAt, Instant finishedAt, boolean oomKilled, String error)
      implements Startable {}

  record Removing(Instant startedAt, Instant finishedAt, int exitCode) implements ContainerState {}

  /// Could not be removed.
  record Dead(String error) implements ContainerState {}

  /// The word for it on Docker's wire.
  default String word() {
    return switch (this) {
      case Created c -> "created";
      case Running r -> "running";
      case Paused p -> "paused";
      case Restarting r -> "restarting";
      case Exited e -> "exited";
      case Removing r -> "removing";
      case Dead d -> "dead";
    };
  }
}
