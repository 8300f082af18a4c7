package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.images.Compression;
import java.util.Map;
import java.util.Optional;

/// The form in which an image goes to registries and archives.
///
/// @param compression of its new layers; empty for gzip, when it first goes out
/// @param level of the compression; 0 for the usual one
/// @param all whether the base image's layers are packed so too
/// @param oci whether its documents are OCI's or Docker's; empty for whatever they need
/// @param artifacts whether attestations are OCI's artifacts, which name what they are about
/// @param explicit whether a manifest is wanted at once
public record Form(
    Optional<Compression> compression,
    int level,
    boolean all,
    Optional<Boolean> oci,
    boolean artifacts,
    boolean explicit) {
  /// Nothing that anybody has asked for.
  public static final Form STANDARD =
      new Form(Optional.empty(), 0, false, Optional.empty(), false, false);

  /// Reads the attributes of an output: `compression`, `compression-level`, `force-compression`,
  /// `oci-mediatypes`, `oci-artifact`; those of a cache have the same names.
  ///
  /// @throws Failure.InvalidRequest for values that are none
  public static Form of(Map<String, String> attributes) {
    String name = attributes.getOrDefault("compression", "");
    Optional<Compression> compression =
        switch (name) {
          case "" -> Optional.empty();
          case "gzip" -> Optional.of(Compression.GZIP);
          case "zstd" -> Optional.of(Compression.ZSTD);
          case "uncompressed" -> Optional.of(Compression.NONE);
          default ->
              throw new Failure.InvalidRequest(
                  "unsupported layer compression type " + name + ": gzip, zstd or uncompressed");
        };
    String level = attributes.getOrDefault("compression-level", "");
    int most = compression.equals(Optional.of(Compression.ZSTD)) ? 22 : 9;
    if (!level.isEmpty() && (!level.matches("[0-9]{1,2}") || Integer.parseInt(level) > most)) {
      throw new Failure.InvalidRequest(
          "invalid compression-level " + level + ": it is a number from 0 to " + most);
    }
    Optional<Boolean> oci =
        Optional.ofNullable(attributes.get("oci-mediatypes")).map(v -> isOn("oci-mediatypes", v));
    if (oci.equals(Optional.of(false)) && compression.equals(Optional.of(Compression.ZSTD))) {
      throw new Failure.InvalidRequest(
          "zstd needs oci-mediatypes: Docker's own know no such layer");
    }
    return new Form(
        compression,
        level.isEmpty() ? 0 : Integer.parseInt(level),
        isOn("force-compression", attributes.getOrDefault("force-compression", "false")),
        oci,
        isOn("oci-artifact", attributes.getOrDefault("oci-artifact", "false")),
        compression.isPresent() || oci.equals(Optional.of(true)));
  }

  private static boolean isOn(String name, String value) {
    if (!value.matches("true|false|1|0")) {
      throw new Failure.InvalidRequest("non-bool value " + value + " specified for " + name);
    }
    return value.matches("true|1");
  }

  /// The same with a manifest at once.
  public Form withManifest() {
    return new Form(compression, level, all, oci, artifacts, true);
  }
}
