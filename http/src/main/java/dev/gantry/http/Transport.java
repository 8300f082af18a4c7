package dev.gantry.http;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLSocket;

/// The bytes under a connection: a plain socket (TCP or unix) or one with TLS.
sealed interface Transport extends Closeable {
  int read(byte[] buffer, int offset, int length) throws IOException;

  void write(byte[] buffer, int offset, int length) throws IOException;

  /// Sends at most `length` bytes of `file` and says how many.
  long send(FileChannel file, long offset, long length) throws IOException;

  /// The same through our own memory.
  default long sendPiece(FileChannel file, long offset, long length) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate((int) Math.min(length, 32 * 1024));
    int n = file.read(piece, offset);
    if (n > 0) {
      write(piece.array(), 0, n);
    }
    return Math.max(n, 0);
  }

  /// No more bytes from us: the client reads the end.
  void shutdownOutput() throws IOException;

  String peer();

  default boolean isSecure() {
    return this instanceof Tls;
  }

  /// A socket's own bytes. The streams of `Channels` are not used: they lock one monitor for both
  /// directions.
  record Plain(SocketChannel channel, String peer) implements Transport {
    static Plain of(SocketChannel channel) throws IOException {
      return new Plain(
          channel,
          channel.getRemoteAddress() instanceof InetSocketAddress a
              ? a.getAddress().getHostAddress() + ":" + a.getPort()
              : "unix");
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      return channel.read(ByteBuffer.wrap(buffer, offset, length));
    }

    @Override
    public void write(byte[] buffer, int offset, int length) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(buffer, offset, length);
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }

    @Override
    public long send(FileChannel file, long offset, long length) throws IOException {
      long sent = file.transferTo(offset, length, channel);
      if (sent > 0) {
        return sent;
      }
      // On a virtual thread the socket is non-blocking underneath and its buffer is full: a write
      // waits for room, transferTo does not.
      return sendPiece(file, offset, length);
    }

    @Override
    public void shutdownOutput() throws IOException {
      channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /// TLS by the JDK's own sockets, which do the handshake at the first read.
  record Tls(SSLSocket socket, InputStream in, OutputStream out, String peer) implements Transport {
    static Tls of(SSLSocket socket) throws IOException {
      return new Tls(
          socket,
          socket.getInputStream(),
          socket.getOutputStream(),
          socket.getInetAddress().getHostAddress() + ":" + socket.getPort());
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      return in.read(buffer, offset, length);
    }

    @Override
    public void write(byte[] buffer, int offset, int length) throws IOException {
      out.write(buffer, offset, length);
    }

    @Override
    public long send(FileChannel file, long offset, long length) throws IOException {
      return sendPiece(file, offset, length);
    }

    @Override
    public void shutdownOutput() throws IOException {
      socket.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
