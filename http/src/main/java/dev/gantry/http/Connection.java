package dev.gantry.http;

import dev.gantry.base.BulkInputStream;
import dev.gantry.base.Failure;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ProtocolException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// One client's connection: reads requests (RFC 9112) and hands them to the handler, one after the
/// other. Lines, headers and their number are bounded.
final class Connection {
  private static final int MAX_LINE = 64 * 1024;
  private static final int MAX_HEADERS = 200;
  // how long a client that has its answer may go on sending, and may pause in that
  private static final Duration LINGER = Duration.ofSeconds(30);
  private static final Duration SILENCE = Duration.ofSeconds(5);
  private static final String BAD = "400 Bad Request";
  private static final String TOO_LARGE = "431 Request Header Fields Too Large";

  /// A line over the limit.
  private static final class LongLine extends IOException {
    private static final long serialVersionUID = 1L;

    LongLine() {
      super("a line is over 64 KiB");
    }
  }

  private final Transport transport;
  private final Limits limits;
  private final Handler handler;
  private final Input in = new Input();
  private final OutputStream out = new BufferedOutputStream(new Output(), 16 * 1024);
  private volatile long expires = Long.MAX_VALUE;
  private volatile boolean busy;
  private volatile boolean answered;
  private volatile boolean draining;
  private boolean lastRequest;

  Connection(Transport transport, Limits limits, Handler handler) {
    this.transport = transport;
    this.limits = limits;
    this.handler = handler;
  }

  /// Serves until the client leaves.
  void serve() throws IOException {
    arm(limits.idle());
    while (!draining && next()) {
      busy = false;
      arm(limits.idle());
    }
  }

  /// Ends the connection now if it waits for a request, else behind the answer.
  void drain() {
    draining = true;
    if (!busy || answered) {
      abort();
    }
  }

  void abort() {
    try {
      transport.close();
    } catch (IOException e) {
      return; // it is gone already
    }
  }

  /// True once the client has kept us waiting for too long.
  boolean isExpired(long now) {
    long end = expires;
    return end != Long.MAX_VALUE && now - end > 0;
  }

  private void arm(Duration limit) {
    expires = System.nanoTime() + limit.toNanos();
  }

  boolean mustClose() {
    return lastRequest || draining;
  }

  void watch(Runnable gone) {
    in.watch(gone);
  }

  Response.Raw raw() {
    expires = Long.MAX_VALUE;
    return new Response.Raw(in, out);
  }

  void transfer(FileChannel file, long offset, long length) throws IOException {
    long done = 0;
    while (done < length) {
      arm(limits.stall());
      long n = transport.send(file, offset + done, length - done);
      if (n <= 0) {
        throw new EOFException("the file is shorter than it was");
      }
      done += n;
    }
    expires = Long.MAX_VALUE;
  }

  private boolean next() throws IOException {
    try {
      return one();
    } catch (LongLine e) {
      return refuse(TOO_LARGE, TOO_LARGE);
    }
  }

  private boolean one() throws IOException {
    String line = line();
    if (line == null) {
      return false;
    }
    String[] parts = line.split(" ");
    if (parts.length != 3 || !parts[2].startsWith("HTTP/1.")) {
      return refuse(BAD, BAD);
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (String h = line(); h != null && !h.isEmpty(); h = line()) {
      int colon = h.indexOf(':');
      if (colon <= 0 || headers.size() >= MAX_HEADERS) {
        return refuse(BAD, BAD);
      }
      headers.merge(
          h.substring(0, colon).toLowerCase(Locale.ROOT),
          h.substring(colon + 1).trim(),
          (a, b) -> a + "," + b);
    }
    if (parts[2].equals("HTTP/1.1") && !headers.containsKey("host")) {
      return refuse(BAD, BAD + ": missing required Host header");
    }
    Body body = body(headers);
    if (body == null) {
      return refuse(BAD, BAD);
    }
    expires = Long.MAX_VALUE;
    return answer(parts[0], parts[1], headers, body, parts[2].equals("HTTP/1.0"));
  }

  private boolean answer(
      String method, String target, Map<String, String> headers, Body body, boolean old)
      throws IOException {
    int mark = target.indexOf('?');
    String rawPath = mark < 0 ? target : target.substring(0, mark);
    body.awaited = headers.getOrDefault("expect", "").equalsIgnoreCase("100-continue");
    lastRequest =
        old || headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
    boolean hasBody =
        headers.containsKey("transfer-encoding")
            || !headers.getOrDefault("content-length", "0").equals("0");
    Request request;
    try {
      request =
          new Request(
              method,
              target,
              rawPath.contains("%") ? Request.decode(rawPath.replace("+", "%2B")) : rawPath,
              Request.parseQuery(mark < 0 ? "" : target.substring(mark + 1)),
              headers,
              body,
              hasBody,
              transport.peer(),
              transport.isSecure());
    } catch (Failure.InvalidRequest e) {
      return refuse(BAD, BAD);
    }
    Response response = new Response(this, out, method.equals("HEAD"), old);
    handler.handle(request, response);
    out.flush();
    if (response.status() == 101) {
      if (response.isOver()) {
        linger();
      }
      return false;
    }
    return finish(response, body);
  }

  /// What the handler left of the body stands before the next request.
  private boolean finish(Response response, Body body) throws IOException {
    if (body.awaited) {
      linger(); // the client was never told to send it, and may or may not
      return false;
    }
    boolean goesOn = !response.closesConnection();
    if (!goesOn) {
      transport.shutdownOutput();
    }
    return readAway(body) && goesOn;
  }

  /// @param status code and reason
  /// @param text the body
  private boolean refuse(String status, String text) throws IOException {
    out.write(
        ("HTTP/1.1 "
                + status
                + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
                + text)
            .getBytes(StandardCharsets.US_ASCII));
    out.flush();
    linger();
    return false;
  }

  /// Ends our side, and waits for the client to end its own.
  private void linger() throws IOException {
    transport.shutdownOutput();
    boolean ignored = readAway(in);
  }

  /// Reads away what the client still sends, and says whether it came to the end of it (RFC 9112
  /// 9.6): closed on unread bytes, the kernel would reset the connection, and a client that sends
  /// all before it reads would lose the answer. A drain need not wait for this.
  private boolean readAway(InputStream rest) throws IOException {
    answered = true;
    byte[] scrap = new byte[8 * 1024];
    long end = System.nanoTime() + LINGER.toNanos();
    boolean whole = false;
    while (!whole && System.nanoTime() - end < 0) {
      arm(SILENCE);
      whole = rest.read(scrap, 0, scrap.length) < 0;
    }
    answered = false;
    return whole;
  }

  private @Nullable String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(128);
    while (true) {
      int c = in.read();
      if (c < 0) {
        return null;
      }
      if (!busy) {
        busy = true;
        arm(limits.head());
      }
      if (c == '\n') {
        String text = line.toString(StandardCharsets.ISO_8859_1);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
      }
      if (line.size() >= MAX_LINE) {
        throw new LongLine();
      }
      line.write(c);
    }
  }

