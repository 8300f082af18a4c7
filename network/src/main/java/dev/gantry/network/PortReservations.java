package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.InetSocket;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Host ports held for containers by really binding them: what another program has is found at
/// once, and nobody takes what is published.
///
/// The firewall rewrites most packets before they get to these sockets; what does get there is for
/// [PortRelay]. Thread-safe.
final class PortReservations implements AutoCloseable {
  private static final int EPHEMERAL_TRIES = 64;
  private static final int BACKLOG = 512;

  /// Stands where another socket holds the port, or the kernel has none for the protocol.
  private static final Closeable NOTHING = () -> {};

  private record HostPort(String protocol, int port) {}

  /// Who asks for a port.
  ///
  /// @param who as others read it who want the same port
  /// @param target `address:port` that it leads to
  record Holder(String who, String target) {}

  private record Held(InetAddress address, Closeable socket, String who) {
    /// Whether a socket on `wanted` would meet this one.
    boolean meets(InetAddress wanted) {
      return wanted.getClass() == address.getClass()
          && (address.equals(wanted) || address.isAnyLocalAddress() || wanted.isAnyLocalAddress());
    }
  }

  /// By port, because a conflict is one of any addresses; rarely more than two each.
  private final Map<HostPort, List<Held>> held = new HashMap<>();

  /// Takes a port of `request` on each of `hostIps`, the same on all, and answers it. A range is
  /// tried from its first port on; 0 stands for any free one.
  synchronized int take(PortRequest request, List<String> hostIps, Holder holder) {
    if (request.hostFirst() == 0) {
      return takeAny(request, hostIps, holder);
    }
    Failure.Internal last = null;
    for (int port = request.hostFirst(); port <= request.hostLast(); port++) {
      try {
        takeAll(request.protocol(), hostIps, port, holder);
        return port;
      } catch (Failure.Internal e) {
        last = e;
      }
    }
    throw last == null ? new Failure.Internal("no port in the range") : last;
  }

  private int takeAny(PortRequest request, List<String> hostIps, Holder holder) {
    Failure.Internal last = null;
    for (int i = 0; i < EPHEMERAL_TRIES; i++) {
      // the kernel chooses; a second address may have to refuse its choice
      int port = ephemeral(request.protocol(), hostIps.getFirst());
      try {
        takeAll(request.protocol(), hostIps, port, holder);
        return port;
      } catch (Failure.Internal e) {
        last = e;
      }
    }
    throw last == null ? new Failure.Internal("no free port") : last;
  }

  private static int ephemeral(String protocol, String hostIp) {
    InetSocketAddress any = new InetSocketAddress(address(hostIp), 0);
    try (InetSocket socket = open(protocol, any, false)) {
      return socket.port();
    } catch (Errno e) {
      throw new Failure.Internal("failed to bind host port for " + hostIp + ": " + text(e), e);
    }
  }

  private static InetSocket open(String protocol, InetSocketAddress at, boolean dual) throws Errno {
    return protocol.equals("udp")
        ? InetSocket.datagrams(at, dual)
        : InetSocket.listener(at, dual, BACKLOG);
  }

  private void takeAll(String protocol, List<String> hostIps, int port, Holder holder) {
    // one socket on :: has the IPv4 wildcard as well
    boolean both = hostIps.contains("0.0.0.0") && hostIps.contains("::");
    for (String hostIp : hostIps) {
      InetAddress wanted = address(hostIp);
      for (Held taken : at(protocol, port)) {
        if (taken.meets(wanted)) {
          // clients look for the text up to "allocated"
          throw new Failure.Internal(
              "Bind for "
                  + Cidr.text(taken.address())
                  + ":"
                  + port
                  + " failed: port is already allocated"
                  + (taken.who().equals(holder.who()) ? "" : " by " + taken.who()));
        }
      }
    }
    for (String hostIp : hostIps) {
      try {
        Closeable socket =
            protocol.equals("sctp") || both && !hostIp.equals("::")
                ? NOTHING
                : bind(protocol, hostIp, port, both, holder);
        hold(protocol, hostIp, port, socket, holder.who());
      } catch (Failure.Internal e) {
        release(protocol, hostIps, port);
        throw e;
      }
    }
  }

