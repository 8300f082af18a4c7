package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.network.Network.Pool;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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
    checkScope(wish);
    checkDriver(driver, wish);
    List<Subnet> subnets = checkSubnets(wish.subnets());
    checkOptions(wish);
    boolean ipv4 = enabled(wish.enableIpv4(), wish.options(), BridgeOptions.ENABLE_IPV4, true);
    boolean ipv6 = enabled(wish.enableIpv6(), wish.options(), BridgeOptions.ENABLE_IPV6, false);
    if (!ipv4 && !ipv6) {
      throw new Failure.InvalidRequest("IPv4 or IPv6 must be enabled");
    }
    String id = Ids.next();
    String bridge = bridgeName(driver, wish, id);
    List<Pool> pools =
        wish.configOnly() ? configured(subnets) : pools(subnets, ipv4, ipv6, driver, wish);
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
    if (request.configOnly()) {
      throw new Failure.Forbidden(
          "a configuration network cannot depend on another configuration network");
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
        from.ipamDriver(),
        from.ipamOptions(),
        subnets,
        from.internal(),
        request.attachable(),
        false,
        request.configFrom(),
        false,
        "",
        from.options(),
        from.labels());
  }

  /// What is said in the request, else in its options, else the default.
  private static boolean enabled(
      @Nullable Boolean said, Map<String, String> options, String option, boolean fallback) {
    if (said != null) {
      return said;
    }
    String value = options.get(option);
    return value == null ? fallback : GoBool.parse(value);
  }

  private static void checkScope(NetworkRequest request) {
    if (request.scope().equals("swarm")) {
      throw new Failure.Forbidden("cannot create a swarm scoped network when swarm is not active");
    }
    if (request.ingress() && !request.driver().equals("overlay")) {
      throw new Failure.Forbidden("Ingress network can only be global scope network");
    }
  }

  private static void checkDriver(String driver, NetworkRequest request) {
    switch (driver) {
      case "bridge" -> {}
      case "macvlan", "ipvlan" -> Macvlan.check(driver, request.options());
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

  private static void checkOptions(NetworkRequest request) {
    Map<String, String> options = request.options();
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
    for (String key :
        List.of(BridgeOptions.HOST_BINDING, BridgeOptions.HOST_IPV4, BridgeOptions.HOST_IPV6)) {
      String address = options.getOrDefault(key, "");
      if (!address.isEmpty() && Cidr.literal(address).isEmpty()) {
        throw new Failure.InvalidRequest(
            "failed to parse " + key + " value: " + address + " (nil ip)");
      }
    }
    for (String key : List.of(BridgeOptions.GATEWAY_MODE_IPV4, BridgeOptions.GATEWAY_MODE_IPV6)) {
      checkGatewayMode(key, options.getOrDefault(key, ""), request.internal());
    }
  }

  private static void checkGatewayMode(String key, String word, boolean internal) {
    if (word.isEmpty()) {
      return;
    }
    GatewayMode mode =
        GatewayMode.parse(word)
            .orElseThrow(
                () ->
                    new Failure.InvalidRequest(
                        "failed to parse "
                            + key
                            + " value: "
                            + word
                            + " (unknown gateway mode "
                            + word
                            + ")"));
    if (mode == GatewayMode.ISOLATED && !internal) {
      throw new Failure.InvalidRequest(
          "gateway mode 'isolated' can only be used for an internal network");
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

  private List<Pool> pools(
      List<Subnet> subnets, boolean ipv4, boolean ipv6, String driver, NetworkRequest request) {
    List<Pool> pools = new ArrayList<>();
    boolean onHostLink = !driver.equals("bridge");
    for (Subnet subnet : subnets) {
      boolean six = subnet.subnet().isIpv6();
      if (six ? !ipv6 : !ipv4) {
        continue; // Docker keeps quiet about a subnet of a family that is off
      }
      boolean taken = registry.subnets().stream().anyMatch(subnet.subnet()::overlaps);
      if (taken && !onHostLink) {
        throw new Failure.Forbidden(
            "invalid pool request: Pool overlaps with other one on this address space");
      }
      if (!onHostLink && pools.stream().anyMatch(pool -> pool.cidr().isIpv6() == six)) {
        throw new Failure.InvalidRequest("bridge driver doesn't support multiple subnets");
      }
      NetworkRequest.Subnet wish = subnet.wish();
      Pool pool =
          NetworkRegistry.pool(
              subnet.subnet(), wish.ipRange(), wish.gateway(), wish.auxiliary(), false);
      pools.add(isolated(request, six) ? withoutRouter(pool) : pool);
    }
    if (ipv4 && pools.stream().allMatch(pool -> pool.cidr().isIpv6())) {
      Pool pool = NetworkRegistry.pool(registry.freeSubnet(routes.get()), "", "", Map.of(), true);
      pools.addFirst(isolated(request, false) ? withoutRouter(pool) : pool);
    }
    if (ipv6 && pools.stream().noneMatch(pool -> pool.cidr().isIpv6())) {
      Pool pool = NetworkRegistry.pool(registry.freeIpv6Subnet(), "", "", Map.of(), true);
      pools.add(isolated(request, true) ? withoutRouter(pool) : pool);
    }
    pools.sort(Comparator.comparing(pool -> pool.cidr().isIpv6())); // IPv4 comes first
    return pools;
  }

  private static boolean isolated(NetworkRequest request, boolean ipv6) {
    String key = ipv6 ? BridgeOptions.GATEWAY_MODE_IPV6 : BridgeOptions.GATEWAY_MODE_IPV4;
    return GatewayMode.ISOLATED.word().equals(request.options().get(key));
  }

  private static Pool withoutRouter(Pool pool) {
    return new Pool(
        pool.subnet(), pool.ipRange(), pool.gateway(), pool.auxiliary(), "", pool.chosen());
  }
}
