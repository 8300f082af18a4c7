package dev.gantry.dockerfile;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/// An instruction, understood. Words are as written: variables are replaced when it is carried out,
/// by [Expansion].
public sealed interface Instruction {
  Origin origin();

  /// A program with its arguments, or a text for the shell.
  ///
  /// @param words the arguments, or the text alone
  record Program(boolean shell, List<String> words) {}

  /// `NAME=value`.
  record Pair(String name, String value) {}

  /// Begins a stage.
  ///
  /// @param name of the stage in lower case; empty for none
  record From(Origin origin, String image, String platform, String name) implements Instruction {}

  /// @param mounts values of `--mount`
  record Run(
      Origin origin,
      Program program,
      List<String> mounts,
      String network,
      String security,
      List<String> devices)
      implements Instruction {}

  record Cmd(Origin origin, Program program) implements Instruction {}

  record Entrypoint(Origin origin, Program program) implements Instruction {}

  record Label(Origin origin, List<Pair> labels) implements Instruction {}

  record Maintainer(Origin origin, String name) implements Instruction {}

  record Expose(Origin origin, List<String> ports) implements Instruction {}

  record Env(Origin origin, List<Pair> variables) implements Instruction {}

  /// COPY and ADD.
  ///
  /// @param add it is ADD
  /// @param sources as written, without heredocs
  /// @param documents heredocs that are sources
  record Copy(
      Origin origin,
      boolean add,
      List<String> sources,
      List<Heredoc> documents,
      String destination,
      CopyFlags flags)
      implements Instruction {}

  /// @param keepGitDir, unpack, link as said; empty if not
  record CopyFlags(
      String from,
      String owner,
      String mode,
      String checksum,
      List<String> excludes,
      boolean parents,
      boolean link,
      Optional<Boolean> keepGitDir,
      Optional<Boolean> unpack) {}

  record Volume(Origin origin, List<String> paths) implements Instruction {}

  record User(Origin origin, String user) implements Instruction {}

  record Workdir(Origin origin, String path) implements Instruction {}

  /// @param arguments names with their defaults, in order
  record Arg(Origin origin, List<Argument> arguments) implements Instruction {}

  record Argument(String name, Optional<String> value) {}

  /// @param instruction what a build on the image shall do first
  record Onbuild(Origin origin, String instruction) implements Instruction {}

  record StopSignal(Origin origin, String signal) implements Instruction {}

  /// @param test null-like: empty for NONE
  /// @param options interval, timeout, start-period, start-interval, retries as written
  record Healthcheck(Origin origin, Optional<Program> test, Map<String, String> options)
      implements Instruction {}

  record Shell(Origin origin, List<String> words) implements Instruction {}
}
