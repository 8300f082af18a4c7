package dev.gantry.network;

import java.util.Optional;

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
  static final String MACVLAN_PARENT = "parent";
  static final String MACVLAN_MODE = "macvlan_mode";

  private BridgeOptions() {}

  static int mtu(Network network) {
    return network.option(MTU).map(Integer::parseInt).filter(mtu -> mtu > 0).orElse(1500);
  }

  static Firewall.BridgeRules rules(Network network) {
    String mode = network.option(GATEWAY_MODE_IPV4).orElse("nat");
    return new Firewall.BridgeRules(
        network.bridge(),
        network.pools().stream().map(Network.Pool::cidr).toList(),
        network.flag(ICC, true),
        network.flag(MASQUERADE, true),
        network.internal() || mode.equals("isolated"),
        mode.equals("routed") || mode.equals("nat-unprotected"));
  }

  static Optional<String> hostBinding(Network network) {
    return network.option(HOST_BINDING).filter(text -> !text.isEmpty());
  }
}
