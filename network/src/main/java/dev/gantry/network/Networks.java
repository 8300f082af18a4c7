package dev.gantry.network;

import java.util.List;
import java.util.Optional;

/// The networks of one engine and the containers on them.
///
/// A start is `attach` (reserves addresses and ports, makes the network namespace for the launch to
/// join), then `started` once its first process lives there. The end is `release`: the links go
/// with the namespace. What an engine before this one left running is announced by `restore`, once,
/// before the first `attach`. Failures are of the `Failure` family with Docker's texts. All methods
/// are thread-safe.
public interface Networks extends AutoCloseable {
  /// Opens the networks of this engine: reads what is stored, makes or adopts the bridges, applies
  /// the firewall table.
  static Networks open(NetworkOptions options, NetworkStore store) {
    return HostNetworks.open(options, store);
  }

  /// Reserves a container's endpoints and publishes its ports. Everything is taken back when one
  /// part fails. Modes `host`, `none` and `container:…` have no endpoints and need no call.
  Attached attach(AttachRequest request);

  /// The container's first process is `pid`: it holds the namespace from here on.
  void started(String containerId, int pid);

  /// Gives back addresses, ports and names of `containerId`; nothing happens when it has none. To
  /// be called after the network namespace is gone (its last process ended).
  void release(String containerId);

  /// Takes over what runs since before the engine started, and removes links that belong to none of
  /// it.
  void restore(List<Live> running);

  /// Connects a running container to one more network. Its ports are published when that is its
  /// first way to the outside.
  ///
  /// @param container what its attach said; its own list of endpoints is not looked at
  Attachment connect(AttachRequest container, int pid, EndpointRequest endpoint);

  /// Whether a container could be connected so: what is wrong with the wish itself is refused.
  void check(EndpointRequest endpoint);

  /// What of the wish the network cannot fulfil, in Docker's words; nothing for an unknown network.
  List<String> problems(EndpointRequest endpoint);

  /// Takes a running container off `network` (name or id).
  Attachment disconnect(String containerId, int pid, String network);

  /// A container is called `name` from now on, also by those that look it up.
  Optional<Attachment> rename(String containerId, String name);

  /// What `containerId` has now, if it was attached and not released.
  Optional<Attachment> attachment(String containerId);

  /// Publishes `ports` of a running container in the place of what it publishes; a wish for any
  /// free port keeps the one it has. Nothing has changed after a failure.
  Attachment republish(String containerId, List<PortRequest> ports);

  /// The containers on network `id`.
  List<Attachment> attachments(String id);

  /// Where subnets of new networks come from.
  List<NetworkOptions.AddressPool> pools();

  /// Creates a network.
  Network create(NetworkRequest request);

  /// All networks, `bridge`, `host` and `none` among them.
  List<Network> list();

  /// The network that `nameOrId` (full, or a prefix that fits only one) names, or `NotFound`.
  Network find(String nameOrId);

  /// Removes a network that nothing is on.
  void remove(String nameOrId);

  /// Where the subnets of `network` meet routes of the host, each as a sentence.
  List<String> routeConflicts(Network network);

  /// The addresses of the host that all containers can reach: those of the default bridge.
  List<String> hostGateways();

  /// What containers read as `/etc/resolv.conf` when on these networks; `host` may be one.
  ResolvConf resolvConf(AttachRequest request);

  /// What of the host's set-up stands against containers' traffic, and what to do about it.
  List<String> warnings();

  /// Who reaches `port` (`protocol` is tcp, udp or sctp) of a running container.
  PortExplanation explain(String containerId, int port, String protocol);

  /// Removes the bridges and the firewall table: for an engine that is taken off the machine. No
  /// container may run any more.
  void dismantle();

  /// Ends this engine's own threads and sockets. Containers keep their connections, addresses and
  /// published ports.
  @Override
  void close();

  /// A container's addresses and ports, and its network namespace.
  ///
  /// @param namespace path of the namespace, which the launch joins: it is ready, with its name
  ///   server on user networks, before the container's program runs, and stays until `started` or
  ///   `release`
  record Attached(Attachment attachment, String namespace) {}

  /// A container that runs, and its first process.
  record Live(Attachment attachment, int pid) {}
}
