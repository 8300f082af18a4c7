package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.kernel.NetNamespace;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// Connects to a port of the container from inside its network namespace, and asks for a page
/// there: no program in the image is needed.
///
/// A socket belongs to the namespace in which it was made and may then be used from anywhere. Going
/// there takes a thread of its own, so each visit makes a few sockets for the next checks.
final class SocketProbe implements HealthProbe {
  private static final int SOCKETS_A_VISIT = 8;
  private static final int MAX_HEAD = 16 * 1024;

  private final Container container;
  private final HealthCheck check;
  private final Target target;
  private final Deque<SocketChannel> sockets = new ArrayDeque<>();
  private int pid;

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

    private static Failure malformed(
        boolean http, String text, @org.jspecify.annotations.Nullable Exception cause) {
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

  SocketProbe(Container container, HealthCheck check) {
    this.container = container;
    this.check = check;
    this.target = Target.of(check.test());
  }

  @Override
  public Health.Result run() {
    Instant start = Instant.now();
    long end = System.nanoTime() + check.timeout().toNanos();
    try (SocketChannel socket = socket()) {
      socket
          .socket()
          .connect(
              new InetSocketAddress(InetAddress.getByName(target.host()), target.port()),
              left(end));
      if (target.path().isEmpty()) {
        return new Health.Result(
            start, Instant.now(), 0, "connected to " + target.host() + ":" + target.port());
      }
      return ask(socket, start, end);
    } catch (SocketTimeoutException e) {
      return new Health.Result(
          start,
          Instant.now(),
          -1,
          "Health check exceeded timeout (" + HealthProbe.text(check.timeout()) + ")");
    } catch (IOException e) {
      return new Health.Result(
          start, Instant.now(), 1, target.host() + ":" + target.port() + ": " + e.getMessage());
    }
  }

  private static int left(long end) throws SocketTimeoutException {
    long millis = (end - System.nanoTime()) / 1_000_000L;
    if (millis <= 0) {
      throw new SocketTimeoutException("too late");
    }
    return (int) Math.min(millis, Integer.MAX_VALUE);
  }

  private Health.Result ask(SocketChannel socket, Instant start, long end) throws IOException {
    String request =
        "GET "
            + target.path()
            + " HTTP/1.1\r\nHost: "
            + (target.host().contains(":") ? "[" + target.host() + "]" : target.host())
            + ":"
            + target.port()
            + "\r\nUser-Agent: gantry-health\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    socket.socket().getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    InputStream in = socket.socket().getInputStream();
    StringBuilder head = new StringBuilder();
    HealthProbe.Output body = new HealthProbe.Output();
    byte[] buffer = new byte[4096];
    int headEnd = -1;
    long read = 0;
    while (read < MAX_HEAD) {
      socket.socket().setSoTimeout(left(end));
      int n = in.read(buffer);
      if (n < 0) {
        break;
      }
      read += n;
      head.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
      headEnd = head.indexOf("\r\n\r\n");
      if (headEnd >= 0) {
        break; // the status is what counts; what came of the page with it is shown
      }
    }
    int lineEnd = head.indexOf("\r\n");
    String status = lineEnd < 0 ? head.toString() : head.substring(0, lineEnd);
    int code = code(status);
    if (code < 0) {
      return new Health.Result(start, Instant.now(), 1, "no HTTP answer: " + status);
    }
    byte[] rest =
        headEnd < 0
            ? new byte[0]
            : head.substring(headEnd + 4).getBytes(StandardCharsets.ISO_8859_1);
    byte[] line = (status + "\n").getBytes(StandardCharsets.UTF_8);
    body.add(line, line.length);
    body.add(rest, rest.length);
    return new Health.Result(start, Instant.now(), code >= 200 && code < 400 ? 0 : 1, body.text());
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

  private SocketChannel socket() throws IOException {
    int now = container.state() instanceof ContainerState.Live live ? live.pid() : 0;
    if (now != pid) {
      close();
      pid = now;
    }
    if (sockets.isEmpty()) {
      sockets.addAll(visit());
    }
    return sockets.removeFirst();
  }

  private List<SocketChannel> visit() throws IOException {
    if (pid == 0) {
      throw new IOException("the container does not run");
    }
    try {
      return NetNamespace.of(
          pid,
          () -> {
            List<SocketChannel> made = new ArrayList<>();
            for (int i = 0; i < SOCKETS_A_VISIT; i++) {
              made.add(SocketChannel.open());
            }
            return made;
          });
    } catch (IOException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (Exception e) {
      throw new IOException("could not enter the container's network: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    for (SocketChannel socket : sockets) {
      try {
        socket.close();
      } catch (IOException e) {
        continue; // it was never connected
      }
    }
    sockets.clear();
  }
}
