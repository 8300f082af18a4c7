package dev.gantry.conformance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/// Sends bytes as they are and reads the head of the answer, and the body of an error.
final class FuzzWire {
  /// Generous: other builds run beside the tests.
  private static final int LIMIT_SECONDS = 60;

  private static final int MOST = 64 * 1024;
  private static final ScheduledExecutorService WATCH =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("fuzz-watch").factory());

  /// @param body of an error; empty for others, which may never end
  record Head(int status, String type, String body) {}

  private FuzzWire() {}

  static Head send(Path socket, FuzzRequests.Sent sent) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      ScheduledFuture<?> watch =
          WATCH.schedule(() -> close(channel), LIMIT_SECONDS, TimeUnit.SECONDS);
      try {
        write(channel, sent);
        return read(Channels.newInputStream(channel));
      } finally {
        watch.cancel(false);
      }
    }
  }

  private static void write(SocketChannel channel, FuzzRequests.Sent sent) throws IOException {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(sent.bytes());
      while (bytes.hasRemaining()) {
        int ignored = channel.write(bytes);
      }
    } catch (java.nio.channels.AsynchronousCloseException e) {
      throw e;
    } catch (IOException e) {
      return; // refused before everything was sent: the answer tells
    }
  }

  private static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static Head read(InputStream in) throws IOException {
    int status = 0;
    String type = "";
    long length = -1;
    boolean chunked = false;
    String line = line(in);
    if (line.startsWith("HTTP/1.1 ") && line.length() >= 12) {
      status = Integer.parseInt(line.substring(9, 12));
    }
    for (line = line(in); !line.isEmpty(); line = line(in)) {
      String lower = line.toLowerCase(Locale.ROOT);
      String value = lower.substring(lower.indexOf(':') + 1).strip();
      if (lower.startsWith("content-type:")) {
        type = value;
      } else if (lower.startsWith("content-length:")) {
        length = Long.parseLong(value);
      } else if (lower.startsWith("transfer-encoding:")) {
        chunked = value.equals("chunked");
      }
    }
    if (status < 400) {
      return new Head(status, type, "");
    }
    byte[] body =
        chunked
            ? in.readNBytes(Math.clamp(Long.parseLong(line(in), 16), 0, MOST))
            : in.readNBytes(length < 0 ? MOST : (int) Math.min(length, MOST));
    return new Head(status, type, new String(body, StandardCharsets.UTF_8));
  }

  private static String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      line.write(b);
    }
    return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
  }
}
