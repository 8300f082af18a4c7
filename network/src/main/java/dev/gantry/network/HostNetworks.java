package dev.gantry.network;

import dev.gantry.base.Failure;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The networks of one engine on this host's kernel.
///
/// What takes more than a few steps is a flow of its own: [Attaching] for a container that starts,
/// [Connecting] for one that runs, [NetworkMaker] for networks.
final class HostNetworks implements Networks {
  private static final System.Logger LOG = System.getLogger(HostNetworks.class.getName());

  private final NetworkState state;
  private final Attaching attaching;
  private final Connecting connecting;

  private HostNetworks(NetworkOptions options, NetworkStore store) {
    this.state = new NetworkState(options, store);
    this.attaching = new Attaching(state);
    this.connecting = new Connecting(state);
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
    state.registry.predefined("none", "null", List.of(), Map.of());
    state.registry.predefined("host", "host", List.of(), Map.of());
    if (!state.options.bridge().equals("none")) {
      DefaultBridge planned = new DefaultBridge(state.options, state.registry, state.links);
      state.registry.predefined("bridge", "bridge", planned.pools(), planned.settings());
    }
    if (state.options.ipForward()) {
      HostLinks.sysctl("ipv4/ip_forward", "1");
    }
    state.registry.list().stream()
        .filter(NetworkMaker::hasBridge)
        .forEach(state.networkMaker::makeBridge);
  }

  @Override
  public Attached attach(AttachRequest request) {
    return attaching.attach(request);
  }

  @Override
  public void started(String containerId, int pid) {
    attaching.started(containerId, pid);
  }

  @Override
  public void release(String containerId) {
    attaching.release(containerId);
  }

  @Override
  public Attachment republish(String containerId, List<PortRequest> ports) {
    state.lock.lock();
    try {
      state.applyFirewall();
      Attachment before = state.attachments.get(containerId);
      if (before == null) {
        throw new Failure.Conflict("container " + containerId + " is on no network");
      }
      state.publisher.unpublish(before);
      Attachment bare = before.with(before.endpoints(), List.of());
      try {
        Attachment after = state.publish(bare, PortRequest.keeping(ports, before.ports()));
        state.attachments.put(containerId, after);
        return after;
      } catch (Failure e) {
        List<PortRequest> old = before.ports().stream().map(PortRequest::again).toList();
        state.attachments.put(containerId, state.publish(bare, old));
        throw e;
      }
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void restore(List<Live> running) {
    state.lock.lock();
    try {
      for (Live live : running) {
        Attachment attachment = live.attachment();
        for (Endpoint endpoint : attachment.endpoints()) {
          state.maker.takeAgain(endpoint);
        }
        state.publisher.takeAgain(attachment);
        state.attachments.put(attachment.containerId(), attachment);
      }
      state.reapplyFirewall();
      removeLeftovers();
    } finally {
      state.lock.unlock();
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
    state.attachments.values().stream()
        .flatMap(attachment -> attachment.endpoints().stream())
        .forEach(endpoint -> known.add(endpoint.hostInterface()));
    Set<String> bridges = new HashSet<>();
    state.registry.list().forEach(network -> bridges.add(network.bridge()));
    List<HostLinks.Link> all = state.links.all();
    Map<Integer, String> byIndex = new LinkedHashMap<>();
    all.forEach(link -> byIndex.put(link.index(), link.name()));
    all.stream()
        .filter(link -> link.kind().equals("veth"))
        .filter(link -> link.name().matches("veth[0-9a-f]{7}"))
        .filter(link -> bridges.contains(byIndex.getOrDefault(link.master(), "-")))
        .filter(link -> !known.contains(link.name()))
        .forEach(state.links::delete);
  }

  @Override
  public Attachment connect(AttachRequest container, int pid, EndpointRequest wish) {
    return connecting.connect(container, pid, wish);
  }

  @Override
  public Attachment disconnect(String containerId, int pid, String nameOrId) {
    return connecting.disconnect(containerId, pid, nameOrId);
  }

  @Override
  public void check(EndpointRequest wish) {
    state.lock.lock();
    try {
      Network network = state.required(wish.network());
      EndpointCheck.checkConnectable(network);
      EndpointCheck.check(network, wish);
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public List<String> problems(EndpointRequest wish) {
    state.lock.lock();
    try {
      return EndpointCheck.problems(state.registry.find(wish.network()), wish);
    } catch (Failure.NotFound e) {
      return List.of();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public Optional<Attachment> rename(String containerId, String name) {
    state.lock.lock();
    try {
      Attachment before = state.attachments.get(containerId);
      if (before == null) {
        return Optional.empty();
      }
      List<Endpoint> endpoints =
          before.endpoints().stream().map(e -> e.renamed(before.name(), name)).toList();
      Attachment after = before.named(name).with(endpoints, before.ports());
      state.attachments.put(containerId, after);
      return Optional.of(after);
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public Optional<Attachment> attachment(String containerId) {
    state.lock.lock();
    try {
      return Optional.ofNullable(state.attachments.get(containerId));
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public List<Attachment> attachments(String id) {
    state.lock.lock();
    try {
      return state.attachments.values().stream()
          .filter(a -> a.endpoints().stream().anyMatch(e -> e.networkId().equals(id)))
          .toList();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public List<NetworkOptions.AddressPool> pools() {
    return state.options.pools();
  }

  @Override
  public Network create(NetworkRequest request) {
    state.lock.lock();
    try {
      state.applyFirewall();
      return state.networkMaker.create(request);
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void remove(String nameOrId) {
    state.lock.lock();
    try {
      state.networkMaker.remove(nameOrId, state.attachments.values());
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public List<String> routeConflicts(Network network) {
    return state.networkMaker.routeConflicts(network);
  }

  @Override
  public List<Network> list() {
    state.lock.lock();
    try {
      return state.registry.list();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public Network find(String nameOrId) {
    state.lock.lock();
    try {
      return state.registry.find(nameOrId);
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public List<String> hostGateways() {
    return state.naming.hostGateways();
  }

  @Override
  public ResolvConf resolvConf(AttachRequest request) {
    HostResolver.Kind kind = HostResolver.Kind.OWN_NAMESPACE;
    state.lock.lock();
    try {
      for (EndpointRequest wish : request.endpoints()) {
        if (wish.network().equals("host")) {
          kind = HostResolver.Kind.HOST;
        } else if (!state.required(wish.network()).predefined()) {
          kind = HostResolver.Kind.EMBEDDED;
        }
      }
    } finally {
      state.lock.unlock();
    }
    return HostResolver.conf(state.options, request, kind);
  }

  @Override
  public List<String> warnings() {
    return state.neighbours.warnings();
  }

  @Override
  public PortExplanation explain(String containerId, int port, String protocol) {
    state.lock.lock();
    try {
      Attachment attachment = state.attachments.get(containerId);
      if (attachment == null) {
        throw new Failure.Conflict(
            "container " + containerId + " has no network of its own now",
            "it must run, and not in the network mode host, none or container",
            null);
      }
      return new PortReach(state.options, state.firewall, state.neighbours, state.registry::byId)
          .explain(attachment, port, protocol);
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void dismantle() {
    state.lock.lock();
    try {
      state.dismantle();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void close() {
    attaching.close();
    state.close();
  }
}
