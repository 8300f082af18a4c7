package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.kernel.NetNamespace;
import dev.gantry.kernel.Netlink;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// A name server at 127.0.0.11 in each container that is on a user network.
///
/// Its sockets are opened in the container's namespace on ports of the kernel's choice, and rules
/// there write these into packets to port 53: so a container can have a name server of its own on
/// port 53. The rules are no NAT, because that tracks connections: each packet of the container
/// would pay for it.
final class NameServers implements AutoCloseable {
  private static final String TABLE = "gantry-dns";
  private static final int DNS_PORT = 53;
  private static final int HOOK_OUTPUT = 3;
  private static final int PRIORITY_RAW = -300;
  private static final int PRIORITY_MANGLE = -150;
  private static final Cidr ADDRESS = Cidr.parse(HostResolver.EMBEDDED + "/32");

  /// What a server needs to know: who is who now, and whom to ask for everything else.
  ///
  /// @param host addresses of this machine that containers can reach
  record View(Supplier<List<Attachment>> containers, List<String> servers, List<String> host) {}

  /// The sockets of one server.
  record Sockets(DatagramChannel udp, ServerSocket tcp) implements AutoCloseable {
    @Override
    public void close() {
      NameServer.closeQuietly(udp);
      NameServer.closeQuietly(tcp);
    }
  }

  private final Map<String, NameServer> running = new ConcurrentHashMap<>();

  /// Serves names in the namespace of process `pid`; nothing happens when that is done already.
  void serve(String containerId, int pid, View view) {
    running.computeIfAbsent(
        containerId,
        id -> {
          try {
            return NameServer.start(id, NetNamespace.of(pid, NameServers::open), view);
          } catch (Exception e) {
            throw new Failure.Internal(
                "cannot serve names in container " + id + ": " + e.getMessage(), e);
          }
        });
  }

  /// Serves names on `sockets`, which are this server's from here on.
  void serve(String containerId, Sockets sockets, View view) {
    running.put(containerId, NameServer.start(containerId, sockets, view));
  }

  /// Opens the sockets of a server in the namespace that the calling thread is in.
  static Sockets open() throws IOException {
    InetSocketAddress any = new InetSocketAddress(ADDRESS.address(), 0);
    DatagramChannel udp = DatagramChannel.open(java.net.StandardProtocolFamily.INET);
    ServerSocket tcp = new ServerSocket();
    try {
      udp.bind(any);
      tcp.bind(any, 64);
      redirect(udp.socket().getLocalPort(), tcp.getLocalPort());
      return new Sockets(udp, tcp);
    } catch (IOException e) {
      udp.close();
      tcp.close();
      throw e;
    }
  }

  /// Sends what goes to port 53 of our address to the sockets.
  ///
  /// In a new namespace the table is only made. Replacing is for the rule of an earlier engine: the
  /// kernel waits for an RCU grace period (5 to 25 ms) when a socket is closed behind deletions.
  private static void redirect(int udpPort, int tcpPort) throws IOException {
    try (Netlink netlink = Netlink.netfilter()) {
      boolean there =
          !netlink
              .exchange(NftMessages.dumpRules(NftMessages.FAMILY_INET, TABLE, "ask"), TABLE)
              .isEmpty();
      List<byte[]> changes = new ArrayList<>();
      changes.add(NftMessages.newTable(TABLE));
      if (there) {
        changes.add(NftMessages.deleteTable(TABLE));
        changes.add(NftMessages.newTable(TABLE));
      }
      // questions before a container's own conntrack sees them and answers after it: both then
      // belong to one connection
      changes.add(NftMessages.baseChain(TABLE, "ask", "filter", HOOK_OUTPUT, PRIORITY_RAW));
      changes.add(NftMessages.baseChain(TABLE, "answer", "filter", HOOK_OUTPUT, PRIORITY_MANGLE));
      for (Transport transport : Transport.values()) {
        int port = transport == Transport.UDP ? udpPort : tcpPort;
        changes.add(rewrite("ask", false, transport, DNS_PORT, port));
        changes.add(rewrite("answer", true, transport, port, DNS_PORT));
      }
      netlink.exchange(NftMessages.transaction(changes), "rule for the name server");
    }
  }

  private enum Transport {
    UDP(17, 6),
    TCP(6, 16);

    final int protocol;
    final int checksumOffset;

    Transport(int protocol, int checksumOffset) {
      this.protocol = protocol;
      this.checksumOffset = checksumOffset;
    }
  }

  private static byte[] rewrite(
      String chain, boolean source, Transport transport, int from, int to) {
    return NftMessages.rule(
        TABLE,
        chain,
        rule ->
            rule.address(source, ADDRESS)
                .port(source, transport.protocol, from)
                .setPort(source, transport.checksumOffset, to));
  }

  void stop(String containerId) {
    NameServer server = running.remove(containerId);
    if (server != null) {
      server.close();
    }
  }

  @Override
  public void close() {
    List.copyOf(running.keySet()).forEach(this::stop);
  }
}
