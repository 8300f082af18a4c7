package dev.gantry.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// This process's mounts (proc_pid_mountinfo(5)).
final class MountTable {
  private MountTable() {}

  /// Where the mount is that `path` lies on.
  static Path pointOf(Path path) {
    Path best = Path.of("/");
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
        Path point = Path.of(unescaped(line.split(" ")[4]));
        if (path.startsWith(point) && point.getNameCount() >= best.getNameCount()) {
          best = point;
        }
      }
    } catch (IOException e) {
      return best; // without /proc: the top is the safe answer
    }
    return best;
  }

  /// Spaces and the like are written as three octal digits.
  private static String unescaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '\\' && i + 3 < text.length()) {
        out.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        out.append(text.charAt(i));
      }
    }
    return out.toString();
  }
}
