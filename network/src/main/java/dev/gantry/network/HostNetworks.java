package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.NetNamespace;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import dev.gantry.network.Network.Pool;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/// The networks of one engine on this host's kernel.
///
/// One lock guards all; under it only the kernel is spoken to, whose answers come at once.
final class HostNetworks implements Networks {
  private static final System.Logger LOG = System.getLogger(HostNetworks.class.getName());
  private static final String LAUNCH = "failed to set up container networking: ";
  private static final String UNKNOWN_NETWORK = "invalid cluster node while attaching to network";

  private final ReentrantLock lock = new ReentrantLock();
  private final NetworkOptions options;
  private final NetworkRegistry registry;
  private final HostLinks links;
  private final Firewall firewall;
  private final NeighbourFirewalls neighbours;
  private final FirewallGuard guard;
  private final Publisher publisher;
  private final NameServers names;
  private final NetworkMaker networkMaker;
  private final EndpointMaker maker;
  private final Map<String, Attachment> attachments = new LinkedHashMap<>();

  /// Namespaces that are made and wait for their container's first process.
  private final Map<String, Fd> held = new ConcurrentHashMap<>();

  private boolean applied;

  private HostNetworks(NetworkOptions options, NetworkStore store) {
    this.options = options;
    this.links = HostLinks.open();
    this.registry = new NetworkRegistry(store, options);
    this.firewall = Firewall.open(options.bridge());
    this.publisher = new Publisher(options, firewall, this::attachment, registry::byId);
    this.neighbours = NeighbourFirewalls.open(firewall.table());
    this.guard = new FirewallGuard(firewall, () -> neighbours.settle(firewall.bridges()));
    this.names = new NameServers();
    this.networkMaker = new NetworkMaker(options, registry, links, firewall, neighbours);
    this.maker = new EndpointMaker(registry);
  }

  static HostNetworks open(NetworkOptions options, NetworkStore store) {
    HostNetworks networks = new HostNetworks(options, store);
    try {
      networks.prepare();
      return networks;
    } catch (RuntimeException e) {
      networks.close();
      throw e;
    }
  }

  private void prepare() {
    registry.predefined("none", "null", List.of(), Map.of());
    registry.predefined("host", "host", List.of(), Map.of());
    if (!options.bridge().equals("none")) {
      DefaultBridge planned = new DefaultBridge(options, registry, links);
      registry.predefined("bridge", "bridge", planned.pools(), planned.settings());
    }
    if (options.ipForward()) {
      HostLinks.sysctl("ipv4/ip_forward", "1");
    }
    registry.list().stream().filter(NetworkMaker::hasBridge).forEach(networkMaker::makeBridge);
  }

