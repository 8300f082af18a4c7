package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.network.Network.Pool;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// Turns a request for a network into a network, or into Docker's error for it.
final class NetworkPlan {
  private static final Set<String> PREDEFINED = Set.of("bridge", "host", "none", "default");
  private static final List<String> FLAGS =
      List.of(
          BridgeOptions.ICC,
          BridgeOptions.MASQUERADE,
          BridgeOptions.INHIBIT_IPV4,
          BridgeOptions.DEFAULT_BRIDGE);
  private static final int LINK_NAME_LIMIT = 15;

  private final NetworkRegistry registry;
  private final Supplier<List<Cidr>> routes;

  /// @param routes the destinations of the host's routes, which new subnets must not meet
  NetworkPlan(NetworkRegistry registry, Supplier<List<Cidr>> routes) {
    this.registry = registry;
    this.routes = routes;
  }

  Network plan(NetworkRequest request) {
    String name = request.name();
    if (name.isBlank()) {
      throw new Failure.InvalidRequest("invalid name: name is empty");
    }
    if (PREDEFINED.contains(name)) {
      throw new Failure.Forbidden("operation is not permitted on predefined " + name + " network ");
    }
    if (registry.byName(name).isPresent()) {
      throw new Failure.Conflict("network with name " + name + " already exists");
    }
    NetworkRequest wish = withConfiguration(request);
    String driver = wish.driver().isEmpty() ? "bridge" : wish.driver();
    checkDriver(driver, wish);
    List<Subnet> subnets = checkSubnets(wish.subnets());
    checkOptions(wish.options());
    boolean ipv4 = wish.enableIpv4() == null || wish.enableIpv4();
    boolean ipv6 = wish.enableIpv6() != null && wish.enableIpv6();
    if (!ipv4 && !ipv6) {
      throw new Failure.InvalidRequest("IPv4 or IPv6 must be enabled");
    }
    String id = Ids.next();
    String bridge = bridgeName(driver, wish, id);
    List<Pool> pools = wish.configOnly() ? configured(subnets) : pools(subnets, ipv4, ipv6, driver);
    return new Network(
        id,
        name,
        NetworkRegistry.now(),
        wish.configOnly() ? "null" : driver,
        ipv4,
        ipv6,
        wish.ipamDriver().isEmpty() ? "default" : wish.ipamDriver(),
        wish.ipamOptions(),
        wish.ipamOptions() != null,
        pools,
        wish.internal(),
        wish.attachable(),
        request.configFrom(),
        wish.configOnly(),
        wish.options(),
        wish.labels(),
        wish.configOnly() ? "" : bridge);
  }

  /// With `ConfigFrom`, subnets, options and labels are those of the configuration network.
  private NetworkRequest withConfiguration(NetworkRequest request) {
    if (request.configFrom().isEmpty()) {
      return request;
    }
    Network from =
        registry
            .byName(request.configFrom())
            .or(() -> registry.byId(request.configFrom()))
            .filter(Network::configOnly)
            .orElseThrow(
                () ->
                    new Failure.NotFound(
                        "configuration network \"" + request.configFrom() + "\" does not exist"));
    if (!request.subnets().isEmpty()
        || !request.options().isEmpty()
        || !request.labels().isEmpty()) {
      throw new Failure.Forbidden(
          "user specified configurations are not supported if the network depends on a"
              + " configuration network");
    }
    List<NetworkRequest.Subnet> subnets =
        from.pools().stream()
            .map(
                pool ->
                    new NetworkRequest.Subnet(
                        pool.subnet(), pool.ipRange(), pool.gateway(), pool.auxiliary()))
            .toList();
    return new NetworkRequest(
        request.name(),
        request.driver(),
        from.enableIpv4(),
        from.enableIpv6(),
        "",
        null,
        subnets,
        from.internal(),
        request.attachable(),
        false,
        request.configFrom(),
        false,
        from.options(),
        from.labels());
  }

  private static void checkDriver(String driver, NetworkRequest request) {
    switch (driver) {
      case "bridge" -> {}
      case "macvlan" -> {
        String mode = request.options().getOrDefault(BridgeOptions.MACVLAN_MODE, "bridge");
        if (!Macvlan.knows(mode)) {
          throw new Failure.InvalidRequest("requested macvlan mode '" + mode + "' is not valid");
        }
      }
      case "host", "null" ->
          throw new Failure.Forbidden("only one instance of \"" + driver + "\" network is allowed");
      case "overlay" ->
          throw new Failure.Forbidden(
              "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm"
                  + " join\" to connect this node to swarm and try again.");
      default -> throw new Failure.NotFound("plugin \"" + driver + "\" not found");
    }
    String ipam = request.ipamDriver();
    if (ipam.equals("null")) {
      throw new Failure.InvalidRequest("ipv4 pool is empty");
    }
    if (!ipam.isEmpty() && !ipam.equals("default")) {
      throw new Failure.NotFound("plugin \"" + ipam + "\" not found");
    }
  }

  /// A request's subnet whose parts were found to be addresses that fit.
  private record Subnet(Cidr subnet, NetworkRequest.Subnet wish) {}

  private static List<Subnet> checkSubnets(List<NetworkRequest.Subnet> wishes) {
    List<String> errors = new ArrayList<>();
    List<Subnet> good = new ArrayList<>();
    for (NetworkRequest.Subnet wish : wishes) {
      Optional<Cidr> subnet = Cidr.tryParse(wish.subnet());
      if (subnet.isEmpty()) {
        errors.add("invalid subnet " + wish.subnet() + ": invalid CIDR block notation");
        continue;
      }
      if (!subnet.get().network().equals(subnet.get())) {
        errors.add("invalid subnet " + wish.subnet() + ": it should be " + subnet.get().network());
      }
      checkParts(subnet.get(), wish, errors);
      good.add(new Subnet(subnet.get(), wish));
    }
    if (!errors.isEmpty()) {
      String text = errors.size() == 1 ? errors.getFirst() : "* " + String.join("\n* ", errors);
      throw new Failure.InvalidRequest("invalid network config:\n" + text);
    }
    return good;
  }

