package dev.gantry.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A process as the kernel knows it.
///
/// @param birth when it started, in the kernel's ticks: a process of the same number that started
///   at another time is another process; empty if there is none
record CrashLife(long pid, String birth) {
  static final CrashLife NONE = new CrashLife(0, "");

  /// The process `pid`; one that has ended is none, whether somebody has awaited it or not.
  static CrashLife of(long pid) {
    try {
      // fields 3 and 22 of proc_pid_stat(5)
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return fields[0].equals("Z") || fields[0].equals("X") ? NONE : new CrashLife(pid, fields[19]);
    } catch (IOException e) {
      return NONE;
    }
  }

  boolean isKnown() {
    return pid > 0;
  }

  /// How many network links it has beside the loopback.
  long links() {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(pid), "net/dev")).stream()
          .filter(line -> line.strip().startsWith("eth"))
          .count();
    } catch (IOException e) {
      throw new AssertionError("process " + pid + " has gone", e);
    }
  }

  /// What the kernel holds a container to, in bytes.
  static long memoryLimit(String parent, String id) {
    for (String file :
        List.of(
            "memory/" + parent + "/" + id + "/memory.limit_in_bytes",
            parent + "/" + id + "/memory.max")) {
      Path path = Path.of("/sys/fs/cgroup", file);
      try {
        if (Files.exists(path)) {
          return Long.parseLong(Files.readString(path).strip());
        }
      } catch (IOException e) {
        throw new AssertionError(path + " has gone", e);
      }
    }
    throw new AssertionError("no memory limit of " + id);
  }
}
