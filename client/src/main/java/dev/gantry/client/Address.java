package dev.gantry.client;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/// Where an engine listens: `unix:///path`, `tcp://host:port`, plain or with TLS, or
/// `ssh://user@host:port/path` for one that a command line over there reaches.
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

  /// An engine behind the program `ssh`, whose settings and keys are the user's own. Over there
  /// `gantry system dial-stdio`, or Docker's, joins us with the engine's socket.
  ///
  /// @param user,path empty where the other side's own is meant
  /// @param port 0 for that of the user's settings
  record Ssh(String user, String host, int port, String path) implements Address {
    private static final Pattern TEXT =
        Pattern.compile(
            "ssh://(?:([^@/:]+)(:[^@/]*)?@)?([^@/:]+|\\[[^\\]]+])?(?::(\\d{1,5}))?(/.*)?");

    static Ssh parse(String text) {
      Matcher parts = TEXT.matcher(text);
      if (!parts.matches()) {
        throw new Failure.InvalidRequest("invalid SSH URL: " + text);
      }
      if (parts.group(2) != null) {
        throw new Failure.InvalidRequest("invalid SSH URL: plain-text password is not supported");
      }
      String host = given(parts.group(3)).replaceAll("[\\[\\]]", "");
      if (host.isEmpty() || host.startsWith("-") || given(parts.group(1)).startsWith("-")) {
        throw new Failure.InvalidRequest("invalid SSH URL: no host specified");
      }
      String path = given(parts.group(5));
      return new Ssh(
          given(parts.group(1)),
          host,
          parts.group(4) == null ? 0 : Integer.parseInt(parts.group(4)),
          path.equals("/") ? "" : path);
    }

    private static String given(@Nullable String part) {
      return part == null ? "" : part;
    }

    /// The command line that joins us with the engine.
    List<String> words() {
      List<String> words = new ArrayList<>(List.of("ssh"));
      if (!user.isEmpty()) {
        words.addAll(List.of("-l", user));
      }
      if (port != 0) {
        words.addAll(List.of("-p", Integer.toString(port)));
      }
      String dial =
          (path.isEmpty() ? "" : " --host " + quoted("unix://" + path)) + " system dial-stdio";
      String script =
          "if command -v gantry >/dev/null 2>&1; then exec gantry"
              + dial
              + "; else exec docker"
              + dial
              + "; fi";
      words.addAll(List.of("-o", "ConnectTimeout=30", "-T", "--", host));
      words.add("sh -c " + quoted(script));
      return words;
    }

    private static String quoted(String word) {
      return "'" + word.replace("'", "'\\''") + "'";
    }

    @Override
    public Wire open() throws IOException {
      return Wire.of(
          new ProcessBuilder(words()).redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    @Override
    public String text() {
      return "ssh://"
          + (user.isEmpty() ? "" : user + "@")
          + (host.contains(":") ? "[" + host + "]" : host)
          + (port == 0 ? "" : ":" + port)
          + path;
    }
  }

  /// Hears of connections when they are opened and closed.
  interface Watch {
    Watch NONE =
        new Watch() {
          @Override
          public void opened(Wire wire) {}

          @Override
          public void closed(Wire wire) {}
        };

    void opened(Wire wire);

    void closed(Wire wire);
  }

  /// An address whose connections somebody else hears of, who may have to end them all.
  record Watched(Address address, Watch watch) implements Address {
    @Override
    public Wire open() throws IOException {
      Wire wire = address.open();
      Wire watched =
          new Wire() {
            @Override
            public InputStream in() throws IOException {
              return wire.in();
            }

            @Override
            public OutputStream out() throws IOException {
              return wire.out();
            }

            @Override
            public void endOutput() throws IOException {
              wire.endOutput();
            }

            @Override
            public void close() throws IOException {
              watch.closed(this);
              wire.close();
            }
          };
      watch.opened(watched);
      return watched;
    }

    @Override
    public String text() {
      return address.text();
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
    if (text.startsWith("ssh://")) {
      return Ssh.parse(text);
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
