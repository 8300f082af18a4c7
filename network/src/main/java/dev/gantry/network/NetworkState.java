package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// What the flows of [HostNetworks] share: the parts, and who is on which network.
///
/// The one lock guards all; under it only the kernel is spoken to, whose answers come at once.
final class NetworkState {
  private static final String UNKNOWN_NETWORK = "invalid cluster node while attaching to network";

  final ReentrantLock lock = new ReentrantLock();
  final NetworkOptions options;
  final NetworkRegistry registry;
  final HostLinks links = HostLinks.open();
  final Firewall firewall;
  final NeighbourFirewalls neighbours;
  final Publisher publisher;
  final NetworkMaker networkMaker;
  final EndpointMaker maker;
  final Naming naming;
  final Map<String, Attachment> attachments = new LinkedHashMap<>();
  private final FirewallGuard guard;
  private boolean applied;

  NetworkState(NetworkOptions options, NetworkStore store) {
    this.options = options;
    this.registry = new NetworkRegistry(store, options);
    this.firewall = Firewall.open(options.bridge());
    this.publisher = new Publisher(options, firewall, this::attachment, registry::byId);
    this.neighbours = NeighbourFirewalls.open(firewall.table());
    this.guard = new FirewallGuard(firewall, () -> neighbours.settle(firewall.bridges()));
    this.networkMaker = new NetworkMaker(options, registry, links, firewall, neighbours);
    this.maker = new EndpointMaker(registry);
    this.naming = new Naming(this);
  }

  Optional<Attachment> attachment(String containerId) {
    lock.lock();
    try {
      return Optional.ofNullable(attachments.get(containerId));
    } finally {
      lock.unlock();
    }
  }

  /// Applies the table once, when everything that is published is known: an earlier table without
  /// the ports of running containers would cut them off for a moment.
  void applyFirewall() {
    if (options.firewall() && !applied) {
      firewall.prepare(
          registry.list().stream()
              .filter(NetworkMaker::hasBridge)
              .map(networkMaker::rules)
              .toList(),
          publisher.rewrites()
              ? attachments.values().stream().flatMap(a -> publisher.mappings(a).stream()).toList()
              : List.of());
      firewall.apply();
      neighbours.settle(firewall.bridges());
      applied = true;
      guard.start();
    }
  }

  /// The same again, though it was applied before.
  void reapplyFirewall() {
    applied = false;
    applyFirewall();
  }

  Network required(String nameOrId) {
    try {
      return registry.find(nameOrId);
    } catch (Failure.NotFound e) {
      throw new Failure.Internal(UNKNOWN_NETWORK, e);
    }
  }

  Attachment publish(Attachment attachment, List<PortRequest> ports) {
    Optional<Endpoint> way =
        LaunchMessages.gatewayEndpoint(attachment.endpoints(), false)
            .or(() -> LaunchMessages.gatewayEndpoint(attachment.endpoints(), true));
    if (ports.isEmpty() || way.isEmpty()) {
      return attachment;
    }
    Optional<String> binding =
        registry.byId(way.get().networkId()).flatMap(BridgeOptions::hostBinding);
    return publisher.publish(attachment, way.get(), binding.orElse(options.hostBinding()), ports);
  }

  /// What makes the endpoint's link; `publishing` when its container has published ports.
  List<HostMessage> linkMessages(
      Network network, Endpoint endpoint, boolean publishing, LinkMessages.Target target) {
    return network.onHostLink()
        ? List.of(Macvlan.message(network, endpoint, links, target))
        : LaunchMessages.veth(
            endpoint, bridge(network).index(), BridgeOptions.mtu(network), publishing, target);
  }

  /// The network's bridge; one that somebody deleted is made again.
  HostLinks.Link bridge(Network network) {
    return links.find(network.bridge()).orElseGet(() -> networkMaker.makeBridge(network));
  }

  /// Takes the table and the bridges off the machine.
  void dismantle() {
    guard.close();
    neighbours.withdraw();
    firewall.removeTable();
    registry.list().stream()
        .filter(network -> !network.bridge().isEmpty())
        .forEach(network -> links.find(network.bridge()).ifPresent(links::delete));
  }

  void close() {
    guard.close();
    naming.close();
    publisher.close();
    neighbours.close();
    firewall.close();
    links.close();
  }
}
