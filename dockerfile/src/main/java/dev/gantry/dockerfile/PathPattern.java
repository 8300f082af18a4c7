package dev.gantry.dockerfile;

import java.util.ArrayDeque;
import java.util.Deque;

/// Patterns of paths as Go's filepath.Match has them (`*`, `?`, `[a-z]`, `[^a]`, `\x`), and `**`
/// for any number of folders.
public final class PathPattern {
  private PathPattern() {}

  /// A regular expression that the whole path must match.
  public static String regex(String pattern) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < pattern.length(); i++) {
      char c = pattern.charAt(i);
      if (c == '*') {
        if (i + 1 < pattern.length() && pattern.charAt(i + 1) == '*') {
          i++;
          if (i + 1 < pattern.length() && pattern.charAt(i + 1) == '/') {
            i++;
            regex.append("(.*/)?");
          } else {
            regex.append(".*");
          }
        } else {
          regex.append("[^/]*");
        }
      } else if (c == '?') {
        regex.append("[^/]");
      } else if (c == '[') {
        int end = pattern.indexOf(']', i + 2);
        if (end < 0) {
          throw new java.util.regex.PatternSyntaxException("missing ]", pattern, i);
        }
        String set = pattern.substring(i + 1, end);
        boolean not = set.startsWith("^");
        regex
            .append(not ? "[^/" : "[")
            .append((not ? set.substring(1) : set).replaceAll("[\\[&~]", "\\\\$0"))
            .append(']');
        i = end;
      } else if (c == '\\' && i + 1 < pattern.length()) {
        regex.append(java.util.regex.Pattern.quote(String.valueOf(pattern.charAt(++i))));
      } else {
        regex.append(java.util.regex.Pattern.quote(String.valueOf(c)));
      }
    }
    return regex.toString();
  }

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
