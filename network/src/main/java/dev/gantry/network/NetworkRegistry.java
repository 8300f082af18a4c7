package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.json.JsonRecords;
import dev.gantry.network.Network.Pool;
import dev.gantry.network.NetworkOptions.AddressPool;
import java.math.BigInteger;
import java.net.InetAddress;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// The networks that exist, by id and by name, kept in the store, and the addresses each hands out.
/// Not thread-safe: [HostNetworks] holds the lock.
final class NetworkRegistry {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.nnnnnnnnn'Z'").withZone(ZoneOffset.UTC);

  private final NetworkStore store;
  private final NetworkOptions options;
  private final Map<String, Network> networks = new LinkedHashMap<>();
  private final Map<String, List<AddressRange>> ranges = new LinkedHashMap<>();

  NetworkRegistry(NetworkStore store, NetworkOptions options) {
    this.store = store;
    this.options = options;
    store
        .load()
        .forEach(
            (id, json) -> {
              Network network = JsonRecords.read(json, Network.class);
              enter(network.ipamGiven() ? network : withoutIpamOptions(network));
            });
  }

  private static Network withoutIpamOptions(Network n) {
    return new Network(
        n.id(),
        n.name(),
        n.created(),
        n.driver(),
        n.enableIpv4(),
        n.enableIpv6(),
        n.ipamDriver(),
        null,
        false,
        n.pools(),
        n.internal(),
        n.attachable(),
        n.configFrom(),
        n.configOnly(),
        n.options(),
        n.labels(),
        n.bridge());
  }

  private void enter(Network network) {
    networks.put(network.id(), network);
    List<AddressRange> own = new ArrayList<>();
    if (!network.configOnly()) {
      for (Pool pool : network.pools()) {
        Cidr subnet = pool.cidr();
        Cidr part = pool.ipRange().isEmpty() ? subnet : Cidr.parse(pool.ipRange());
        AddressRange range = new AddressRange(subnet, part);
        Cidr.literal(pool.router()).ifPresent(range::reserve);
        pool.auxiliary()
            .values()
            .forEach(address -> Cidr.literal(address).ifPresent(range::reserve));
        own.add(range);
      }
    }
    ranges.put(network.id(), own);
  }

  List<Network> list() {
    return List.copyOf(networks.values());
  }

  Optional<Network> byName(String name) {
    return networks.values().stream().filter(n -> n.name().equals(name)).findFirst();
  }

  Optional<Network> byId(String id) {
    return Optional.ofNullable(networks.get(id));
  }

  /// The network with this id, or this name, or the only one whose id starts so.
  Network find(String nameOrId) {
    Network exact = networks.get(nameOrId);
    if (exact != null) {
      return exact;
    }
    Optional<Network> named = byName(nameOrId);
    if (named.isPresent()) {
      return named.get();
    }
    List<Network> prefixed =
        nameOrId.isEmpty()
            ? List.of()
            : networks.values().stream().filter(n -> n.id().startsWith(nameOrId)).toList();
    if (prefixed.size() > 1) {
      throw new Failure.InvalidRequest(
          "network "
              + nameOrId
              + " is ambiguous ("
              + prefixed.size()
              + " matches found based on"
              + " ID prefix)");
    }
    if (prefixed.isEmpty()) {
      throw new Failure.NotFound("network " + nameOrId + " not found");
    }
    return prefixed.getFirst();
  }

  /// Keeps `network`, durably.
  void add(Network network) {
    store.save(network.id(), JsonRecords.write(network));
    enter(network);
  }

  void remove(Network network) {
    store.remove(network.id());
    networks.remove(network.id());
    ranges.remove(network.id());
  }

  /// The predefined network `name`, made with a new id when this engine starts for the first time.
  /// A changed set-up (another `--bip`) keeps the id.
  Network predefined(String name, String driver, List<Pool> pools, Map<String, String> settings) {
    Optional<Network> old = byName(name);
    Network network =
        new Network(
            old.map(Network::id).orElseGet(Ids::next),
            name,
            old.map(Network::created).orElseGet(NetworkRegistry::now),
            driver,
            true,
            pools.stream().anyMatch(pool -> pool.cidr().isIpv6()),
            "default",
            null,
            false,
            pools,
            false,
            false,
            "",
            false,
            settings,
            Map.of(),
            name.equals("bridge") ? options.bridge() : "");
    if (old.isEmpty() || !old.get().equals(network)) {
      add(network);
    }
    return network;
  }

