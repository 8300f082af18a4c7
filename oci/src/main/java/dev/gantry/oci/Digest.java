package dev.gantry.oci;

import dev.gantry.base.Failure;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The name of content: `sha256:` and 64 lower-case hexadecimal digits (image-spec descriptor.md).
public record Digest(String hex) implements Comparable<Digest> {
  public Digest {
    if (!hex.matches("[0-9a-f]{64}")) {
      throw new Failure.InvalidRequest("invalid digest \"sha256:" + hex + "\"");
    }
  }

  /// Reads `sha256:…`; other algorithms are refused.
  public static Digest parse(String text) {
    if (!text.startsWith("sha256:")) {
      throw new Failure.InvalidRequest("invalid digest \"" + text + "\": only sha256 is supported");
    }
    return new Digest(text.substring(7));
  }

  public static Digest of(byte[] content) {
    return new Digest(HexFormat.of().formatHex(hasher().digest(content)));
  }

  /// The digest that `hasher` has reached.
  public static Digest of(MessageDigest hasher) {
    return new Digest(HexFormat.of().formatHex(hasher.digest()));
  }

  public static MessageDigest hasher() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /// The chain id of a layer on top of others (image-spec config.md#layer-chainid).
  public static Digest chain(Digest below, Digest layer) {
    return of((below + " " + layer).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
  }

  @Override
  public int compareTo(Digest other) {
    return hex.compareTo(other.hex);
  }

  @Override
  public String toString() {
    return "sha256:" + hex;
  }
}