  private @Nullable Body body(Map<String, String> headers) {
    if (headers.containsKey("transfer-encoding")) {
      // with a length beside it, proxies and we could disagree where the request ends (RFC 9112
      // 6.1)
      boolean clear =
          headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked")
              && !headers.containsKey("content-length");
      return clear ? new Chunked() : null;
    }
    String length = headers.getOrDefault("content-length", "0");
    return length.matches("[0-9]{1,18}") ? new Limited(Long.parseLong(length)) : null;
  }

  /// The transport's bytes, buffered; large reads pass the buffer by.
  private final class Input extends InputStream {
    private final byte[] buffer = new byte[16 * 1024];
    private int at;
    private int end;

    private @Nullable Thread watcher;

    /// Waits on another thread for what comes behind the request: more of it, or the client's end.
    void watch(Runnable gone) {
      if (at == end && watcher == null) {
        watcher = Thread.ofVirtual().name("watch-" + transport.peer()).start(() -> await(gone));
      }
    }

    private void await(Runnable gone) {
      try {
        if (fill()) {
          return;
        }
      } catch (IOException e) {
        end = 0; // the same as its end: whoever reads next finds out again
      }
      gone.run();
    }

    private void join() throws IOException {
      Thread other = watcher;
      if (other != null) {
        try {
          other.join();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted", e);
        }
        watcher = null;
      }
    }

    private boolean fill() throws IOException {
      at = 0;
      end = Math.max(transport.read(buffer, 0, buffer.length), 0);
      return end > 0;
    }

    @Override
    public int read() throws IOException {
      join();
      return at < end || fill() ? buffer[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) {
        return 0; // InputStream.readNBytes asks for nothing once it has everything
      }
      join();
      if (at == end) {
        if (length >= buffer.length) {
          return transport.read(bytes, offset, length);
        }
        if (!fill()) {
          return -1;
        }
      }
      int n = Math.min(length, end - at);
      System.arraycopy(buffer, at, bytes, offset, n);
      at += n;
      return n;
    }

    @Override
    public int available() {
      return end - at;
    }
  }

  private final class Output extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      long before = expires;
      arm(limits.stall());
      transport.write(bytes, offset, length);
      expires = before;
    }
  }

  /// A request's body.
  private abstract sealed class Body extends BulkInputStream {
    // the client holds the body back until it is told to send it (RFC 9110 10.1.1)
    boolean awaited;

    abstract int next(byte[] buffer, int offset, int length) throws IOException;

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (awaited) {
        awaited = false;
        out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        out.flush();
      }
      long before = expires;
      if (before == Long.MAX_VALUE) {
        arm(limits.stall());
      }
      int n = next(buffer, offset, length);
      expires = before;
      return n;
    }

    final int piece(byte[] buffer, int offset, int length, long left) throws IOException {
      int n = in.read(buffer, offset, (int) Math.min(length, left));
      if (n < 0) {
        throw new EOFException("the client left in the middle of a request");
      }
      return n;
    }
  }

  private final class Limited extends Body {
    private long left;

    Limited(long left) {
      this.left = left;
    }

    @Override
    int next(byte[] buffer, int offset, int length) throws IOException {
      if (left <= 0) {
        return -1;
      }
      int n = piece(buffer, offset, length, left);
      left -= n;
      return n;
    }
  }

  private final class Chunked extends Body {
    private long left;
    private boolean ended;
    private boolean first = true;

    @Override
    int next(byte[] buffer, int offset, int length) throws IOException {
      if (!ended && left == 0) {
        nextChunk();
      }
      if (ended) {
        return -1;
      }
      int n = piece(buffer, offset, length, left);
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
        throw new ProtocolException("malformed chunked encoding");
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
