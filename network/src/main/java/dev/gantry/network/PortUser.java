package dev.gantry.network;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Finds the program that has a port of this host, for errors about it (proc(5), `/proc/net/tcp`).
final class PortUser {
  private static final Path PROC = Path.of("/proc");
  private static final String LISTEN = "0A";

  private PortUser() {}

  /// `name (process 123)`, when it can be told.
  static Optional<String> of(String protocol, int port) {
    Set<String> sockets = new HashSet<>();
    for (String family : List.of("", "6")) {
      sockets.addAll(sockets(PROC.resolve("self/net").resolve(protocol + family), protocol, port));
    }
    return sockets.isEmpty() ? Optional.empty() : process(sockets);
  }

  /// The links of descriptors that stand for sockets on `port`.
  private static Set<String> sockets(Path table, String protocol, int port) {
    Set<String> found = new HashSet<>();
    String suffix = ":%04X".formatted(port);
    try {
      for (String line : Files.readAllLines(table)) {
        String[] words = line.strip().split("\\s+");
        boolean bound = words.length > 9 && words[1].endsWith(suffix);
        if (bound && (!protocol.equals("tcp") || words[3].equals(LISTEN))) {
          found.add("socket:[" + words[9] + "]");
        }
      }
    } catch (IOException e) {
      return Set.of(); // no such protocol on this kernel
    }
    return found;
  }

  private static Optional<String> process(Set<String> sockets) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        if (holds(process, sockets)) {
          String name = Files.readString(process.resolve("comm")).strip();
          return Optional.of(name + " (process " + process.getFileName() + ")");
        }
      }
    } catch (IOException e) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private static boolean holds(Path process, Set<String> sockets) {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        if (sockets.contains(Files.readSymbolicLink(descriptor).toString())) {
          return true;
        }
      }
    } catch (IOException e) {
      return false; // it has ended, or is not ours to look at
    }
    return false;
  }
}
