package dev.gantry.network;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.InetSocket;
import dev.gantry.kernel.Poller;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Carries the datagrams that come to a published udp port's own socket into the container, and its
/// answers back: what [PortRelay] is for tcp.
///
/// Each sender has a socket of its own towards the container, so that answers find their way; it
/// goes after a minute of silence. Answers leave from the address that the sender wrote to. Between
/// packets a sender costs two descriptors, and no thread or buffer: their number is bounded, and
/// anybody may invent senders.
final class DatagramRelay implements Closeable {
  private static final System.Logger LOG = System.getLogger(DatagramRelay.class.getName());
  private static final int SENDERS = 4096;
  private static final int LARGEST = 65_535;
  private static final Duration SILENCE = Duration.ofMinutes(1);
  private static final Duration SWEEP = Duration.ofSeconds(10);
  private static final Semaphore FREE = new Semaphore(SENDERS);

  private final InetSocket socket;
  private final Supplier<Optional<InetSocketAddress>> target;
  private final Map<InetSocket.Correspondent, Way> ways = new ConcurrentHashMap<>();
  private final Poller.Registration waiting;
  private boolean closed;
  private boolean sweeping;

  private DatagramRelay(InetSocket socket, Supplier<Optional<InetSocketAddress>> target)
      throws Errno {
    this.socket = socket;
    this.target = target;
    this.waiting = onReadable(socket, this::receiveAll);
  }

  private static Poller.Registration onReadable(InetSocket socket, Runnable work) throws Errno {
    return Poller.shared()
        .onReadable(socket.fd(), () -> Thread.ofVirtual().name("gantry-port-udp").start(work));
  }

  /// Serves `socket` until this is closed; `target` is asked anew for each sender, because a
  /// container may change its networks.
  static DatagramRelay start(InetSocket socket, Supplier<Optional<InetSocketAddress>> target)
      throws Errno {
    DatagramRelay relay = new DatagramRelay(socket, target);
    relay.waiting.arm();
    return relay;
  }

  /// A sender's way into the container.
  private final class Way implements Closeable {
    private final InetSocket.Correspondent sender;
    private final InetSocket inside;
    private final Poller.Registration answers;
    private volatile long lastUsed = System.nanoTime();
    private boolean gone;

    Way(InetSocket.Correspondent sender, InetSocket inside) throws Errno {
      this.sender = sender;
      this.inside = inside;
      this.answers = onReadable(inside, this::answerAll);
    }

    synchronized void write(ByteBuffer packet) throws Errno {
      lastUsed = System.nanoTime();
      if (!gone) {
        int ignored = inside.fd().write(packet);
      }
    }

    private void answerAll() {
      try (Arena arena = Arena.ofConfined()) {
        ByteBuffer packet = arena.allocate(LARGEST).asByteBuffer();
        while (read(packet)) {
          lastUsed = System.nanoTime();
          DatagramRelay.this.send(packet.flip(), sender);
        }
      }
      arm(answers);
    }

    private synchronized boolean read(ByteBuffer packet) {
      try {
        return !gone && inside.fd().read(packet.clear()) >= 0;
      } catch (Errno e) {
        return false; // nothing more, or nobody listens in the container yet
      }
    }

    @Override
    public synchronized void close() {
      if (!gone) {
        gone = true;
        answers.close();
        inside.close();
        FREE.release();
      }
    }
  }

  private void receiveAll() {
    try (Arena arena = Arena.ofConfined()) {
      ByteBuffer packet = arena.allocate(LARGEST).asByteBuffer();
      for (Optional<InetSocket.Correspondent> sender = receive(packet);
          sender.isPresent();
          sender = receive(packet)) {
        carry(packet, sender.get());
      }
    } catch (Errno e) {
      LOG.log(System.Logger.Level.DEBUG, "published port: {0}", e.getMessage());
    }
    arm(waiting);
  }

  /// Under the lock, because a closed descriptor's number may be somebody else's.
  private synchronized Optional<InetSocket.Correspondent> receive(ByteBuffer packet) throws Errno {
    return closed ? Optional.empty() : socket.receive(packet);
  }

  private synchronized void send(ByteBuffer packet, InetSocket.Correspondent to) {
    try {
      if (!closed) {
        socket.send(packet, to);
      }
    } catch (Errno e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed answer: {0}", e.getMessage());
    }
  }

  private void carry(ByteBuffer packet, InetSocket.Correspondent sender) {
    try {
      Way way = ways.get(sender);
      if (way == null) {
        way = open(sender);
      }
      if (way != null) {
        way.write(packet);
      }
    } catch (IOException e) {
      // the container refuses, or has gone: as on the wire, the sender is not told
      LOG.log(System.Logger.Level.DEBUG, "relayed datagram: {0}", e.getMessage());
    }
  }

  /// Null when the container is on no network, or there are too many senders.
  private @Nullable Way open(InetSocket.Correspondent sender) throws Errno {
    Optional<InetSocketAddress> address = target.get(); // takes the networks' lock: not under ours
    if (address.isEmpty() || !FREE.tryAcquire()) {
      return null;
    }
    Way way = null;
    InetSocket inside = null;
    try {
      inside = InetSocket.datagramsTo(address.get());
      way = new Way(sender, inside);
      way.answers.arm();
      keep(way);
      return way;
    } catch (Errno e) {
      if (way != null) {
        way.close();
      } else {
        FREE.release();
        if (inside != null) {
          inside.close();
        }
      }
      throw e;
    }
  }

  private synchronized void keep(Way way) {
    if (closed) {
      way.close();
      return;
    }
    ways.put(way.sender, way);
    if (!sweeping) {
      sweeping = true;
      Thread.ofVirtual().name("gantry-port-sweep").start(this::sweep);
    }
  }

  /// Ends with the last sender.
  private void sweep() {
    try {
      do {
        Thread.sleep(SWEEP);
      } while (forgetSilent());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized boolean forgetSilent() {
    long now = System.nanoTime();
    for (Way way : List.copyOf(ways.values())) {
      if (now - way.lastUsed > SILENCE.toNanos()) {
        ways.remove(way.sender);
        way.close();
      }
    }
    sweeping = !ways.isEmpty();
    return sweeping;
  }

  private static void arm(Poller.Registration registration) {
    try {
      registration.arm();
    } catch (Errno e) {
      LOG.log(System.Logger.Level.WARNING, "published port: {0}", e.getMessage());
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    waiting.close();
    socket.close();
    ways.values().forEach(Way::close);
    ways.clear();
  }
}
