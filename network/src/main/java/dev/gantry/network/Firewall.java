package dev.gantry.network;

import static dev.gantry.network.NftMessages.TYPE_IFNAME;
import static dev.gantry.network.NftMessages.TYPE_IPV4;
import static dev.gantry.network.NftMessages.TYPE_IPV6;
import static dev.gantry.network.NftMessages.TYPE_PROTOCOL;
import static dev.gantry.network.NftMessages.TYPE_SERVICE;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Netlink;
import dev.gantry.network.NftMessages.Element;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// One nftables table of our own, built from what networks and published ports there are.
///
/// A change of a network replaces the whole table in one transaction; a published port is one
/// element of a map. Every other table is left alone. Thread-safe.
final class Firewall implements AutoCloseable {
  /// What the rules need to know of a network.
  ///
  /// @param icc containers on it reach each other
  /// @param internal nothing leaves it or comes from outside
  /// @param ipv4 how containers are reached from outside; `ipv6` for the other family
  /// @param host4 source of connections to the outside, when not the one of the link they leave by
  /// @param trusted links from which published ports are reached by the containers' own addresses
  record BridgeRules(
      String bridge,
      List<Cidr> subnets,
      boolean icc,
      boolean masquerade,
      boolean internal,
      GatewayMode ipv4,
      GatewayMode ipv6,
      Optional<InetAddress> host4,
      Optional<InetAddress> host6,
      List<String> trusted) {
    GatewayMode mode(boolean six) {
      return six ? ipv6 : ipv4;
    }

    Optional<InetAddress> host(boolean six) {
      return six ? host6 : host4;
    }
  }

  /// A published port: packets to `hostIp:hostPort` (any address of the host when it is the
  /// wildcard) go to `ip:port`. With port 0 nothing is rewritten: `ip:port` itself is reached.
  record Mapping(String protocol, InetAddress hostIp, int hostPort, InetAddress ip, int port) {}

  private static final int PREROUTING = 0;
  private static final int FORWARD = 2;
  private static final int OUTPUT = 3;
  private static final int POSTROUTING = 4;
  private static final int PRIORITY_RAW = -300;
  private static final int PRIORITY_DNAT = -100;
  private static final int PRIORITY_FILTER = 0;
  private static final int PRIORITY_SNAT = 100;
  private static final int BRIDGES = 1;

  /// Among the trusted links: all of them.
  static final String EVERY_LINK = "*";

  private static final Cidr LOOPBACK = Cidr.parse("127.0.0.0/8");
  private static final Cidr LOOPBACK6 = Cidr.parse("::1/128");

  /// The four maps of published ports: by family, and with or without the host's address.
  private enum PortMap {
    EXACT4("published4", 2, false, true),
    ANY4("published4_any", 3, false, false),
    EXACT6("published6", 4, true, true),
    ANY6("published6_any", 5, true, false),
    /// Not maps but sets: container ports that may be reached by the container's own address.
    OPEN4("open4", 6, false, true),
    OPEN6("open6", 7, true, true);

    final String name;
    final int id;
    final boolean ipv6;
    final boolean withAddress;

    PortMap(String name, int id, boolean ipv6, boolean withAddress) {
      this.name = name;
      this.id = id;
      this.ipv6 = ipv6;
      this.withAddress = withAddress;
    }

    static PortMap of(Mapping mapping) {
      boolean any = mapping.hostIp().isAnyLocalAddress();
      boolean six = mapping.ip().getAddress().length == 16;
      if (mapping.hostPort() == 0) {
        return six ? OPEN6 : OPEN4;
      }
      return six ? any ? ANY6 : EXACT6 : any ? ANY4 : EXACT4;
    }

    boolean isSet() {
      return this == OPEN4 || this == OPEN6;
    }

    int addressLength() {
      return ipv6 ? 16 : 4;
    }

    int addressType() {
      return ipv6 ? TYPE_IPV6 : TYPE_IPV4;
    }

    byte[] create(String table) {
      int keyType =
          withAddress
              ? TYPE_PROTOCOL << 12 | addressType() << 6 | TYPE_SERVICE
              : TYPE_PROTOCOL << 6 | TYPE_SERVICE;
      int keyLength = 8 + (withAddress ? addressLength() : 0);
      return NftMessages.set(
          table,
          name,
          id,
          keyType,
          keyLength,
          isSet() ? 0 : addressType() << 6 | TYPE_SERVICE,
          isSet() ? 0 : addressLength() + 4);
    }

    Element element(Mapping mapping) {
      ByteArrayOutputStream key = new ByteArrayOutputStream();
      key.writeBytes(new byte[] {protocolNumber(mapping.protocol()), 0, 0, 0});
      if (isSet()) {
        key.writeBytes(mapping.ip().getAddress());
        key.writeBytes(port(mapping.port()));
        return new Element(key.toByteArray());
      }
      if (withAddress) {
        key.writeBytes(mapping.hostIp().getAddress());
      }
      key.writeBytes(port(mapping.hostPort()));
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      data.writeBytes(mapping.ip().getAddress());
      data.writeBytes(port(mapping.port()));
      return new Element(key.toByteArray(), data.toByteArray());
    }

