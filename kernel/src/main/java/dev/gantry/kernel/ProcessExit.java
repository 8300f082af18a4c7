package dev.gantry.kernel;

/// Leaves the process at once (exit_group(2)).
public final class ProcessExit {
  private ProcessExit() {}

  /// Ends all threads without the JVM's own farewell, which waits 300 ms for each thread that is in
  /// a system call, such as a read of standard input. Whatever is to be written must be flushed
  /// before.
  public static void now(int code) {
    Native.raw(Syscalls.EXIT_GROUP, code, 0, 0, 0, 0, 0);
  }
}