  static String now() {
    return TIME.format(Instant.now());
  }

  /// Addresses of the network's subnet in this family.
  Optional<AddressRange> range(Network network, boolean ipv6) {
    List<AddressRange> own = ranges.getOrDefault(network.id(), List.of());
    for (int i = 0; i < own.size(); i++) {
      if (network.pools().get(i).cidr().isIpv6() == ipv6) {
        return Optional.of(own.get(i));
      }
    }
    return Optional.empty();
  }

  /// Finds the range that holds a wished address.
  Optional<AddressRange> rangeOf(Network network, InetAddress address) {
    return ranges.getOrDefault(network.id(), List.of()).stream()
        .filter(range -> range.holds(address))
        .findFirst();
  }

  /// The subnets of all networks that have addresses of their own.
  List<Cidr> subnets() {
    return networks.values().stream()
        .filter(network -> !network.configOnly() && !network.onHostLink())
        .flatMap(network -> network.pools().stream())
        .map(Pool::cidr)
        .toList();
  }

  /// The first subnet of the pools that meets neither another network nor a route of the host.
  Cidr freeSubnet(Collection<Cidr> routes) {
    List<Cidr> taken = new ArrayList<>(subnets());
    taken.addAll(routes);
    for (AddressPool pool : options.pools()) {
      if (pool.base().isIpv6()) {
        continue;
      }
      BigInteger step = BigInteger.ONE.shiftLeft(32 - pool.size());
      int count = 1 << (pool.size() - pool.base().prefix());
      for (int i = 0; i < count; i++) {
        Cidr candidate =
            new Cidr(pool.base().at(step.multiply(BigInteger.valueOf(i))), pool.size());
        if (taken.stream().noneMatch(candidate::overlaps)) {
          return candidate;
        }
      }
    }
    throw new Failure.InvalidRequest(
        "all predefined address pools have been fully subnetted",
        "remove a network, or give a subnet, or set default-address-pools",
        null);
  }

  /// A unique local IPv6 subnet (RFC 4193) that no network has.
  Cidr freeIpv6Subnet() {
    List<Cidr> taken = subnets();
    byte[] bytes = new byte[16];
    bytes[0] = (byte) 0xfd;
    String seed = byName("bridge").or(() -> byName("none")).map(Network::id).orElseGet(Ids::next);
    System.arraycopy(HexFormat.of().parseHex(seed.substring(0, 10)), 0, bytes, 1, 5);
    for (int i = 0; i < 1 << 16; i++) {
      bytes[6] = (byte) (i >> 8);
      bytes[7] = (byte) i;
      Cidr candidate = new Cidr(Cidr.of(bytes), 64);
      if (taken.stream().noneMatch(candidate::overlaps)) {
        return candidate;
      }
    }
    throw new Failure.InvalidRequest("all predefined address pools have been fully subnetted");
  }

  /// A pool of `subnet` whose router is its first address, or the first of the range. An address
  /// that is given to two is refused in Docker's words.
  static Pool pool(
      Cidr subnet, String range, String gateway, Map<String, String> auxiliary, boolean chosen) {
    AddressRange addresses = new AddressRange(subnet, range.isEmpty() ? subnet : Cidr.parse(range));
    String router = gateway;
    if (router.isEmpty()) {
      router = addresses.take().map(Cidr::text).orElse("");
    } else if (!Cidr.literal(router).map(addresses::reserve).orElse(false)) {
      throw new Failure.Forbidden(
          "failed to allocate gateway (" + gateway + "): Address already in use");
    }
    new TreeMap<>(auxiliary)
        .forEach(
            (name, address) -> {
              if (!Cidr.literal(address).map(addresses::reserve).orElse(false)) {
                throw new Failure.Forbidden(
                    "failed to allocate secondary ip address ("
                        + name
                        + ":"
                        + address
                        + "): Address already in use");
              }
            });
    return new Pool(subnet.toString(), range, gateway, auxiliary, router, chosen);
  }
}
