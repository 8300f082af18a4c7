package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// The folders that engines under test write to.
final class Scratch {
  private Scratch() {}

  /// A folder whose file system can hold an overlay's upper layer: an overlay itself, as in a
  /// container, cannot.
  static Path root() throws IOException {
    List<Path> candidates = List.of(Path.of("/var/tmp"), Path.of("/tmp"), Path.of("/dev/shm"));
    for (Path candidate : candidates) {
      if (Files.isWritable(candidate) && !Files.getFileStore(candidate).type().equals("overlay")) {
        return candidate;
      }
    }
    throw new IOException("no folder here can hold an overlay: " + candidates);
  }

  /// Ends what still holds the engine's folder or cgroup, so that a failed test does not disturb
  /// the next one, and removes its folder, cgroups, firewall table, bridges and what is on them.
  static void remove(Path folder, String name) {
    for (Leaks.Process process : Leaks.processes(folder, name)) {
      ProcessHandle.of(process.pid()).ifPresent(ProcessHandle::destroyForcibly);
    }
    for (String mount : Leaks.mounts(folder)) {
      Command.of("umount", "-l", mount).run();
    }
    for (Path cgroup : Leaks.cgroups(name).reversed()) {
      try {
        Files.deleteIfExists(cgroup);
      } catch (IOException e) {
        // still busy: the leak has been reported
      }
    }
    NetworkLeftovers.remove(name);
    Command.of("rm", "-rf", folder.toString()).within(Duration.ofMinutes(10)).run();
    if (Files.exists(folder)) {
      throw new UncheckedIOException(new IOException("could not remove " + folder));
    }
  }

  /// Removes what engines with `number` in their names have left.
  static void sweep(int number) throws IOException {
    String prefix = "gt" + number + "x";
    try (DirectoryStream<Path> folders =
        Files.newDirectoryStream(root(), "gantry-" + prefix + "*-*")) {
      for (Path folder : folders) {
        remove(folder, folder.getFileName().toString().split("-", 3)[1]);
      }
    }
    for (String table : NetworkLeftovers.tables()) {
      if (table.startsWith(NetworkLeftovers.table(prefix))) {
        NetworkLeftovers.remove(table.substring(NetworkLeftovers.table("").length()));
      }
    }
  }
}
