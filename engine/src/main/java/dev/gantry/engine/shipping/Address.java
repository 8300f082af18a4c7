package dev.gantry.engine.shipping;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Set;

/// A receiver: `udp://HOST:PORT`, `tcp://…`, `tcp+tls://…`, `unix://PATH`, `unixgram://PATH`.
///
/// @param host empty for paths
record Address(String scheme, String host, int port, String path) {
  private static final int CONNECT_MILLIS = 5000;

  /// @param option named in the text of a refusal
  static Address parse(String text, Set<String> schemes, int standardPort, String option) {
    try {
      URI uri = URI.create(text);
      String scheme = uri.getScheme() == null ? "" : uri.getScheme();
      if (!schemes.contains(scheme)) {
        throw new Failure.InvalidRequest(
            option + " must begin with one of " + schemes.stream().sorted().toList() + ": " + text);
      }
      if (scheme.startsWith("unix")) {
        return new Address(scheme, "", 0, uri.getPath() == null ? "" : uri.getPath());
      }
      String host = uri.getHost() == null ? "" : uri.getHost();
      int port = uri.getPort() < 0 ? standardPort : uri.getPort();
      if (host.isEmpty() || port <= 0) {
        throw new Failure.InvalidRequest(option + " should be in form proto://host:port: " + text);
      }
      return new Address(scheme, host, port, "");
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("unable to parse " + option + ": " + text, null, e);
    }
  }

  InetSocketAddress resolved() throws IOException {
    return new InetSocketAddress(InetAddress.getByName(host), port);
  }

  /// Opens a stream; the failure's text is as Go's, which Docker's users know.
  SocketChannel stream() throws IOException {
    try {
      if (scheme.startsWith("unix")) {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(Path.of(path)));
        return channel;
      }
      SocketChannel channel = SocketChannel.open();
      channel.socket().connect(resolved(), CONNECT_MILLIS);
      return channel;
    } catch (IOException e) {
      throw new IOException(
          "dial "
              + (scheme.startsWith("unix") ? "unix " + path : "tcp " + host + ":" + port)
              + ": "
              + e.getMessage(),
          e);
    }
  }

  static void writeAll(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }
}
