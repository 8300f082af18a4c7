package dev.gantry.integration;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;

/// A proxy as companies have them (RFC 9110, CONNECT and absolute addresses) that wants a password,
/// and remembers what it was asked and shown.
final class ForwardProxy implements AutoCloseable {
  static final String USER = "proxy user";
  static final String PASSWORD = "p:ss";
  private static final String EXPECTED =
      "Basic "
          + Base64.getEncoder()
              .encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<String> heads = new CopyOnWriteArrayList<>();

  ForwardProxy() throws IOException {
    Thread.ofVirtual().start(this::accept);
  }

  /// Its address, as `--https-proxy` takes it.
  String address() {
    return "http://proxy%20user:p%3Ass@127.0.0.1:" + listener.getLocalPort();
  }

  /// The lines that asked for something, of those who showed the password: `CONNECT host:port`.
  List<String> requests() {
    return List.copyOf(requests);
  }

  /// All that the proxy could read.
  String heads() {
    return String.join("", heads);
  }

  void forget() {
    requests.clear();
    heads.clear();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = new BufferedInputStream(client.getInputStream());
      OutputStream out = client.getOutputStream();
      while (true) {
        List<String> head = head(in);
        if (head.isEmpty()) {
          return;
        }
        heads.add(String.join("\n", head) + "\n");
        if (!header(head, "proxy-authorization").equals(EXPECTED)) {
          in.skipNBytes(length(head));
          say(
              out,
              "HTTP/1.1 407 Proxy Authentication Required\r\n"
                  + "Proxy-Authenticate: Basic realm=\"way out\"\r\nContent-Length: 0\r\n\r\n");
          continue;
        }
        requests.add(head.getFirst().replace(" HTTP/1.1", ""));
        if (head.getFirst().startsWith("CONNECT ")) {
          String[] to = head.getFirst().split(" ")[1].split(":");
          try (Socket server = new Socket(to[0], Integer.parseInt(to[1]))) {
            say(out, "HTTP/1.1 200 Connection established\r\n\r\n");
            both(client, in, server);
          }
          return;
        }
        forward(head, client, in);
        return;
      }
    } catch (IOException e) {
      return; // one side has left
    }
  }

  /// One request to the server it names, which closes the connection after its answer.
  private static void forward(List<String> head, Socket client, InputStream in) throws IOException {
    String[] line = head.getFirst().split(" ");
    URI target = URI.create(line[1]);
    String path =
        target.getRawPath() + (target.getRawQuery() == null ? "" : "?" + target.getRawQuery());
    List<String> passed = new ArrayList<>(List.of(line[0] + " " + path + " HTTP/1.1"));
    head.stream()
        .skip(1)
        .filter(h -> !h.toLowerCase(Locale.ROOT).startsWith("proxy-"))
        .filter(h -> !h.toLowerCase(Locale.ROOT).startsWith("connection:"))
        .forEach(passed::add);
    passed.add("Connection: close");
    try (Socket server = new Socket(target.getHost(), target.getPort())) {
      say(server.getOutputStream(), String.join("\r\n", passed) + "\r\n\r\n");
      both(client, in, server);
    }
  }

  private static void both(Socket client, InputStream in, Socket server) throws IOException {
    Thread up =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    in.transferTo(server.getOutputStream());
                    server.shutdownOutput();
                  } catch (IOException e) {
                    return; // the other side has left
                  }
                });
    server.getInputStream().transferTo(client.getOutputStream());
    client.close();
    try {
      up.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void say(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
  }

  private static long length(List<String> head) {
    String said = header(head, "content-length");
    return said.isEmpty() ? 0 : Long.parseLong(said);
  }

  private static String header(List<String> head, String name) {
    return head.stream()
        .filter(h -> h.toLowerCase(Locale.ROOT).startsWith(name + ":"))
        .map(h -> h.substring(name.length() + 1).strip())
        .findFirst()
        .orElse("");
  }

  private static List<String> head(InputStream in) throws IOException {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        if (line.isEmpty()) {
          return lines;
        }
        lines.add(line.toString());
        line.setLength(0);
      } else if (b != '\r') {
        line.append((char) b);
      }
    }
    return List.of();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
