package dev.gantry.grpc;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// One HTTP/2 connection (RFC 9113, prior knowledge) over a pair of streams, as client or as
/// server; it carries gRPC calls and nothing else.
///
/// [#run] reads frames on the caller's thread until the connection ends; calls are made and
/// answered on other threads. Bounds: frames of 64 KiB, [Hpack#MOST_BYTES] of headers, [#WINDOW]
/// bytes of each stream that nobody has read yet, [#MOST_CALLS] calls of the peer at once.
/// Thread-safe.
public final class Connection implements Closeable {
  static final int WINDOW = 1 << 20;

  private static final int CONNECTION_WINDOW = 16 * WINDOW;
  static final int MOST_CALLS = 200;
  private static final int MOST_FRAME = 64 << 10;
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);

  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PUSH_PROMISE = 5;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;

  private static final int END_STREAM = 1;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;
  private static final int PADDED = 8;
  private static final int PRIORITY = 0x20;

  /// Answers the peer's calls; runs on a thread of its own for each.
  @FunctionalInterface
  public interface Handler {
    /// @throws GrpcException what the call ends with
    void serve(String method, Call call) throws GrpcException, IOException;
  }

  private final InputStream in;
  private final OutputStream out;
  private final boolean client;
  private final Handler handler;
  private final Hpack hpack = new Hpack();
  private final CountDownLatch ready = new CountDownLatch(1);

  /// The bytes of data that the peer's window of the connection lacks; the reader's alone.
  private int unreported;

  /// Guards the socket's output: frames go out whole, headers in the order of stream numbers.
  private final ReentrantLock writing = new ReentrantLock();

  /// Guards all below; taken inside of `writing`, never the other way round.
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition windows = lock.newCondition();
  private final Map<Integer, Stream> streams = new LinkedHashMap<>();
  private final List<Runnable> whenClosed = new ArrayList<>();
  private long sendWindow = 65_535;

  private int initialWindow = 65_535;
  private int peerFrame = 16_384;
  private int nextStream = 1;
  private int lastPeerStream;
  private boolean greeted;
  private int serving;
  private boolean closed;

  private Connection(InputStream in, OutputStream out, boolean client, Handler handler) {
    this.in = in;
    this.out = out;
    this.client = client;
    this.handler = handler;
  }

  /// We answer calls.
  public static Connection server(InputStream in, OutputStream out, Handler handler) {
    return new Connection(in, out, false, handler);
  }

  /// We make calls.
  public static Connection client(InputStream in, OutputStream out) {
    return new Connection(
        in,
        out,
        true,
        (method, call) -> {
          throw new GrpcException(GrpcException.UNIMPLEMENTED, "this side answers no calls");
        });
  }

  // ---- from beginning to end

  /// Speaks until one side ends the connection; calls that are under way then fail. Does not close
  /// the streams it was given.
  public void run() throws IOException {
    try {
      if (client) {
        writing.lock();
        try {
          out.write(PREFACE);
        } finally {
          writing.unlock();
        }
      }
      // as a client we begin as Docker's daemon does: with the defaults, and say more when heard
      frame(SETTINGS, 0, 0, client ? new byte[0] : settings());
      if (!client && !preface()) {
        return;
      }
      ready.countDown();
      while (next()) {}
    } catch (Http2Exception e) {
      goAway(e.code());
      throw e;
    } catch (EOFException e) {
      return; // clients leave like that
    } finally {
      close();
    }
  }

  private static byte[] settings() {
    ByteArrayOutputStream settings = new ByteArrayOutputStream();
    int[][] all = {{3, MOST_CALLS}, {4, WINDOW}, {5, MOST_FRAME}, {6, Hpack.MOST_BYTES}};
    for (int[] setting : all) {
      settings.write(0);
      settings.write(setting[0]);
      settings.writeBytes(int32(setting[1]));
    }
    return settings.toByteArray();
  }

  private boolean preface() throws IOException {
    byte[] start = new byte[PREFACE.length];
    if (in.readNBytes(start, 0, start.length) == 0) {
      return false;
    }
    if (!Arrays.equals(start, PREFACE)) {
      throw new Http2Exception(Http2Exception.PROTOCOL, "the peer does not speak HTTP/2");
    }
    return true;
  }

  /// Runs `action` when the connection ends, at once if it has.
  public void whenClosed(Runnable action) {
    lock.lock();
    try {
      if (!closed) {
        whenClosed.add(action);
        return;
      }
    } finally {
      lock.unlock();
    }
    action.run();
  }

  public boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /// Fails all calls. The thread in [#run] comes back when the peer or its owner closes the
  /// streams.
  @Override
  public void close() {
    List<Stream> open;
    List<Runnable> actions;
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      open = List.copyOf(streams.values());
      streams.clear();
      actions = List.copyOf(whenClosed);
      windows.signalAll();
    } finally {
      lock.unlock();
    }
    ready.countDown();
    open.forEach(s -> s.ended(Http2Exception.CANCEL));
    actions.forEach(Runnable::run);
  }

  // ---- calls that we make

  /// Begins a call.
  ///
  /// @param method `/package.Service/Method`
  /// @throws IOException if the connection is gone
  public Call call(String method, Map<String, List<String>> metadata) throws IOException {
    try {
      if (!ready.await(30, TimeUnit.SECONDS)) {
        throw new IOException("the connection did not begin");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted before " + method, e);
    }
    List<Header> headers = new ArrayList<>();
    headers.add(new Header(":method", "POST"));
    headers.add(new Header(":scheme", "http"));
    headers.add(new Header(":path", method));
    headers.add(new Header(":authority", "localhost"));
    headers.add(new Header("content-type", "application/grpc"));
    headers.add(new Header("te", "trailers"));
    metadata.forEach((name, values) -> values.forEach(v -> headers.add(new Header(name, v))));
    writing.lock();
    try {
      Stream stream;
      lock.lock();
      try {
        if (closed) {
          throw new IOException("the connection is closed");
        }
        stream = new Stream(this, nextStream, initialWindow);
        streams.put(nextStream, stream);
        nextStream += 2;
      } finally {
        lock.unlock();
      }
      writeHeaders(stream.id(), headers, false);
      return new Call(stream, Map.of(), false);
    } finally {
      writing.unlock();
    }
  }

  // ---- writing

  /// Writes a block of headers; `last` ends our side of the stream.
  void headers(Stream stream, List<Header> headers, boolean last) throws IOException {
    writing.lock();
    try {
      writeHeaders(stream.id(), headers, last);
    } finally {
      writing.unlock();
    }
  }

  private void writeHeaders(int id, List<Header> headers, boolean last) throws IOException {
    byte[] block = Hpack.encode(headers);
    int at = 0;
    do {
      int n = Math.min(block.length - at, peerFrame);
      boolean end = at + n == block.length;
      int flags = (end ? END_HEADERS : 0) | (at == 0 && last ? END_STREAM : 0);
      put(at == 0 ? HEADERS : CONTINUATION, flags, id, block, at, n);
      at += n;
    } while (at < block.length);
    out.flush();
  }

  /// Writes data as the peer's windows allow; waits for them.
  void data(Stream stream, byte[] bytes, boolean last) throws IOException {
    int at = 0;
    do {
      int n = room(stream, bytes.length - at);
      writing.lock();
      try {
        boolean end = last && at + n == bytes.length;
        put(DATA, end ? END_STREAM : 0, stream.id(), bytes, at, n);
        out.flush();
      } finally {
        writing.unlock();
      }
      at += n;
    } while (at < bytes.length);
  }

  private int room(Stream stream, int wanted) throws IOException {
    lock.lock();
    try {
      while (true) {
        if (closed || stream.isReset()) {
          throw new IOException("the call was cancelled");
        }
        int n = (int) Math.min(Math.min(wanted, peerFrame), Math.min(sendWindow, stream.window));
        if (n > 0 || wanted == 0) {
          sendWindow -= n;
          stream.window -= n;
          return n;
        }
        windows.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while sending", e);
    } finally {
      lock.unlock();
    }
  }

  void reset(Stream stream, int code) {
    forget(stream);
    try {
      frame(RST_STREAM, 0, stream.id(), int32(code));
    } catch (IOException e) {
      close();
    }
  }

  /// Wakes whoever waits for room.
  void wake() {
    lock.lock();
    try {
      windows.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void forget(Stream stream) {
    lock.lock();
    try {
      streams.remove(stream.id());
    } finally {
      lock.unlock();
    }
  }

  /// Tells the peer that `n` more bytes of the stream may come.
  void consumed(Stream stream, int n) throws IOException {
    frame(WINDOW_UPDATE, 0, stream.id(), int32(n));
  }

  private void goAway(int code) {
    byte[] last = int32(lastPeerStream);
    byte[] body = Arrays.copyOf(last, 8);
    System.arraycopy(int32(code), 0, body, 4, 4);
    try {
      frame(GOAWAY, 0, 0, body);
    } catch (IOException e) {
      return; // it has gone already
    }
  }

  private void frame(int type, int flags, int id, byte[] body) throws IOException {
    writing.lock();
    try {
      put(type, flags, id, body, 0, body.length);
      out.flush();
    } finally {
      writing.unlock();
    }
  }

  private void put(int type, int flags, int id, byte[] body, int from, int length)
      throws IOException {
    byte[] whole = new byte[9 + length];
    whole[0] = (byte) (length >> 16);
    whole[1] = (byte) (length >> 8);
    whole[2] = (byte) length;
    whole[3] = (byte) type;
    whole[4] = (byte) flags;
    System.arraycopy(int32(id), 0, whole, 5, 4);
    System.arraycopy(body, from, whole, 9, length);
    out.write(whole);
  }

  private static byte[] int32(int value) {
    return new byte[] {
      (byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value
    };
  }

  private static int int32(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | bytes[at + 3] & 0xff;
  }

  // ---- reading

  private record Frame(int type, int flags, int id, byte[] body) {
    boolean has(int flag) {
      return (flags & flag) != 0;
    }
  }

  private @Nullable Frame read() throws IOException {
    byte[] head = new byte[9];
    if (in.readNBytes(head, 0, head.length) < head.length) {
      return null;
    }
    int length = (head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | head[2] & 0xff;
    if (length > MOST_FRAME) {
      throw new Http2Exception(Http2Exception.FRAME_SIZE, "a frame of " + length + " bytes");
    }
    byte[] body = new byte[length];
    if (in.readNBytes(body, 0, length) < length) {
      return null;
    }
    return new Frame(head[3] & 0xff, head[4] & 0xff, int32(head, 5) & 0x7fffffff, body);
  }

  private boolean next() throws IOException {
    Frame frame = read();
    if (frame == null) {
      return false;
    }
    switch (frame.type()) {
      case DATA -> data(frame);
      case HEADERS -> headers(frame);
      case RST_STREAM -> {
        size(frame, frame.body().length == 4);
        Stream stream = stream(frame.id());
        if (stream != null) {
          forget(stream);
          stream.ended(int32(frame.body(), 0));
        }
      }
      case SETTINGS -> settings(frame);
      case PUSH_PROMISE, CONTINUATION ->
          throw new Http2Exception(Http2Exception.PROTOCOL, "frame of type " + frame.type());
      case PING -> {
        size(frame, frame.body().length == 8);
        if (!frame.has(ACK)) {
          frame(PING, ACK, 0, frame.body());
        }
      }
      case WINDOW_UPDATE -> windowUpdate(frame);
      default -> {} // GOAWAY: the peer closes when it is done; others have no meaning for us
    }
    return true;
  }

  /// Whether no stream of that number has been there yet.
  private boolean isIdle(int id) {
    lock.lock();
    try {
      return id % 2 == 0 || id >= (client ? nextStream : lastPeerStream + 1);
    } finally {
      lock.unlock();
    }
  }

  private static void size(Frame frame, boolean right) throws Http2Exception {
    if (!right) {
      throw new Http2Exception(
          Http2Exception.FRAME_SIZE,
          "frame of type " + frame.type() + " with " + frame.body().length + " bytes");
    }
  }

  private @Nullable Stream stream(int id) {
    lock.lock();
    try {
      return streams.get(id);
    } finally {
      lock.unlock();
    }
  }

  private void settings(Frame frame) throws IOException {
    if (frame.has(ACK)) {
      return;
    }
    byte[] body = frame.body();
    size(frame, body.length % 6 == 0);
    lock.lock();
    try {
      for (int at = 0; at < body.length; at += 6) {
        int value = int32(body, at + 2);
        switch ((body[at] & 0xff) << 8 | body[at + 1] & 0xff) {
          case 4 -> {
            if (value < 0) {
              throw new Http2Exception(Http2Exception.FLOW_CONTROL, "a window too large");
            }
            int more = value - initialWindow;
            initialWindow = value;
            streams.values().forEach(s -> s.window += more);
            windows.signalAll();
          }
          case 5 -> {
            if (value < 16_384 || value > 0xffffff) {
              throw new Http2Exception(Http2Exception.PROTOCOL, "frames of " + value + " bytes");
            }
            peerFrame = Math.min(value, MOST_FRAME);
          }
          default -> {} // we send no compressed headers and push nothing
        }
      }
    } finally {
      lock.unlock();
    }
    frame(SETTINGS, ACK, 0, new byte[0]);
    if (!greeted) {
      greeted = true;
      if (client) {
        frame(SETTINGS, 0, 0, settings());
      }
      frame(WINDOW_UPDATE, 0, 0, int32(CONNECTION_WINDOW - 65_535));
    }
  }

  private void windowUpdate(Frame frame) throws Http2Exception {
    size(frame, frame.body().length == 4);
    int more = int32(frame.body(), 0) & 0x7fffffff;
    lock.lock();
    try {
      if (frame.id() == 0) {
        sendWindow += more;
      } else {
        Stream stream = streams.get(frame.id());
        if (stream != null) {
          stream.window += more;
        }
      }
      if (sendWindow > Integer.MAX_VALUE) {
        throw new Http2Exception(Http2Exception.FLOW_CONTROL, "a window too large");
      }
      windows.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private static byte[] unpadded(Frame frame) throws Http2Exception {
    byte[] body = frame.body();
    int from = 0;
    int to = body.length;
    if (frame.has(PADDED)) {
      size(frame, body.length > 0);
      to -= body[0] & 0xff;
      from = 1;
    }
    if (frame.type() == HEADERS && frame.has(PRIORITY)) {
      from += 5;
    }
    size(frame, from <= to);
    return from == 0 && to == body.length ? body : Arrays.copyOfRange(body, from, to);
  }

  private void data(Frame frame) throws IOException {
    byte[] body = unpadded(frame);
    if (frame.body().length > 0) {
      // the streams' own windows bound what waits here; the connection's is always filled again,
      // not with each frame: of a large context there are as many frames as files
      unreported += frame.body().length;
      if (unreported > CONNECTION_WINDOW / 4) {
        frame(WINDOW_UPDATE, 0, 0, int32(unreported));
        unreported = 0;
      }
    }
    Stream stream = stream(frame.id());
    if (stream == null) {
      if (isIdle(frame.id())) {
        throw new Http2Exception(Http2Exception.PROTOCOL, "data on a stream that is none");
      }
      return; // it was reset a moment ago
    }
    int padding = frame.body().length - body.length;
    stream.received(body, frame.has(END_STREAM));
    if (padding > 0) {
      consumed(stream, padding);
    }
  }

  private void headers(Frame first) throws IOException {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    block.writeBytes(unpadded(first));
    for (Frame part = first; !part.has(END_HEADERS); block.writeBytes(part.body())) {
      Frame more = read();
      if (more == null) {
        throw new EOFException("the connection ended");
      }
      if (more.type() != CONTINUATION || more.id() != first.id()) {
        throw new Http2Exception(Http2Exception.PROTOCOL, "headers that do not go on");
      }
      if (block.size() + more.body().length > Hpack.MOST_BYTES) {
        throw new Http2Exception(Http2Exception.CALM, "headers too large");
      }
      part = more;
    }
    List<Header> headers = hpack.decode(block.toByteArray());
    Stream stream = stream(first.id());
    if (stream != null) {
      stream.received(headers, first.has(END_STREAM));
    } else if (!client && first.id() % 2 == 1 && first.id() > lastPeerStream) {
      lastPeerStream = first.id();
      accept(first.id(), headers, first.has(END_STREAM));
    } else if (isIdle(first.id())) {
      throw new Http2Exception(Http2Exception.PROTOCOL, "headers of a stream that is none");
    }
  }

  // ---- calls that the peer makes

  private void accept(int id, List<Header> headers, boolean end) throws IOException {
    Stream stream;
    lock.lock();
    try {
      stream = new Stream(this, id, initialWindow);
      if (!closed && serving < MOST_CALLS) {
        serving++;
        streams.put(id, stream);
      } else {
        stream = null;
      }
    } finally {
      lock.unlock();
    }
    if (stream == null) {
      frame(RST_STREAM, 0, id, int32(Http2Exception.REFUSED));
      return;
    }
    if (end) {
      stream.received(new byte[0], true);
    }
    Map<String, List<String>> metadata = new LinkedHashMap<>();
    for (Header header : headers) {
      metadata.computeIfAbsent(header.name(), n -> new ArrayList<>()).add(header.value());
    }
    String method = metadata.getOrDefault(":path", List.of("")).getFirst();
    Call call = new Call(stream, metadata, true);
    Thread.ofVirtual().name("grpc " + method).start(() -> serve(method, call));
  }

  private void serve(String method, Call call) {
    try {
      handler.serve(method, call);
      call.end();
    } catch (GrpcException e) {
      call.fail(e);
    } catch (IOException e) {
      call.fail(new GrpcException(GrpcException.CANCELLED, "context canceled"));
    } catch (RuntimeException | Error e) { // whatever it is, the caller must not wait for ever
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "call " + method + " failed", e);
      call.fail(new GrpcException(GrpcException.INTERNAL, String.valueOf(e.getMessage())));
    } finally {
      lock.lock();
      try {
        serving--;
      } finally {
        lock.unlock();
      }
    }
  }
}
