package dev.gantry.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The answer to one request: whole, a stream, a part of a file, or the connection itself. Headers
/// first, then exactly one of the sending methods. Used by one thread.
public final class Response {
  private final Connection connection;
  private final OutputStream out;
  private final boolean headOnly;
  private final boolean old;
  private final Map<String, String> headers = new LinkedHashMap<>();
  private final List<String> repeated = new ArrayList<>();
  private int status;
  private long sent;
  private boolean closes;
  private boolean over;

  Response(Connection connection, OutputStream out, boolean headOnly, boolean old) {
    this.connection = connection;
    this.out = out;
    this.headOnly = headOnly;
    this.old = old;
  }

  /// The status sent, or 0 before.
  public int status() {
    return status;
  }

  public boolean isStarted() {
    return status != 0;
  }

  /// Bytes of body sent so far.
  public long sent() {
    return sent;
  }

  /// True where the client wants the headers alone.
  public boolean isHead() {
    return headOnly;
  }

  boolean closesConnection() {
    return closes;
  }

  /// Closes the connection behind this answer.
  public void close() {
    closes = true;
  }

  public Response header(String name, String value) {
    headers.put(name, value);
    return this;
  }

  /// One more header of that name.
  public Response addHeader(String name, String value) {
    repeated.add(name + ": " + value + "\r\n");
    return this;
  }

  public void removeHeader(String name) {
    headers.remove(name);
  }

  /// Runs `action`, on another thread, if the client closes the connection before the answer is at
  /// its end. To be called once the request's body has been read.
  public void whenGone(Runnable action) {
    connection.watch(action);
  }

  /// A whole answer.
  public void send(int code, byte[] body) throws IOException {
    try (OutputStream stream = sized(code, body.length)) {
      stream.write(body);
    }
  }

  /// An answer without a body.
  public void empty(int code) throws IOException {
    if (code != 204 && code != 304 && !headers.containsKey("Content-Length")) {
      header("Content-Length", "0");
    }
    begin(code);
    out.flush();
  }

  /// A body of known length; fewer bytes than that end the connection, so that the client knows.
  public OutputStream sized(int code, long length) throws IOException {
    header("Content-Length", Long.toString(length));
    begin(code);
    return new Sized(headOnly ? 0 : length);
  }

  /// `length` bytes of `file` from `offset` on, by the kernel's own copy where it can.
  public void file(int code, FileChannel file, long offset, long length) throws IOException {
    header("Content-Length", Long.toString(length));
    begin(code);
    out.flush();
    if (!headOnly) {
      boolean last = closes;
      closes = true; // a file that breaks off ends the connection
      connection.transfer(file, offset, length);
      sent += length;
      closes = last;
    }
  }

  /// A body of unknown length: each write is one chunk that goes out at once.
  public OutputStream chunked(int code) throws IOException {
    if (old) {
      closes = true;
    } else {
      header("Transfer-Encoding", "chunked");
    }
    begin(code);
    out.flush();
    return new Chunks();
  }

  /// The raw connection.
  public record Raw(InputStream in, OutputStream out) {}

  /// Takes the connection over behind `head`, which is sent as it is with the headers set so far.
  public Raw takeOver(String head) throws IOException {
    status = 101;
    closes = true;
    StringBuilder text = new StringBuilder(head);
    headers.forEach((n, v) -> text.append(n).append(": ").append(v).append("\r\n"));
    text.append("\r\n");
    out.write(text.toString().getBytes(StandardCharsets.ISO_8859_1));
    out.flush();
    return connection.raw();
  }

  /// Says that behind [#takeOver] nothing more is exchanged: what the client still sends is read
  /// away.
  public void over() {
    over = true;
  }

  boolean isOver() {
    return over;
  }

  private void begin(int code) throws IOException {
    if (status != 0) {
      throw new IllegalStateException("the answer has begun");
    }
    status = code;
    closes |= connection.mustClose();
    StringBuilder head = new StringBuilder(256);
    head.append("HTTP/1.1 ").append(code).append(' ').append(reason(code)).append("\r\n");
    headers.forEach((n, v) -> head.append(n).append(": ").append(v).append("\r\n"));
    repeated.forEach(head::append);
    if (!headers.containsKey("Date")) {
      head.append("Date: ").append(Dates.now()).append("\r\n");
    }
    if (closes) {
      head.append("Connection: close\r\n");
    }
    head.append("\r\n");
    out.write(head.toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  private final class Sized extends OutputStream {
    private long left;

    Sized(long left) {
      this.left = left;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (headOnly) {
        return;
      }
      if (length > left) {
        throw new IOException("more bytes than the answer's length");
      }
      out.write(bytes, offset, length);
      left -= length;
      sent += length;
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }

    @Override
    public void close() throws IOException {
      if (left > 0) {
        closes = true;
      }
      out.flush();
    }
  }

  private final class Chunks extends OutputStream {
    private boolean ended;

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0 || headOnly) {
        return;
      }
      if (old) {
        out.write(bytes, offset, length);
      } else {
        out.write((Integer.toHexString(length) + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.write(bytes, offset, length);
        out.write('\r');
        out.write('\n');
      }
      sent += length;
      out.flush();
    }

    @Override
    public void close() throws IOException {
      if (!ended && !headOnly && !old) {
        out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      }
      ended = true;
      out.flush();
    }
  }

  /// The date header's text (RFC 9110 5.6.7), made once a second.
  private static final class Dates {
    private record Stamp(long second, String text) {}

    private static volatile Stamp last = new Stamp(0, "");

    static String now() {
      long second = System.currentTimeMillis() / 1000;
      Stamp stamp = last;
      if (stamp.second() != second) {
        String text =
            DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC));
        // the formatter leaves the leading zero of the day out, HTTP wants it
        stamp = new Stamp(second, text.charAt(6) == ' ' ? text.replaceFirst(", ", ", 0") : text);
        last = stamp;
      }
      return stamp.text();
    }
  }

  /// The text beside a status code.
  public static String reason(int status) {
    return switch (status) {
      case 200 -> "OK";
      case 201 -> "Created";
      case 202 -> "Accepted";
      case 204 -> "No Content";
      case 206 -> "Partial Content";
      case 301 -> "Moved Permanently";
      case 304 -> "Not Modified";
      case 307 -> "Temporary Redirect";
      case 400 -> "Bad Request";
      case 401 -> "Unauthorized";
      case 403 -> "Forbidden";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 406 -> "Not Acceptable";
      case 409 -> "Conflict";
      case 411 -> "Length Required";
      case 412 -> "Precondition Failed";
      case 413 -> "Request Entity Too Large";
      case 415 -> "Unsupported Media Type";
      case 416 -> "Range Not Satisfiable";
      case 429 -> "Too Many Requests";
      case 431 -> "Request Header Fields Too Large";
      case 500 -> "Internal Server Error";
      case 501 -> "Not Implemented";
      case 502 -> "Bad Gateway";
      case 503 -> "Service Unavailable";
      case 507 -> "Insufficient Storage";
      default -> "Status " + status;
    };
  }
}
