package dev.gantry.network;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/// What `com.docker.network.bridge.gateway_mode_ipv4` (or `_ipv6`) can be.
enum GatewayMode {
  /// Published ports are ports of the host; containers hide behind its address.
  NAT,
  /// As `NAT`, and all ports are reached by the containers' own addresses.
  NAT_UNPROTECTED,
  /// Published ports are reached by the containers' own addresses, with no rewriting.
  ROUTED,
  /// The bridge has no address; for internal networks.
  ISOLATED;

  /// The word of the option.
  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  static Optional<GatewayMode> parse(String word) {
    return Stream.of(values()).filter(mode -> mode.word().equals(word)).findFirst();
  }

  boolean rewrites() {
    return this == NAT || this == NAT_UNPROTECTED;
  }
}
