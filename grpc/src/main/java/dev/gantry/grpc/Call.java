package dev.gantry.grpc;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One gRPC call, seen from either side: messages in, messages out, and a status at the end.
///
/// One thread may receive while another sends. Messages are at most [#MOST_BYTES] long and never
/// compressed.
public final class Call implements Closeable {
  /// The longest message that is taken.
  public static final int MOST_BYTES = 16 << 20;

  private final Stream stream;
  private final Map<String, List<String>> metadata;
  private final boolean server;
  private byte[] rest = new byte[0];
  private int at;
  private boolean begun;
  private boolean over;

  Call(Stream stream, Map<String, List<String>> metadata, boolean server) {
    this.stream = stream;
    this.metadata = metadata;
    this.server = server;
  }

  /// What the caller sent along; the last value.
  public Optional<String> metadata(String name) {
    return Optional.ofNullable(metadata.get(name)).map(List::getLast);
  }

  public List<String> all(String name) {
    return metadata.getOrDefault(name, List.of());
  }

  /// Runs `action` if the peer gives the call up or its connection ends; at once if that was so.
  public void whenCancelled(Runnable action) {
    stream.whenReset(action);
  }

  public boolean isCancelled() {
    return stream.isReset();
  }

  // ---- messages

  /// The next message; null behind the last.
  ///
  /// @throws GrpcException the status that the other side ended the call with
  /// @throws IOException if the call was cancelled or the connection is gone
  public byte @Nullable [] receive() throws GrpcException, IOException {
    return receive(Duration.ZERO);
  }

  /// @param patience how long to wait; zero for ever
  public byte @Nullable [] receive(Duration patience) throws GrpcException, IOException {
    byte[] head = take(5, patience);
    if (head.length == 0) {
      end(stream.trailers());
      return null;
    }
    long length = 0;
    for (int i = 1; i < 5 && head.length == 5; i++) {
      length = length << 8 | head[i] & 0xff;
    }
    if (head.length < 5 || head[0] != 0 || length > MOST_BYTES) {
      throw new GrpcException(
          head.length == 5 && length > MOST_BYTES
              ? GrpcException.RESOURCE_EXHAUSTED
              : GrpcException.INTERNAL,
          "a message that is compressed, cut off or larger than " + MOST_BYTES + " bytes");
    }
    byte[] message = take((int) length, patience);
    if (message.length < length) {
      throw new GrpcException(GrpcException.INTERNAL, "a message that is cut off");
    }
    return message;
  }

  private byte[] take(int wanted, Duration patience) throws IOException {
    if (rest.length - at >= wanted) {
      at += wanted;
      return Arrays.copyOfRange(rest, at - wanted, at);
    }
    ByteArrayOutputStream taken = new ByteArrayOutputStream(Math.min(wanted, 64 << 10));
    while (taken.size() < wanted) {
      if (at == rest.length) {
        byte[] more = stream.read(patience.toNanos());
        if (more == null) {
          break;
        }
        rest = more;
        at = 0;
      }
      int n = Math.min(wanted - taken.size(), rest.length - at);
      taken.write(rest, at, n);
      at += n;
    }
    return taken.toByteArray();
  }

  /// The only message of a call that carries one.
  public Message request() throws GrpcException, IOException {
    byte[] message = receive(Duration.ofMinutes(1));
    if (message == null) {
      throw new GrpcException(GrpcException.INTERNAL, "a call without its message");
    }
    return Message.decode(message);
  }

  public void send(Message message) throws IOException {
    send(message.encode());
  }

  public synchronized void send(byte[] message) throws IOException {
    begin();
    byte[] framed = new byte[5 + message.length];
    for (int i = 1; i < 5; i++) {
      framed[i] = (byte) (message.length >> 8 * (4 - i));
    }
    System.arraycopy(message, 0, framed, 5, message.length);
    stream.connection().data(stream, framed, false);
  }

  private void begin() throws IOException {
    if (server && !begun) {
      stream
          .connection()
          .headers(
              stream,
              List.of(new Header(":status", "200"), new Header("content-type", "application/grpc")),
              false);
    }
    begun = true;
  }

  // ---- the end, as client

  /// No more messages from us.
  public synchronized void half() throws IOException {
    if (!over) {
      over = true;
      stream.connection().data(stream, new byte[0], true);
    }
  }

  /// Says the only message and takes the only answer.
  public Message ask(Message message, Duration patience) throws GrpcException, IOException {
    try (this) {
      send(message);
      half();
      byte[] answer = receive(patience);
      if (answer == null) {
        throw new GrpcException(GrpcException.INTERNAL, "no answer");
      }
      return Message.decode(answer);
    }
  }

  private void end(List<Header> trailers) throws GrpcException {
    stream.connection().forget(stream);
    if (server) {
      return;
    }
    String status = "";
    String text = "";
    for (Header trailer : trailers) {
      switch (trailer.name()) {
        case "grpc-status" -> status = trailer.value();
        case "grpc-message" -> text = unescape(trailer.value());
        default -> {}
      }
    }
    if (!status.equals("0")) {
      throw new GrpcException(
          status.matches("[0-9]{1,3}") ? Integer.parseInt(status) : GrpcException.UNKNOWN, text);
    }
  }

  /// Gives the call up if it has not ended.
  @Override
  public void close() {
    if (!stream.isReset() && !(stream.peerEnded() && over)) {
      stream.connection().reset(stream, Http2Exception.CANCEL);
    }
    stream.connection().forget(stream);
  }

  /// Closes it while another thread reads from it, which hears that it was cancelled.
  public void abandon() {
    close();
    stream.ended(Http2Exception.CANCEL);
  }

  // ---- the end, as server

  void end() {
    finish(List.of(new Header("grpc-status", "0")));
  }

  void fail(GrpcException e) {
    List<Header> trailers = new ArrayList<>();
    trailers.add(new Header("grpc-status", Integer.toString(e.code())));
    trailers.add(new Header("grpc-message", escape(e.text())));
    if (!e.details().isEmpty()) {
      String details = Base64.getEncoder().withoutPadding().encodeToString(e.status().encode());
      trailers.add(new Header("grpc-status-details-bin", details));
    }
    finish(trailers);
  }

  private synchronized void finish(List<Header> trailers) {
    if (over || stream.isReset()) {
      stream.connection().forget(stream);
      return;
    }
    over = true;
    try {
      List<Header> all = new ArrayList<>();
      if (!begun) {
        all.add(new Header(":status", "200"));
        all.add(new Header("content-type", "application/grpc"));
      }
      all.addAll(trailers);
      stream.connection().headers(stream, all, true);
      if (!stream.peerEnded()) {
        stream.connection().reset(stream, 0);
      }
    } catch (IOException e) {
      return; // nobody is there to be told
    } finally {
      stream.connection().forget(stream);
    }
  }

  /// Percent-encodes all but printable ASCII, as gRPC wants its messages.
  static String escape(String text) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (b >= ' ' && b < 127 && b != '%') {
        out.append((char) b);
      } else {
        out.append('%').append(String.format("%02X", b));
      }
    }
    return out.toString();
  }

  static String unescape(String text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '%' && text.substring(i).matches("%[0-9a-fA-F]{2}.*")) {
        out.write(Integer.parseInt(text.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        out.writeBytes(text.substring(i, i + 1).getBytes(StandardCharsets.UTF_8));
      }
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
