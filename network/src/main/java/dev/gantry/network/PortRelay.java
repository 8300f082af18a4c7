package dev.gantry.network;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.InetSocket;
import dev.gantry.kernel.Poller;
import dev.gantry.kernel.ReadWait;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/// Carries the TCP connections that come to a published port's own socket into the container.
///
/// The firewall leads nearly all past it. What remains are IPv6 connections to a container that has
/// IPv4 only (so `localhost` works whichever address it stands for), and everything where published
/// ports shall obey the host's input rules. A port to which nobody connects is one registration in
/// the poller: no thread, no buffer.
final class PortRelay implements Closeable {
  private static final System.Logger LOG = System.getLogger(PortRelay.class.getName());
  private static final int CONNECTIONS = 4096;
  private static final int BUFFER = 32 << 10;
  private static final long CONNECT_NANOS = Duration.ofSeconds(10).toNanos();
  private static final Semaphore FREE = new Semaphore(CONNECTIONS);

  private final InetSocket listener;
  private final Supplier<Optional<InetSocketAddress>> target;
  private final Poller.Registration waiting;
  private boolean closed;

  private PortRelay(InetSocket listener, Supplier<Optional<InetSocketAddress>> target)
      throws Errno {
    this.listener = listener;
    this.target = target;
    this.waiting =
        Poller.shared()
            .onReadable(
                listener.fd(), () -> Thread.ofVirtual().name("gantry-port").start(this::acceptAll));
  }

  /// Serves `listener` until this is closed; `target` is asked anew for each connection, because a
  /// container may change its networks.
  static PortRelay start(InetSocket listener, Supplier<Optional<InetSocketAddress>> target)
      throws Errno {
    PortRelay relay = new PortRelay(listener, target);
    relay.waiting.arm();
    return relay;
  }

  private void acceptAll() {
    try {
      for (Optional<InetSocket> client = accept(); client.isPresent(); client = accept()) {
        InetSocket connection = client.get();
        if (FREE.tryAcquire()) {
          Thread.ofVirtual().name("gantry-relay").start(() -> carry(connection));
        } else {
          connection.close();
        }
      }
    } catch (Errno e) {
      // descriptors may have run out: that passes, but not at once
      LOG.log(System.Logger.Level.WARNING, "published port: {0}", e.getMessage());
      pause();
    }
    armAgain();
  }

  /// Under the lock, because a closed descriptor's number may be somebody else's.
  private synchronized Optional<InetSocket> accept() throws Errno {
    return closed ? Optional.empty() : listener.accept();
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void armAgain() {
    try {
      waiting.arm();
    } catch (Errno e) {
      LOG.log(System.Logger.Level.WARNING, "published port: {0}", e.getMessage());
    }
  }

  private void carry(InetSocket client) {
    try (client) {
      Optional<InetSocketAddress> address = target.get();
      if (address.isEmpty()) {
        return;
      }
      try (InetSocket container = InetSocket.connection(address.get(), CONNECT_NANOS)) {
        Thread back = Thread.ofVirtual().name("gantry-relay").start(() -> copy(container, client));
        copy(client, container);
        back.join();
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed connection: {0}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      FREE.release();
    }
  }

  /// One direction, until its end; the other may go on. The sockets stay open: the other direction
  /// uses them.
  private static void copy(InetSocket from, InetSocket to) {
    try (Arena arena = Arena.ofConfined();
        ReadWait wait = new ReadWait(from.fd())) {
      ByteBuffer buffer = arena.allocate(BUFFER).asByteBuffer();
      while (read(from.fd(), wait, buffer)) {
        write(to.fd(), buffer.flip());
      }
      to.endOutput();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed connection: {0}", e.getMessage());
      from.shutdown();
      to.shutdown();
    }
  }

  /// False at the end.
  private static boolean read(Fd from, ReadWait wait, ByteBuffer buffer) throws IOException {
    while (true) {
      try {
        return from.read(buffer.clear()) >= 0;
      } catch (Errno e) {
        if (e.number() != Errno.EAGAIN || !wait.await()) {
          throw e;
        }
      }
    }
  }

  private static void write(Fd to, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      try {
        int ignored = to.write(buffer);
      } catch (Errno e) {
        if (e.number() != Errno.EAGAIN) {
          throw e;
        }
        Poller.shared().awaitWritable(to);
      }
    }
  }

  /// The port is free when this returns; connections that are carried go on.
  @Override
  public synchronized void close() {
    closed = true;
    waiting.close();
    listener.close();
  }
}
