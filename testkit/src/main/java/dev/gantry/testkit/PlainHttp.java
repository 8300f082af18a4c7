package dev.gantry.testkit;

import java.io.ByteArrayInputStream;
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
import java.util.Map;
import java.util.TreeMap;

/// One HTTP/1.1 request per connection over a unix socket, written out by hand: tests see the bytes
/// of the wire and share no code with the client under test.
public final class PlainHttp {
  private PlainHttp() {}

  /// Sends it and reads the answer to its end.
  public static Answer send(Path socket, String method, String target, byte[] body)
      throws IOException {
    return send(socket, method, target, Map.of(), body);
  }

  /// The same with further headers.
  public static Answer send(
      Path socket, String method, String target, Map<String, String> headers, byte[] body)
      throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      String type = body.length > 0 ? "Content-Type: application/json\r\n" : "";
      StringBuilder more = new StringBuilder();
      headers.forEach((name, value) -> more.append(name + ": " + value + "\r\n"));
      String head =
          method
              + " "
              + target
              + " HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
              + type
              + more
              + "Content-Length: "
              + body.length
              + "\r\n\r\n";
      writeAll(channel, head.getBytes(StandardCharsets.UTF_8));
      try {
        writeAll(channel, body);
      } catch (IOException e) {
        // whoever refuses it need not read all of it: the answer tells why
      }
      return answer(Channels.newInputStream(channel).readAllBytes(), method.equals("HEAD"));
    }
  }

  private static void writeAll(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      int ignored = channel.write(buffer);
    }
  }

  private static Answer answer(byte[] bytes, boolean headOnly) throws IOException {
    InputStream in = new ByteArrayInputStream(bytes);
    String[] status = line(in).split(" ", 3);
    if (status.length < 2) {
      throw new IOException("no HTTP answer: " + new String(bytes, StandardCharsets.UTF_8));
    }
    Map<String, String> headers = new TreeMap<>();
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      int colon = line.indexOf(':');
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    boolean chunked = headers.getOrDefault("transfer-encoding", "").equals("chunked");
    byte[] body = chunked && !headOnly ? chunks(in) : in.readAllBytes();
    return new Answer(Integer.parseInt(status[1]), headers, body);
  }

  private static byte[] chunks(InputStream in) throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (int size = size(line(in)); size > 0; size = size(line(in))) {
      body.write(in.readNBytes(size));
      line(in);
    }
    return body.toByteArray();
  }

  private static int size(String line) {
    return line.isEmpty() ? 0 : Integer.parseInt(line.split(";")[0].strip(), 16);
  }

  private static String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      line.write(b);
    }
    return line.toString(StandardCharsets.UTF_8).stripTrailing();
  }
}
