package dev.gantry.conformance.commandline;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/// The listed differences: under a step's key, who differs (`docker`, `gantry` or `both`) and why.
/// `may` before the name: the outcome depends on the machine, so it is not checked.
final class Differences {
  private final Map<String, Map<String, String>> reasons = new TreeMap<>();

  static Differences read() {
    Differences differences = new Differences();
    String key = "";
    for (String line : Recording.resource("differences.txt").lines().toList()) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      if (!line.startsWith("  ")) {
        key = line;
        continue;
      }
      int colon = line.indexOf(':');
      String reason = line.substring(colon + 1).strip();
      if (colon < 0 || reason.isEmpty()) {
        throw new AssertionError("no reason in differences.txt: " + line);
      }
      differences
          .reasons
          .computeIfAbsent(key, k -> new HashMap<>())
          .put(line.substring(0, colon).strip(), reason);
    }
    return differences;
  }

  /// True if `who` may differ in this step without a report.
  boolean open(String key, String who) {
    Map<String, String> entry = reasons.getOrDefault(key, Map.of());
    return entry.containsKey("may " + who) || entry.containsKey("may both");
  }

  /// True if `who` is said to differ.
  boolean listed(String key, String who) {
    Map<String, String> entry = reasons.getOrDefault(key, Map.of());
    return entry.containsKey(who) || entry.containsKey("both");
  }

  /// All keys, to find those of steps that are gone.
  Iterable<String> keys() {
    return reasons.keySet();
  }
}
