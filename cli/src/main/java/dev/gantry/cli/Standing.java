package dev.gantry.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the kernel lets a process do and see: users, groups, capabilities, namespaces, its root
/// (proc_pid_status(5), namespaces(7)). A resident program acts only for processes that could do by
/// themselves all that it can, and could do no more.
record Standing(List<String> rights, List<String> places) {
  private static final List<String> LINES =
      List.of("Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp:");
  private static final List<String> LINKS =
      List.of("ns/mnt", "ns/net", "ns/user", "ns/pid", "ns/uts", "root");

  /// @param process a number, or `self`
  static Standing of(String process) throws IOException {
    Path folder = Path.of("/proc", process);
    List<String> rights = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("status"))) {
      if (LINES.stream().anyMatch(line::startsWith)) {
        rights.add(line);
      }
    }
    List<String> places = new ArrayList<>();
    for (String link : LINKS) {
      places.add(Files.readSymbolicLink(folder.resolve(link)).toString());
    }
    return new Standing(List.copyOf(rights), List.copyOf(places));
  }
}
