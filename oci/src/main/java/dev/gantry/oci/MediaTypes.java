package dev.gantry.oci;

import java.util.List;
import java.util.Locale;

/// Media types of image-spec media-types.md and their older twins of Docker.
public final class MediaTypes {
  public static final String INDEX = "application/vnd.oci.image.index.v1+json";
  public static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  public static final String CONFIG = "application/vnd.oci.image.config.v1+json";
  public static final String LAYER = "application/vnd.oci.image.layer.v1.tar";
  public static final String LAYER_GZIP = LAYER + "+gzip";
  public static final String LAYER_ZSTD = LAYER + "+zstd";
  public static final String EMPTY = "application/vnd.oci.empty.v1+json";
  private static final String NONDISTRIBUTABLE =
      "application/vnd.oci.image.layer.nondistributable.v1.tar";

  public static final String DOCKER_LIST =
      "application/vnd.docker.distribution.manifest.list.v2+json";
  public static final String DOCKER_MANIFEST =
      "application/vnd.docker.distribution.manifest.v2+json";
  public static final String DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
  public static final String DOCKER_LAYER_GZIP =
      "application/vnd.docker.image.rootfs.diff.tar.gzip";
  public static final String DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
  private static final String DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.";

  public static final String DOCKER_SCHEMA1 =
      "application/vnd.docker.distribution.manifest.v1+json";
  public static final String DOCKER_SCHEMA1_SIGNED =
      "application/vnd.docker.distribution.manifest.v1+prettyjws";

  /// What a client accepts as a manifest, the best first.
  public static final List<String> MANIFESTS =
      List.of(INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST);

  private MediaTypes() {}

  /// A Content-Type without its parameters, in lower case.
  public static String plain(String contentType) {
    int semicolon = contentType.indexOf(';');
    return (semicolon < 0 ? contentType : contentType.substring(0, semicolon))
        .trim()
        .toLowerCase(Locale.ROOT);
  }

  public static boolean isIndex(String type) {
    return type.equals(INDEX) || type.equals(DOCKER_LIST);
  }

  public static boolean isManifest(String type) {
    return type.equals(MANIFEST) || type.equals(DOCKER_MANIFEST);
  }

  /// The first manifest format of Docker, which nobody makes any more.
  public static boolean isSchema1(String type) {
    return type.equals(DOCKER_SCHEMA1) || type.equals(DOCKER_SCHEMA1_SIGNED);
  }

  /// True for a layer that registries need not hold; its `urls` say where it is.
  public static boolean isForeign(String type) {
    return type.startsWith(NONDISTRIBUTABLE) || type.startsWith(DOCKER_FOREIGN);
  }

  /// True for any kind of file system layer.
  public static boolean isLayer(String type) {
    return type.startsWith(LAYER) || type.startsWith(DOCKER_LAYER) || isForeign(type);
  }
}
