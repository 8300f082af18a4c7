package dev.gantry.oci;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Locale;

/// What an image runs on (image-spec image-index.md#image-index-property-descriptions); empty texts
/// where nothing is said.
public record Platform(
    String os, String architecture, String variant, String osVersion, List<String> osFeatures) {
  public Platform {
    osFeatures = List.copyOf(osFeatures);
  }

  public Platform(String os, String architecture, String variant) {
    this(os, architecture, variant, "", List.of());
  }

  /// Linux on this machine's processor.
  public static Platform here() {
    return normal("linux", System.getProperty("os.arch", "amd64"), "");
  }

  /// Reads `os/arch`, `os/arch/variant`, or one of them alone as Docker's `--platform` takes them.
  public static Platform parse(String text) {
    String[] parts = text.split("/", -1);
    for (String part : parts) {
      if (!part.matches("[A-Za-z0-9_.-]+")) {
        throw new Failure.InvalidRequest(
            "\""
                + text
                + "\": \""
                + part
                + "\" is an invalid component of \""
                + text
                + "\": platform specifier component must match"
                + " \"^[A-Za-z0-9_.-]+$\": invalid argument");
      }
    }
    return switch (parts.length) {
      case 1 ->
          parts[0].equalsIgnoreCase("linux") || parts[0].equalsIgnoreCase("windows")
              ? normal(parts[0], here().architecture(), here().variant())
              : normal("linux", parts[0], "");
      case 2 -> normal(parts[0], parts[1], "");
      case 3 -> normal(parts[0], parts[1], parts[2]);
      default ->
          throw new Failure.InvalidRequest(
              "\"" + text + "\": cannot parse platform specifier: invalid argument");
    };
  }

  private static Platform normal(String os, String architecture, String variant) {
    String arch = architecture.toLowerCase(Locale.ROOT);
    String kind = variant.toLowerCase(Locale.ROOT);
    return switch (arch) {
      case "x86_64", "x86-64", "amd64" ->
          new Platform(os.toLowerCase(Locale.ROOT), "amd64", kind.equals("v1") ? "" : kind);
      case "aarch64", "arm64" ->
          new Platform(
              os.toLowerCase(Locale.ROOT),
              "arm64",
              kind.equals("8") || kind.equals("v8") ? "" : kind);
      case "i386", "i486", "i686", "386" -> new Platform(os.toLowerCase(Locale.ROOT), "386", "");
      case "armhf" -> new Platform(os.toLowerCase(Locale.ROOT), "arm", "v7");
      case "armel" -> new Platform(os.toLowerCase(Locale.ROOT), "arm", "v6");
      case "arm" ->
          new Platform(
              os.toLowerCase(Locale.ROOT),
              "arm",
              kind.isEmpty() ? "v7" : kind.startsWith("v") ? kind : "v" + kind);
      default -> new Platform(os.toLowerCase(Locale.ROOT), arch, kind);
    };
  }

  /// Reads the `platform` object of a descriptor or the top of an image's configuration.
  public static Platform read(Json.JsonObject json) {
    Platform plain =
        normal(
            json.string("os", "linux"),
            json.string("architecture", "amd64"),
            json.string("variant", ""));
    return new Platform(
        plain.os,
        plain.architecture,
        plain.variant,
        json.string("os.version", ""),
        json.strings("os.features"));
  }

  public Json.JsonObject json() {
    Json.JsonObject json = Json.object().put("architecture", architecture).put("os", os);
    if (!osVersion.isEmpty()) {
      json.put("os.version", osVersion);
    }
    if (!osFeatures.isEmpty()) {
      json.put("os.features", Json.strings(osFeatures));
    }
    if (!variant.isEmpty()) {
      json.put("variant", variant);
    }
    return json;
  }

  /// How well an image for `offered` serves who wants this platform: 0 not at all, higher is
  /// better. 32-bit ARM runs its older variants too.
  public int match(Platform offered) {
    if (!os.equals(offered.os) || !architecture.equals(offered.architecture)) {
      return 0;
    }
    if (variant.equals(offered.variant)) {
      return 100;
    }
    if (architecture.equals("arm")) {
      int wanted = number(variant);
      int has = number(offered.variant);
      return has > 0 && has <= wanted ? 50 + has : 0;
    }
    return variant.isEmpty() || offered.variant.isEmpty() ? 10 : 0;
  }

  private static int number(String variant) {
    return variant.matches("v[0-9]") ? variant.charAt(1) - '0' : 0;
  }

  /// As Docker writes it: `linux/arm64/v8`.
  @Override
  public String toString() {
    return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
  }
}
