package dev.gantry.runtime;

import dev.gantry.kernel.Errno;

/// A container or exec that could not be started. Nothing of it is left behind.
public final class LaunchFailure extends Exception {
  private static final long serialVersionUID = 1L;

  /// What stood in the way, as far as it decides the exit code that users see.
  public enum Kind {
    /// The program is not there: exit code 127.
    COMMAND_NOT_FOUND,
    /// The program cannot be executed: exit code 126.
    COMMAND_NOT_EXECUTABLE,
    /// Anything else: exit code 128 for a container.
    SETUP
  }

  /// How the step begins that enters the working folder, whose failure is told in Docker's words.
  static final String WORKING_DIRECTORY = "enter the working directory ";

  private final Kind kind;
  private final int errno;

  LaunchFailure(Kind kind, String sentence, int errno) {
    super(sentence);
    this.kind = kind;
    this.errno = errno;
  }

  public Kind kind() {
    return kind;
  }

  /// The kernel's error number, 0 where none was involved.
  public int errno() {
    return errno;
  }

  /// The sentence, never null.
  public String text() {
    String message = getMessage();
    return message == null ? kind.name() : message;
  }

  /// The failure of a step; what the shim says about a hook is no error of the kernel's.
  static LaunchFailure step(String text, int errno) {
    if (text.startsWith(WORKING_DIRECTORY)) {
      return new LaunchFailure(
          errno == Errno.ENOENT ? Kind.COMMAND_NOT_FOUND : Kind.SETUP,
          "chdir to cwd (\""
              + text.substring(WORKING_DIRECTORY.length())
              + "\") set in config.json failed: "
              + Errno.describe(errno),
          errno);
    }
    boolean hook = text.startsWith(HookPlan.RUN);
    String why =
        hook && errno == HookPlan.ECANCELED
            ? "it did not succeed"
            : hook && errno == HookPlan.ETIMEDOUT
                ? "it did not end in time"
                : Errno.describe(errno);
    return new LaunchFailure(Kind.SETUP, "could not " + text + ": " + why, errno);
  }

  /// The failure of a program that cannot be executed, in the words that Docker's clients look for.
  static LaunchFailure command(String name, boolean searched, int errno) {
    String quoted = "exec: \"" + name + "\": ";
    return switch (errno) {
      case Errno.ENOENT ->
          new LaunchFailure(
              Kind.COMMAND_NOT_FOUND,
              quoted
                  + (searched
                      ? "executable file not found in $PATH"
                      : "stat " + name + ": no such file or directory"),
              errno);
      case Errno.EACCES, Errno.EISDIR ->
          new LaunchFailure(
              Kind.COMMAND_NOT_EXECUTABLE,
              quoted
                  + (errno == Errno.EISDIR
                      ? "is a directory: permission denied"
                      : "permission denied"),
              errno);
      default ->
          new LaunchFailure(
              Kind.COMMAND_NOT_EXECUTABLE, "exec " + name + ": " + Errno.describe(errno), errno);
    };
  }
}
