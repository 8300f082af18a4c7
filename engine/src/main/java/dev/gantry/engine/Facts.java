package dev.gantry.engine;

import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// What a run depends on, by name, so that a bad run can be compared with the last good one: the
/// container's own settings, the host's folders that it sees, and the kernel.
final class Facts {
  private static final int MAX_VALUE = 200;

  private Facts() {}

  /// The facts as they are now, for a run of `spec`.
  static Map<String, String> of(ContainerSpec spec) {
    Map<String, String> facts = new TreeMap<>();
    Json.JsonObject json = JsonRecords.write(spec);
    // how the face shows it, and what cannot change without another image
    for (String left : Set.of("wire", "layers")) {
      json.remove(left);
    }
    flatten("", json, facts);
    for (ContainerSpec.Mount m : spec.mounts()) {
      if (m.kind().equals("bind")) {
        facts.put("host " + m.source(), state(Path.of(m.source())));
      }
    }
    facts.put("kernel", System.getProperty("os.version", ""));
    return facts;
  }

  private static void flatten(String name, Json value, Map<String, String> facts) {
    switch (value) {
      case Json.JsonObject object ->
          object
              .members()
              .forEach(
                  (key, part) -> flatten(name.isEmpty() ? key : name + "." + key, part, facts));
      case Json.JsonArray array -> facts.put(name, cut(array.text()));
      default ->
          facts.put(name, cut(value instanceof Json.JsonString s ? s.value() : value.text()));
    }
  }

  private static String cut(String text) {
    return text.length() > MAX_VALUE
        ? text.substring(0, MAX_VALUE) + "… " + Integer.toHexString(text.hashCode())
        : text;
  }

  private static String state(Path path) {
    try {
      Map<String, Object> a =
          Files.readAttributes(path, "unix:ino,mode,uid,gid", LinkOption.NOFOLLOW_LINKS);
      String time = Files.isRegularFile(path) ? ", " + Files.getLastModifiedTime(path) : "";
      return "inode "
          + a.get("ino")
          + ", mode "
          + Integer.toOctalString((Integer) a.getOrDefault("mode", 0) & 07777)
          + ", owner "
          + a.get("uid")
          + ":"
          + a.get("gid")
          + time;
    } catch (IOException e) {
      return "missing";
    }
  }

  /// What differs, one line each; empty if nothing does or nothing is known.
  static List<String> changes(Map<String, String> before, Map<String, String> now) {
    if (before.isEmpty()) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    Set<String> names = new TreeSet<>(before.keySet());
    names.addAll(now.keySet());
    for (String name : names) {
      String was = before.getOrDefault(name, "unset");
      String is = now.getOrDefault(name, "unset");
      if (!was.equals(is)) {
        lines.add(name + ": " + was + " → " + is);
      }
    }
    return lines;
  }
}
