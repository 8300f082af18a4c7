package dev.gantry.registryclient;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;

/// Compares hosts with what settings say about them, without asking any name server.
final class Hosts {
  private Hosts() {}

  static String withoutPort(String host) {
    if (host.startsWith("[")) {
      return host.substring(1, Math.max(1, host.indexOf(']')));
    }
    int colon = host.indexOf(':');
    return colon < 0 || colon != host.lastIndexOf(':') ? host : host.substring(0, colon);
  }

  /// True if `address` is an address (not a name) of the network `network` (`address/bits`).
  static boolean isIn(String address, String network) {
    int slash = network.indexOf('/');
    byte[] a = bytes(address);
    byte[] n = bytes(slash < 0 ? network : network.substring(0, slash));
    if (a.length == 0 || a.length != n.length) {
      return false;
    }
    int bits = slash < 0 ? n.length * 8 : bits(network.substring(slash + 1), n.length * 8);
    for (int i = 0; i < bits; i++) {
      int mask = 0x80 >> (i & 7);
      if (((a[i >> 3] ^ n[i >> 3]) & mask) != 0) {
        return false;
      }
    }
    return true;
  }

  private static int bits(String text, int absent) {
    return text.matches("[0-9]{1,3}") ? Math.min(Integer.parseInt(text), absent) : absent;
  }

  private static byte[] bytes(String address) {
    if (!address.matches("[0-9.]+") && !address.contains(":")) {
      return new byte[0]; // a name: looking it up is not our business
    }
    try {
      return InetAddress.getByName(address).getAddress();
    } catch (UnknownHostException e) {
      return new byte[0];
    }
  }

  /// True if one of `patterns` means `host`: a name, which stands for all below it too; what is
  /// below a name, with a dot or `*.` before it; an address, a network, or `*`. Each may have a
  /// port. Go's rules, which dockerd's users know.
  static boolean matches(String host, int port, List<String> patterns) {
    String name = host.toLowerCase(Locale.ROOT);
    for (String text : patterns) {
      String pattern = text.strip().toLowerCase(Locale.ROOT);
      String bare = withoutPort(pattern);
      boolean otherPort =
          !bare.equals(pattern) && !pattern.startsWith("[") && !pattern.endsWith(":" + port);
      String domain = bare.startsWith("*.") ? bare.substring(1) : bare;
      boolean below = domain.startsWith(".");
      if (!otherPort
          && !pattern.isEmpty()
          && (bare.equals("*")
              || name.equals(domain)
              || name.endsWith(below ? domain : "." + domain)
              || isIn(name, bare))) {
        return true;
      }
    }
    return false;
  }
}
