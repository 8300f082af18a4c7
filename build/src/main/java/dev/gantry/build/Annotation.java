package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.oci.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An annotation of what is built (image-spec annotations.md).
///
/// @param place the document that has it
/// @param platform of which image; empty for every one
public record Annotation(Place place, Optional<Platform> platform, String key, String value) {
  /// Where an annotation goes; clients write it as here, in lower case with hyphens.
  public enum Place {
    MANIFEST,
    INDEX,
    MANIFEST_DESCRIPTOR,
    INDEX_DESCRIPTOR;

    static Place of(String text, String whole) {
      return switch (text) {
        case "", "manifest" -> MANIFEST;
        case "index" -> INDEX;
        case "manifest-descriptor" -> MANIFEST_DESCRIPTOR;
        case "index-descriptor" -> INDEX_DESCRIPTOR;
        default ->
            throw new Failure.InvalidRequest(
                "unknown annotation type \""
                    + text
                    + "\" in "
                    + whole
                    + ": it is manifest, index, manifest-descriptor or index-descriptor");
      };
    }
  }

  private static final Pattern WORD =
      Pattern.compile("(?:([a-z-]+(?:\\[[^\\]]*\\])?(?:,[a-z-]+(?:\\[[^\\]]*\\])?)*):)?(.+)");
  private static final Pattern PLACE = Pattern.compile("([a-z-]*)(?:\\[([^\\]]*)\\])?");
  private static final Pattern ATTRIBUTE =
      Pattern.compile("annotation(?:-([a-z-]+))?(?:\\[([^\\]]*)\\])?\\.(.+)");

  /// Reads a flag's `[PLACE[PLATFORM],…:]KEY=VALUE`.
  ///
  /// @throws Failure.InvalidRequest if it is none
  public static List<Annotation> parse(String text) {
    int equals = text.indexOf('=');
    if (equals <= 0) {
      throw new Failure.InvalidRequest("invalid annotation " + text + ": it is KEY=VALUE");
    }
    Matcher word = WORD.matcher(text.substring(0, equals));
    if (!word.matches()) {
      throw new Failure.InvalidRequest("invalid annotation " + text);
    }
    List<Annotation> all = new ArrayList<>();
    String places = word.group(1) == null ? "manifest" : word.group(1);
    for (String place : places.split(",(?![^\\[]*\\])")) {
      all.add(at(place, word.group(2), text.substring(equals + 1), text));
    }
    return all;
  }

  private static Annotation at(String place, String key, String value, String whole) {
    Matcher m = PLACE.matcher(place);
    if (!m.matches()) {
      throw new Failure.InvalidRequest("invalid annotation " + whole);
    }
    return new Annotation(Place.of(m.group(1), whole), platform(m.group(2)), key, value);
  }

  private static Optional<Platform> platform(@org.jspecify.annotations.Nullable String text) {
    return text == null || text.isEmpty() ? Optional.empty() : Optional.of(Platform.parse(text));
  }

  /// Those among an exporter's attributes (`annotation-PLACE[PLATFORM].KEY`).
  public static List<Annotation> of(Map<String, String> attributes) {
    List<Annotation> all = new ArrayList<>();
    new TreeMap<>(attributes)
        .forEach(
            (name, value) -> {
              Matcher m = ATTRIBUTE.matcher(name);
              if (m.matches()) {
                String place = m.group(1) == null ? "" : m.group(1);
                all.add(
                    new Annotation(Place.of(place, name), platform(m.group(2)), m.group(3), value));
              }
            });
    return all;
  }

  /// Those for one document, by key.
  static Map<String, String> at(List<Annotation> all, Place place, Optional<Platform> platform) {
    Map<String, String> found = new TreeMap<>();
    for (Annotation a : all) {
      boolean meant = a.platform.isEmpty() || a.platform.equals(platform);
      if (a.place == place && meant) {
        found.put(a.key, a.value);
      }
    }
    return found;
  }
}
