package dev.gantry.network;

import java.util.Set;

/// Booleans as Go's `strconv.ParseBool` reads them.
final class GoBool {
  private static final Set<String> TRUE = Set.of("1", "t", "T", "true", "TRUE", "True");
  private static final Set<String> FALSE = Set.of("0", "f", "F", "false", "FALSE", "False");

  private GoBool() {}

  static boolean valid(String text) {
    return TRUE.contains(text) || FALSE.contains(text);
  }

  static boolean parse(String text) {
    return TRUE.contains(text);
  }
}
