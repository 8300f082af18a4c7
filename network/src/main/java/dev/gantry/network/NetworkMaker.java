package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import dev.gantry.network.HostLinks.Route;
import dev.gantry.network.Network.Pool;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Creates and removes networks: their entry, their bridge or link, their rules. [HostNetworks]
/// holds the lock.
final class NetworkMaker {
  private final NetworkOptions options;
  private final NetworkRegistry registry;
  private final HostLinks links;
  private final Firewall firewall;
  private final NeighbourFirewalls neighbours;

  NetworkMaker(
      NetworkOptions options,
      NetworkRegistry registry,
      HostLinks links,
      Firewall firewall,
      NeighbourFirewalls neighbours) {
    this.options = options;
    this.registry = registry;
    this.links = links;
    this.firewall = firewall;
    this.neighbours = neighbours;
  }

  static boolean hasBridge(Network network) {
    return network.driver().equals("bridge") && !network.configOnly();
  }

  /// Makes the network's bridge, or what of it is missing.
  HostLinks.Link makeBridge(Network network) {
    List<Cidr> addresses = new ArrayList<>();
    boolean inhibit = network.flag(BridgeOptions.INHIBIT_IPV4, false);
    for (Pool pool : network.pools()) {
      if (pool.cidr().isIpv6() || !inhibit) {
        Cidr.literal(pool.router())
            .ifPresent(router -> addresses.add(new Cidr(router, pool.cidr().prefix())));
      }
    }
    HostLinks.Link link =
        links.ensureBridge(network.bridge(), BridgeOptions.mtu(network), addresses);
    if (network.enableIpv6() && options.ipForward()) {
      HostLinks.sysctl("ipv6/conf/all/forwarding", "1");
    }
    return link;
  }

  /// Creates a network and its bridge or link; all or nothing.
  Network create(NetworkRequest request) {
    try (Undo undo = new Undo()) {
      Network network =
          new NetworkPlan(registry, () -> links.routes(0).stream().map(Route::to).toList())
              .plan(withDefaults(request));
      if (hasBridge(network)) {
        boolean there = links.find(network.bridge()).isPresent();
        undo.on(
            () -> {
              if (!there) {
                links.find(network.bridge()).ifPresent(links::delete);
              }
            });
        makeBridge(network);
      } else if (network.onHostLink() && !network.configOnly()) {
        undo.on(() -> Macvlan.forget(network, registry.list(), links));
        Macvlan.prepare(network, links);
      }
      registry.add(network);
      undo.on(() -> registry.remove(network));
      if (hasBridge(network) && options.firewall()) {
        firewall.put(rules(network));
        neighbours.settle(firewall.bridges());
      }
      undo.commit();
      return network;
    }
  }

  Firewall.BridgeRules rules(Network network) {
    return BridgeOptions.rules(network, options.further().directRouting());
  }

  /// With the driver options that the engine's operator wants where the request is silent.
  private NetworkRequest withDefaults(NetworkRequest request) {
    String driver = request.driver().isEmpty() ? "bridge" : request.driver();
    Map<String, String> defaults = options.further().defaults().getOrDefault(driver, Map.of());
    if (defaults.isEmpty() || !request.configFrom().isEmpty()) {
      return request;
    }
    Map<String, String> merged = new LinkedHashMap<>(defaults);
    merged.putAll(request.options());
    return request.withOptions(merged);
  }

  /// Removes a network that none of `attachments` is on.
  void remove(String nameOrId, Collection<Attachment> attachments) {
    Network network = registry.find(nameOrId);
    refuseRemoval(network, attachments);
    registry.remove(network);
    if (!network.bridge().isEmpty()) {
      if (options.firewall()) {
        firewall.remove(network.bridge());
        neighbours.settle(firewall.bridges());
      }
      links.find(network.bridge()).ifPresent(links::delete);
    } else if (network.onHostLink()) {
      Macvlan.forget(network, registry.list(), links);
    }
  }

  private void refuseRemoval(Network network, Collection<Attachment> attachments) {
    if (network.predefined()) {
      throw new Failure.Forbidden(
          network.name() + " is a pre-defined network and cannot be removed");
    }
    List<String> active =
        attachments.stream()
            .flatMap(
                a ->
                    a.endpoints().stream()
                        .filter(e -> e.networkId().equals(network.id()))
                        .map(
                            e ->
                                "name:\""
                                    + a.name()
                                    + "\" id:\""
                                    + Ids.shorten(e.endpointId())
                                    + "\""))
            .toList();
    if (!active.isEmpty()) {
      throw new Failure.Forbidden(
          "error while removing network: network "
              + network.name()
              + " has active endpoints ("
              + String.join(", ", active)
              + ")");
    }
    boolean used =
        registry.list().stream().anyMatch(other -> other.configFrom().equals(network.name()));
    if (network.configOnly() && used) {
      throw new Failure.Forbidden(
          "error while removing network: configuration network \""
              + network.name()
              + "\" is in use");
    }
  }

  /// See [Networks#routeConflicts].
  List<String> routeConflicts(Network network) {
    int own = links.find(network.bridge()).map(HostLinks.Link::index).orElse(0);
    if (network.onHostLink() || network.configOnly()) {
      return List.of(); // these are in the network of their link
    }
    List<String> conflicts = new ArrayList<>();
    for (Route route : links.routes(own)) {
      for (Pool pool : network.pools()) {
        if (pool.cidr().overlaps(route.to())) {
          conflicts.add(
              "subnet "
                  + pool.subnet()
                  + " overlaps the host's route to "
                  + route.to()
                  + links.find(route.link()).map(link -> " through " + link.name()).orElse("")
                  + ": one of them will not be reached");
        }
      }
    }
    return conflicts;
  }
}
