package dev.gantry.dockerfile;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// The value of `RUN --mount`, variables replaced.
///
/// @param kind `bind`, `cache`, `tmpfs`, `secret` or `ssh`
/// @param target where it is seen; empty where the kind has a place of its own
/// @param source path in `from`
/// @param from stage, image or named context; empty for the build context, or for an empty cache
/// @param id of a cache, a secret or an agent; empty for the default
/// @param environment name of the variable that a secret is given as; empty for none
/// @param sharing of a cache: `shared`, `private` or `locked`
/// @param size bytes of a tmpfs; 0 for no limit
/// @param mode permissions; -1 for the default
public record RunMount(
    String kind,
    String target,
    String source,
    String from,
    String id,
    String environment,
    String sharing,
    boolean readOnly,
    boolean required,
    long size,
    int mode,
    long uid,
    long gid) {
  private static final Map<String, Set<String>> KEYS =
      Map.of(
          "bind",
          Set.of("target", "source", "from", "readonly"),
          "cache",
          Set.of("id", "target", "source", "from", "readonly", "sharing", "mode", "uid", "gid"),
          "tmpfs",
          Set.of("target", "size"),
          "secret",
          Set.of("id", "source", "target", "env", "required", "mode", "uid", "gid"),
          "ssh",
          Set.of("id", "target", "required", "mode", "uid", "gid"));
  private static final Map<String, String> OTHER_NAMES =
      Map.of(
          "dst",
          "target",
          "destination",
          "target",
          "src",
          "source",
          "ro",
          "readonly",
          "rw",
          "readwrite");

  /// Reads `type=cache,target=/x,…`.
  public static RunMount parse(String text) throws ParseFailure {
    Map<String, String> values = new LinkedHashMap<>();
    for (String field : text.split(",")) {
      String[] pair = field.split("=", 2);
      String key = pair[0].strip().toLowerCase(Locale.ROOT);
      key = OTHER_NAMES.getOrDefault(key, key);
      if (key.equals("readwrite")) {
        values.put("readonly", Boolean.toString(!truth(key, pair)));
      } else if (key.equals("readonly") || key.equals("required")) {
        values.put(key, Boolean.toString(truth(key, pair)));
      } else if (pair.length < 2) {
        throw new ParseFailure(0, "invalid field '" + field + "' must be a key=value pair");
      } else {
        values.put(key, pair[1]);
      }
    }
    String kind = values.getOrDefault("type", "bind").toLowerCase(Locale.ROOT);
    values.remove("type");
    Set<String> known = KEYS.get(kind);
    if (known == null) {
      throw new ParseFailure(0, "unsupported mount type \"" + kind + "\"");
    }
    for (String key : values.keySet()) {
      if (!known.contains(key)) {
        throw new ParseFailure(0, unexpected(key, kind, text));
      }
    }
    RunMount mount = of(kind, values);
    if (mount.target().isEmpty() && !kind.equals("secret") && !kind.equals("ssh")) {
      throw new ParseFailure(0, "invalid mount: " + kind + " has no target");
    }
    if (!Set.of("shared", "private", "locked").contains(mount.sharing())) {
      throw new ParseFailure(0, "unsupported sharing value \"" + mount.sharing() + "\"");
    }
    return mount;
  }

  private static RunMount of(String kind, Map<String, String> values) throws ParseFailure {
    return new RunMount(
        kind,
        values.getOrDefault("target", ""),
        values.getOrDefault("source", ""),
        values.getOrDefault("from", ""),
        values.getOrDefault("id", ""),
        values.getOrDefault("env", ""),
        values.getOrDefault("sharing", "shared").toLowerCase(Locale.ROOT),
        Boolean.parseBoolean(
            values.getOrDefault("readonly", Boolean.toString(kind.equals("bind")))),
        Boolean.parseBoolean(values.getOrDefault("required", "false")),
        size(values.getOrDefault("size", "0")),
        (int) number("mode", values.getOrDefault("mode", "-1"), 8),
        number("uid", values.getOrDefault("uid", "0"), 10),
        number("gid", values.getOrDefault("gid", "0"), 10));
  }

  private static String unexpected(String key, String kind, String text) {
    Set<String> all = new TreeSet<>(OTHER_NAMES.keySet());
    KEYS.values().forEach(all::addAll);
    if (all.contains(key)) {
      return "unexpected key '" + key + "' for mount type '" + kind + "'";
    }
    String field =
        Arrays.stream(text.split(","))
            .filter(f -> f.split("=", 2)[0].strip().equalsIgnoreCase(key))
            .findFirst()
            .orElse(key);
    return "unexpected key '"
        + key
        + "' in '"
        + field
        + "'"
        + Similar.nearest(key, all).map(k -> " (did you mean " + k + "?)").orElse("");
  }

  private static boolean truth(String key, String[] pair) throws ParseFailure {
    return switch (pair.length < 2 ? "true" : pair[1].toLowerCase(Locale.ROOT)) {
      case "true", "1" -> true;
      case "false", "0" -> false;
      default -> throw new ParseFailure(0, "invalid value for " + key + ": " + pair[1]);
    };
  }

  private static long number(String key, String text, int radix) throws ParseFailure {
    try {
      return Long.parseLong(text, radix);
    } catch (NumberFormatException e) {
      throw new ParseFailure(0, "invalid value for " + key + ": " + text);
    }
  }

  private static long size(String text) throws ParseFailure {
    java.util.regex.Matcher m =
        java.util.regex.Pattern.compile("([0-9]{1,15})([kmgt]?)(i?b)?")
            .matcher(text.toLowerCase(Locale.ROOT));
    if (!m.matches()) {
      throw new ParseFailure(0, "invalid value for size: " + text);
    }
    return Long.parseLong(m.group(1))
        << 10 * (" kmgt".indexOf(m.group(2).isEmpty() ? " " : m.group(2)));
  }
}
