package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.http.HttpServer;
import dev.gantry.http.HttpServer.ClientCertificates;
import dev.gantry.http.TlsFiles;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/// Where the engine listens: unix sockets, TCP with and without TLS, and the socket that a service
/// manager has opened for us (`fd://`, sd_listen_fds(3)).
final class Listeners {
  private static final Pattern TCP =
      Pattern.compile("tcp://(\\[[0-9a-fA-F:]+]|[^/:]*)(?::([0-9]{1,5}))?/?");
  private static final int PLAIN_PORT = 2375;
  private static final int TLS_PORT = 2376;

  private final Flags flags;
  private final Optional<SSLContext> tls;
  private final boolean verifies;
  private final List<Path> sockets = new ArrayList<>();

  /// Reads the certificates.
  ///
  /// @throws Failure.InvalidRequest if they cannot be used
  Listeners(Flags flags) {
    this.flags = flags;
    String wish = System.getenv().getOrDefault("DOCKER_TLS_VERIFY", "");
    boolean overNetwork = flags.list("host").stream().anyMatch(host -> host.startsWith("tcp://"));
    this.verifies = flags.flag("tlsverify", !wish.isEmpty() && overNetwork);
    this.tls =
        verifies || flags.flag("tls")
            ? Optional.of(
                TlsFiles.server(
                    file("tlscert", "cert.pem"),
                    file("tlskey", "key.pem"),
                    verifies ? Optional.of(file("tlscacert", "ca.pem")) : Optional.empty()))
            : Optional.empty();
  }

  /// As dockerd, in the user's own folder where nothing is said.
  private Path file(String flag, String name) {
    String folder = System.getenv("DOCKER_CERT_PATH");
    Path otherwise =
        folder == null || folder.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".docker", name)
            : Path.of(folder, name);
    return Path.of(flags.text(flag, otherwise.toString()));
  }

  /// Listens on `host`; returns it with the port it got.
  ///
  /// @throws Failure.InvalidRequest if it is no address of a form that is known
  String listen(HttpServer server, String host) throws IOException {
    Matcher address = TCP.matcher(host);
    if (host.startsWith("unix://") && host.length() > 7) {
      Path socket = Path.of(host.substring(7));
      server.listenUnix(socket);
      sockets.add(socket);
      giveTo(flags.text("group", "docker"), socket);
      return host;
    }
    if (host.equals("fd://")) {
      server.listenOn(inherited());
      return host;
    }
    if (address.matches()) {
      return "tcp://" + tcp(server, host, address.group(1), address.group(2));
    }
    throw new Failure.InvalidRequest(
        "invalid bind address ("
            + host
            + "): "
            + reason(host).orElse("unix:///path, tcp://address:port and fd:// are known"));
  }

  /// Whether `host` has a form on which [#listen] listens.
  static boolean isKnown(String host) {
    return host.startsWith("unix://") && host.length() > 7
        || host.equals("fd://")
        || TCP.matcher(host).matches();
  }

  /// Why an address of dockerd's is none here.
  static Optional<String> reason(String host) {
    return host.startsWith("npipe://")
        ? Optional.of("named pipes are of another operating system")
        : Optional.empty();
  }

  private String tcp(
      HttpServer server, String host, String name, @org.jspecify.annotations.Nullable String port)
      throws IOException {
    int wanted = port != null ? Integer.parseInt(port) : tls.isPresent() ? TLS_PORT : PLAIN_PORT;
    if (wanted > 65_535) {
      throw new Failure.InvalidRequest("invalid bind address (" + host + "): no such port");
    }
    InetSocketAddress address =
        new InetSocketAddress(
            name.isEmpty() ? "127.0.0.1" : name.replaceAll("[\\[\\]]", ""), wanted);
    if (address.isUnresolved()) {
      throw new Failure.InvalidRequest(
          "invalid bind address (" + host + "): no such address on this machine");
    }
    try {
      InetSocketAddress bound =
          tls.isPresent()
              ? server.listenTls(
                  address,
                  tls.get(),
                  verifies ? ClientCertificates.REQUIRED : ClientCertificates.NONE)
              : server.listenTcp(address);
      if (!verifies) {
        Log.warn("insecure: whoever reaches " + host + " is root on this machine");
      }
      String shown = bound.getAddress().getHostAddress();
      return (shown.contains(":") ? "[" + shown + "]" : shown) + ":" + bound.getPort();
    } catch (IOException e) {
      throw new IOException("could not listen on " + host + ": " + e.getMessage(), e);
    }
  }

  /// Reads `HOST:PORT`.
  static InetSocketAddress address(String flag, String text) {
    int colon = text.lastIndexOf(':');
    String port = text.substring(colon + 1);
    if (colon >= 0 && port.matches("[0-9]{1,5}") && Integer.parseInt(port) <= 65_535) {
      String host = text.substring(0, colon).replaceAll("[\\[\\]]", "");
      InetSocketAddress address =
          host.isEmpty()
              ? new InetSocketAddress(Integer.parseInt(port))
              : new InetSocketAddress(host, Integer.parseInt(port));
      if (!address.isUnresolved()) {
        return address;
      }
    }
    throw Flags.invalid(flag, text);
  }

  /// The socket stands at descriptor 0, where `gantryd` has moved it from systemd's place: that is
  /// where Java looks for one.
  private static ServerSocketChannel inherited() throws IOException {
    Channel channel = System.inheritedChannel();
    if (channel instanceof ServerSocketChannel listener) {
      return listener;
    }
    throw new Failure.InvalidRequest(
        "fd:// needs one socket from the service manager, and none came", "see gantryd.md", null);
  }

  private static void giveTo(String group, Path socket) {
    try {
      var owner =
          socket.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
      Files.getFileAttributeView(socket, PosixFileAttributeView.class).setGroup(owner);
    } catch (IOException e) {
      Log.info("no group " + group + ": only root may use " + socket);
    }
  }

  /// Removes the sockets that were made here.
  void removeSockets() throws IOException {
    for (Path socket : sockets) {
      Files.deleteIfExists(socket);
    }
  }
}