    private static byte[] port(int number) {
      return new byte[] {(byte) (number >> 8), (byte) number, 0, 0};
    }
  }

  private final Netlink netlink;
  private final String table;
  private final Map<String, BridgeRules> bridges = new LinkedHashMap<>();
  private final Set<Mapping> mappings = new LinkedHashSet<>();

  private Firewall(Netlink netlink, String table) {
    this.netlink = netlink;
    this.table = table;
  }

  /// The table of the engine whose default bridge is `bridge`; the name keeps several engines on
  /// one machine apart.
  static Firewall open(String bridge) {
    try {
      return new Firewall(Netlink.netfilter(), tableName(bridge));
    } catch (Errno e) {
      throw new Failure.Internal("cannot talk to nf_tables: " + e.getMessage(), e);
    }
  }

  static String tableName(String bridge) {
    return bridge.equals("gantry0") ? "gantry" : "gantry-" + bridge;
  }

  static byte protocolNumber(String protocol) {
    return switch (protocol) {
      case "tcp" -> 6;
      case "udp" -> 17;
      case "sctp" -> (byte) 132;
      default -> throw new Failure.InvalidRequest("unknown protocol: " + protocol);
    };
  }

  String table() {
    return table;
  }

  /// Sets what the table is built from without applying it.
  synchronized void prepare(Collection<BridgeRules> networks, Collection<Mapping> ports) {
    bridges.clear();
    networks.forEach(network -> bridges.put(network.bridge(), network));
    mappings.clear();
    mappings.addAll(ports);
  }

  synchronized List<String> bridges() {
    return List.copyOf(bridges.keySet());
  }

  synchronized void put(BridgeRules network) {
    bridges.put(network.bridge(), network);
    apply();
  }

  synchronized void remove(String bridge) {
    if (bridges.remove(bridge) != null) {
      apply();
    }
  }

  /// Publishes `added`.
  synchronized void publish(List<Mapping> added) {
    mappings.addAll(added);
    change(added, true);
  }

  /// Takes `removed` back.
  synchronized void unpublish(List<Mapping> removed) {
    List<Mapping> known = removed.stream().filter(mappings::remove).toList();
    change(known, false);
  }

  private void change(List<Mapping> changed, boolean add) {
    if (changed.isEmpty()) {
      return;
    }
    List<byte[]> messages = new ArrayList<>();
    for (PortMap map : PortMap.values()) {
      List<Element> elements =
          changed.stream().filter(m -> PortMap.of(m) == map).map(map::element).toList();
      messages.addAll(
          add
              ? NftMessages.addElements(table, map.name, elements)
              : NftMessages.deleteElements(table, map.name, elements));
    }
    try {
      netlink.exchange(NftMessages.transaction(messages), "published ports");
    } catch (Errno e) {
      // somebody flushed the rules: set all of them again
      apply();
    }
  }

  /// Replaces the table by what it should be.
  synchronized void apply() {
    try {
      netlink.exchange(NftMessages.transaction(ruleset()), "table " + table);
    } catch (Errno e) {
      throw new Failure.Internal(
          "cannot set the firewall table " + table + ": " + e.getMessage(), e);
    }
  }

  /// Whether the table is there with its rules; somebody may have flushed all tables.
  synchronized boolean present() {
    try {
      return !netlink
          .exchange(
              NftMessages.dumpRules(NftMessages.FAMILY_INET, table, "forward"), "table " + table)
          .isEmpty();
    } catch (Errno e) {
      return false;
    }
  }

  /// Removes the table.
  synchronized void removeTable() {
    try {
      netlink.exchange(
          NftMessages.transaction(
              List.of(NftMessages.newTable(table), NftMessages.deleteTable(table))),
          "table " + table);
    } catch (Errno e) {
      throw new Failure.Internal(
          "cannot remove the firewall table " + table + ": " + e.getMessage(), e);
    }
  }

