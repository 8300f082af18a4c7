package dev.gantry.http;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/// Listens on sockets and serves each connection on a virtual thread.
public final class HttpServer implements AutoCloseable {
  private static final int BACKLOG = 256;
  private static final long SWEEP_MILLIS = 1000;

  private final Handler handler;
  private final Limits limits;
  private final Semaphore room;
  private final Set<Closeable> listeners = ConcurrentHashMap.newKeySet();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private volatile boolean ended;

  public HttpServer(Handler handler, Limits limits) {
    this.handler = handler;
    this.limits = limits;
    this.room = new Semaphore(limits.connections());
    Thread.ofVirtual().name("http-sweeper").start(this::sweep);
  }

  /// Listens on a unix socket with mode 0660; a stale one in its place is replaced.
  public void listenUnix(Path path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    if (Files.exists(path) && answers(path)) {
      throw new IOException("another engine listens on " + path);
    }
    Files.deleteIfExists(path);
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(path), BACKLOG);
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw----"));
    accept(listener, path.toString(), () -> Transport.Plain.of(listener.accept()));
  }

  private static boolean answers(Path path) {
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return probe.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /// Listens on a TCP address without encryption; returns it with the port it got.
  public InetSocketAddress listenTcp(InetSocketAddress address) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open();
    listener.bind(address, BACKLOG);
    InetSocketAddress bound = (InetSocketAddress) listener.getLocalAddress();
    accept(
        listener,
        bound.toString(),
        () -> {
          SocketChannel channel = listener.accept();
          channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
          return Transport.Plain.of(channel);
        });
    return bound;
  }

  /// Listens on a socket that is bound already, as a service manager gives it.
  public void listenOn(ServerSocketChannel listener) throws IOException {
    accept(
        listener,
        String.valueOf(listener.getLocalAddress()),
        () -> Transport.Plain.of(listener.accept()));
  }

  /// Who must show a certificate.
  public enum ClientCertificates {
    NONE,
    REQUIRED
  }

  /// Listens on a TCP address with TLS 1.2 and 1.3; returns it with the port it got.
  public InetSocketAddress listenTls(
      InetSocketAddress address, SSLContext context, ClientCertificates clients)
      throws IOException {
    SSLServerSocket listener =
        (SSLServerSocket) context.getServerSocketFactory().createServerSocket();
    SSLParameters parameters = listener.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
    parameters.setApplicationProtocols(new String[] {"http/1.1"});
    parameters.setNeedClientAuth(clients == ClientCertificates.REQUIRED);
    listener.setSSLParameters(parameters);
    listener.bind(address, BACKLOG);
    InetSocketAddress bound = (InetSocketAddress) listener.getLocalSocketAddress();
    accept(
        listener,
        bound.toString(),
        () -> {
          SSLSocket socket = (SSLSocket) listener.accept();
          socket.setTcpNoDelay(true);
          return Transport.Tls.of(socket);
        });
    return bound;
  }

  @FunctionalInterface
  private interface Acceptor {
    Transport accept() throws IOException;
  }

  private void accept(Closeable listener, String name, Acceptor acceptor) {
    listeners.add(listener);
    Thread.ofPlatform()
        .name("listen-" + name)
        .start(
            () -> {
              while (listeners.contains(listener)) {
                try {
                  room.acquire();
                } catch (InterruptedException e) {
                  return;
                }
                try {
                  Transport transport = acceptor.accept();
                  Thread.ofVirtual().name("connection").start(() -> serve(transport));
                } catch (IOException e) {
                  room.release();
                  pause(20); // out of descriptors, most likely: some will be free soon
                }
              }
            });
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void serve(Transport transport) {
    Connection connection = new Connection(transport, limits, handler);
    connections.add(connection);
    try (transport) {
      if (!ended) {
        connection.serve();
      }
    } catch (IOException e) {
      return; // the client has gone
    } finally {
      connections.remove(connection);
      room.release();
    }
  }

  private void sweep() {
    while (!ended) {
      pause(SWEEP_MILLIS);
      long now = System.nanoTime();
      for (Connection connection : connections) {
        if (connection.isExpired(now)) {
          connection.abort();
        }
      }
    }
  }

  private void stopListening() throws IOException {
    for (Closeable listener : Set.copyOf(listeners)) {
      listeners.remove(listener);
      listener.close();
    }
  }

  /// Accepts no more, ends idle connections, and waits for requests in work, at most `limit`. True
  /// when all have ended by themselves.
  public boolean drain(Duration limit) throws IOException {
    stopListening();
    long end = System.nanoTime() + limit.toNanos();
    while (!connections.isEmpty() && System.nanoTime() < end) {
      connections.forEach(Connection::drain);
      pause(10);
    }
    return connections.isEmpty();
  }

  /// Ends everything at once.
  @Override
  public void close() throws IOException {
    ended = true;
    stopListening();
    connections.forEach(Connection::abort);
  }
}
