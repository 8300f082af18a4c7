package dev.gantry.engine;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Connects to a port of a container and asks for a page there: no program in the image is needed.
/// Makes one check at a time, over a socket that never waits: whoever owns it calls [#go] when the
/// socket is ready.
final class SocketProbe {
  private static final int MAX_HEAD = 16 * 1024;

  private final HealthCheck check;
  private final Target target;
  private final byte[] request;
  private final StringBuilder answer = new StringBuilder();
  private @Nullable SocketChannel socket;
  private Instant start = Instant.EPOCH;
  private long end;
  private boolean connected;
  private ByteBuffer unsent = ByteBuffer.allocate(0);

  /// Where to go.
  ///
  /// @param path empty to connect only
  record Target(String host, int port, String path) {
    /// Reads `HTTP` and a URL, or `TCP` and `[HOST:]PORT`; hosts are addresses or `localhost`, for
    /// names would be looked up on this machine.
    static Target of(List<String> test) {
      String text = test.size() == 2 ? test.get(1) : "";
      boolean http = test.getFirst().equals("HTTP");
      try {
        URI uri = URI.create(http ? text : "tcp://" + (text.contains(":") ? text : ":" + text));
        String authority = uri.getRawAuthority() == null ? "" : uri.getRawAuthority();
        int colon = authority.lastIndexOf(':');
        boolean hasPort = colon >= 0 && authority.indexOf(']') < colon;
        String host = hasPort ? authority.substring(0, colon) : authority;
        int port = hasPort ? Integer.parseInt(authority.substring(colon + 1)) : http ? 80 : 0;
        host = host.replace("[", "").replace("]", "");
        host = host.isEmpty() || host.equals("localhost") ? "127.0.0.1" : host;
        boolean address = host.matches("[0-9.]{7,15}") || host.contains(":");
        if (address && port > 0 && port < 65536 && (!http || "http".equals(uri.getScheme()))) {
          String path =
              uri.getRawPath() == null || uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
          String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
          return new Target(host, port, http ? path + query : "");
        }
      } catch (IllegalArgumentException e) {
        throw malformed(http, text, e);
      }
      throw malformed(http, text, null);
    }

    private static Failure malformed(boolean http, String text, @Nullable Exception cause) {
      return new Failure.InvalidRequest(
          http
              ? "a health check over HTTP needs http://ADDRESS[:PORT][/PATH] with an address of the"
                  + " container or localhost, not \""
                  + text
                  + "\""
              : "a health check over TCP needs [ADDRESS:]PORT, not \"" + text + "\"",
          null,
          cause);
    }
  }

  SocketProbe(HealthCheck check) {
    this.check = check;
    this.target = Target.of(check.test());
    String name = target.host().contains(":") ? "[" + target.host() + "]" : target.host();
    String text =
        "GET "
            + target.path()
            + " HTTP/1.1\r\nHost: "
            + name
            + ":"
            + target.port()
            + "\r\nUser-Agent: gantry-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    this.request = target.path().isEmpty() ? new byte[0] : text.getBytes(StandardCharsets.US_ASCII);
  }

