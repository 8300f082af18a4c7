package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import dev.gantry.network.Networks.Attached;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// A container that starts gets its networks: addresses and ports are reserved, and a namespace
/// that has them all is there before the launch, which joins it.
final class Attaching implements AutoCloseable {
  private static final String LAUNCH = "failed to set up container networking: ";

  private final NetworkState state;
  private final ReadyNamespaces namespaces = new ReadyNamespaces();

  /// Namespaces that wait for their container's first process.
  private final Map<String, Fd> held = new ConcurrentHashMap<>();

  Attaching(NetworkState state) {
    this.state = state;
  }

  /// What is reserved, and what the kernel must be told for it.
  ///
  /// @param pair the endpoint whose link every namespace has already
  /// @param others what makes the links of the others
  /// @param inside what is sent within the namespace
  private record Reserved(
      Attachment attachment, Optional<Pair> pair, List<HostMessage> others, List<byte[]> inside) {}

  private record Pair(Endpoint endpoint, int bridgeIndex, int mtu, boolean publishing) {}

  Attached attach(AttachRequest request) {
    try (Undo undo = new Undo()) {
      Reserved reserved = reserve(request);
      undo.on(() -> release(request.containerId()));
      ReadyNamespace namespace = undo.on(onBridge(reserved), ReadyNamespace::close);
      Attachment attachment = furnish(reserved, namespace);
      held.put(attachment.containerId(), namespace.namespace());
      undo.commit();
      return new Attached(attachment, namespace.path());
    } catch (Failure e) {
      throw new Failure.Internal(LAUNCH + e.text(), e);
    }
  }

  private Reserved reserve(AttachRequest request) {
    state.lock.lock();
    try (Undo undo = new Undo()) {
      state.applyFirewall();
      if (state.attachments.containsKey(request.containerId())) {
        throw new Failure.Conflict(
            "container " + request.containerId() + " is on its networks already");
      }
      boolean publishing = !request.ports().isEmpty();
      List<Endpoint> endpoints = new ArrayList<>();
      List<HostMessage> others = new ArrayList<>();
      List<byte[]> inside = new ArrayList<>();
      Optional<Pair> pair = Optional.empty();
      for (EndpointRequest wish : inOrder(request.endpoints())) {
        Network network = state.required(wish.network());
        Endpoint endpoint =
            undo.on(state.maker.reserve(network, wish, request, endpoints), state.maker::free);
        endpoints.add(endpoint);
        if (endpoint.interfaceName().equals(ReadyNamespace.INTERFACE) && !network.onHostLink()) {
          int mtu = BridgeOptions.mtu(network);
          pair = Optional.of(new Pair(endpoint, state.bridge(network).index(), mtu, publishing));
          inside.addAll(LaunchMessages.bringUp(endpoint, mtu));
        } else {
          others.addAll(
              state.linkMessages(network, endpoint, publishing, LinkMessages.Target.DESCRIPTOR));
          inside.addAll(LaunchMessages.bringUp(endpoint));
        }
      }
      inside.addAll(LaunchMessages.defaultRoutes(endpoints));
      Attachment attachment =
          state.publish(Attachment.of(request, Ids.next(), endpoints), request.ports());
      state.attachments.put(request.containerId(), attachment);
      undo.commit();
      return new Reserved(attachment, pair, others, inside);
    } finally {
      state.lock.unlock();
    }
  }

  /// Gateways first, then by name: the order of `eth0`, `eth1`, …
  private static List<EndpointRequest> inOrder(List<EndpointRequest> wishes) {
    return wishes.stream()
        .sorted(
            Comparator.comparingInt((EndpointRequest wish) -> -wish.gatewayPriority())
                .thenComparing(EndpointRequest::network))
        .toList();
  }

  /// A namespace whose pair is on its bridge. One that waits is tried first: somebody may have
  /// deleted its links.
  private ReadyNamespace onBridge(Reserved reserved) {
    ReadyNamespace.Kind kind =
        new ReadyNamespace.Kind(
            reserved.pair().isPresent(),
            reserved.pair().filter(pair -> !pair.endpoint().ipv6().isEmpty()).isPresent(),
            Naming.wanted(reserved.attachment()));
    ReadyNamespace waiting = namespaces.poll(kind);
    if (waiting != null) {
      try {
        putOnBridge(waiting, reserved);
        return waiting;
      } catch (Failure e) {
        waiting.close();
      }
    }
    ReadyNamespace made = ReadyNamespace.make(kind, state.links);
    try {
      putOnBridge(made, reserved);
      return made;
    } catch (Failure e) {
      made.close();
      throw e;
    }
  }

  private void putOnBridge(ReadyNamespace namespace, Reserved reserved) {
    reserved
        .pair()
        .ifPresent(
            pair -> {
              int index = namespace.hostIndex();
              List<byte[]> messages = new ArrayList<>();
              messages.add(LinkMessages.onBridge(index, pair.bridgeIndex(), pair.mtu()));
              if (pair.publishing()) {
                messages.add(LinkMessages.hairpin(index).bytes());
              }
              state.links.change(messages, "interface " + namespace.hostInterface());
            });
  }

  /// Makes the other links, gives all their addresses, and has names served.
  private Attachment furnish(Reserved reserved, ReadyNamespace namespace) {
    Attachment attachment =
        reserved.pair().isPresent()
            ? onPair(reserved.attachment(), reserved.pair().get(), namespace)
            : reserved.attachment();
    int target = namespace.namespace().number();
    for (HostMessage message : reserved.others()) {
      state.links.send(message, target, "interface of " + attachment.name());
    }
    if (reserved.pair().isEmpty() || !LaunchMessages.pairIsEnough(attachment.endpoints())) {
      ContainerNamespace.settings(
          namespace.namespace(), LaunchMessages.settings(attachment.endpoints()));
    }
    try {
      namespace.inside().exchange(NetlinkMessage.join(reserved.inside()), "the container's links");
    } catch (Errno e) {
      throw new Failure.Internal("cannot set up the container's links: " + e.getMessage(), e);
    }
    namespace.inside().close();
    namespace.sockets().ifPresent(sockets -> state.naming.serve(attachment, sockets));
    return attachment;
  }

  /// The endpoint's link on the host is the one of the namespace's pair.
  private Attachment onPair(Attachment attachment, Pair pair, ReadyNamespace namespace) {
    state.lock.lock();
    try {
      Attachment now = state.attachments.getOrDefault(attachment.containerId(), attachment);
      Attachment result =
          now.with(
              now.endpoints().stream()
                  .map(
                      endpoint ->
                          endpoint.endpointId().equals(pair.endpoint().endpointId())
                              ? endpoint.onLink(namespace.hostInterface())
                              : endpoint)
                  .toList(),
              now.ports());
      state.attachments.put(attachment.containerId(), result);
      return result;
    } finally {
      state.lock.unlock();
    }
  }

  /// The container's first process is `pid`.
  void started(String containerId, int pid) {
    state.attachment(containerId).ifPresent(attachment -> state.naming.serve(attachment, pid));
    letGo(containerId);
    namespaces.refill();
  }

  private void letGo(String containerId) {
    Fd namespace = held.remove(containerId);
    if (namespace != null) {
      namespace.close();
    }
  }

  void release(String containerId) {
    state.lock.lock();
    try {
      letGo(containerId);
      Attachment attachment = state.attachments.remove(containerId);
      if (attachment != null) {
        state.naming.stop(containerId);
        state.publisher.unpublish(attachment);
        attachment.endpoints().forEach(state.maker::free);
      }
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void close() {
    namespaces.close();
    List.copyOf(held.keySet()).forEach(this::letGo);
  }
}
