package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.network.HostLinks.Route;
import dev.gantry.network.Network.Pool;
import java.math.BigInteger;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The subnets of the default bridge: what the flags say, else what the link has, else what it had
/// in the run before, else the first that is free.
final class DefaultBridge {
  /// The names under which Docker shows another router than the bridge.
  private static final String GATEWAY4 = "DefaultGatewayIPv4";

  private static final String GATEWAY6 = "DefaultGatewayIPv6";

  private final NetworkOptions options;
  private final NetworkRegistry registry;
  private final HostLinks links;

  DefaultBridge(NetworkOptions options, NetworkRegistry registry, HostLinks links) {
    this.options = options;
    this.registry = registry;
    this.links = links;
  }

  /// Its driver options, as Docker shows them.
  Map<String, String> settings() {
    return Map.of(
        BridgeOptions.DEFAULT_BRIDGE, "true",
        BridgeOptions.ICC, String.valueOf(options.icc()),
        BridgeOptions.MASQUERADE, String.valueOf(options.masquerade()),
        BridgeOptions.HOST_BINDING, options.hostBinding(),
        BridgeOptions.NAME, options.bridge(),
        BridgeOptions.MTU, String.valueOf(options.mtu() == 0 ? 1500 : options.mtu()));
  }

  List<Pool> pools() {
    List<Pool> pools = new ArrayList<>();
    pools.add(pool4());
    if (options.further().ipv6()) {
      pools.add(pool6());
    }
    return pools;
  }

  private Pool pool4() {
    Cidr bip = options.bip();
    if (bip == null) {
      bip = present().orElse(null);
    }
    Map<String, String> auxiliary = auxiliary(GATEWAY4, options.further().gateway4());
    if (bip != null) {
      return checked(pool(bip, options.fixedCidr(), auxiliary, false), auxiliary);
    }
    Optional<Pool> before = registry.byName("bridge").flatMap(bridge -> bridge.pool(false));
    Cidr subnet =
        before
            .map(Pool::cidr)
            .orElseGet(() -> registry.freeSubnet(links.routes(0).stream().map(Route::to).toList()));
    return checked(pool(first(subnet), options.fixedCidr(), auxiliary, true), auxiliary);
  }

  private Optional<Cidr> present() {
    return links
        .find(options.bridge())
        .flatMap(
            found ->
                links.addresses(found.index()).stream()
                    .filter(address -> !address.isIpv6())
                    .findFirst());
  }

  private Pool pool6() {
    Cidr bip = options.further().bip6();
    Cidr fixed = options.further().fixedCidr6();
    Map<String, String> auxiliary = auxiliary(GATEWAY6, options.further().gateway6());
    if (bip != null) {
      return checked(pool(bip, fixed, auxiliary, false), auxiliary);
    }
    if (fixed != null) {
      return checked(pool(first(fixed.network()), null, auxiliary, false), auxiliary);
    }
    Cidr subnet =
        registry
            .byName("bridge")
            .flatMap(bridge -> bridge.pool(true))
            .map(Pool::cidr)
            .orElseGet(registry::freeIpv6Subnet);
    return checked(pool(first(subnet), null, auxiliary, true), auxiliary);
  }

  /// The first address of `subnet`, with its prefix.
  private static Cidr first(Cidr subnet) {
    return new Cidr(subnet.at(BigInteger.ONE), subnet.prefix());
  }

  private static Map<String, String> auxiliary(String name, String gateway) {
    return gateway.isEmpty() ? Map.of() : Map.of(name, gateway);
  }

  private static Pool pool(
      Cidr address, @Nullable Cidr range, Map<String, String> auxiliary, boolean chosen) {
    String router = Cidr.text(address.address());
    return new Pool(
        address.network().toString(),
        range == null ? "" : range.toString(),
        router,
        auxiliary,
        router,
        chosen);
  }

  private static Pool checked(Pool pool, Map<String, String> auxiliary) {
    if (!pool.ipRange().isEmpty() && !pool.cidr().contains(Cidr.parse(pool.ipRange()))) {
      throw new Failure.InvalidRequest(
          "the default bridge's subnet "
              + pool.subnet()
              + " does not hold the range "
              + pool.ipRange()
              + " of --fixed-cidr");
    }
    for (String gateway : auxiliary.values()) {
      Optional<InetAddress> address = Cidr.literal(gateway);
      if (address.isEmpty() || !pool.cidr().contains(address.get())) {
        throw new Failure.InvalidRequest(
            "the default gateway " + gateway + " is not in the bridge's subnet " + pool.subnet());
      }
    }
    return pool;
  }

  /// What containers of a network take as their router.
  static String gateway(Pool pool, boolean ipv6) {
    return pool.auxiliary().getOrDefault(ipv6 ? GATEWAY6 : GATEWAY4, pool.router());
  }
}