  /// A socket of the network namespace in which the calling thread is; it may then be used from
  /// anywhere. Starts no thread and wakes none, for one that begins here would stay here.
  SocketChannel open() throws IOException {
    return SocketChannel.open(
        target.host().contains(":") ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
  }

  /// Begins a check over `fresh`, which is closed with it.
  ///
  /// @return the result, if there is one already
  Health.@Nullable Result begin(SocketChannel fresh) {
    socket = fresh;
    start = Instant.now();
    end = System.nanoTime() + check.timeout().toNanos();
    connected = false;
    unsent = ByteBuffer.wrap(request);
    answer.setLength(0);
    try {
      fresh.configureBlocking(false);
      connected =
          fresh.connect(new InetSocketAddress(InetAddress.getByName(target.host()), target.port()));
      return connect(fresh);
    } catch (IOException e) {
      return failed(e);
    }
  }

  /// What the socket is waited for: an operation of [SelectionKey].
  int waitsFor() {
    return !connected
        ? SelectionKey.OP_CONNECT
        : unsent.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ;
  }

  /// Goes on with what the socket is ready for.
  ///
  /// @param buffer anybody's
  /// @return the result, if there is one now
  Health.@Nullable Result go(ByteBuffer buffer) {
    SocketChannel from = socket;
    if (from == null) {
      return new Health.Result(start, Instant.now(), -1, "the check was given up");
    }
    try {
      if (waitsFor() != SelectionKey.OP_READ) {
        return connect(from);
      }
      int count = from.read(buffer.clear());
      if (count > 0) {
        answer.append(
            new String(buffer.array(), buffer.arrayOffset(), count, StandardCharsets.ISO_8859_1));
      }
      // the status is what counts; what came of the page with it is shown
      int headEnd = answer.indexOf("\r\n\r\n");
      boolean more = count >= 0 && headEnd < 0 && answer.length() < MAX_HEAD;
      return more ? null : judge(headEnd);
    } catch (IOException e) {
      return failed(e);
    }
  }

  /// Connects, which on this machine is done at once, and sends the request.
  private Health.@Nullable Result connect(SocketChannel to) throws IOException {
    connected = connected || to.finishConnect();
    if (connected && target.path().isEmpty()) {
      return new Health.Result(
          start, Instant.now(), 0, "connected to " + target.host() + ":" + target.port());
    }
    if (connected) {
      int ignored = to.write(unsent);
    }
    return null;
  }

  private Health.Result failed(IOException e) {
    return new Health.Result(
        start, Instant.now(), 1, target.host() + ":" + target.port() + ": " + e.getMessage());
  }

  /// When the check has taken too long, by [System#nanoTime].
  long end() {
    return end;
  }

  Health.Result late() {
    return new Health.Result(
        start,
        Instant.now(),
        -1,
        "Health check exceeded timeout (" + CommandProbe.text(check.timeout()) + ")");
  }

  private Health.Result judge(int headEnd) {
    int lineEnd = answer.indexOf("\r\n");
    String status = lineEnd < 0 ? answer.toString() : answer.substring(0, lineEnd);
    int code = code(status);
    if (code < 0) {
      return new Health.Result(start, Instant.now(), 1, "no HTTP answer: " + status);
    }
    String page = headEnd < 0 ? "" : answer.substring(headEnd + 4);
    CommandProbe.Output shown = new CommandProbe.Output();
    byte[] line = (status + "\n").getBytes(StandardCharsets.UTF_8);
    byte[] rest = page.getBytes(StandardCharsets.ISO_8859_1);
    shown.add(line, line.length);
    shown.add(rest, rest.length);
    return new Health.Result(start, Instant.now(), code >= 200 && code < 400 ? 0 : 1, shown.text());
  }

  /// The code in a line such as `HTTP/1.1 200 OK`; -1 if it is none. Without regular expressions,
  /// for it runs for each container each second.
  static int code(String status) {
    int at = "HTTP/1.x ".length();
    boolean complete =
        status.length() == at + 3 || status.length() > at + 3 && status.charAt(at + 3) == ' ';
    if (!status.startsWith("HTTP/1.") || !complete || status.charAt(at - 1) != ' ') {
      return -1;
    }
    int code = 0;
    for (int i = at; i < at + 3; i++) {
      if (status.charAt(i) < '0' || status.charAt(i) > '9') {
        return -1;
      }
      code = code * 10 + status.charAt(i) - '0';
    }
    return code;
  }

  /// Closes the socket of the present check.
  void close() {
    SocketChannel old = socket;
    socket = null;
    try {
      if (old != null) {
        old.close();
      }
    } catch (IOException e) {
      return; // there is nothing to be saved in it
    }
  }
}
