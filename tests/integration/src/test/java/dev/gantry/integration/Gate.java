package dev.gantry.integration;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A server that tells a test what a build has asked for, and answers when the test lets it:
/// `/wait/A+B` once somebody has asked for A and for B, `/hang/X` never, other paths at once.
final class Gate implements Closeable {
  private final ServerSocket server;
  private final Set<String> asked = new HashSet<>(); // this and the others guarded by this
  private final Map<String, Integer> open = new HashMap<>();
  private final List<Socket> sockets = new ArrayList<>();

  Gate() throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread ignored = Thread.ofVirtual().name("gate").start(this::accept);
  }

  /// `127.0.0.1:PORT`.
  String address() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  /// Asks for a path, so that who waits for it goes on.
  synchronized void ask(String name) {
    asked.add("/" + name);
  }

  /// How many connections wait for a path in which `text` stands.
  synchronized int waiting(String text) {
    return open.entrySet().stream()
        .filter(e -> e.getKey().contains(text))
        .mapToInt(Map.Entry::getValue)
        .sum();
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = server.accept();
        synchronized (this) {
          sockets.add(socket);
        }
        Thread ignored = Thread.ofVirtual().name("gate").start(() -> serve(socket));
      }
    } catch (IOException e) {
      return; // closed
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      String path = request(socket.getInputStream());
      if ("TLS".equals(path)) {
        socket
            .getOutputStream()
            .write("HTTP/1.0 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        socket.shutdownOutput();
        socket.setSoTimeout(5_000);
        socket.getInputStream().transferTo(OutputStream.nullOutputStream()); // lest it hear a reset
        return;
      }
      while (path != null) {
        synchronized (this) {
          asked.add(path);
        }
        if (path.startsWith("/wait/") && !awaitAll(socket, path.substring("/wait/".length()))) {
          return;
        }
        if (path.startsWith("/hang/") || path.startsWith("/v2/hang")) {
          hang(socket, path);
          return;
        }
        answer(socket.getOutputStream(), path);
        path = request(socket.getInputStream());
      }
    } catch (IOException e) {
      return; // the client has gone
    }
  }

  private static String request(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    for (int b = in.read(); b >= 0; b = in.read()) {
      head.append((char) b);
      if (head.length() == 1 && b != 'G' && b != 'H' && b != 'P') {
        return "TLS"; // a client that tries it first hears that there is none
      }
      if (head.toString().endsWith("\r\n\r\n")) {
        return head.toString().split(" ", 3)[1];
      }
    }
    return null;
  }

  /// False if the client does not want to wait any more.
  private boolean awaitAll(Socket socket, String names) throws IOException {
    count("/wait/" + names, 1);
    socket.setSoTimeout(50);
    try {
      while (!List.of(names.split("\\+")).stream().allMatch(this::wasAsked)) {
        try {
          if (socket.getInputStream().read() < 0) {
            return false;
          }
        } catch (SocketTimeoutException e) {
          continue; // it still waits
        }
      }
      socket.setSoTimeout(0);
      return true;
    } finally {
      count("/wait/" + names, -1);
    }
  }

  private synchronized void count(String path, int more) {
    open.merge(path, more, Integer::sum);
  }

  private synchronized boolean wasAsked(String name) {
    return asked.stream().anyMatch(a -> !a.startsWith("/wait/") && a.endsWith("/" + name));
  }

  /// Until the client ends the connection.
  private void hang(Socket socket, String path) throws IOException {
    count(path, 1);
    try {
      while (socket.getInputStream().read() >= 0) {}
    } finally {
      count(path, -1);
    }
  }

  private void answer(OutputStream out, String path) throws IOException {
    boolean known = !path.contains("none");
    byte[] content = path.getBytes(StandardCharsets.UTF_8);
    out.write(
        ("HTTP/1.1 "
                + (known ? "200 OK" : "404 Not Found")
                + "\r\nContent-Length: "
                + content.length
                + "\r\n\r\n")
            .getBytes(StandardCharsets.US_ASCII));
    out.write(content);
    out.flush();
  }

  @Override
  public synchronized void close() throws IOException {
    server.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
