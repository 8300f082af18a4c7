package dev.gantry.integration;

import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/// One tcp connection on which bytes go there and back all the time, to see whether it outlives
/// what is done to networks meanwhile.
final class Conversation implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final int PATIENCE_MILLIS = 50_000;

  private final ServerSocket server;
  private final AtomicBoolean ended = new AtomicBoolean();
  private final AtomicInteger count = new AtomicInteger();
  private final AtomicReference<String> broken = new AtomicReference<>("");
  private final Thread talking;

  private Conversation(ServerSocket server, Inside client, String address, int port) {
    this.server = server;
    this.talking =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    client.run(
                        () -> {
                          talk(address, port);
                          return true;
                        });
                  } catch (Exception e) {
                    broken.set("broken: " + e);
                  }
                });
  }

  /// From `client` to `address:port`, where it comes to port `inner` of `host`.
  static Conversation start(Inside client, String address, int port, Inside host, int inner)
      throws Exception {
    ServerSocket server = host.run(() -> new ServerSocket(inner));
    Thread.ofVirtual().start(() -> echo(server));
    Conversation conversation = new Conversation(server, client, address, port);
    conversation.goesOn("its beginning");
    return conversation;
  }

  private static void echo(ServerSocket server) {
    try (Socket client = server.accept()) {
      client.getInputStream().transferTo(client.getOutputStream());
    } catch (IOException e) {
      return; // the connection is broken, which the other end says
    }
  }

  private void talk(String address, int port) throws IOException {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address, port), PATIENCE_MILLIS);
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.setTcpNoDelay(true);
      OutputStream out = socket.getOutputStream();
      InputStream in = socket.getInputStream();
      while (!ended.get()) {
        int next = count.get() & 0x7f;
        out.write(next);
        if (in.read() != next) {
          throw new IOException("another byte came back");
        }
        count.incrementAndGet();
      }
    }
  }

  /// Waits until more has been said than before `change`.
  void goesOn(String change) {
    int before = count.get();
    Eventually.within(
        SOON,
        () -> "the connection goes on after " + change + " " + broken.get(),
        () -> count.get() > before);
  }

  @Override
  public void close() throws Exception {
    ended.set(true);
    server.close();
    talking.join();
  }
}
