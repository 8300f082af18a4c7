package dev.gantry.engine.shipping;

import dev.gantry.engine.logs.LogEntry;
import dev.gantry.kernel.UnixDatagrams;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// The systemd journal, in its native protocol: one datagram a line, a field a row, fields with
/// line breaks with their length before them (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
final class Journald implements LogDestination {
  private static final Path SOCKET = Path.of("/run/systemd/journal/socket");
  private static final int INFO = 6;
  private static final int ERROR = 3;

  private final LogSource source;

  Journald(LogSource source) {
    this.source = source;
  }

  @Override
  public void connect() throws IOException {
    if (!Files.exists(SOCKET)) {
      throw new IOException("journald is not enabled on this host");
    }
  }

  @Override
  public void send(LogEntry entry) throws IOException {
    UnixDatagrams.send(SOCKET.toString(), encode(entry));
  }

  byte[] encode(LogEntry entry) {
    Map<String, byte[]> fields = new LinkedHashMap<>();
    byte[] text = entry.text();
    boolean whole = text.length > 0 && text[text.length - 1] == '\n';
    fields.put("MESSAGE", whole ? Arrays.copyOf(text, text.length - 1) : text);
    put(fields, "PRIORITY", Integer.toString(entry.stream().equals("stderr") ? ERROR : INFO));
    put(fields, "CONTAINER_ID", source.shortId());
    put(fields, "CONTAINER_ID_FULL", source.id());
    put(fields, "CONTAINER_NAME", source.name());
    put(fields, "CONTAINER_TAG", source.tag());
    put(fields, "IMAGE_NAME", source.imageName());
    put(fields, "SYSLOG_IDENTIFIER", source.tag());
    put(fields, "SYSLOG_TIMESTAMP", entry.time().toString());
    if (!whole) {
      put(fields, "CONTAINER_PARTIAL_MESSAGE", "true");
    }
    source.extra().forEach((name, value) -> put(fields, fieldName(name), value));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    fields.forEach((name, value) -> field(out, name, value));
    return out.toByteArray();
  }

  private static void put(Map<String, byte[]> fields, String name, String value) {
    fields.put(name, value.getBytes(StandardCharsets.UTF_8));
  }

  /// Capitals, digits and underscores, which do not begin the name.
  private static String fieldName(String name) {
    return name.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_").replaceFirst("^_+", "");
  }

  private static void field(ByteArrayOutputStream out, String name, byte[] value) {
    out.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
    boolean plain = true;
    for (byte b : value) {
      plain &= b != '\n';
    }
    if (plain) {
      out.write('=');
    } else {
      out.write('\n');
      out.writeBytes(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value.length).array());
    }
    out.writeBytes(value);
    out.write('\n');
  }

  @Override
  public void close() {}
}
