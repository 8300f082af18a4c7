package dev.gantry.testkit;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/// Takes TLS off, or puts it on, between two listeners: so that an [ApiWatch] reads what a client
/// and the engine say on a connection with certificates.
final class TlsRelay implements Closeable {
  private static final int PIECE = 16 * 1024;

  private final Closeable listener;

  private TlsRelay(Closeable listener) {
    this.listener = listener;
  }

  /// A listener for clients that show certificates; what they say goes to a unix socket.
  record Front(TlsRelay relay, int port) {}

  static Front front(SSLContext context, Path to) throws IOException {
    SSLServerSocket listener =
        (SSLServerSocket)
            context
                .getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    listener.setNeedClientAuth(true);
    TlsRelay relay = new TlsRelay(listener);
    start(
        () -> {
          while (true) {
            SSLSocket client = (SSLSocket) listener.accept();
            start(
                () -> {
                  try (client;
                      SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(to))) {
                    carry(client, other);
                  }
                });
          }
        });
    return new Front(relay, listener.getLocalPort());
  }

  /// A unix socket; what is said there goes on with TLS.
  static TlsRelay back(Path socket, SSLContext context, InetSocketAddress to) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(socket));
    start(
        () -> {
          while (true) {
            SocketChannel client = listener.accept();
            start(
                () -> {
                  try (client;
                      SSLSocket other =
                          (SSLSocket)
                              context
                                  .getSocketFactory()
                                  .createSocket(to.getAddress(), to.getPort())) {
                    carry(other, client);
                  }
                });
          }
        });
    return new TlsRelay(listener);
  }

  @FunctionalInterface
  private interface Work {
    void run() throws IOException;
  }

  private static Thread start(Work work) {
    return Thread.ofPlatform()
        .daemon()
        .name("tls-relay")
        .start(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                return; // closed, or one side has gone
              }
            });
  }

  /// Both ways, each until its end.
  private static void carry(SSLSocket secure, SocketChannel plain) throws IOException {
    Thread back =
        start(
            () -> {
              decrypt(secure.getInputStream(), plain);
              plain.shutdownOutput();
            });
    encrypt(plain, secure.getOutputStream());
    secure.shutdownOutput();
    try {
      back.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void decrypt(InputStream from, SocketChannel to) throws IOException {
    byte[] bytes = new byte[PIECE];
    for (int n = from.read(bytes); n >= 0; n = from.read(bytes)) {
      ByteBuffer piece = ByteBuffer.wrap(bytes, 0, n);
      while (piece.hasRemaining()) {
        int ignored = to.write(piece);
      }
    }
  }

  private static void encrypt(SocketChannel from, OutputStream to) throws IOException {
    byte[] bytes = new byte[PIECE];
    for (int n = from.read(ByteBuffer.wrap(bytes)); n >= 0; n = from.read(ByteBuffer.wrap(bytes))) {
      to.write(bytes, 0, n);
      to.flush();
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
