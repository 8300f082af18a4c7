package dev.gantry.server;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Listens on sockets and serves each connection on a virtual thread.
public final class HttpServer implements AutoCloseable {
  private final HttpConnection.Handler handler;
  private final Set<ServerSocketChannel> listeners = ConcurrentHashMap.newKeySet();
  private final Set<SocketChannel> connections = ConcurrentHashMap.newKeySet();

  HttpServer(HttpConnection.Handler handler) {
    this.handler = handler;
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
    listener.bind(UnixDomainSocketAddress.of(path), 256);
    Files.setPosixFilePermissions(
        path, java.nio.file.attribute.PosixFilePermissions.fromString("rw-rw----"));
    accept(listener, path.toString());
  }

  private static boolean answers(Path path) {
    try (SocketChannel probe = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return probe.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  /// Listens on a TCP address without encryption.
  public void listenTcp(InetSocketAddress address) throws IOException {
    ServerSocketChannel listener = ServerSocketChannel.open();
    listener.bind(address, 256);
    accept(listener, address.toString());
  }

  private void accept(ServerSocketChannel listener, String name) {
    listeners.add(listener);
    Thread.ofPlatform()
        .name("listen-" + name)
        .start(
            () -> {
              while (listener.isOpen()) {
                try {
                  SocketChannel channel = listener.accept();
                  connections.add(channel);
                  Thread.ofVirtual().name("connection").start(() -> serve(channel));
                } catch (IOException e) {
                  if (!listener.isOpen()) {
                    return;
                  }
                }
              }
            });
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      new HttpConnection(new Input(channel), new Output(channel), handler).serve();
    } catch (IOException e) {
      return; // the client has gone
    } finally {
      connections.remove(channel);
    }
  }

  @Override
  public void close() throws IOException {
    for (ServerSocketChannel listener : listeners) {
      listener.close();
    }
    for (SocketChannel connection : connections) {
      connection.close();
    }
  }

  /// Streams of our own: those of `Channels` lock one monitor for both directions.
  private static final class Input extends InputStream {
    private final SocketChannel channel;

    Input(SocketChannel channel) {
      this.channel = channel;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      return channel.read(ByteBuffer.wrap(buffer, offset, length));
    }
  }

  private static final class Output extends OutputStream {
    private final SocketChannel channel;

    Output(SocketChannel channel) {
      this.channel = channel;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] buffer, int offset, int length) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(buffer, offset, length);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }
  }
}
