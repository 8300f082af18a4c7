package dev.gantry.client;

import java.io.FilterOutputStream;
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

  /// Through a program's standard input and output; the program ends with the connection.
  static Wire of(Process process) {
    return new Wire() {
      @Override
      public InputStream in() {
        return process.getInputStream();
      }

      @Override
      public OutputStream out() {
        OutputStream buffered = process.getOutputStream();
        return new FilterOutputStream(buffered) {
          @Override
          public void write(byte[] bytes, int at, int count) throws IOException {
            buffered.write(bytes, at, count);
            buffered.flush();
          }

          @Override
          public void write(int one) throws IOException {
            buffered.write(one);
            buffered.flush();
          }
        };
      }

      @Override
      public void endOutput() throws IOException {
        process.getOutputStream().close();
      }

      @Override
      public void close() {
        process.destroy();
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
