package dev.gantry.network;

import dev.gantry.base.Ids;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/// The name server of one container: answers for its neighbours itself and passes the rest on.
final class NameServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(NameServer.class.getName());

  /// What Docker Desktop calls the machine.
  private static final String HOST = "host.docker.internal";

  private static final int PACKET_LIMIT = 4096;
  private static final int PENDING_LIMIT = 256;
  private static final int IDLE_MILLIS = 10_000;

  private final DatagramChannel udp;
  private final ServerSocket tcp;
  private final NameServers.View view;
  private final DnsForwarder forwarder;
  // queries on their way outside; more are dropped, and the asker tries again
  private final Semaphore pending = new Semaphore(PENDING_LIMIT);

  private NameServer(
      DatagramChannel udp, ServerSocket tcp, NameServers.View view, DnsForwarder forwarder) {
    this.udp = udp;
    this.tcp = tcp;
    this.view = view;
    this.forwarder = forwarder;
  }

  static NameServer start(String containerId, NameServers.Sockets sockets, NameServers.View view) {
    return start(containerId, sockets.udp(), sockets.tcp(), view, new DnsForwarder(view.servers()));
  }

  static NameServer start(
      String containerId,
      DatagramChannel udp,
      ServerSocket tcp,
      NameServers.View view,
      DnsForwarder forwarder) {
    NameServer server = new NameServer(udp, tcp, view, forwarder);
    String name = "gantry-dns-" + Ids.shorten(containerId);
    Thread.ofVirtual().name(name + "-udp").start(server::receive);
    Thread.ofVirtual().name(name + "-tcp").start(server::accept);
    return server;
  }

  private void receive() {
    ByteBuffer buffer = ByteBuffer.allocate(PACKET_LIMIT);
    while (udp.isOpen()) {
      try {
        buffer.clear();
        SocketAddress asker = udp.receive(buffer);
        buffer.flip();
        byte[] message = new byte[buffer.remaining()];
        buffer.get(message);
        DnsMessage.parse(message).ifPresent(query -> answerUdp(message, query, asker));
      } catch (IOException e) {
        stopped("udp", e);
      }
    }
  }

  private void answerUdp(byte[] message, DnsMessage.Query query, SocketAddress asker) {
    Optional<byte[]> own = ownAnswer(query);
    if (own.isPresent()) {
      send(DnsMessage.forUdp(query, own.get()), asker);
    } else if (pending.tryAcquire()) {
      Thread.ofVirtual()
          .name("gantry-dns-forward")
          .start(
              () -> {
                try {
                  send(outside(message, query, false), asker);
                } finally {
                  pending.release();
                }
              });
    }
  }

  private void send(byte[] answer, SocketAddress asker) {
    try {
      udp.send(ByteBuffer.wrap(answer), asker);
    } catch (IOException e) {
      stopped("answer", e);
    }
  }

  private void accept() {
    while (!tcp.isClosed()) {
      try {
        Socket socket = tcp.accept();
        Thread.ofVirtual().name("gantry-dns-tcp").start(() -> serve(socket));
      } catch (IOException e) {
        stopped("tcp", e);
      }
    }
  }

  private void serve(Socket socket) {
    if (!pending.tryAcquire()) {
      closeQuietly(socket);
      return;
    }
    try (socket) {
      socket.setSoTimeout(IDLE_MILLIS);
      while (true) {
        byte[] message = DnsForwarder.read(socket);
        Optional<DnsMessage.Query> query = DnsMessage.parse(message);
        if (query.isEmpty()) {
          return;
        }
        byte[] answer = ownAnswer(query.get()).orElseGet(() -> outside(message, query.get(), true));
        DnsForwarder.write(socket, answer);
      }
    } catch (IOException e) {
      // the asker has what it wanted, or is too slow
      closeQuietly(socket);
    } finally {
      pending.release();
    }
  }

  private Optional<byte[]> ownAnswer(DnsMessage.Query query) {
    ContainerNames names = new ContainerNames(view.containers().get());
    return switch (query.type()) {
      case DnsMessage.A, DnsMessage.AAAA ->
          names
              .resolve(query.name(), query.type() == DnsMessage.AAAA)
              .or(() -> host(query))
              .map(addresses -> DnsMessage.addresses(query, shuffled(addresses)));
      case DnsMessage.PTR ->
          DnsMessage.reverse(query.name())
              .flatMap(names::nameOf)
              .map(name -> DnsMessage.pointer(query, name));
      // a known name has no records of other types; the outside must not be asked for it
      default ->
          names.resolve(query.name(), false).map(_ -> DnsMessage.addresses(query, List.of()));
    };
  }

  /// The machine itself, unless it is called otherwise or the container must not leave.
  private Optional<List<InetAddress>> host(DnsMessage.Query query) {
    boolean asked = query.name().equals(HOST) && !view.host().isEmpty();
    if (!asked || !new ContainerNames(view.containers().get()).reachesOutside()) {
      return Optional.empty();
    }
    int length = query.type() == DnsMessage.AAAA ? 16 : 4;
    return Optional.of(
        new ArrayList<>(
            view.host().stream()
                .flatMap(text -> Cidr.literal(text).stream())
                .filter(address -> address.getAddress().length == length)
                .toList()));
  }

  /// Spreads askers over several containers of one alias.
  private static List<InetAddress> shuffled(List<InetAddress> addresses) {
    Collections.shuffle(addresses);
    return addresses;
  }

  private byte[] outside(byte[] message, DnsMessage.Query query, boolean overTcp) {
    boolean allowed = new ContainerNames(view.containers().get()).reachesOutside();
    return allowed
        ? forwarder.ask(message, query, overTcp).orElseGet(() -> DnsMessage.failure(query))
        : DnsMessage.failure(query);
  }

  private void stopped(String what, IOException e) {
    if (udp.isOpen() && !tcp.isClosed()) {
      LOG.log(System.Logger.Level.DEBUG, "name server {0}: {1}", what, e.getMessage());
    }
  }

  static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      LOG.log(System.Logger.Level.DEBUG, "close: {0}", e.getMessage());
    }
  }

  @Override
  public void close() {
    closeQuietly(udp);
    closeQuietly(tcp);
  }
}
