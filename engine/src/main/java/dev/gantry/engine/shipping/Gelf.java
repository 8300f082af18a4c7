package dev.gantry.engine.shipping;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogEntry;
import dev.gantry.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/// Graylog's format (GELF 1.1): compressed datagrams, in chunks if they are large, or a stream of
/// messages that each end with a zero.
final class Gelf implements LogDestination {
  private static final int CHUNK = 1420 - 12;
  private static final int MAX_CHUNKS = 128;
  private static final int INFO = 6;
  private static final int ERROR = 3;

  private final Address address;
  private final LogSource source;
  private final String compression;
  private final int level;
  private final Retries retries;
  private final Random ids = new Random();
  private @Nullable DatagramChannel datagrams;
  private @Nullable SocketChannel stream;

  Gelf(Map<String, String> options, LogSource source) {
    this.source = source;
    String text = options.getOrDefault("gelf-address", "");
    if (text.isEmpty()) {
      throw new Failure.InvalidRequest("gelf-address is a required parameter");
    }
    this.address = Address.parse(text, Set.of("udp", "tcp"), 0, "gelf-address");
    this.compression = options.getOrDefault("gelf-compression-type", "gzip");
    String number = options.getOrDefault("gelf-compression-level", "1");
    if (!Set.of("gzip", "zlib", "none").contains(compression)) {
      throw new Failure.InvalidRequest("gelf: unknown compression type: \"" + compression + "\"");
    }
    if (!number.matches("-1|[0-9]")) {
      throw new Failure.InvalidRequest("gelf: invalid compression level: \"" + number + "\"");
    }
    boolean tcp = address.scheme().equals("tcp");
    for (String name : options.keySet()) {
      if (name.startsWith("gelf-compression") && tcp || name.startsWith("gelf-tcp") && !tcp) {
        throw new Failure.InvalidRequest(
            "gelf: " + name + " is not for " + address.scheme().toUpperCase(java.util.Locale.ROOT));
      }
    }
    this.level = Integer.parseInt(number);
    this.retries =
        new Retries(
            Duration.ofSeconds(LogDrivers.number(options, "gelf-tcp-reconnect-delay", 1)),
            LogDrivers.number(options, "gelf-tcp-max-reconnect", Long.MAX_VALUE));
  }

  @Override
  public Retries retries() {
    return retries;
  }

  @Override
  public void connect() throws IOException {
    close();
    if (address.scheme().equals("tcp")) {
      stream = address.stream();
    } else {
      DatagramChannel channel = DatagramChannel.open();
      channel.connect(address.resolved());
      datagrams = channel;
    }
  }

  @Override
  public void send(LogEntry entry) throws IOException {
    byte[] message = message(entry);
    SocketChannel tcp = stream;
    DatagramChannel udp = datagrams;
    if (tcp != null) {
      Address.writeAll(tcp, message);
      Address.writeAll(tcp, new byte[1]);
    } else if (udp != null) {
      sendDatagrams(udp, compressed(message));
    } else {
      throw new IOException("not connected");
    }
  }

  byte[] message(LogEntry entry) {
    String text = new String(entry.text(), StandardCharsets.UTF_8);
    Json.JsonObject json =
        Json.object()
            .put("version", "1.1")
            .put("host", hostName())
            .put("short_message", text.endsWith("\n") ? text.substring(0, text.length() - 1) : text)
            .put(
                "timestamp",
                Json.parse(BigDecimal.valueOf(entry.time().toEpochMilli(), 3).toPlainString()))
            .put("level", entry.stream().equals("stderr") ? ERROR : INFO)
            .put("_command", source.command())
            .put("_container_id", source.id())
            .put("_container_name", source.name())
            .put("_created", source.created().toString())
            .put("_image_id", source.imageId())
            .put("_image_name", source.imageName())
            .put("_tag", source.tag());
    source.extra().forEach((name, value) -> json.put("_" + name, value));
    return json.text().getBytes(StandardCharsets.UTF_8);
  }

  static String hostName() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
    } catch (IOException e) {
      return "localhost";
    }
  }

  byte[] compressed(byte[] message) throws IOException {
    if (compression.equals("none")) {
      return message;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out =
        compression.equals("zlib")
            ? new DeflaterOutputStream(bytes, new Deflater(level))
            : new GZIPOutputStream(bytes) {
              {
                def.setLevel(level);
              }
            }) {
      out.write(message);
    }
    return bytes.toByteArray();
  }

  private void sendDatagrams(DatagramChannel channel, byte[] bytes) throws IOException {
    if (bytes.length <= CHUNK) {
      channel.write(ByteBuffer.wrap(bytes));
      return;
    }
    int count = (bytes.length + CHUNK - 1) / CHUNK;
    if (count > MAX_CHUNKS) {
      return; // the format has no way to say it
    }
    long id = ids.nextLong();
    for (int i = 0; i < count; i++) {
      int length = Math.min(CHUNK, bytes.length - i * CHUNK);
      ByteBuffer chunk = ByteBuffer.allocate(12 + length);
      chunk.put((byte) 0x1e).put((byte) 0x0f).putLong(id).put((byte) i).put((byte) count);
      channel.write(chunk.put(bytes, i * CHUNK, length).flip());
    }
  }

  @Override
  public void close() {
    try {
      if (stream != null) {
        stream.close();
      }
      if (datagrams != null) {
        datagrams.close();
      }
    } catch (IOException e) {
      return; // there is nothing to be saved in it
    }
  }
}
