package dev.gantry.server;

import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/// The answer to one request: either whole, or a stream, or the connection itself.
public final class HttpResponse {
  private static final int CHUNK_ABOVE = 2048;

  private final OutputStream out;
  private final InputStream in;
  private final boolean headOnly;
  private final Map<String, String> headers = new LinkedHashMap<>();
  private boolean started;
  private boolean closes;

  HttpResponse(OutputStream out, InputStream in, boolean headOnly) {
    this.out = out;
    this.in = in;
    this.headOnly = headOnly;
  }

  boolean isStarted() {
    return started;
  }

  boolean closesConnection() {
    return closes;
  }

  void header(String name, String value) {
    headers.put(name, value);
  }

  void removeHeader(String name) {
    headers.remove(name);
  }

  /// A JSON answer with Docker's newline behind it.
  public void json(int status, Json value) throws IOException {
    body(status, "application/json", (value.text() + "\n").getBytes(StandardCharsets.UTF_8));
  }

  public void text(int status, String type, String text) throws IOException {
    body(status, type, text.getBytes(StandardCharsets.UTF_8));
  }

  /// An answer without a body.
  public void empty(int status) throws IOException {
    if (status != 204 && status != 304) {
      header("Content-Length", "0");
    }
    begin(status);
    out.flush();
  }

  private void body(int status, String type, byte[] bytes) throws IOException {
    header("Content-Type", type);
    if (bytes.length <= CHUNK_ABOVE || headOnly) {
      header("Content-Length", Integer.toString(bytes.length));
      begin(status);
      if (!headOnly) {
        out.write(bytes);
      }
    } else {
      header("Transfer-Encoding", "chunked");
      begin(status);
      chunk(bytes, 0, bytes.length);
      out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    }
    out.flush();
  }

  private void begin(int status) throws IOException {
    started = true;
    StringBuilder head = new StringBuilder(256);
    head.append("HTTP/1.1 ").append(status).append(' ').append(reason(status)).append("\r\n");
    headers.forEach((n, v) -> head.append(n).append(": ").append(v).append("\r\n"));
    head.append("\r\n");
    out.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  private void chunk(byte[] bytes, int offset, int length) throws IOException {
    out.write((Integer.toHexString(length) + "\r\n").getBytes(StandardCharsets.US_ASCII));
    out.write(bytes, offset, length);
    out.write("\r\n".getBytes(StandardCharsets.US_ASCII));
  }

  /// Begins a body of unknown length: each write is one chunk that goes out at once.
  public OutputStream stream(int status, String type) throws IOException {
    header("Content-Type", type);
    header("Transfer-Encoding", "chunked");
    begin(status);
    out.flush();
    return new OutputStream() {
      private boolean ended;

      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        if (length > 0 && !headOnly) {
          chunk(bytes, offset, length);
          out.flush();
        }
      }

      @Override
      public void close() throws IOException {
        if (!ended) {
          ended = true;
          out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          out.flush();
        }
      }
    };
  }

  /// The raw connection after an upgrade (or without one, as old clients ask).
  public record Hijacked(InputStream in, OutputStream out) {}

  /// Takes the connection over: 101 where the client asked for an upgrade, else 200.
  public Hijacked hijack(boolean upgrade, String type, String protocol) throws IOException {
    started = true;
    closes = true;
    StringBuilder head = new StringBuilder();
    if (upgrade) {
      head.append("HTTP/1.1 101 UPGRADED\r\nContent-Type: ").append(type);
      head.append("\r\nConnection: Upgrade\r\nUpgrade: ").append(protocol).append("\r\n");
    } else {
      head.append("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n");
    }
    headers.forEach((n, v) -> head.append(n).append(": ").append(v).append("\r\n"));
    head.append("\r\n");
    out.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
    return new Hijacked(in, out);
  }

  static String reason(int status) {
    return switch (status) {
      case 200 -> "OK";
      case 201 -> "Created";
      case 204 -> "No Content";
      case 301 -> "Moved Permanently";
      case 304 -> "Not Modified";
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 403 -> "Forbidden";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 406 -> "Not Acceptable";
      case 409 -> "Conflict";
      case 413 -> "Request Entity Too Large";
      case 500 -> "Internal Server Error";
      case 501 -> "Not Implemented";
      case 503 -> "Service Unavailable";
      default -> "Status " + status;
    };
  }
}
