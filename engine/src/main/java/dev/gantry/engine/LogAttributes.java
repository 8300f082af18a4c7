package dev.gantry.engine;

import dev.gantry.base.Ids;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// What the log options `labels`, `labels-regex`, `env`, `env-regex` and `tag` keep with each line,
/// sorted by name.
final class LogAttributes {
  private LogAttributes() {}

  static Map<String, String> of(Container c) {
    ContainerSpec spec = c.spec();
    Map<String, String> options = spec.logging().options();
    if (options.isEmpty()) {
      return Map.of();
    }
    Map<String, String> kept = new TreeMap<>();
    keep(kept, spec.labels(), options.get("labels"), options.get("labels-regex"));
    Map<String, String> environment = new TreeMap<>();
    for (String entry : spec.environment()) {
      int equals = entry.indexOf('=');
      if (equals > 0) {
        environment.put(entry.substring(0, equals), entry.substring(equals + 1));
      }
    }
    keep(kept, environment, options.get("env"), options.get("env-regex"));
    String tag = options.getOrDefault("tag", "");
    if (!tag.isEmpty()) {
      kept.put("tag", tag(tag, c));
    }
    return kept;
  }

  /// The tag that a line goes with to another place.
  static String tag(Container c) {
    String template = c.spec().logging().options().getOrDefault("tag", "");
    return tag(template.isEmpty() ? "{{.ID}}" : template, c);
  }

  private static void keep(
      Map<String, String> kept,
      Map<String, String> from,
      @org.jspecify.annotations.Nullable String names,
      @org.jspecify.annotations.Nullable String regex) {
    if (names != null) {
      Arrays.stream(names.split(","))
          .filter(from::containsKey)
          .forEach(name -> kept.put(name, from.getOrDefault(name, "")));
    }
    if (regex != null && !regex.isEmpty()) {
      try {
        Pattern pattern = Pattern.compile(regex);
        from.forEach(
            (name, value) -> {
              if (pattern.matcher(name).find()) {
                kept.put(name, value);
              }
            });
      } catch (PatternSyntaxException e) {
        throw new dev.gantry.base.Failure.Internal(
            "failed to initialize logging driver: error parsing regexp: " + e.getDescription(), e);
      }
    }
  }

  /// The placeholders that Docker documents for tags.
  private static String tag(String template, Container c) {
    ContainerSpec spec = c.spec();
    String imageId = spec.imageId();
    return template
        .replaceAll("\\{\\{ *", "{{")
        .replaceAll(" *\\}\\}", "}}")
        .replace("{{.ID}}", Ids.shorten(c.id()))
        .replace("{{.FullID}}", c.id())
        .replace("{{.Name}}", c.name())
        .replace("{{.ImageName}}", spec.image())
        .replace("{{.ImageFullID}}", imageId)
        .replace("{{.ImageID}}", Ids.shorten(imageId.replaceFirst("^sha256:", "")))
        .replace("{{.DaemonName}}", "docker");
  }
}
