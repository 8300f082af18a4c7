package dev.gantry.registry;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Checks passwords against bcrypt hashes (`$2a$`, `$2b$`, `$2y$`), as htpasswd -B makes them.
/// Provos and Mazières, A Future-Adaptable Password Scheme, 1999. Blowfish's tables are the first
/// binary digits of pi, so they are computed, not listed.
final class Bcrypt {
  private static final Pattern FORM =
      Pattern.compile("\\$2[aby]\\$([0-9]{2})\\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})");
  private static final String DIGITS =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  private static final int ROUNDS = 16;
  private static final int P_WORDS = ROUNDS + 2;
  private static final int S_WORDS = 4 * 256;
  private static final int MOST_COST = 16;
  private static final int USUAL_COST = 10;

  private final int[] p = new int[P_WORDS];
  private final int[] s = new int[S_WORDS];

  private Bcrypt() {
    int[] pi = Pi.WORDS;
    System.arraycopy(pi, 0, p, 0, P_WORDS);
    System.arraycopy(pi, P_WORDS, s, 0, S_WORDS);
  }

  static boolean isHash(String text) {
    Matcher form = FORM.matcher(text);
    return form.matches() && Integer.parseInt(form.group(1)) <= MOST_COST;
  }

  /// True if `password` is the one behind `hash`. The cost is in the hash: 2^cost key set-ups.
  static boolean matches(String password, String hash) {
    Matcher form = FORM.matcher(hash);
    if (!form.matches()) {
      return false;
    }
    int cost = Integer.parseInt(form.group(1));
    if (cost < 4 || cost > MOST_COST) {
      return false;
    }
    byte[] found = hash(password, decode(form.group(2), 16), cost);
    return MessageDigest.isEqual(found, decode(form.group(3), 23));
  }

  /// A new hash of `password`.
  static String hashed(String password) {
    byte[] salt = new byte[16];
    new java.security.SecureRandom().nextBytes(salt);
    return "$2y$%02d$%s%s"
        .formatted(USUAL_COST, encode(salt), encode(hash(password, salt, USUAL_COST)));
  }

  private static byte[] hash(String password, byte[] salt, int cost) {
    byte[] text = password.getBytes(StandardCharsets.UTF_8);
    byte[] key = new byte[Math.min(text.length, 71) + 1]; // with the end's zero, at most 72 bytes
    System.arraycopy(text, 0, key, 0, key.length - 1);
    if (text.length > 71) {
      key = java.util.Arrays.copyOf(text, 72);
    }
    Bcrypt state = new Bcrypt();
    byte[] zero = new byte[16];
    state.expand(key, salt);
    for (long i = 0; i < 1L << cost; i++) {
      state.expand(key, zero);
      state.expand(salt, zero);
    }
    int[] words = words("OrpheanBeholderScryDoubt".getBytes(StandardCharsets.US_ASCII));
    for (int i = 0; i < words.length; i += 2) {
      for (int j = 0; j < 64; j++) {
        state.encrypt(words, i);
      }
    }
    byte[] out = new byte[23];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) (words[i / 4] >>> (24 - 8 * (i % 4)));
    }
    return out;
  }

  private static int[] words(byte[] bytes) {
    int[] words = new int[bytes.length / 4];
    for (int i = 0; i < bytes.length; i++) {
      words[i / 4] = words[i / 4] << 8 | (bytes[i] & 0xff);
    }
    return words;
  }

  private void expand(byte[] key, byte[] salt) {
    int at = 0;
    for (int i = 0; i < P_WORDS; i++) {
      int word = 0;
      for (int j = 0; j < 4; j++) {
        word = word << 8 | (key[at] & 0xff);
        at = (at + 1) % key.length;
      }
      p[i] ^= word;
    }
    int[] salts = words(salt);
    int[] block = new int[2];
    int turn = 0;
    for (int i = 0; i < P_WORDS + S_WORDS; i += 2) {
      block[0] ^= salts[turn];
      block[1] ^= salts[turn + 1];
      turn = (turn + 2) % 4;
      encrypt(block, 0);
      int[] target = i < P_WORDS ? p : s;
      int index = i < P_WORDS ? i : i - P_WORDS;
      target[index] = block[0];
      target[index + 1] = block[1];
    }
  }

  private void encrypt(int[] block, int at) {
    int left = block[at] ^ p[0];
    int right = block[at + 1];
    for (int i = 1; i <= ROUNDS; i += 2) {
      right ^= mix(left) ^ p[i];
      left ^= mix(right) ^ p[i + 1];
    }
    block[at] = right ^ p[P_WORDS - 1];
    block[at + 1] = left;
  }

  private int mix(int x) {
    return ((s[x >>> 24] + s[256 + ((x >>> 16) & 0xff)]) ^ s[512 + ((x >>> 8) & 0xff)])
        + s[768 + (x & 0xff)];
  }

  private static String encode(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    int bits = 0;
    int have = 0;
    for (byte each : bytes) {
      bits = bits << 8 | (each & 0xff);
      have += 8;
      while (have >= 6) {
        have -= 6;
        text.append(DIGITS.charAt((bits >>> have) & 63));
      }
    }
    if (have > 0) {
      text.append(DIGITS.charAt((bits << (6 - have)) & 63));
    }
    return text.toString();
  }

  private static byte[] decode(String text, int length) {
    byte[] bytes = new byte[length];
    int bits = 0;
    int have = 0;
    int at = 0;
    for (int i = 0; i < text.length() && at < length; i++) {
      bits = bits << 6 | DIGITS.indexOf(text.charAt(i));
      have += 6;
      if (have >= 8) {
        have -= 8;
        bytes[at++] = (byte) (bits >>> have);
      }
    }
    return bytes;
  }

  /// Fractional binary digits of pi, 32 in each word, by Machin's formula.
  private static final class Pi {
    static final int[] WORDS = words();

    private static int[] words() {
      int count = P_WORDS + S_WORDS;
      int bits = 32 * count + 64;
      BigInteger pi =
          arccot(5, bits)
              .shiftLeft(2)
              .subtract(arccot(239, bits))
              .shiftLeft(2)
              .subtract(BigInteger.valueOf(3).shiftLeft(bits));
      int[] words = new int[count];
      for (int i = 0; i < count; i++) {
        words[i] = pi.shiftRight(bits - 32 * (i + 1)).intValue();
      }
      return words;
    }

    private static BigInteger arccot(int x, int bits) {
      BigInteger square = BigInteger.valueOf((long) x * x);
      BigInteger term = BigInteger.ONE.shiftLeft(bits).divide(BigInteger.valueOf(x));
      BigInteger sum = BigInteger.ZERO;
      for (int n = 1; term.signum() > 0; n += 2) {
        BigInteger part = term.divide(BigInteger.valueOf(n));
        sum = n % 4 == 1 ? sum.add(part) : sum.subtract(part);
        term = term.divide(square);
      }
      return sum;
    }
  }
}
