package dev.gantry.network;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/// Carries the datagrams that come to a published udp port's own socket into the container, and its
/// answers back: what [PortRelay] is for tcp.
///
/// Each sender has a socket of its own towards the container, so that answers find their way; it
/// goes after a minute of silence.
final class DatagramRelay implements Closeable {
  private static final System.Logger LOG = System.getLogger(DatagramRelay.class.getName());
  private static final int SENDERS = 4096;
  private static final int LARGEST = 65_535;
  private static final long SILENCE_NANOS = Duration.ofMinutes(1).toNanos();
  private static final Semaphore FREE = new Semaphore(SENDERS);

  private final DatagramChannel socket;
  private final Supplier<Optional<InetSocketAddress>> target;
  private final Map<SocketAddress, Way> ways = new ConcurrentHashMap<>();

  /// A sender's way into the container.
  private static final class Way {
    final DatagramChannel channel;
    volatile long lastUsed = System.nanoTime();

    Way(DatagramChannel channel) {
      this.channel = channel;
    }
  }

  private DatagramRelay(DatagramChannel socket, Supplier<Optional<InetSocketAddress>> target) {
    this.socket = socket;
    this.target = target;
  }

  /// Serves `socket` until this is closed; `target` is asked anew for each sender, because a
  /// container may change its networks.
  static DatagramRelay start(DatagramChannel socket, Supplier<Optional<InetSocketAddress>> target) {
    DatagramRelay relay = new DatagramRelay(socket, target);
    Thread.ofVirtual().name("gantry-port-udp").start(relay::receive);
    return relay;
  }

  private void receive() {
    ByteBuffer packet = ByteBuffer.allocateDirect(LARGEST);
    while (socket.isOpen()) {
      try {
        packet.clear();
        SocketAddress sender = socket.receive(packet);
        packet.flip();
        Way way = ways.get(sender);
        if (way == null) {
          way = open(sender);
        }
        if (way != null) {
          way.lastUsed = System.nanoTime();
          way.channel.write(packet);
        }
      } catch (IOException e) {
        // the container refuses, or has gone: as on the wire, the sender is not told
        LOG.log(System.Logger.Level.DEBUG, "relayed datagram: {0}", e.getMessage());
      }
    }
    ways.values().forEach(DatagramRelay::close);
  }

  /// Null when the container is on no network, or there are too many senders.
  private @org.jspecify.annotations.Nullable Way open(SocketAddress sender) throws IOException {
    Optional<InetSocketAddress> address = target.get();
    if (address.isEmpty()) {
      return null;
    }
    if (!FREE.tryAcquire()) {
      forgetSilent();
      if (!FREE.tryAcquire()) {
        return null;
      }
    }
    DatagramChannel channel = null;
    try {
      channel = DatagramChannel.open();
      channel.connect(address.get());
      Way way = new Way(channel);
      ways.put(sender, way);
      Thread.ofVirtual().name("gantry-port-udp").start(() -> answer(sender, way));
      return way;
    } catch (IOException e) {
      FREE.release();
      if (channel != null) {
        channel.close();
      }
      throw e;
    }
  }

  private void answer(SocketAddress sender, Way way) {
    ByteBuffer packet = ByteBuffer.allocateDirect(LARGEST);
    try {
      way.channel.socket().setSoTimeout((int) Duration.ofSeconds(10).toMillis());
      while (socket.isOpen()) {
        if (await(way, packet)) {
          packet.flip();
          way.lastUsed = System.nanoTime();
          socket.send(packet, sender);
        } else if (System.nanoTime() - way.lastUsed > SILENCE_NANOS) {
          return;
        }
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed answer: {0}", e.getMessage());
    } finally {
      ways.remove(sender, way);
      close(way);
      FREE.release();
    }
  }

  /// False when nothing came for a while.
  private static boolean await(Way way, ByteBuffer packet) throws IOException {
    byte[] bytes = new byte[LARGEST];
    java.net.DatagramPacket received = new java.net.DatagramPacket(bytes, bytes.length);
    try {
      way.channel.socket().receive(received);
      packet.clear();
      packet.put(bytes, 0, received.getLength());
      return true;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (java.net.PortUnreachableException e) {
      return false; // nobody listens in the container yet
    }
  }

  private void forgetSilent() {
    long now = System.nanoTime();
    ways.values().stream()
        .filter(way -> now - way.lastUsed > SILENCE_NANOS)
        .forEach(DatagramRelay::close);
  }

  private static void close(Way way) {
    try {
      way.channel.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed datagram: {0}", e.getMessage());
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    ways.values().forEach(DatagramRelay::close);
  }
}