  private List<byte[]> ruleset() {
    List<byte[]> all = new ArrayList<>();
    // "add, delete, add" is how a table is replaced whether it is there or not
    all.add(NftMessages.newTable(table));
    all.add(NftMessages.deleteTable(table));
    all.add(NftMessages.newTable(table));
    all.add(NftMessages.set(table, "bridges", BRIDGES, TYPE_IFNAME, NftRule.NAME_SIZE, 0, 0));
    all.addAll(
        NftMessages.addElements(
            table,
            "bridges",
            bridges.keySet().stream()
                .map(name -> new Element(NftRule.interfaceName(name)))
                .toList()));
    for (PortMap map : PortMap.values()) {
      all.add(map.create(table));
      all.addAll(
          NftMessages.addElements(
              table,
              map.name,
              mappings.stream().filter(m -> PortMap.of(m) == map).map(map::element).toList()));
    }
    all.add(NftMessages.baseChain(table, "raw", "filter", PREROUTING, PRIORITY_RAW));
    all.add(NftMessages.baseChain(table, "prerouting", "nat", PREROUTING, PRIORITY_DNAT));
    all.add(NftMessages.baseChain(table, "output", "nat", OUTPUT, PRIORITY_DNAT));
    all.add(NftMessages.baseChain(table, "forward", "filter", FORWARD, PRIORITY_FILTER));
    all.add(NftMessages.baseChain(table, "postrouting", "nat", POSTROUTING, PRIORITY_SNAT));
    // bridges route 127.0.0.0/8 for published ports; what containers send there is refused
    // (CVE-2020-8558)
    all.add(
        NftMessages.rule(
            table,
            "raw",
            rule -> rule.address(false, LOOPBACK).fromAnyOf("bridges", BRIDGES).drop()));
    // IPv6 has no route_localnet: rewritten packets from ::1 would be dropped. They go to the
    // port's own socket, whose relay carries them on
    all.add(
        NftMessages.rule(
            table, "output", rule -> rule.family(true).address(false, LOOPBACK6).accept()));
    for (String chain : List.of("prerouting", "output")) {
      for (PortMap map : PortMap.values()) {
        if (map.isSet()) {
          continue;
        }
        all.add(
            NftMessages.rule(
                table,
                chain,
                rule ->
                    rule.family(map.ipv6)
                        .toThisHost()
                        .publish(map.name, map.id, map.ipv6, map.withAddress)));
      }
    }
    forwardRules(all);
    bridges.values().forEach(bridge -> addressRules(bridge, all));
    return all;
  }

  private void forwardRules(List<byte[]> all) {
    // first and whatever the links: nearly all packets end here, and for those that are none of
    // ours it says no more than the chain's policy does
    all.add(forward(rule -> rule.established().accept()));
    for (BridgeRules bridge : bridges.values()) {
      String name = bridge.bridge();
      if (bridge.icc()) {
        all.add(forward(rule -> rule.from(name).to(name).accept()));
      } else {
        // what was published may be reached, as from anywhere else
        all.add(forward(rule -> rule.from(name).to(name).published().accept()));
        all.add(forward(rule -> rule.from(name).to(name).counter().drop()));
      }
      if (bridge.internal()) {
        all.add(forward(rule -> rule.from(name).notTo(name).counter().drop()));
        all.add(forward(rule -> rule.notFrom(name).to(name).counter().drop()));
      } else {
        directRules(bridge, false, all);
        directRules(bridge, true, all);
      }
    }
    all.add(forward(rule -> rule.toAnyOf("bridges", BRIDGES).published().accept()));
    // networks are isolated from each other, and from outside only published ports are reached
    all.add(forward(rule -> rule.toAnyOf("bridges", BRIDGES).counter().drop()));
  }

  /// What is let through to containers by their own addresses.
  private void directRules(BridgeRules bridge, boolean ipv6, List<byte[]> all) {
    PortMap open = ipv6 ? PortMap.OPEN6 : PortMap.OPEN4;
    String name = bridge.bridge();
    switch (bridge.mode(ipv6)) {
      case NAT, ISOLATED -> {}
      case NAT_UNPROTECTED -> all.add(forward(rule -> rule.family(ipv6).to(name).accept()));
      case ROUTED -> {
        all.add(forward(rule -> rule.to(name).toOpenPort(open.name, open.id, ipv6).accept()));
        // as routed hosts can be pinged
        all.add(forward(rule -> rule.to(name).echo(ipv6).accept()));
      }
    }
    for (String link : bridge.trusted()) {
      all.add(
          forward(
              rule ->
                  (link.equals(EVERY_LINK) ? rule : rule.from(link))
                      .to(name)
                      .toOpenPort(open.name, open.id, ipv6)
                      .accept()));
    }
  }

  private byte[] forward(java.util.function.Consumer<NftRule> content) {
    return NftMessages.rule(table, "forward", content);
  }

  private void addressRules(BridgeRules bridge, List<byte[]> all) {
    String name = bridge.bridge();
    for (Cidr subnet : bridge.subnets()) {
      boolean nat = bridge.mode(subnet.isIpv6()).rewrites();
      if (bridge.masquerade() && !bridge.internal() && nat) {
        Optional<InetAddress> host = bridge.host(subnet.isIpv6());
        all.add(
            postrouting(
                rule -> {
                  rule.toNoneOf("bridges", BRIDGES).address(true, subnet);
                  host.ifPresentOrElse(rule::source, rule::masquerade);
                }));
      }
      // a container that uses a published port of its own network: the answer must come back here
      all.add(postrouting(rule -> rule.to(name).published().address(true, subnet).masquerade()));
    }
    // the host that uses a published port by 127.0.0.1
    all.add(postrouting(rule -> rule.to(name).address(true, LOOPBACK).masquerade()));
  }

  private byte[] postrouting(java.util.function.Consumer<NftRule> content) {
    return NftMessages.rule(table, "postrouting", content);
  }

  @Override
  public void close() {
    netlink.close();
  }
}
