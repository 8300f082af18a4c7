package dev.gantry.network;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/// Carries the TCP connections that come to a published port's own socket into the container.
///
/// The firewall leads nearly all past it. What remains are IPv6 connections to a container that has
/// IPv4 only (so `localhost` works whichever address it stands for), and everything where published
/// ports shall obey the host's input rules.
final class PortRelay {
  private static final System.Logger LOG = System.getLogger(PortRelay.class.getName());
  private static final int CONNECTIONS = 4096;
  private static final int BUFFER = 64 << 10;
  private static final int CONNECT_MILLIS = 10_000;
  private static final Semaphore FREE = new Semaphore(CONNECTIONS);

  private PortRelay() {}

  /// Serves `listener` until it is closed; `target` is asked anew for each connection, because a
  /// container may change its networks.
  static Thread start(ServerSocketChannel listener, Supplier<Optional<InetSocketAddress>> target) {
    return Thread.ofVirtual()
        .name("gantry-port")
        .start(
            () -> {
              while (listener.isOpen()) {
                try {
                  SocketChannel client = listener.accept();
                  if (FREE.tryAcquire()) {
                    Thread.ofVirtual().name("gantry-relay").start(() -> carry(client, target));
                  } else {
                    client.close();
                  }
                } catch (IOException e) {
                  if (listener.isOpen()) {
                    LOG.log(System.Logger.Level.WARNING, "published port: {0}", e.getMessage());
                    pause();
                  }
                }
              }
            });
  }

  /// Descriptors may have run out: that passes, but not at once.
  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void carry(SocketChannel client, Supplier<Optional<InetSocketAddress>> target) {
    try (client;
        SocketChannel container = SocketChannel.open()) {
      Optional<InetSocketAddress> address = target.get();
      if (address.isEmpty()) {
        return;
      }
      container.socket().connect(address.get(), CONNECT_MILLIS);
      Thread back = Thread.ofVirtual().name("gantry-relay").start(() -> copy(container, client));
      copy(client, container);
      back.join();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed connection: {0}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      FREE.release();
    }
  }

  /// One direction, until its end; the other may go on.
  private static void copy(SocketChannel from, SocketChannel to) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    try {
      while (from.read(buffer) >= 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
        buffer.clear();
      }
      to.shutdownOutput();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed connection: {0}", e.getMessage());
      closeQuietly(from);
      closeQuietly(to);
    }
  }

  private static void closeQuietly(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "relayed connection: {0}", e.getMessage());
    }
  }
}
