package dev.gantry.client;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/// Where an engine listens: `unix:///path` or `tcp://host:port`.
public sealed interface Address {
  record Unix(Path path) implements Address {}

  record Tcp(String host, int port) implements Address {}

  static Address parse(String text) {
    if (text.startsWith("unix://") && text.length() > 7) {
      return new Unix(Path.of(text.substring(7)));
    }
    if (text.startsWith("tcp://")) {
      String rest = text.substring(6).replaceAll("/.*", "");
      int colon = rest.lastIndexOf(':');
      String host = colon < 0 ? rest : rest.substring(0, colon);
      try {
        int port = colon < 0 ? 2375 : Integer.parseInt(rest.substring(colon + 1));
        return new Tcp(host.isEmpty() ? "127.0.0.1" : host, port);
      } catch (NumberFormatException e) {
        throw new Failure.InvalidRequest("invalid bind address format: " + text);
      }
    }
    throw new Failure.InvalidRequest(
        text.indexOf("://") > 0
            ? "invalid bind address format: " + text
            : "unable to parse docker host `" + text + "`");
  }

  /// Opens a connection of its own.
  default SocketChannel connect() {
    SocketAddress address =
        switch (this) {
          case Unix unix -> UnixDomainSocketAddress.of(unix.path());
          case Tcp tcp -> new InetSocketAddress(tcp.host(), tcp.port());
        };
    try {
      return SocketChannel.open(address);
    } catch (IOException | RuntimeException e) {
      throw new Unreachable(text(), e);
    }
  }

  default String text() {
    return switch (this) {
      case Unix unix -> "unix://" + unix.path();
      case Tcp tcp -> "tcp://" + tcp.host() + ":" + tcp.port();
    };
  }
}
