package dev.gantry.network;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What `gantryd`'s flags say about networks.
///
/// @param bridge link name of the default bridge; `none` for no default bridge
/// @param bip address and prefix of the default bridge; null takes the first free pool
/// @param fixedCidr part of the bridge's subnet from which containers get addresses
/// @param mtu of the default bridge; 0 is 1500
/// @param icc containers of the default bridge reach each other
/// @param masquerade containers' source addresses are hidden behind the host's
/// @param ipForward switch the host's IPv4 and IPv6 forwarding on
/// @param firewall keep the nftables table; without it nothing is isolated or published
/// @param hostBinding address on which ports are published when none is said
/// @param inputPolicy published ports obey the host's input rules instead of bypassing them
/// @param pools where subnets of new networks come from
/// @param dns servers for containers instead of the host's
/// @param further what most engines leave as it is
public record NetworkOptions(
    String bridge,
    @Nullable Cidr bip,
    @Nullable Cidr fixedCidr,
    int mtu,
    boolean icc,
    boolean masquerade,
    boolean ipForward,
    boolean firewall,
    String hostBinding,
    boolean inputPolicy,
    List<AddressPool> pools,
    List<String> dns,
    List<String> dnsSearch,
    List<String> dnsOptions,
    Further further) {
  /// Settings that most engines leave as they are. Texts are empty for what is not said.
  ///
  /// @param ipv6 the default bridge has IPv6 too
  /// @param bip6 its IPv6 address; null takes the first of its subnet
  /// @param fixedCidr6 its IPv6 subnet, or the part of it for containers; null takes a free one
  /// @param gateway4 router of containers on the default bridge instead of the bridge
  /// @param hostGateways what `host-gateway` stands for instead of the default bridge's addresses
  /// @param defaults driver options of new networks that do not say them, by driver
  /// @param directRouting published ports are reached by containers' own addresses from everywhere
  public record Further(
      boolean ipv6,
      @Nullable Cidr bip6,
      @Nullable Cidr fixedCidr6,
      String gateway4,
      String gateway6,
      List<String> hostGateways,
      Map<String, Map<String, String>> defaults,
      boolean directRouting) {
    public static final Further NONE =
        new Further(false, null, null, "", "", List.of(), Map.of(), false);

    public Further {
      hostGateways = List.copyOf(hostGateways);
      defaults = Map.copyOf(defaults);
    }
  }

  /// A range that is cut into subnets of `size` bits of prefix.
  public record AddressPool(Cidr base, int size) {}

  public NetworkOptions {
    pools = List.copyOf(pools);
    dns = List.copyOf(dns);
    dnsSearch = List.copyOf(dnsSearch);
    dnsOptions = List.copyOf(dnsOptions);
  }

  /// The defaults of an engine whose bridge is called `bridge`.
  public static NetworkOptions of(String bridge) {
    return new NetworkOptions(
        bridge,
        null,
        null,
        0,
        true,
        true,
        true,
        true,
        "0.0.0.0",
        false,
        DEFAULT_POOLS,
        List.of(),
        List.of(),
        List.of(),
        Further.NONE);
  }

  /// Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20.
  public static final List<AddressPool> DEFAULT_POOLS =
      List.of(
          new AddressPool(Cidr.parse("172.17.0.0/16"), 16),
          new AddressPool(Cidr.parse("172.18.0.0/16"), 16),
          new AddressPool(Cidr.parse("172.19.0.0/16"), 16),
          new AddressPool(Cidr.parse("172.20.0.0/14"), 16),
          new AddressPool(Cidr.parse("172.24.0.0/14"), 16),
          new AddressPool(Cidr.parse("172.28.0.0/14"), 16),
          new AddressPool(Cidr.parse("192.168.0.0/16"), 20));
}
