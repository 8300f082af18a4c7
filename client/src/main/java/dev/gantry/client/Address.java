package dev.gantry.client;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import javax.net.ssl.SSLException;

/// Where an engine listens: `unix:///path`, or `tcp://host:port`, plain or with TLS.
public sealed interface Address {
  record Unix(Path path) implements Address {
    @Override
    public Wire open() throws IOException {
      return Wire.of(SocketChannel.open(UnixDomainSocketAddress.of(path)));
    }

    @Override
    public String text() {
      return "unix://" + path;
    }
  }

  record Tcp(String host, int port) implements Address {
    @Override
    public Wire open() throws IOException {
      return Wire.of(SocketChannel.open(new InetSocketAddress(host, port)));
    }

    @Override
    public String text() {
      return "tcp://" + host + ":" + port;
    }
  }

  record Tls(String host, int port, TlsSettings settings) implements Address {
    @Override
    public Wire open() throws IOException {
      return Wire.of(settings.connect(host, port));
    }

    @Override
    public String text() {
      return "tcp://" + host + ":" + port;
    }
  }

  /// Opens a connection of its own.
  Wire open() throws IOException;

  /// As users write it.
  String text();

  /// This address with TLS, if it is one of TCP.
  default Address with(TlsSettings settings) {
    return this instanceof Tcp tcp ? new Tls(tcp.host(), tcp.port(), settings) : this;
  }

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
  ///
  /// @throws Unreachable if there is no engine, or none that is trusted
  default Wire connect() {
    try {
      return open();
    } catch (SSLException e) {
      throw new Unreachable(text(), e.getMessage(), e);
    } catch (IOException | UnresolvedAddressException | UnsupportedOperationException e) {
      throw String.valueOf(e.getMessage()).contains("Permission denied")
          ? Unreachable.forbidden(text(), e)
          : new Unreachable(text(), e);
    }
  }
}
