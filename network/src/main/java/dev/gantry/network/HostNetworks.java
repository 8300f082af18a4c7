package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.NetNamespace;
import dev.gantry.kernel.Netlink;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import dev.gantry.network.HostLinks.Route;
import dev.gantry.network.Network.Pool;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
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
      registry.predefined("bridge", "bridge", planned.pools(), defaultSettings());
    }
    if (options.ipForward()) {
      HostLinks.sysctl("ipv4/ip_forward", "1");
    }
    registry.list().stream().filter(HostNetworks::hasBridge).forEach(this::makeBridge);
  }

  private Map<String, String> defaultSettings() {
    return Map.of(
        BridgeOptions.DEFAULT_BRIDGE, "true",
        BridgeOptions.ICC, String.valueOf(options.icc()),
        BridgeOptions.MASQUERADE, String.valueOf(options.masquerade()),
        BridgeOptions.HOST_BINDING, options.hostBinding(),
        BridgeOptions.NAME, options.bridge(),
        BridgeOptions.MTU, String.valueOf(options.mtu() == 0 ? 1500 : options.mtu()));
  }

  private static boolean hasBridge(Network network) {
    return network.driver().equals("bridge") && !network.configOnly();
  }

  private HostLinks.Link makeBridge(Network network) {
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

  /// Applies the table once, when everything that is published is known: an earlier table without
  /// the ports of running containers would cut them off for a moment.
  private void applyFirewall() {
    if (options.firewall() && !applied) {
      firewall.prepare(
          registry.list().stream().filter(HostNetworks::hasBridge).map(this::rules).toList(),
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
        Endpoint endpoint = reserve(network, wishes.get(i), request, endpoints);
        undo.on(endpoint, this::free);
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
      Fd namespace = NetNamespace.create();
      held.put(id, namespace); // release closes it
      List<Endpoint> endpoints = attachment.endpoints();
      NetNamespace.in(
          namespace,
          () -> {
            write(LaunchMessages.firstSettings(endpoints));
            return true;
          });
      for (HostMessage message : reserved.host()) {
        links.send(message, namespace.number(), "interface of " + attachment.name());
      }
      NetNamespace.in(
          namespace,
          () -> {
            write(LaunchMessages.settings(endpoints));
            try (Netlink netlink = Netlink.route()) {
              netlink.exchange(NetlinkMessage.join(reserved.container()), "the container's links");
            }
            return true;
          });
      if (onUserNetwork(attachment)) {
        names.serve(id, work -> NetNamespace.in(namespace, work), resolver(attachment));
      }
      undo.commit();
      return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.number();
    } catch (Failure e) {
      throw e;
    } catch (Exception e) {
      throw new Failure.Internal("cannot make the network namespace: " + e.getMessage(), e);
    }
  }

  private static void write(Map<String, String> settings) {
    settings.forEach(
        (key, value) -> HostLinks.sysctl(key.substring("net.".length()).replace('.', '/'), value));
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
        Attachment after = publish(bare, keeping(ports, before.ports()));
        attachments.put(containerId, after);
        return after;
      } catch (Failure e) {
        List<PortRequest> old =
            before.ports().stream()
                .map(
                    p ->
                        new PortRequest(
                            p.containerPort(),
                            p.protocol(),
                            p.hostIp(),
                            p.hostPort(),
                            p.hostPort()))
                .toList();
        attachments.put(containerId, publish(bare, old));
        throw e;
      }
    } finally {
      lock.unlock();
    }
  }

  private static List<PortRequest> keeping(List<PortRequest> wishes, List<PublishedPort> there) {
    return wishes.stream()
        .map(
            wish ->
                there.stream()
                    .filter(
                        p ->
                            wish.hostFirst() == 0
                                && p.containerPort() == wish.containerPort()
                                && p.protocol().equals(wish.protocol())
                                && (wish.hostIp().isEmpty() || wish.hostIp().equals(p.hostIp())))
                    .findFirst()
                    .map(
                        p ->
                            new PortRequest(
                                p.containerPort(),
                                p.protocol(),
                                wish.hostIp(),
                                p.hostPort(),
                                p.hostPort()))
                    .orElse(wish))
        .toList();
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
    HostLinks.Link bridge = links.find(network.bridge()).orElseGet(() -> makeBridge(network));
    return LaunchMessages.veth(
        endpoint, bridge.index(), BridgeOptions.mtu(network), publishing, target);
  }

  /// Takes addresses for one endpoint.
  private Endpoint reserve(
      Network network, EndpointRequest wish, AttachRequest container, List<Endpoint> others) {
    if (network.configOnly()) {
      throw new Failure.Forbidden("cannot create endpoint on configuration-only network");
    }
    if (network.driver().equals("host") || network.driver().equals("null")) {
      throw new Failure.InvalidRequest("network " + network.name() + " has no endpoints");
    }
    EndpointCheck.check(network, wish);
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
    return java.util.HexFormat.ofDelimiter(":").formatHex(mac);
  }

  private static String checkedMac(String text) {
    String mac = text.toLowerCase(java.util.Locale.ROOT).replace('-', ':');
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

  private void free(Endpoint endpoint) {
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
        attachment.endpoints().forEach(this::free);
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
          registry.byId(endpoint.networkId()).ifPresent(network -> take(network, endpoint));
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

  private void take(Network network, Endpoint endpoint) {
    Stream.of(endpoint.ipv4(), endpoint.ipv6())
        .flatMap(text -> Cidr.literal(text).stream())
        .forEach(
            address ->
                registry.rangeOf(network, address).ifPresent(range -> range.reserve(address)));
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
              reserve(network, wish, asCalledNow(container, before), before.endpoints()),
              this::free);
      for (HostMessage message :
          linkMessages(
              network, endpoint, !container.ports().isEmpty(), LinkMessages.Target.PROCESS)) {
        links.send(message, pid, "interface of " + before.name());
      }
      List<Endpoint> endpoints = new ArrayList<>(before.endpoints());
      endpoints.add(endpoint);
      undo.on(() -> inside(pid, List.of(LinkMessages.delete(LaunchMessages.index(endpoint)))));
      List<byte[]> messages = new ArrayList<>(LaunchMessages.bringUp(endpoint));
      messages.addAll(LaunchMessages.defaultRoutes(endpoints));
      insideWithSettings(pid, messages, LaunchMessages.settings(List.of(endpoint)));
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
      inside(pid, messages);
      free(gone);
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

  private static void inside(int pid, List<byte[]> messages) {
    insideWithSettings(pid, messages, Map.of());
  }

  private static void insideWithSettings(
      int pid, List<byte[]> messages, Map<String, String> settings) {
    try {
      NetNamespace.of(
          pid,
          () -> {
            // before the addresses: a namespace without IPv6 so far refuses them
            write(settings);
            try (Netlink netlink = Netlink.route()) {
              netlink.exchange(NetlinkMessage.join(messages), "the container's links");
            }
            return true;
          });
    } catch (Failure e) {
      throw e;
    } catch (Exception e) {
      throw new Failure.Internal(
          "cannot change the links of the container with process " + pid + ": " + e.getMessage(),
          e);
    }
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
    try (Undo undo = new Undo()) {
      applyFirewall();
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
    } finally {
      lock.unlock();
    }
  }

  private Firewall.BridgeRules rules(Network network) {
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
  public void remove(String nameOrId) {
    lock.lock();
    try {
      Network network = registry.find(nameOrId);
      refuseRemoval(network);
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
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<String> routeConflicts(Network network) {
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

  private void refuseRemoval(Network network) {
    if (network.predefined()) {
      throw new Failure.Forbidden(
          network.name() + " is a pre-defined network and cannot be removed");
    }
    List<String> active =
        attachments.values().stream()
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
