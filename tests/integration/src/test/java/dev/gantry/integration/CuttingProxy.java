package dev.gantry.integration;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/// Stands between an engine and a registry, counts the bytes in both directions, and breaks all
/// connections when so many have passed.
final class CuttingProxy implements AutoCloseable {
  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicLong down = new AtomicLong();
  private final AtomicLong up = new AtomicLong();
  private volatile long downLimit = Long.MAX_VALUE;
  private volatile long upLimit = Long.MAX_VALUE;
  private volatile boolean hangs;

  CuttingProxy(int target) throws IOException {
    this.target = target;
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  String host() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  /// Bytes that came from the registry.
  long fromRegistry() {
    return down.get();
  }

  long toRegistry() {
    return up.get();
  }

  /// Breaks everything once the registry has sent `bytes` more; further connections are refused.
  void cutAfterReceiving(long bytes) {
    downLimit = down.get() + bytes;
  }

  void cutAfterSending(long bytes) {
    upLimit = up.get() + bytes;
  }

  /// Lets nothing more through, but keeps the connections.
  void hangAfterReceiving(long bytes) {
    hangs = true;
    cutAfterReceiving(bytes);
  }

  void heal() {
    downLimit = Long.MAX_VALUE;
    upLimit = Long.MAX_VALUE;
    hangs = false;
  }

  boolean isCut() {
    return down.get() >= downLimit || up.get() >= upLimit;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        if (isCut()) {
          client.close();
          continue;
        }
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(client);
        open.add(server);
        Thread.ofVirtual().start(() -> copy(client, server, up, true));
        Thread.ofVirtual().start(() -> copy(server, client, down, false));
      } catch (IOException e) {
        continue; // the registry is down, or we are closing
      }
    }
  }

  private void copy(Socket from, Socket to, AtomicLong count, boolean upwards) {
    byte[] buffer = new byte[16 * 1024];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        long limit = upwards ? upLimit : downLimit;
        if (count.addAndGet(n) >= limit) {
          if (hangs) {
            Thread.sleep(java.time.Duration.ofMinutes(10));
          }
          cutAll();
          return;
        }
        out.write(buffer, 0, n);
        out.flush();
      }
    } catch (IOException | InterruptedException e) {
      return; // closed on one side
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  private void cutAll() {
    for (Socket socket : open) {
      try {
        socket.close();
      } catch (IOException e) {
        continue; // it is gone
      }
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cutAll();
  }
}
