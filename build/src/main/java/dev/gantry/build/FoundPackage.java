package dev.gantry.build;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/// A package found in an image.
///
/// @param kind `deb`, `apk`, `maven`, `npm` or `pypi`: the type of its package URL
/// @param namespace of the package URL; may be empty
/// @param supplier as SPDX writes it; may be empty
/// @param path where it was found
/// @param qualifiers of the package URL; may be empty
record FoundPackage(
    String kind,
    String namespace,
    String name,
    String version,
    String supplier,
    String path,
    String qualifiers) {
  /// Its package URL.
  String purl() {
    return "pkg:"
        + kind
        + "/"
        + (namespace.isEmpty() ? "" : encoded(namespace) + "/")
        + encoded(name)
        + (version.isEmpty() ? "" : "@" + encoded(version))
        + (qualifiers.isEmpty() ? "" : "?" + qualifiers);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("%3A", ":");
  }
}
