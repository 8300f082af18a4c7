package dev.gantry.registry;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/// The name of content by its bytes (image-spec descriptor.md#digests): sha256 or sha512.
record ContentDigest(String algorithm, String hex) implements Comparable<ContentDigest> {
  static final String SHA256 = "sha256";
  private static final Map<String, Integer> DIGITS = Map.of(SHA256, 64, "sha512", 128);

  ContentDigest {
    Integer digits = DIGITS.get(algorithm);
    if (digits == null) {
      throw new RegistryError(
          ErrorCode.DIGEST_INVALID, "digest algorithm " + algorithm + " is not sha256 or sha512");
    }
    if (hex.length() != digits || !hex.chars().allMatch(ContentDigest::isHex)) {
      throw new RegistryError(
          ErrorCode.DIGEST_INVALID,
          "a digest of " + algorithm + " has " + digits + " lower-case hexadecimal digits");
    }
  }

  private static boolean isHex(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }

  static ContentDigest parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw new RegistryError(ErrorCode.DIGEST_INVALID, "not a digest: \"" + text + "\"");
    }
    return new ContentDigest(text.substring(0, colon), text.substring(colon + 1));
  }

  /// The digest of `content` with the algorithm that is used where the client names none.
  static ContentDigest of(byte[] content) {
    return of(SHA256, content);
  }

  static ContentDigest of(String algorithm, byte[] content) {
    return reached(algorithm, hasher(algorithm).digest(content));
  }

  static ContentDigest reached(String algorithm, byte[] value) {
    return new ContentDigest(algorithm, HexFormat.of().formatHex(value));
  }

  static MessageDigest hasher(String algorithm) {
    if (!DIGITS.containsKey(algorithm)) {
      throw new RegistryError(
          ErrorCode.DIGEST_INVALID, "digest algorithm " + algorithm + " is not sha256 or sha512");
    }
    try {
      return MessageDigest.getInstance(algorithm.equals(SHA256) ? "SHA-256" : "SHA-512");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-2", e);
    }
  }

  /// `sha256/HEX`, for keys of the storage.
  String key() {
    return algorithm + "/" + hex;
  }

  @Override
  public int compareTo(ContentDigest other) {
    return toString().compareTo(other.toString());
  }

  @Override
  public String toString() {
    return algorithm + ":" + hex;
  }
}
