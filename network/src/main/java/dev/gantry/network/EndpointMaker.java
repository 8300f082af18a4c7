package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/// Makes the endpoints of containers: what of addresses, names and interfaces they get. Nothing is
/// told to the kernel. [HostNetworks] holds the lock.
final class EndpointMaker {
  private final NetworkRegistry registry;

  EndpointMaker(NetworkRegistry registry) {
    this.registry = registry;
  }

  /// Takes addresses for one endpoint.
  Endpoint reserve(
      Network network, EndpointRequest wish, AttachRequest container, List<Endpoint> others) {
    if (network.configOnly()) {
      throw new Failure.Forbidden("cannot create endpoint on configuration-only network");
    }
    if (network.driver().equals("host") || network.driver().equals("null")) {
      throw new Failure.InvalidRequest("network " + network.name() + " has no endpoints");
    }
    EndpointCheck.check(network, wish);
    for (String text : wish.linkLocal()) {
      if (Cidr.literal(text).filter(InetAddress::isLinkLocalAddress).isEmpty()) {
        throw new Failure.InvalidRequest("invalid link local IP address: " + text);
      }
    }
    try (Undo undo = new Undo()) {
      Optional<InetAddress> ipv4 = address(network, wish.ipv4(), false, undo);
      Optional<InetAddress> ipv6 = address(network, wish.ipv6(), true, undo);
      String mac = wish.mac().isEmpty() ? mac(ipv4) : checkedMac(wish.mac());
      boolean user = !network.predefined();
      List<String> dnsNames = new ArrayList<>();
      if (user) {
        Stream.of(
                Stream.of(container.name()),
                wish.aliases().stream(),
                Stream.of(Ids.shorten(container.containerId()), container.hostname()))
            .flatMap(s -> s)
            .filter(name -> !name.isEmpty())
            .distinct()
            .forEach(dnsNames::add);
      }
      boolean routable = !network.internal();
      Endpoint endpoint =
          new Endpoint(
              network.id(),
              network.name(),
              Ids.next(),
              interfaceName(network, wish, others),
              network.onHostLink()
                  ? ""
                  : "veth%07x".formatted(ThreadLocalRandom.current().nextInt(1 << 28)),
              mac,
              ipv4.map(Cidr::text).orElse(""),
              ipv4.isPresent() ? prefix(network, false) : 0,
              ipv4.isPresent() && routable ? router(network, false) : "",
              ipv6.map(Cidr::text).orElse(""),
              ipv6.isPresent() ? prefix(network, true) : 0,
              ipv6.isPresent() && routable ? router(network, true) : "",
              wish.aliases(),
              user ? wish.links() : List.of(), // on the default bridge the engine keeps them
              dnsNames,
              wish.driverOptions(),
              wish.gatewayPriority(),
              wish.linkLocal());
      undo.commit();
      return endpoint;
    }
  }

  private Optional<InetAddress> address(Network network, String wish, boolean ipv6, Undo undo) {
    if (!wish.isEmpty()) {
      InetAddress address = Cidr.literal(wish).orElseThrow();
      AddressRange range = registry.rangeOf(network, address).orElseThrow();
      if (!range.reserve(address)) {
        throw new Failure.Forbidden("Address already in use");
      }
      undo.on(() -> range.free(address));
      return Optional.of(address);
    }
    Optional<AddressRange> range = registry.range(network, ipv6);
    if (range.isEmpty()) {
      return Optional.empty();
    }
    InetAddress address =
        range
            .get()
            .take()
            .orElseThrow(
                () ->
                    new Failure.Internal(
                        "no available IPv"
                            + (ipv6 ? 6 : 4)
                            + " addresses on this network's address pools: "
                            + network.name()
                            + " ("
                            + network.id()
                            + ")"));
    undo.on(() -> range.get().free(address));
    return Optional.of(address);
  }

  private static int prefix(Network network, boolean ipv6) {
    return network.pool(ipv6).map(pool -> pool.cidr().prefix()).orElse(0);
  }

  private static String router(Network network, boolean ipv6) {
    if (Macvlan.routesOnLink(network)) {
      return ipv6 ? "::" : "0.0.0.0";
    }
    return network.pool(ipv6).map(pool -> DefaultBridge.gateway(pool, ipv6)).orElse("");
  }

  /// A MAC that belongs to the address, so that neighbours' caches stay right when it is used
  /// again.
  private static String mac(Optional<InetAddress> ipv4) {
    byte[] mac = HostLinks.randomMac();
    ipv4.ifPresent(address -> System.arraycopy(address.getAddress(), 0, mac, 2, 4));
    return HexFormat.ofDelimiter(":").formatHex(mac);
  }

  private static String checkedMac(String text) {
    String mac = text.toLowerCase(Locale.ROOT).replace('-', ':');
    if (!mac.matches("[0-9a-f]{2}(:[0-9a-f]{2}){5}")) {
      throw new Failure.InvalidRequest("invalid MAC address: " + text);
    }
    return mac;
  }

  private static String interfaceName(
      Network network, EndpointRequest wish, List<Endpoint> others) {
    Set<String> taken = new HashSet<>();
    others.forEach(other -> taken.add(other.interfaceName()));
    String given = wish.driverOptions().getOrDefault(BridgeOptions.INTERFACE_NAME, "");
    if (!given.isEmpty()) {
      if (!given.matches("[^/\\s:]{1,15}") || given.equals("lo") || taken.contains(given)) {
        throw new Failure.InvalidRequest("invalid interface name: " + given);
      }
      return given;
    }
    String prefix = network.option(BridgeOptions.INTERFACE_PREFIX).orElse("eth");
    int number = 0;
    while (taken.contains(prefix + number)) {
      number++;
    }
    return prefix + number;
  }

  /// Gives its addresses back.
  void free(Endpoint endpoint) {
    registry
        .byId(endpoint.networkId())
        .ifPresent(
            network ->
                Stream.of(endpoint.ipv4(), endpoint.ipv6())
                    .flatMap(text -> Cidr.literal(text).stream())
                    .forEach(
                        address ->
                            registry
                                .rangeOf(network, address)
                                .ifPresent(range -> range.free(address))));
  }

  /// Takes the addresses that a running container has had since before the engine started.
  void takeAgain(Endpoint endpoint) {
    registry.byId(endpoint.networkId()).ifPresent(network -> take(network, endpoint));
  }

  private void take(Network network, Endpoint endpoint) {
    Stream.of(endpoint.ipv4(), endpoint.ipv6())
        .flatMap(text -> Cidr.literal(text).stream())
        .forEach(
            address ->
                registry.rangeOf(network, address).ifPresent(range -> range.reserve(address)));
  }
}