  private List<Held> at(String protocol, int port) {
    return held.getOrDefault(new HostPort(protocol, port), List.of());
  }

  private void hold(String protocol, String hostIp, int port, Closeable socket, String who) {
    held.computeIfAbsent(new HostPort(protocol, port), _ -> new ArrayList<>(2))
        .add(new Held(address(hostIp), socket, who));
  }

  private Optional<Held> remove(String protocol, String hostIp, int port) {
    HostPort key = new HostPort(protocol, port);
    InetAddress address = address(hostIp);
    List<Held> there = at(protocol, port);
    Optional<Held> found = there.stream().filter(h -> h.address().equals(address)).findFirst();
    found.ifPresent(there::remove);
    if (there.isEmpty()) {
      held.remove(key);
    }
    return found;
  }

  private static Closeable bind(
      String protocol, String hostIp, int port, boolean dual, Holder holder) {
    try {
      return open(protocol, new InetSocketAddress(address(hostIp), port), dual);
    } catch (Errno e) {
      throw new Failure.Internal(
          "failed to bind host port for "
              + hostIp
              + ":"
              + port
              + ":"
              + holder.target()
              + "/"
              + protocol
              + ": "
              + text(e)
              + PortUser.of(protocol, port).map(user -> " by " + user).orElse(""),
          e);
    }
  }

  /// As Docker says it.
  private static String text(Errno e) {
    return switch (e.number()) {
      case Errno.EADDRINUSE -> "address already in use";
      case Errno.EADDRNOTAVAIL -> "cannot assign requested address";
      case Errno.EACCES -> "permission denied";
      default -> String.valueOf(e.getMessage());
    };
  }

  private static InetAddress address(String text) {
    return Cidr.literal(text)
        .orElseThrow(() -> new Failure.InvalidRequest("invalid host IP: " + text));
  }

  /// Takes what a container had before the engine was restarted. Its traffic flows anyway, so a
  /// socket that another program got meanwhile is no reason to fail.
  synchronized void takeAgain(String protocol, List<String> hostIps, int port, String who) {
    try {
      takeAll(protocol, hostIps, port, new Holder(who, ""));
    } catch (Failure.Internal e) {
      hostIps.forEach(hostIp -> hold(protocol, hostIp, port, NOTHING, who));
    }
  }

  /// Lets what reaches the held sockets go to `target`.
  synchronized void relay(PublishedPort port, Supplier<Optional<InetSocketAddress>> target) {
    InetAddress address = address(port.hostIp());
    List<Held> there = held.get(new HostPort(port.protocol(), port.hostPort()));
    if (there == null) {
      return; // reached without a port of the host
    }
    there.replaceAll(h -> h.address().equals(address) ? relayed(port.protocol(), h, target) : h);
  }

  private static Held relayed(
      String protocol, Held now, Supplier<Optional<InetSocketAddress>> target) {
    if (!(now.socket() instanceof InetSocket socket)) {
      return now;
    }
    try {
      Closeable relay =
          protocol.equals("udp")
              ? DatagramRelay.start(socket, target)
              : PortRelay.start(socket, target);
      return new Held(now.address(), relay, now.who());
    } catch (Errno e) {
      throw new Failure.Internal("cannot serve a published port: " + e.getMessage(), e);
    }
  }

  synchronized void release(String protocol, List<String> hostIps, int port) {
    for (String hostIp : hostIps) {
      Optional<Held> gone = remove(protocol, hostIp, port);
      if (gone.isPresent()) {
        try {
          gone.get().socket().close();
        } catch (IOException e) {
          throw new Failure.Internal("cannot release port " + port + ": " + e.getMessage(), e);
        }
      }
    }
  }

  @Override
  public synchronized void close() {
    for (Map.Entry<HostPort, List<Held>> each : List.copyOf(held.entrySet())) {
      List<String> hostIps = each.getValue().stream().map(h -> Cidr.text(h.address())).toList();
      release(each.getKey().protocol(), hostIps, each.getKey().port());
    }
  }
}
