package dev.gantry.network;

import dev.gantry.base.Undo;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Netlink;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import dev.gantry.network.NameServers.Sockets;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;

/// A network namespace that waits for its container: the loopback is up, a veth pair has its one
/// end inside as `eth0` and the other on the host, down and on no bridge; the sockets and rules of
/// the name server are there if it shall have one.
///
/// It lives as long as the descriptor or a process in it, and its links with it: nothing is left
/// behind by an engine that was killed.
///
/// @param inside a socket whose messages are about this namespace's links
/// @param hostInterface the name of the pair's end on the host, and its index
record ReadyNamespace(
    Fd namespace, Netlink inside, String hostInterface, int hostIndex, Optional<Sockets> sockets)
    implements AutoCloseable {
  /// The name of the pair's end inside.
  static final String INTERFACE = "eth0";

  private static final int INDEX = LaunchMessages.index(INTERFACE);

  /// What kinds of containers there are.
  ///
  /// @param pair it has the veth pair
  /// @param ipv6 the pair has IPv6
  /// @param names it has a name server
  record Kind(boolean pair, boolean ipv6, boolean names) {}

  static ReadyNamespace make(Kind kind, HostLinks links) {
    String hostInterface = "veth%07x".formatted(ThreadLocalRandom.current().nextInt(1 << 28));
    int hostIndex = LaunchMessages.freeHostIndex();
    AtomicReference<ReadyNamespace> made = new AtomicReference<>();
    try (Undo undo = new Undo()) {
      ContainerNamespace.make(
          namespace -> {
            undo.on(namespace, Fd::close);
            if (kind.pair()) {
              HostMessage pair = LinkMessages.pair(hostInterface, hostIndex, INTERFACE, INDEX);
              links.send(pair, namespace.number(), "interface " + hostInterface);
              ContainerNamespace.settings(LaunchMessages.settings(INTERFACE, kind.ipv6()));
            }
            Netlink inside = undo.on(Netlink.route(), Netlink::close);
            inside.exchange(LinkMessages.up(LinkMessages.LOOPBACK_INDEX), "the loopback");
            Optional<Sockets> sockets =
                kind.names() ? Optional.of(NameServers.open()) : Optional.empty();
            made.set(new ReadyNamespace(namespace, inside, hostInterface, hostIndex, sockets));
          });
      undo.commit();
    }
    return Objects.requireNonNull(made.get());
  }

  /// Where a process finds it that joins it; for as long as the descriptor is open.
  String path() {
    return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.number();
  }

  @Override
  public void close() {
    inside.close();
    sockets.ifPresent(Sockets::close);
    namespace.close();
  }
}