  /// Applies the table once, when everything that is published is known: an earlier table without
  /// the ports of running containers would cut them off for a moment.
  private void applyFirewall() {
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

  @Override
  public Attached attach(AttachRequest request) {
    try {
      Reserved reserved = reserveAll(request);
      List<Endpoint> endpoints = reserved.attachment().endpoints();
      if (!reserved.ahead()) {
        return new Attached(
            reserved.attachment(),
            new NetlinkSetup(reserved.host(), reserved.container()),
            "",
            LaunchMessages.firstSettings(endpoints));
      }
      return new Attached(
          reserved.attachment(), NetlinkSetup.NONE, makeNamespace(reserved), Map.of());
    } catch (Failure e) {
      throw new Failure.Internal(LAUNCH + e.text(), e);
    }
  }

  /// @param ahead the namespace is made before the launch
  private record Reserved(
      Attachment attachment, List<HostMessage> host, List<byte[]> container, boolean ahead) {}

  private Reserved reserveAll(AttachRequest request) {
    lock.lock();
    try (Undo undo = new Undo()) {
      applyFirewall();
      if (attachments.containsKey(request.containerId())) {
        throw new Failure.Conflict(
            "container " + request.containerId() + " is on its networks already");
      }
      List<EndpointRequest> wishes = inOrder(request.endpoints());
      List<Network> wanted = wishes.stream().map(wish -> required(wish.network())).toList();
      // what needs names or settings of its own cannot wait for the launch
      boolean ahead =
          wanted.stream().anyMatch(network -> !network.predefined())
              || wishes.stream()
                  .anyMatch(wish -> wish.driverOptions().containsKey(BridgeOptions.SYSCTLS));
      LinkMessages.Target target =
          ahead ? LinkMessages.Target.DESCRIPTOR : LinkMessages.Target.PROCESS;
      List<Endpoint> endpoints = new ArrayList<>();
      List<HostMessage> hostMessages = new ArrayList<>();
      List<byte[]> containerMessages = new ArrayList<>();
      containerMessages.add(LinkMessages.up(LinkMessages.LOOPBACK_INDEX));
      for (int i = 0; i < wishes.size(); i++) {
        Network network = wanted.get(i);
        Endpoint endpoint = maker.reserve(network, wishes.get(i), request, endpoints);
        undo.on(endpoint, maker::free);
        endpoints.add(endpoint);
        hostMessages.addAll(linkMessages(network, endpoint, !request.ports().isEmpty(), target));
        containerMessages.addAll(LaunchMessages.bringUp(endpoint));
      }
      containerMessages.addAll(LaunchMessages.defaultRoutes(endpoints));
      Attachment attachment =
          new Attachment(
              request.containerId(),
              request.name(),
              request.hostname(),
              Ids.next(),
              endpoints,
              List.of(),
              request.dns(),
              request.dnsSearch(),
              request.dnsOptions());
      attachment = publish(attachment, request.ports());
      attachments.put(request.containerId(), attachment);
      undo.commit();
      return new Reserved(attachment, hostMessages, containerMessages, ahead);
    } finally {
      lock.unlock();
    }
  }

  /// Makes the namespace with everything in it, outside the lock, and answers its path.
  private String makeNamespace(Reserved reserved) {
    Attachment attachment = reserved.attachment();
    String id = attachment.containerId();
    try (Undo undo = new Undo()) {
      undo.on(() -> release(id));
      Fd namespace =
          ContainerNamespace.make(
              made -> {
                held.put(id, made); // release closes it
                ContainerNamespace.settings(LaunchMessages.firstSettings(attachment.endpoints()));
                for (HostMessage message : reserved.host()) {
                  links.send(message, made.number(), "interface of " + attachment.name());
                }
                ContainerNamespace.change(
                    LaunchMessages.settings(attachment.endpoints()), reserved.container());
                if (onUserNetwork(attachment)) {
                  names.serve(id, NameServers.HERE, resolver(attachment));
                }
              });
      undo.commit();
      return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.number();
    }
  }

  @Override
  public Attachment republish(String containerId, List<PortRequest> ports) {
    lock.lock();
    try {
      applyFirewall();
      Attachment before = attachments.get(containerId);
      if (before == null) {
        throw new Failure.Conflict("container " + containerId + " is on no network");
      }
      publisher.unpublish(before);
      Attachment bare = before.with(before.endpoints(), List.of());
      try {
        Attachment after = publish(bare, PortRequest.keeping(ports, before.ports()));
        attachments.put(containerId, after);
        return after;
      } catch (Failure e) {
        List<PortRequest> old = before.ports().stream().map(PortRequest::again).toList();
        attachments.put(containerId, publish(bare, old));
        throw e;
      }
    } finally {
      lock.unlock();
    }
  }

  private Attachment publish(Attachment attachment, List<PortRequest> ports) {
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

  /// Gateways first, then by name: the order of `eth0`, `eth1`, …
  private static List<EndpointRequest> inOrder(List<EndpointRequest> wishes) {
    return wishes.stream()
        .sorted(
            Comparator.comparingInt((EndpointRequest wish) -> -wish.gatewayPriority())
                .thenComparing(EndpointRequest::network))
        .toList();
  }

  private Network required(String nameOrId) {
    try {
      return registry.find(nameOrId);
    } catch (Failure.NotFound e) {
      throw new Failure.Internal(UNKNOWN_NETWORK, e);
    }
  }

  private List<HostMessage> linkMessages(
      Network network, Endpoint endpoint, boolean publishing, LinkMessages.Target target) {
    if (network.onHostLink()) {
      return List.of(Macvlan.message(network, endpoint, links, target));
    }
    // a bridge that somebody deleted is made again
    HostLinks.Link bridge =
        links.find(network.bridge()).orElseGet(() -> networkMaker.makeBridge(network));
    return LaunchMessages.veth(
        endpoint, bridge.index(), BridgeOptions.mtu(network), publishing, target);
  }

  @Override
  public void started(String containerId, int pid) {
    attachment(containerId).ifPresent(attachment -> serveNames(attachment, pid));
    letGo(containerId);
  }

  private void letGo(String containerId) {
    Fd namespace = held.remove(containerId);
    if (namespace != null) {
      namespace.close();
    }
  }

  /// Outside the lock: it takes a thread in the container's namespace.
  private void serveNames(Attachment attachment, int pid) {
    if (onUserNetwork(attachment)) {
      names.serve(
          attachment.containerId(), work -> NetNamespace.of(pid, work), resolver(attachment));
    }
  }

  private boolean onUserNetwork(Attachment attachment) {
    return attachment.endpoints().stream().anyMatch(endpoint -> !endpoint.names().isEmpty());
  }

  private NameServers.View resolver(Attachment attachment) {
    List<String> servers =
        attachment.dns().isEmpty() ? HostResolver.servers(options) : attachment.dns();
    return new NameServers.View(() -> snapshot(attachment.containerId()), servers, hostGateways());
  }

  /// Everybody a container may know by name: those on its networks.
  private List<Attachment> snapshot(String containerId) {
    lock.lock();
    try {
      Attachment self = attachments.get(containerId);
      return self == null
          ? List.of()
          : Stream.concat(
                  Stream.of(self),
                  attachments.values().stream()
                      .filter(other -> !other.containerId().equals(containerId)))
              .toList();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void release(String containerId) {
    lock.lock();
    try {
      letGo(containerId);
      Attachment attachment = attachments.remove(containerId);
      if (attachment != null) {
        names.stop(containerId);
        publisher.unpublish(attachment);
        attachment.endpoints().forEach(maker::free);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void restore(List<Live> running) {
    lock.lock();
    try {
      for (Live live : running) {
        Attachment attachment = live.attachment();
        for (Endpoint endpoint : attachment.endpoints()) {
          maker.takeAgain(endpoint);
        }
        publisher.takeAgain(attachment);
        attachments.put(attachment.containerId(), attachment);
      }
      applied = false;
      applyFirewall();
      removeLeftovers();
    } finally {
      lock.unlock();
    }
    running.forEach(this::serveNamesAgain);
  }

  /// A container that has ended meanwhile must not keep the engine from starting.
  private void serveNamesAgain(Live live) {
    try {
      started(live.attachment().containerId(), live.pid());
    } catch (Failure e) {
      LOG.log(System.Logger.Level.WARNING, "after a restart: {0}", e.text());
    }
  }

  /// Links of containers that this engine does not know: their engine was killed between making and
  /// recording them.
  private void removeLeftovers() {
    Set<String> known = new HashSet<>();
    attachments.values().stream()
        .flatMap(attachment -> attachment.endpoints().stream())
        .forEach(endpoint -> known.add(endpoint.hostInterface()));
    Set<String> bridges = new HashSet<>();
    registry.list().forEach(network -> bridges.add(network.bridge()));
    List<HostLinks.Link> all = links.all();
    Map<Integer, String> byIndex = new LinkedHashMap<>();
    all.forEach(link -> byIndex.put(link.index(), link.name()));
    all.stream()
        .filter(link -> link.kind().equals("veth"))
        .filter(link -> link.name().matches("veth[0-9a-f]{7}"))
        .filter(link -> bridges.contains(byIndex.getOrDefault(link.master(), "-")))
        .filter(link -> !known.contains(link.name()))
        .forEach(links::delete);
  }

  @Override
  public Attachment connect(AttachRequest container, int pid, EndpointRequest wish) {
    Attachment after = connectEndpoint(container, pid, wish);
    serveNames(after, pid);
    return after;
  }

  @Override
  public void check(EndpointRequest wish) {
    lock.lock();
    try {
      Network network = required(wish.network());
      EndpointCheck.checkConnectable(network);
      EndpointCheck.check(network, wish);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<String> problems(EndpointRequest wish) {
    lock.lock();
    try {
      return EndpointCheck.problems(registry.find(wish.network()), wish);
    } catch (Failure.NotFound e) {
      return List.of();
    } finally {
      lock.unlock();
    }
  }

  private Attachment connectEndpoint(AttachRequest container, int pid, EndpointRequest wish) {
    String containerId = container.containerId();
    lock.lock();
    try (Undo undo = new Undo()) {
      applyFirewall();
      Attachment before = attached(container);
      Network network = required(wish.network());
      EndpointCheck.checkConnectable(network);
      EndpointCheck.check(network, wish);
      if (before.endpoints().stream().anyMatch(e -> e.networkId().equals(network.id()))) {
        throw new Failure.Forbidden(
            "endpoint with name " + before.name() + " already exists in network " + network.name());
      }
      Endpoint endpoint =
          undo.on(
              maker.reserve(network, wish, asCalledNow(container, before), before.endpoints()),
              maker::free);
      for (HostMessage message :
          linkMessages(
              network, endpoint, !container.ports().isEmpty(), LinkMessages.Target.PROCESS)) {
        links.send(message, pid, "interface of " + before.name());
      }
      List<Endpoint> endpoints = new ArrayList<>(before.endpoints());
      endpoints.add(endpoint);
      undo.on(
          () ->
              ContainerNamespace.change(
                  pid, Map.of(), List.of(LinkMessages.delete(LaunchMessages.index(endpoint)))));
      List<byte[]> messages = new ArrayList<>(LaunchMessages.bringUp(endpoint));
      messages.addAll(LaunchMessages.defaultRoutes(endpoints));
      ContainerNamespace.change(pid, LaunchMessages.settings(List.of(endpoint)), messages);
      Attachment after = before.with(endpoints, before.ports());
      after =
          before.ports().isEmpty()
              ? publish(after, container.ports())
              : publisher.moved(before, after);
      attachments.put(containerId, after);
      undo.commit();
      return after;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Attachment disconnect(String containerId, int pid, String nameOrId) {
    lock.lock();
    try {
      Optional<Attachment> attached = Optional.ofNullable(attachments.get(containerId));
      Network network = registry.find(nameOrId);
      Endpoint gone =
          attached.stream()
              .flatMap(attachment -> attachment.endpoints().stream())
              .filter(endpoint -> endpoint.networkId().equals(network.id()))
              .findFirst()
              .orElseThrow(
                  () ->
                      new Failure.Internal(
                          "container "
                              + containerId
                              + " is not connected to network "
                              + network.name()));
      Attachment before = attached.orElseThrow();
      List<Endpoint> endpoints =
          before.endpoints().stream().filter(endpoint -> !endpoint.equals(gone)).toList();
      List<byte[]> messages = new ArrayList<>();
      messages.add(LinkMessages.delete(LaunchMessages.index(gone)));
      messages.addAll(LaunchMessages.defaultRoutes(endpoints));
      ContainerNamespace.change(pid, Map.of(), messages);
      maker.free(gone);
      Attachment after = publisher.moved(before, before.with(endpoints, before.ports()));
      attachments.put(containerId, after);
      return after;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Optional<Attachment> rename(String containerId, String name) {
    lock.lock();
    try {
      Attachment before = attachments.get(containerId);
      if (before == null) {
        return Optional.empty();
      }
      List<Endpoint> endpoints =
          before.endpoints().stream().map(e -> e.renamed(before.name(), name)).toList();
      Attachment after = before.named(name).with(endpoints, before.ports());
      attachments.put(containerId, after);
      return Optional.of(after);
    } finally {
      lock.unlock();
    }
  }

  private static AttachRequest asCalledNow(AttachRequest container, Attachment attached) {
    return new AttachRequest(
        container.containerId(),
        attached.name(),
        container.hostname(),
        container.endpoints(),
        container.ports(),
        container.dns(),
        container.dnsSearch(),
        container.dnsOptions());
  }

  private Attachment attached(AttachRequest container) {
    Attachment attachment = attachments.get(container.containerId());
    if (attachment == null) {
      // a running container without any network yet
      attachment =
          new Attachment(
              container.containerId(),
              container.name(),
              container.hostname(),
              Ids.next(),
              List.of(),
              List.of(),
              container.dns(),
              container.dnsSearch(),
              container.dnsOptions());
    }
    return attachment;
  }

  @Override
  public Optional<Attachment> attachment(String containerId) {
    lock.lock();
    try {
      return Optional.ofNullable(attachments.get(containerId));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<Attachment> attachments(String id) {
    lock.lock();
    try {
      return attachments.values().stream()
          .filter(a -> a.endpoints().stream().anyMatch(e -> e.networkId().equals(id)))
          .toList();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<NetworkOptions.AddressPool> pools() {
    return options.pools();
  }

  @Override
  public Network create(NetworkRequest request) {
    lock.lock();
    try {
      applyFirewall();
      return networkMaker.create(request);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void remove(String nameOrId) {
    lock.lock();
    try {
      networkMaker.remove(nameOrId, attachments.values());
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<String> routeConflicts(Network network) {
    return networkMaker.routeConflicts(network);
  }

  @Override
  public List<Network> list() {
    lock.lock();
    try {
      return registry.list();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Network find(String nameOrId) {
    lock.lock();
    try {
      return registry.find(nameOrId);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<String> hostGateways() {
    if (!options.further().hostGateways().isEmpty()) {
      return options.further().hostGateways();
    }
    lock.lock();
    try {
      return registry.byName("bridge").stream()
          .flatMap(bridge -> bridge.pools().stream())
          .map(Pool::router)
          .filter(router -> !router.isEmpty())
          .toList();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public ResolvConf resolvConf(AttachRequest request) {
    HostResolver.Kind kind = HostResolver.Kind.OWN_NAMESPACE;
    lock.lock();
    try {
      for (EndpointRequest wish : request.endpoints()) {
        if (wish.network().equals("host")) {
          kind = HostResolver.Kind.HOST;
        } else if (!required(wish.network()).predefined()) {
          kind = HostResolver.Kind.EMBEDDED;
        }
      }
    } finally {
      lock.unlock();
    }
    return HostResolver.conf(options, request, kind);
  }

  @Override
  public List<String> warnings() {
    return neighbours.warnings();
  }

  @Override
  public PortExplanation explain(String containerId, int port, String protocol) {
    lock.lock();
    try {
      Attachment attachment = attachments.get(containerId);
      if (attachment == null) {
        throw new Failure.Conflict(
            "container " + containerId + " has no network of its own now",
            "it must run, and not in the network mode host, none or container",
            null);
      }
      return new PortReach(options, firewall, neighbours, registry::byId)
          .explain(attachment, port, protocol);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void dismantle() {
    lock.lock();
    try {
      guard.close();
      neighbours.withdraw();
      firewall.removeTable();
      registry.list().stream()
          .filter(network -> !network.bridge().isEmpty())
          .forEach(network -> links.find(network.bridge()).ifPresent(links::delete));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    guard.close();
    names.close();
    List.copyOf(held.keySet()).forEach(this::letGo);
    publisher.close();
    neighbours.close();
    firewall.close();
    links.close();
  }
}
