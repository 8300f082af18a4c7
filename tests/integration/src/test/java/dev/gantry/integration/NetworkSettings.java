package dev.gantry.integration;

import dev.gantry.network.Cidr;
import dev.gantry.network.NetworkOptions;
import java.util.List;

/// Options of the networks under test: the defaults but for what a test needs otherwise.
record NetworkSettings(
    String bridge,
    String bip,
    boolean inputPolicy,
    boolean icc,
    List<NetworkOptions.AddressPool> pools,
    List<String> dns) {
  static NetworkSettings of(String bridge, String bip) {
    return new NetworkSettings(bridge, bip, false, true, NetworkOptions.DEFAULT_POOLS, List.of());
  }

  NetworkSettings byInputPolicy() {
    return new NetworkSettings(bridge, bip, true, icc, pools, dns);
  }

  NetworkSettings withoutIcc() {
    return new NetworkSettings(bridge, bip, inputPolicy, false, pools, dns);
  }

  NetworkOptions options() {
    NetworkOptions d = NetworkOptions.of(bridge);
    return new NetworkOptions(
        bridge,
        Cidr.parse(bip),
        d.fixedCidr(),
        d.mtu(),
        icc,
        d.masquerade(),
        d.ipForward(),
        d.firewall(),
        d.hostBinding(),
        inputPolicy,
        pools,
        dns,
        d.dnsSearch(),
        d.dnsOptions(),
        d.further());
  }
}