  private static void checkParts(Cidr subnet, NetworkRequest.Subnet wish, List<String> errors) {
    if (!wish.ipRange().isEmpty()) {
      Optional<Cidr> range = Cidr.tryParse(wish.ipRange());
      if (range.isEmpty()) {
        errors.add("invalid ip-range " + wish.ipRange() + ": invalid CIDR block notation");
      } else if (!subnet.contains(range.get())) {
        errors.add(
            "invalid ip-range "
                + wish.ipRange()
                + ": parent subnet "
                + subnet
                + " doesn't contain ip-range");
      } else if (!range.get().network().equals(range.get())) {
        errors.add(
            "invalid ip-range " + wish.ipRange() + ": it should be " + range.get().network());
      }
    }
    if (!wish.gateway().isEmpty()) {
      checkAddress(subnet, wish.gateway(), "invalid gateway " + wish.gateway(), errors);
    }
    wish.auxiliary()
        .forEach(
            (key, address) ->
                checkAddress(subnet, address, "invalid auxiliary address " + key, errors));
  }

  private static void checkAddress(Cidr subnet, String text, String what, List<String> errors) {
    Optional<InetAddress> address = Cidr.literal(text);
    if (address.isEmpty()) {
      errors.add(what + ": invalid address");
    } else if (!subnet.contains(address.get())) {
      errors.add(what + ": parent subnet " + subnet + " doesn't contain this address");
    }
  }

  private static void checkOptions(Map<String, String> options) {
    for (String key : FLAGS) {
      String value = options.get(key);
      if (value != null && !GoBool.valid(value)) {
        throw new Failure.InvalidRequest(
            "failed to parse "
                + key
                + " value: "
                + value
                + " (strconv.ParseBool: parsing \""
                + value
                + "\": invalid syntax)");
      }
    }
    String mtu = options.get(BridgeOptions.MTU);
    if (mtu != null && !mtu.matches("[+-]?\\d{1,9}")) {
      throw new Failure.InvalidRequest(
          "failed to parse "
              + BridgeOptions.MTU
              + " value: "
              + mtu
              + " (strconv.Atoi: parsing \""
              + mtu
              + "\": invalid syntax)");
    }
    String binding = options.getOrDefault(BridgeOptions.HOST_BINDING, "");
    if (!binding.isEmpty() && Cidr.literal(binding).isEmpty()) {
      throw new Failure.InvalidRequest(
          "failed to parse " + BridgeOptions.HOST_BINDING + " value: " + binding + " (nil ip)");
    }
  }

  private String bridgeName(String driver, NetworkRequest request, String id) {
    if (!driver.equals("bridge") || request.configOnly()) {
      return "";
    }
    String wish = request.options().getOrDefault(BridgeOptions.NAME, "");
    if (wish.isEmpty()) {
      return "br-" + Ids.shorten(id);
    }
    registry.list().stream()
        .filter(other -> other.bridge().equals(wish))
        .findFirst()
        .ifPresent(
            other -> {
              throw new Failure.Forbidden(
                  "cannot create network "
                      + id
                      + " ("
                      + wish
                      + "): conflicts with network "
                      + other.id()
                      + " ("
                      + wish
                      + "): networks have same bridge name");
            });
    if (wish.length() > LINK_NAME_LIMIT) {
      throw new Failure.Internal("numerical result out of range");
    }
    if (!wish.matches("[^/\\s:]+") || wish.equals(".") || wish.equals("..")) {
      throw new Failure.Internal("invalid argument");
    }
    return wish;
  }

  private static List<Pool> configured(List<Subnet> subnets) {
    return subnets.stream()
        .map(
            s ->
                new Pool(
                    s.subnet().toString(),
                    s.wish().ipRange(),
                    s.wish().gateway(),
                    s.wish().auxiliary(),
                    s.wish().gateway(),
                    false))
        .toList();
  }

  private List<Pool> pools(List<Subnet> subnets, boolean ipv4, boolean ipv6, String driver) {
    List<Pool> pools = new ArrayList<>();
    for (Subnet subnet : subnets) {
      boolean six = subnet.subnet().isIpv6();
      if (six ? !ipv6 : !ipv4) {
        continue; // Docker keeps quiet about a subnet of a family that is off
      }
      boolean taken = registry.subnets().stream().anyMatch(subnet.subnet()::overlaps);
      if (taken && !driver.equals("macvlan")) {
        throw new Failure.Forbidden(
            "invalid pool request: Pool overlaps with other one on this address space");
      }
      NetworkRequest.Subnet wish = subnet.wish();
      pools.add(
          NetworkRegistry.pool(
              subnet.subnet(), wish.ipRange(), wish.gateway(), wish.auxiliary(), false));
    }
    if (ipv4 && pools.stream().allMatch(pool -> pool.cidr().isIpv6())) {
      Cidr free = registry.freeSubnet(routes.get());
      pools.addFirst(NetworkRegistry.pool(free, "", "", Map.of(), true));
    }
    if (ipv6 && pools.stream().noneMatch(pool -> pool.cidr().isIpv6())) {
      pools.add(NetworkRegistry.pool(registry.freeIpv6Subnet(), "", "", Map.of(), true));
    }
    return pools;
  }
}
