package dev.gantry.registry;

import java.util.Set;

/// The media types that the registry tells apart; everything else is bytes.
final class MediaTypes {
  static final String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
  static final String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
  static final String DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

  private static final Set<String> IMAGES = Set.of(OCI_MANIFEST, DOCKER_MANIFEST);
  private static final Set<String> INDEXES = Set.of(OCI_INDEX, DOCKER_LIST);
  private static final Set<String> SCHEMA_1 =
      Set.of(
          "application/vnd.docker.distribution.manifest.v1+json",
          "application/vnd.docker.distribution.manifest.v1+prettyjws");

  private MediaTypes() {}

  static boolean isImage(String type) {
    return IMAGES.contains(type);
  }

  static boolean isIndex(String type) {
    return INDEXES.contains(type);
  }

  static boolean isSchema1(String type) {
    return SCHEMA_1.contains(type);
  }

  /// What an index can list although it is no manifest: BuildKit writes caches that way, with the
  /// layers where an index has manifests.
  static boolean isBlob(String type) {
    return type.startsWith("application/vnd.oci.image.layer.")
        || type.startsWith("application/vnd.docker.image.rootfs.")
        || type.startsWith("application/vnd.buildkit.cacheconfig.");
  }

  /// Layers that may not be pushed to registries: they are fetched from their URLs.
  static boolean isForeign(String type) {
    return type.contains(".nondistributable.") || type.contains(".foreign.");
  }

  /// A content type without its parameters.
  static String plain(String header) {
    int semicolon = header.indexOf(';');
    return (semicolon < 0 ? header : header.substring(0, semicolon))
        .strip()
        .toLowerCase(java.util.Locale.ROOT);
  }
}
