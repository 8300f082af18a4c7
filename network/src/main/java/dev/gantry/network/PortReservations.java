package dev.gantry.network;

import dev.gantry.base.Failure;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
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
  private static final InetAddress ANY6 = Cidr.literal("::").orElseThrow();

  private record Key(String protocol, String hostIp, int port) {}

  /// Who asks for a port.
  ///
  /// @param who as others read it who want the same port
  /// @param target `address:port` that it leads to
  record Holder(String who, String target) {}

  private record Held(Closeable socket, String who) {}

  private final Map<Key, Held> held = new HashMap<>();

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
    try {
      if (protocol.equals("udp")) {
        try (DatagramChannel channel = DatagramChannel.open(family(any)).bind(any)) {
          return channel.getLocalAddress() instanceof InetSocketAddress local ? local.getPort() : 0;
        }
      }
      try (ServerSocketChannel channel = ServerSocketChannel.open(family(any)).bind(any)) {
        return channel.getLocalAddress() instanceof InetSocketAddress local ? local.getPort() : 0;
      }
    } catch (IOException e) {
      throw new Failure.Internal("failed to bind host port for " + hostIp + ": " + text(e), e);
    }
  }

  private void takeAll(String protocol, List<String> hostIps, int port, Holder holder) {
    // one socket on :: has the IPv4 wildcard as well
    boolean both = hostIps.contains("0.0.0.0") && hostIps.contains("::");
    for (String hostIp : hostIps) {
      conflict(protocol, hostIp, port)
          .ifPresent(
              taken -> {
                // clients look for the text up to "allocated"
                throw new Failure.Internal(
                    "Bind for "
                        + taken.hostIp()
                        + ":"
                        + port
                        + " failed: port is already allocated"
                        + Optional.ofNullable(held.get(taken))
                            .filter(other -> !other.who().equals(holder.who()))
                            .map(other -> " by " + other.who())
                            .orElse(""));
              });
    }
    for (String hostIp : hostIps) {
      Key key = new Key(protocol, hostIp, port);
      try {
        Closeable socket =
            both && !hostIp.equals("::") ? () -> {} : bind(protocol, hostIp, port, holder);
        held.put(key, new Held(socket, holder.who()));
      } catch (Failure.Internal e) {
        release(protocol, hostIps, port);
        throw e;
      }
    }
  }

  /// Who of ours holds an address that meets `hostIp`.
  private Optional<Key> conflict(String protocol, String hostIp, int port) {
    InetAddress wanted = address(hostIp);
    return held.keySet().stream()
        .filter(key -> key.port() == port && key.protocol().equals(protocol))
        .filter(
            key -> {
              InetAddress other = address(key.hostIp());
              boolean sameFamily = other.getAddress().length == wanted.getAddress().length;
              return sameFamily
                  && (other.equals(wanted)
                      || other.isAnyLocalAddress()
                      || wanted.isAnyLocalAddress());
            })
        .findFirst();
  }

  private static Closeable bind(String protocol, String hostIp, int port, Holder holder) {
    InetSocketAddress address = new InetSocketAddress(address(hostIp), port);
    try {
      if (protocol.equals("sctp")) {
        return () -> {};
      }
      if (protocol.equals("udp")) {
        DatagramChannel channel = DatagramChannel.open(family(address));
        try {
          return channel.bind(address);
        } catch (IOException e) {
          channel.close();
          throw e;
        }
      }
      ServerSocketChannel channel = ServerSocketChannel.open(family(address));
      try {
        channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        return channel.bind(address, 64);
      } catch (IOException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
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

  private static String text(IOException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("already in use")
        ? "address already in use"
        : message.contains("Cannot assign") ? "cannot assign requested address" : message;
  }

  private static StandardProtocolFamily family(InetSocketAddress address) {
    return address.getAddress().getAddress().length == 16 || address.getAddress().equals(ANY6)
        ? StandardProtocolFamily.INET6
        : StandardProtocolFamily.INET;
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
      hostIps.forEach(hostIp -> held.put(new Key(protocol, hostIp, port), new Held(() -> {}, who)));
    }
  }

  /// Lets what reaches the held sockets go to `target`.
  synchronized void relay(PublishedPort port, Supplier<Optional<InetSocketAddress>> target) {
    Key key = new Key(port.protocol(), port.hostIp(), port.hostPort());
    Held now = held.get(key);
    if (now != null && now.socket() instanceof ServerSocketChannel listener) {
      Thread relay = PortRelay.start(listener, target);
      held.put(key, new Held(() -> close(listener, relay), now.who()));
    } else if (now != null && now.socket() instanceof DatagramChannel socket) {
      held.put(key, new Held(DatagramRelay.start(socket, target), now.who()));
    }
  }

  /// The port is free only when nobody waits for connections on it any more.
  private static void close(ServerSocketChannel listener, Thread relay) throws IOException {
    listener.close();
    try {
      relay.join(Duration.ofSeconds(2));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  synchronized void release(String protocol, List<String> hostIps, int port) {
    for (String hostIp : hostIps) {
      Held gone = held.remove(new Key(protocol, hostIp, port));
      if (gone != null) {
        try {
          gone.socket().close();
        } catch (IOException e) {
          throw new Failure.Internal("cannot release port " + port + ": " + e.getMessage(), e);
        }
      }
    }
  }

  @Override
  public synchronized void close() {
    for (Key key : List.copyOf(held.keySet())) {
      release(key.protocol(), List.of(key.hostIp()), key.port());
    }
  }
}
