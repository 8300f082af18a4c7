package dev.gantry.engine.shipping;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogEntry;
import dev.gantry.engine.logs.LogOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A fluentd or Fluent Bit by the forward protocol (v1): each line a message of tag, time and
/// record in MessagePack; with `fluentd-request-ack` each is confirmed by the receiver.
final class Fluentd implements LogDestination {
  private static final int PORT = 24224;

  private final LogSource source;
  private final Address address;
  private final boolean fine;
  private final boolean acknowledged;
  private final Retries retries;
  private final Duration patience; // for a confirmation
  private final Duration hurry; // for what is written
  private final Random ids = new Random();
  private @Nullable SocketChannel stream;

  Fluentd(Map<String, String> options, LogSource source) {
    this.source = source;
    String text = options.getOrDefault("fluentd-address", "");
    String full =
        text.isEmpty() ? "tcp://127.0.0.1:" + PORT : text.contains("://") ? text : "tcp://" + text;
    this.address = Address.parse(full, Set.of("tcp", "unix"), PORT, "fluentd-address");
    this.fine = LogDrivers.truth(options, "fluentd-sub-second-precision");
    this.acknowledged = LogDrivers.truth(options, "fluentd-request-ack");
    this.retries =
        new Retries(
            LogDrivers.duration(options, "fluentd-retry-wait", Duration.ofSeconds(1)),
            LogDrivers.number(options, "fluentd-max-retries", Long.MAX_VALUE));
    this.patience = LogDrivers.duration(options, "fluentd-read-timeout", Duration.ZERO);
    this.hurry = LogDrivers.duration(options, "fluentd-write-timeout", Duration.ZERO);
    String buffer = options.getOrDefault("fluentd-buffer-limit", "");
    if (!buffer.isEmpty()) {
      long ignored = LogOptions.bytes(buffer); // what LogDrivers#room says of it is for the shipper
    }
    if (LogDrivers.truth(options, "fluentd-async")
        && options.containsKey("fluentd-async-connect")) {
      throw new Failure.InvalidRequest(
          "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'");
    }
  }

  @Override
  public Retries retries() {
    return retries;
  }

  @Override
  public void connect() throws IOException {
    close();
    SocketChannel channel = address.stream();
    channel.configureBlocking(false); // so that both directions can have a limit
    stream = channel;
  }

  @Override
  public void send(LogEntry entry) throws IOException {
    SocketChannel channel = stream;
    if (channel == null) {
      throw new IOException("not connected");
    }
    byte[] id = new byte[16];
    ids.nextBytes(id);
    String chunk = acknowledged ? Base64.getEncoder().encodeToString(id) : "";
    ByteBuffer bytes = ByteBuffer.wrap(message(entry, chunk));
    while (bytes.hasRemaining()) {
      if (channel.write(bytes) == 0) {
        await(channel, SelectionKey.OP_WRITE, hurry);
      }
    }
    if (acknowledged) {
      awaitAck(channel, chunk);
    }
  }

  /// @param limit zero for none
  private static void await(SocketChannel channel, int operation, Duration limit)
      throws IOException {
    try (Selector selector = Selector.open()) {
      SelectionKey ignored = channel.register(selector, operation);
      if (selector.select(limit.toMillis()) == 0) {
        throw new IOException("no answer within " + limit.toMillis() + " ms");
      }
    }
  }

  private void awaitAck(SocketChannel channel, String chunk) throws IOException {
    // {"ack": chunk}: a map of one, two short strings
    ByteBuffer answer = ByteBuffer.allocate(1 + 1 + 3 + 1 + chunk.length());
    while (answer.hasRemaining()) {
      int count = channel.read(answer);
      if (count < 0) {
        throw new IOException("the receiver closed the connection before it confirmed");
      }
      if (count == 0) {
        await(channel, SelectionKey.OP_READ, patience);
      }
    }
    String text = new String(answer.array(), StandardCharsets.ISO_8859_1);
    if (!text.endsWith(chunk)) {
      throw new IOException("the receiver confirmed something else");
    }
  }

  byte[] message(LogEntry entry, String chunk) {
    String text = new String(entry.text(), StandardCharsets.UTF_8);
    boolean whole = text.endsWith("\n");
    Map<String, String> record = new LinkedHashMap<>();
    record.put("container_id", source.id());
    record.put("container_name", "/" + source.name());
    record.put("source", entry.stream());
    record.put("log", whole ? text.substring(0, text.length() - 1) : text);
    if (!whole) {
      record.put("partial_message", "true");
    }
    record.putAll(source.extra());
    Packer out = new Packer();
    out.array(chunk.isEmpty() ? 3 : 4);
    out.text(source.tag());
    if (fine) {
      out.eventTime(entry.time().getEpochSecond(), entry.time().getNano());
    } else {
      out.number(entry.time().getEpochSecond());
    }
    out.map(record);
    if (!chunk.isEmpty()) {
      out.map(Map.of("chunk", chunk));
    }
    return out.bytes();
  }

  /// As much of MessagePack as the protocol needs.
  private static final class Packer {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    void array(int size) {
      bytes.write(0x90 | size);
    }

    void number(long value) {
      bytes.write(0xcf);
      bytes.writeBytes(ByteBuffer.allocate(8).putLong(value).array());
    }

    /// The extension type 0: seconds and nanoseconds.
    void eventTime(long seconds, int nanos) {
      bytes.write(0xd7);
      bytes.write(0);
      bytes.writeBytes(ByteBuffer.allocate(8).putInt((int) seconds).putInt(nanos).array());
    }

    void text(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      if (utf8.length < 32) {
        bytes.write(0xa0 | utf8.length);
      } else if (utf8.length < 0x100) {
        bytes.write(0xd9);
        bytes.write(utf8.length);
      } else {
        bytes.write(0xdb);
        bytes.writeBytes(ByteBuffer.allocate(4).putInt(utf8.length).array());
      }
      bytes.writeBytes(utf8);
    }

    void map(Map<String, String> map) {
      bytes.write(0xde);
      bytes.writeBytes(ByteBuffer.allocate(2).putShort((short) map.size()).array());
      map.forEach(
          (key, value) -> {
            text(key);
            text(value);
          });
    }

    byte[] bytes() {
      return bytes.toByteArray();
    }
  }

  @Override
  public void close() {
    try {
      if (stream != null) {
        stream.close();
      }
    } catch (IOException e) {
      return; // there is nothing to be saved in it
    } finally {
      stream = null;
    }
  }
}
