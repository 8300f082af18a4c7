package dev.gantry.server;

import dev.gantry.base.Failure;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// One client's connection: reads requests (RFC 9112) and hands them to the handler, one after the
/// other. Lines, headers and their number are bounded.
final class HttpConnection {
  private static final int MAX_LINE = 64 * 1024;
  private static final int MAX_HEADERS = 200;

  /// Answers a request.
  @FunctionalInterface
  interface Handler {
    void handle(HttpRequest request, HttpResponse response) throws IOException;
  }

  private final InputStream in;
  private final OutputStream out;
  private final Handler handler;

  HttpConnection(InputStream in, OutputStream out, Handler handler) {
    this.in = new BufferedInputStream(in, 32 * 1024);
    this.out = new BufferedOutputStream(out, 32 * 1024);
    this.handler = handler;
  }

  /// Serves until the client leaves.
  void serve() throws IOException {
    while (one()) {
      continue;
    }
  }

  private boolean one() throws IOException {
    String line = line();
    if (line == null) {
      return false;
    }
    String[] parts = line.split(" ");
    if (parts.length != 3 || !parts[2].startsWith("HTTP/1.")) {
      return refuse("400 Bad Request");
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (String h = line(); h != null && !h.isEmpty(); h = line()) {
      int colon = h.indexOf(':');
      if (colon <= 0 || headers.size() >= MAX_HEADERS) {
        return refuse("400 Bad Request");
      }
      headers.merge(
          h.substring(0, colon).toLowerCase(Locale.ROOT),
          h.substring(colon + 1).trim(),
          (a, b) -> a + "," + b);
    }
    if (parts[2].equals("HTTP/1.1") && !headers.containsKey("host")) {
      return refuse("400 Bad Request: missing required Host header");
    }
    InputStream body = body(headers);
    if (body == null) {
      return refuse("400 Bad Request");
    }
    if (headers.getOrDefault("expect", "").equalsIgnoreCase("100-continue")) {
      out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      out.flush();
    }
    return answer(parts[0], parts[1], headers, body, parts[2].equals("HTTP/1.0"));
  }

  private boolean answer(
      String method, String target, Map<String, String> headers, InputStream body, boolean old)
      throws IOException {
    int mark = target.indexOf('?');
    String rawPath = mark < 0 ? target : target.substring(0, mark);
    HttpResponse response = new HttpResponse(out, in, method.equals("HEAD"));
    boolean hasBody =
        headers.containsKey("transfer-encoding")
            || !headers.getOrDefault("content-length", "0").equals("0");
    HttpRequest request;
    try {
      request =
          new HttpRequest(
              method,
              rawPath.contains("%") ? HttpRequest.decode(rawPath.replace("+", "%2B")) : rawPath,
              HttpRequest.parseQuery(mark < 0 ? "" : target.substring(mark + 1)),
              headers,
              body,
              hasBody,
              ApiVersion.NEWEST);
    } catch (Failure.InvalidRequest e) {
      return refuse("400 Bad Request");
    }
    handler.handle(request, response);
    boolean close =
        old || headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
    if (response.closesConnection() || close) {
      out.flush();
      return false;
    }
    // what the handler left of the body stands before the next request
    body.transferTo(OutputStream.nullOutputStream());
    return true;
  }

  private boolean refuse(String status) throws IOException {
    out.write(
        ("HTTP/1.1 "
                + status.substring(0, 15)
                + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
                + status)
            .getBytes(StandardCharsets.US_ASCII));
    out.flush();
    return false;
  }

  private @org.jspecify.annotations.Nullable String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(128);
    while (true) {
      int c = in.read();
      if (c < 0) {
        return null;
      }
      if (c == '\n') {
        String text = line.toString(StandardCharsets.ISO_8859_1);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
      }
      if (line.size() >= MAX_LINE) {
        throw new IOException("a request line is over 64 KiB");
      }
      line.write(c);
    }
  }

  private @org.jspecify.annotations.Nullable InputStream body(Map<String, String> headers) {
    if (headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked")) {
      return new Chunked();
    }
    if (headers.containsKey("transfer-encoding")) {
      return null;
    }
    String length = headers.getOrDefault("content-length", "0");
    return length.matches("[0-9]{1,18}") ? new Limited(Long.parseLong(length)) : null;
  }

  private final class Limited extends InputStream {
    private long left;

    Limited(long left) {
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left <= 0) {
        return -1;
      }
      int n = in.read(buffer, offset, (int) Math.min(length, left));
      if (n < 0) {
        throw new EOFException("the client left in the middle of a request");
      }
      left -= n;
      return n;
    }
  }

  private final class Chunked extends InputStream {
    private long left;
    private boolean ended;
    private boolean first = true;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (!ended && left == 0) {
        nextChunk();
      }
      if (ended) {
        return -1;
      }
      int n = in.read(buffer, offset, (int) Math.min(length, left));
      if (n < 0) {
        throw new EOFException("the client left in the middle of a request");
      }
      left -= n;
      return n;
    }

    private void nextChunk() throws IOException {
      if (!first) {
        line();
      }
      first = false;
      String size = line();
      String digits = size == null ? "" : size.split(";")[0].trim();
      if (!digits.matches("[0-9a-fA-F]{1,15}")) {
        throw new IOException("malformed chunked encoding");
      }
      left = Long.parseLong(digits, 16);
      if (left == 0) {
        ended = true;
        for (String t = line(); t != null && !t.isEmpty(); t = line()) {
          continue;
        }
      }
    }
  }
}
