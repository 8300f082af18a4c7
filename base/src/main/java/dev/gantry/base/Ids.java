package dev.gantry.base;

import java.security.SecureRandom;
import java.util.HexFormat;

/// Random identifiers as Docker's: 64 lower-case hexadecimal digits.
public final class Ids {
  /// Digits of the short form that tables show.
  public static final int SHORT_LENGTH = 12;

  private static final SecureRandom RANDOM = new SecureRandom();

  private Ids() {}

  /// A new id of 32 random bytes. An id whose short form is all digits is drawn again: it would be
  /// read as a number by tools (and as a host name it would be an address).
  public static String next() {
    byte[] bytes = new byte[32];
    while (true) {
      RANDOM.nextBytes(bytes);
      String id = HexFormat.of().formatHex(bytes);
      if (!id.substring(0, SHORT_LENGTH).chars().allMatch(c -> c >= '0' && c <= '9')) {
        return id;
      }
    }
  }

  /// The first twelve digits of `id`.
  public static String shorten(String id) {
    return id.length() <= SHORT_LENGTH ? id : id.substring(0, SHORT_LENGTH);
  }
}
