package dev.gantry.oci;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The name of content: algorithm and lower-case hexadecimal digits (image-spec
/// descriptor.md#digests). `sha256` is what everything here is named by; `sha512` is understood
/// where others name content so.
public record Digest(String algorithm, String hex) implements Comparable<Digest> {
  private static final String SHA256 = "sha256";
  private static final String SHA512 = "sha512";

  public Digest {
    int length =
        switch (algorithm) {
          case SHA256 -> 64;
          case SHA512 -> 128;
          default ->
              throw new Failure.InvalidRequest(
                  "invalid digest \""
                      + algorithm
                      + ":"
                      + hex
                      + "\": only sha256 and sha512 are supported");
        };
    if (hex.length() != length || !isHex(hex)) {
      throw new Failure.InvalidRequest("invalid digest \"" + algorithm + ":" + hex + "\"");
    }
  }

  /// A sha256 digest.
  public Digest(String hex) {
    this(SHA256, hex);
  }

  private static boolean isHex(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!(c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) {
        return false;
      }
    }
    return true;
  }

  /// Reads `sha256:…` or `sha512:…`; other algorithms are refused.
  public static Digest parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw new Failure.InvalidRequest("invalid digest \"" + text + "\"");
    }
    return new Digest(text.substring(0, colon), text.substring(colon + 1));
  }

  /// The sha256 digest of `content`.
  public static Digest of(byte[] content) {
    return new Digest(HexFormat.of().formatHex(hasher().digest(content)));
  }

  /// The sha256 digest of all that is left to read.
  public static Digest of(InputStream content) throws IOException {
    return of(hashed(content, hasher()));
  }

  private static MessageDigest hashed(InputStream content, MessageDigest hasher)
      throws IOException {
    byte[] buffer = new byte[128 * 1024];
    for (int n = content.read(buffer); n >= 0; n = content.read(buffer)) {
      hasher.update(buffer, 0, n);
    }
    return hasher;
  }

  /// The digest that a hasher of [#hasher()] has reached.
  public static Digest of(MessageDigest hasher) {
    return new Digest(
        hasher.getAlgorithm().equals("SHA-512") ? SHA512 : SHA256,
        HexFormat.of().formatHex(hasher.digest()));
  }

  /// A hasher for sha256.
  public static MessageDigest hasher() {
    return hasher(SHA256);
  }

  /// A hasher for `sha256` or `sha512`.
  public static MessageDigest hasher(String algorithm) {
    try {
      return MessageDigest.getInstance(
          switch (algorithm) {
            case SHA256 -> "SHA-256";
            case SHA512 -> "SHA-512";
            default ->
                throw new Failure.InvalidRequest(
                    "unsupported digest algorithm \"" + algorithm + "\"");
          });
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256 and SHA-512", e);
    }
  }

  /// A hasher of this digest's own algorithm, to check content against it.
  public MessageDigest newHasher() {
    return hasher(algorithm);
  }

  /// True if `content` is what this digest names.
  public boolean names(byte[] content) {
    return HexFormat.of().formatHex(newHasher().digest(content)).equals(hex);
  }

  /// True if all that is left to read is what this digest names.
  public boolean names(InputStream content) throws IOException {
    return of(hashed(content, newHasher())).equals(this);
  }

  /// The chain id of a layer on top of others (image-spec config.md#layer-chainid).
  public static Digest chain(Digest below, Digest layer) {
    return of((below + " " + layer).getBytes(StandardCharsets.US_ASCII));
  }

  /// The first twelve digits, as tables and progress show it.
  public String shortHex() {
    return hex.substring(0, 12);
  }

  @Override
  public int compareTo(Digest other) {
    return toString().compareTo(other.toString());
  }

  @Override
  public String toString() {
    return algorithm + ":" + hex;
  }
}
