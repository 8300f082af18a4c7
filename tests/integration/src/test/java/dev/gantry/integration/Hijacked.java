package dev.gantry.integration;

import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/// A connection that the engine has handed over to a container's streams.
final class Hijacked implements AutoCloseable {
  private final SocketChannel channel;
  private final InputStream in;

  private Hijacked(SocketChannel channel) {
    this.channel = channel;
    this.in = Channels.newInputStream(channel);
  }

  /// Asks for the hand-over and waits for it.
  static Hijacked open(Engine engine, String target) throws IOException {
    Hijacked hijacked =
        new Hijacked(SocketChannel.open(UnixDomainSocketAddress.of(engine.socket())));
    hijacked.write(
        "POST "
            + target
            + " HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            + "Content-Length: 0\r\n\r\n");
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int b = hijacked.in.read();
      if (b < 0) {
        throw new IOException("the connection ended after: " + head);
      }
      head.append((char) b);
    }
    if (!head.toString().startsWith("HTTP/1.1 101")) {
      throw new IOException("not handed over: " + head);
    }
    return hijacked;
  }

  void write(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      int ignored = channel.write(bytes);
    }
  }

  /// No more input: the container reads its end.
  void closeInput() throws IOException {
    channel.shutdownOutput();
  }

  InputStream in() {
    return in;
  }

  /// Everything up to the end, in Docker's frames.
  String readFrames() throws IOException {
    return Containers.text(in.readAllBytes());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
