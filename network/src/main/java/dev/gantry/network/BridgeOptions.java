package dev.gantry.network;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// The driver options of bridge networks that the engine acts on.
final class BridgeOptions {
  static final String NAME = "com.docker.network.bridge.name";
  static final String MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade";
  static final String ICC = "com.docker.network.bridge.enable_icc";
  static final String HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4";
  static final String GATEWAY_MODE_IPV4 = "com.docker.network.bridge.gateway_mode_ipv4";
  static final String GATEWAY_MODE_IPV6 = "com.docker.network.bridge.gateway_mode_ipv6";
  static final String INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4";
  static final String DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge";
  static final String MTU = "com.docker.network.driver.mtu";
  static final String INTERFACE_PREFIX = "com.docker.network.container_iface_prefix";
  static final String INTERFACE_NAME = "com.docker.network.endpoint.ifname";
  static final String SYSCTLS = "com.docker.network.endpoint.sysctls";
  static final String TRUSTED = "com.docker.network.bridge.trusted_host_interfaces";
  static final String HOST_IPV4 = "com.docker.network.host_ipv4";
  static final String HOST_IPV6 = "com.docker.network.host_ipv6";
  static final String ENABLE_IPV4 = "com.docker.network.enable_ipv4";
  static final String ENABLE_IPV6 = "com.docker.network.enable_ipv6";
  static final String MACVLAN_PARENT = "parent";
  static final String MACVLAN_MODE = "macvlan_mode";
  static final String IPVLAN_MODE = "ipvlan_mode";
  static final String IPVLAN_FLAG = "ipvlan_flag";

  private BridgeOptions() {}

  static int mtu(Network network) {
    return network.option(MTU).map(Integer::parseInt).filter(mtu -> mtu > 0).orElse(1500);
  }

  /// How containers of one family are reached from outside, and reach it.
  static GatewayMode mode(Network network, boolean ipv6) {
    return network
        .option(ipv6 ? GATEWAY_MODE_IPV6 : GATEWAY_MODE_IPV4)
        .flatMap(GatewayMode::parse)
        .orElse(GatewayMode.NAT);
  }

  /// The links from which containers may be reached by their own addresses.
  static List<String> trusted(Network network) {
    return network.option(TRUSTED).stream()
        .flatMap(text -> Stream.of(text.split(":")))
        .filter(name -> !name.isEmpty())
        .toList();
  }

  /// The address of the host that containers' connections to the outside come from.
  static Optional<InetAddress> hostAddress(Network network, boolean ipv6) {
    return network.option(ipv6 ? HOST_IPV6 : HOST_IPV4).flatMap(Cidr::literal);
  }

  /// @param direct published ports are reached by containers' own addresses from every link
  static Firewall.BridgeRules rules(Network network, boolean direct) {
    return new Firewall.BridgeRules(
        network.bridge(),
        network.pools().stream().map(Network.Pool::cidr).toList(),
        network.flag(ICC, true),
        network.flag(MASQUERADE, true),
        network.internal(),
        mode(network, false),
        mode(network, true),
        hostAddress(network, false),
        hostAddress(network, true),
        direct ? List.of(Firewall.EVERY_LINK) : trusted(network));
  }

  static Optional<String> hostBinding(Network network) {
    return network.option(HOST_BINDING).filter(text -> !text.isEmpty());
  }
}
