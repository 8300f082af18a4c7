package dev.gantry.network;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/// An IPv4 or IPv6 address with the length of its prefix: a subnet when its host bits are zero.
public record Cidr(InetAddress address, int prefix) {
  private static final Pattern LITERAL =
      Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*");

  private static final Optional<InetAddress> ANY4 = Optional.of(of(new byte[4]));
  private static final Optional<InetAddress> ANY6 = Optional.of(of(new byte[16]));

  public Cidr {
    if (prefix < 0 || prefix > address.getAddress().length * 8) {
      throw new IllegalArgumentException("prefix length out of range: " + prefix);
    }
  }

  /// Reads `a.b.c.d/n` or its IPv6 form; anything else is an `IllegalArgumentException`.
  public static Cidr parse(String text) {
    return tryParse(text)
        .orElseThrow(() -> new IllegalArgumentException("invalid CIDR address: " + text));
  }

  /// As [#parse], empty instead of a failure.
  public static Optional<Cidr> tryParse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0 || !text.substring(slash + 1).matches("\\d{1,3}")) {
      return Optional.empty();
    }
    int prefix = Integer.parseInt(text.substring(slash + 1));
    return literal(text.substring(0, slash))
        .filter(address -> prefix <= address.getAddress().length * 8)
        .map(address -> new Cidr(address, prefix));
  }

  /// An address written in digits; names are never looked up.
  public static Optional<InetAddress> literal(String text) {
    return switch (text) {
      case "" -> Optional.empty();
      // these two are asked for with each published port
      case "0.0.0.0" -> ANY4;
      case "::" -> ANY6;
      default -> parsed(text);
    };
  }

  private static Optional<InetAddress> parsed(String text) {
    if (!LITERAL.matcher(text).matches()) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.getByName(text));
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }

  public boolean isIpv6() {
    return address.getAddress().length == 16;
  }

  /// The same prefix with the host bits zero.
  public Cidr network() {
    byte[] bytes = address.getAddress();
    for (int bit = prefix; bit < bytes.length * 8; bit++) {
      bytes[bit / 8] &= (byte) ~(0x80 >> bit % 8);
    }
    return new Cidr(of(bytes), prefix);
  }

  public boolean contains(InetAddress other) {
    return other.getAddress().length == address.getAddress().length
        && new Cidr(other, prefix).network().address().equals(network().address());
  }

  /// Whether `other` lies in this subnet as a whole.
  public boolean contains(Cidr other) {
    return other.prefix >= prefix && contains(other.address);
  }

  public boolean overlaps(Cidr other) {
    return contains(other.network().address()) || other.contains(network().address());
  }

  /// How many addresses there are.
  public BigInteger size() {
    return BigInteger.ONE.shiftLeft(address.getAddress().length * 8 - prefix);
  }

  /// The address `offset` after the subnet's first.
  public InetAddress at(BigInteger offset) {
    BigInteger value = new BigInteger(1, network().address().getAddress()).add(offset);
    return of(toBytes(value, address.getAddress().length));
  }

  /// The distance of `other` from the subnet's first address.
  public BigInteger offsetOf(InetAddress other) {
    return new BigInteger(1, other.getAddress())
        .subtract(new BigInteger(1, network().address().getAddress()));
  }

  static InetAddress of(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static byte[] toBytes(BigInteger value, int length) {
    byte[] raw = value.toByteArray();
    byte[] bytes = new byte[length];
    int count = Math.min(raw.length, length);
    System.arraycopy(raw, raw.length - count, bytes, length - count, count);
    return bytes;
  }

  /// The address without its prefix, IPv6 in the short form of RFC 5952.
  public static String text(InetAddress address) {
    byte[] bytes = address.getAddress();
    if (bytes.length == 4) {
      return address.getHostAddress();
    }
    int[] groups = new int[8];
    Arrays.setAll(groups, i -> (bytes[2 * i] & 0xff) << 8 | (bytes[2 * i + 1] & 0xff));
    int bestStart = -1;
    int bestLength = 1;
    for (int i = 0; i < 8; i++) {
      int length = 0;
      while (i + length < 8 && groups[i + length] == 0) {
        length++;
      }
      if (length > bestLength) {
        bestStart = i;
        bestLength = length;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == bestStart) {
        text.append("::");
        i += bestLength - 1;
      } else {
        if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
          text.append(':');
        }
        text.append(Integer.toHexString(groups[i]));
      }
    }
    return text.toString();
  }

  @Override
  public String toString() {
    return text(address) + "/" + prefix;
  }
}
