package dev.gantry.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLSocket;

/// One connection to an engine, plain or with TLS: bytes both ways, each of which can end for
/// itself.
public interface Wire extends AutoCloseable {
  InputStream in() throws IOException;

  OutputStream out() throws IOException;

  /// Ends our side; what the engine still sends can be read.
  void endOutput() throws IOException;

  @Override
  void close() throws IOException;

  static Wire of(SocketChannel channel) {
    return new Wire() {
      @Override
      public InputStream in() {
        return Channels.newInputStream(channel);
      }

      @Override
      public OutputStream out() {
        return Channels.newOutputStream(channel);
      }

      @Override
      public void endOutput() throws IOException {
        channel.shutdownOutput();
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  static Wire of(SSLSocket socket) {
    return new Wire() {
      @Override
      public InputStream in() throws IOException {
        return socket.getInputStream();
      }

      @Override
      public OutputStream out() throws IOException {
        return socket.getOutputStream();
      }

      @Override
      public void endOutput() throws IOException {
        socket.shutdownOutput();
      }

      @Override
      public void close() throws IOException {
        socket.close();
      }
    };
  }
}
