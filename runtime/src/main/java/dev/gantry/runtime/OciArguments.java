package dev.gantry.runtime;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Options and operands of one command, as OCI runtimes take them: `--name value`, `--name=value`,
/// `-n value`; options end at the first operand.
final class OciArguments {
  private static final Map<String, String> SHORT =
      Map.ofEntries(
          Map.entry("b", "bundle"),
          Map.entry("p", "process"),
          Map.entry("t", "tty"),
          Map.entry("d", "detach"),
          Map.entry("e", "env"),
          Map.entry("u", "user"),
          Map.entry("f", "force"),
          Map.entry("a", "all"),
          Map.entry("q", "quiet"),
          Map.entry("r", "resources"),
          Map.entry("v", "version"),
          Map.entry("h", "help"));
  private static final Set<String> WITHOUT_VALUE =
      Set.of(
          "debug",
          "systemd-cgroup",
          "version",
          "help",
          "force",
          "all",
          "detach",
          "tty",
          "quiet",
          "no-pivot",
          "no-new-keyring",
          "no-new-privs",
          "stats",
          "keep",
          "rootless-cgroup",
          "regex",
          "no-subreaper",
          "ignore-paused");

  private final Map<String, List<String>> options = new LinkedHashMap<>();
  private final List<String> rest;

  OciArguments(List<String> words) {
    int at = 0;
    for (; at < words.size(); at++) {
      String word = words.get(at);
      if (word.equals("--")) {
        at++;
        break;
      }
      if (!word.startsWith("-") || word.equals("-")) {
        break;
      }
      String name = word.replaceFirst("^--?", "");
      int equals = name.indexOf('=');
      String value = null;
      if (equals >= 0) {
        value = name.substring(equals + 1);
        name = name.substring(0, equals);
      }
      name = SHORT.getOrDefault(name, name);
      if (value == null && !WITHOUT_VALUE.contains(name)) {
        at++;
        if (at >= words.size()) {
          throw new Failure.InvalidRequest("the option " + word + " needs a value");
        }
        value = words.get(at);
      }
      options.computeIfAbsent(name, n -> new ArrayList<>()).add(value == null ? "true" : value);
    }
    rest = List.copyOf(words.subList(at, words.size()));
  }

  List<String> rest() {
    return rest;
  }

  boolean has(String name) {
    return all(name).stream().anyMatch(v -> !v.equals("false"));
  }

  Optional<String> value(String name) {
    List<String> values = all(name);
    return values.isEmpty() ? Optional.empty() : Optional.of(values.getLast());
  }

  List<String> all(String name) {
    return options.getOrDefault(name, List.of());
  }

  int number(String name) {
    String text = value(name).orElse("0");
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new Failure.InvalidRequest(
          "the option --" + name + " needs a number, not \"" + text + "\"", null, e);
    }
  }

  String operand(int index, String what) {
    if (rest.size() <= index) {
      throw new Failure.InvalidRequest("missing " + what);
    }
    return rest.get(index);
  }
}
