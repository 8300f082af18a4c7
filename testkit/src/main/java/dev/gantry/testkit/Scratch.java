package dev.gantry.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
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
  /// the next one, and removes its folder, cgroups and bridge.
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
    if (Files.exists(Path.of("/sys/class/net", name))) {
      Command.of("ip", "link", "delete", name).run();
    }
    Command.of("rm", "-rf", folder.toString()).within(Duration.ofMinutes(2)).run();
    if (Files.exists(folder)) {
      throw new UncheckedIOException(new IOException("could not remove " + folder));
    }
  }
}
