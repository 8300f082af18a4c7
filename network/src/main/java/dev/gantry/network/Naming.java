package dev.gantry.network;

import dev.gantry.network.Network.Pool;
import java.util.List;
import java.util.stream.Stream;

/// Who has a name server, and what it knows.
final class Naming implements AutoCloseable {
  private final NetworkState state;
  private final NameServers servers = new NameServers();

  Naming(NetworkState state) {
    this.state = state;
  }

  /// A container on a user network has a name server.
  static boolean wanted(Attachment attachment) {
    return attachment.endpoints().stream().anyMatch(endpoint -> !endpoint.names().isEmpty());
  }

  /// Serves names to a running container whose networks want it. Not under the lock: it takes a
  /// thread in the container's namespace.
  void serve(Attachment attachment, int pid) {
    if (wanted(attachment)) {
      servers.serve(attachment.containerId(), pid, view(attachment));
    }
  }

  void serve(Attachment attachment, NameServers.Sockets sockets) {
    servers.serve(attachment.containerId(), sockets, view(attachment));
  }

  void stop(String containerId) {
    servers.stop(containerId);
  }

  private NameServers.View view(Attachment attachment) {
    List<String> others =
        attachment.dns().isEmpty() ? HostResolver.servers(state.options) : attachment.dns();
    return new NameServers.View(() -> neighbours(attachment.containerId()), others, hostGateways());
  }

  /// Everybody a container may know by name: those on its networks, itself first.
  private List<Attachment> neighbours(String containerId) {
    state.lock.lock();
    try {
      Attachment self = state.attachments.get(containerId);
      return self == null
          ? List.of()
          : Stream.concat(
                  Stream.of(self),
                  state.attachments.values().stream()
                      .filter(other -> !other.containerId().equals(containerId)))
              .toList();
    } finally {
      state.lock.unlock();
    }
  }

  /// The addresses of the host that all containers can reach.
  List<String> hostGateways() {
    if (!state.options.further().hostGateways().isEmpty()) {
      return state.options.further().hostGateways();
    }
    state.lock.lock();
    try {
      return state.registry.byName("bridge").stream()
          .flatMap(bridge -> bridge.pools().stream())
          .map(Pool::router)
          .filter(router -> !router.isEmpty())
          .toList();
    } finally {
      state.lock.unlock();
    }
  }

  @Override
  public void close() {
    servers.close();
  }
}
