package dev.gantry.dockerfile;

import java.util.ArrayDeque;
import java.util.Deque;

/// Paths as Dockerfiles write them, which may be patterns: [Wildcards].
public final class PathPattern {
  private PathPattern() {}

  /// Whether there is anything in it but letters.
  public static boolean isPattern(String path) {
    return path.chars().anyMatch(c -> c == '*' || c == '?' || c == '[' || c == '\\');
  }

  /// Without `.`, doubled slashes, a slash in front or behind, and `..` that lead above the top.
  public static String clean(String path) {
    Deque<String> parts = new ArrayDeque<>();
    for (String part : path.split("/")) {
      if (part.equals("..")) {
        parts.pollLast();
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.addLast(part);
      }
    }
    return String.join("/", parts);
  }
}
