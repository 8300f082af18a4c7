package dev.gantry.client;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// One HTTP/1.1 exchange on a connection of its own.
final class Http {
  private static final int MAX_LINE = 64 * 1024;

  /// What came back; the body is read from `in` as `headers` say.
  record Answer(Wire wire, int status, Map<String, String> headers, InputStream in) {
    InputStream body() {
      boolean chunked = headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked");
      String length = headers.getOrDefault("content-length", "-1");
      return new Body(in, chunked, status == 204 || status == 304 ? 0 : Long.parseLong(length));
    }
  }

  private Http() {}

  /// Sends a request whose body is known.
  static Answer send(
      Address address, String method, String target, String extra, byte @Nullable [] body)
      throws IOException {
    Wire wire = address.connect();
    OutputStream out = wire.out();
    String length = body == null ? "" : "Content-Length: " + body.length + "\r\n";
    out.write(head(method, target, extra + length));
    if (body != null) {
      out.write(body);
    }
    return answer(wire);
  }

  /// Sends a request whose body is copied from a stream in chunks.
  static Answer upload(
      Address address, String method, String target, String extra, InputStream source)
      throws IOException {
    Wire wire = address.connect();
    OutputStream out = wire.out();
    out.write(
        head(
            method,
            target,
            extra + "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n"));
    byte[] buffer = new byte[64 * 1024];
    try {
      for (int n = source.read(buffer); n >= 0; n = source.read(buffer)) {
        out.write((Integer.toHexString(n) + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.write(buffer, 0, n);
        out.write(new byte[] {'\r', '\n'});
      }
      out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      // the engine may have answered before it read everything: its answer says why
      return answer(wire);
    }
    return answer(wire);
  }

  private static byte[] head(String method, String target, String headers) {
    return (method
            + " "
            + target
            + " HTTP/1.1\r\nHost: docker\r\nUser-Agent: gantry\r\n"
            + headers
            + "\r\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  private static Answer answer(Wire wire) throws IOException {
    InputStream in = new BufferedInputStream(wire.in(), 16 * 1024);
    String[] status = line(in).split(" ", 3);
    if (status.length < 2 || !status[0].startsWith("HTTP/1.")) {
      throw new IOException("the engine closed the connection without an answer");
    }
    Map<String, String> headers = new TreeMap<>();
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
    }
    return new Answer(wire, Integer.parseInt(status[1]), headers, in);
  }

  static String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
      line.write(b);
      if (line.size() > MAX_LINE) {
        throw new IOException("a header line is longer than 64 kB");
      }
    }
    return line.toString(StandardCharsets.UTF_8).stripTrailing();
  }
}
