package dev.gantry.engine.shipping;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogEntry;
import dev.gantry.kernel.UnixDatagrams;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/// A syslog server in one of Docker's formats: its own short one, RFC 3164, RFC 5424 with or
/// without microseconds. On TLS, messages of RFC 5424 have their length before them (RFC 5425).
final class Syslog implements LogDestination {
  private static final List<String> FACILITIES =
      List.of(
          "kern",
          "user",
          "mail",
          "daemon",
          "auth",
          "syslog",
          "lpr",
          "news",
          "uucp",
          "cron",
          "authpriv",
          "ftp",
          "",
          "",
          "",
          "",
          "local0",
          "local1",
          "local2",
          "local3",
          "local4",
          "local5",
          "local6",
          "local7");
  private static final List<Path> LOCAL =
      List.of(Path.of("/dev/log"), Path.of("/var/run/syslog"), Path.of("/var/run/log"));
  private static final Set<String> FORMATS = Set.of("", "rfc3164", "rfc5424", "rfc5424micro");
  private static final DateTimeFormatter SHORT =
      DateTimeFormatter.ofPattern("MMM ppd HH:mm:ss", Locale.ENGLISH);
  private static final DateTimeFormatter SECONDS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ssxxx", Locale.ENGLISH);
  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSxxx", Locale.ENGLISH);
  private static final int INFO = 6;
  private static final int ERROR = 3;
  private static final int PORT = 514;

  private final LogSource source;
  private final String format;
  private final int facility;
  private final Map<String, String> options;
  private final @Nullable Address address;
  private final long pid = ProcessHandle.current().pid();
  private @Nullable DatagramChannel datagrams;
  private @Nullable SocketChannel stream;
  private @Nullable SSLSocket tls;
  private @Nullable String path;

  Syslog(Map<String, String> options, LogSource source) {
    this.source = source;
    this.options = options;
    this.format = options.getOrDefault("syslog-format", "");
    if (!FORMATS.contains(format)) {
      throw new Failure.InvalidRequest("Invalid syslog format");
    }
    String name = options.getOrDefault("syslog-facility", "daemon");
    int number = name.matches("[0-9]{1,2}") ? Integer.parseInt(name) : FACILITIES.indexOf(name);
    if (name.isEmpty() || number < 0 || number > 23) {
      throw new Failure.InvalidRequest("invalid syslog facility");
    }
    this.facility = number;
    String text = options.getOrDefault("syslog-address", "");
    this.address =
        text.isEmpty()
            ? null
            : Address.parse(
                text, Set.of("udp", "tcp", "tcp+tls", "unix", "unixgram"), PORT, "syslog-address");
    LogDrivers.truth(options, "syslog-tls-skip-verify");
  }

  @Override
  public void connect() throws IOException {
    close();
    Address to = address;
    if (to == null) {
      path =
          LOCAL.stream()
              .filter(Files::exists)
              .findFirst()
              .orElseThrow(() -> new IOException("Unix syslog delivery error"))
              .toString();
      return;
    }
    switch (to.scheme()) {
      case "udp" -> {
        DatagramChannel channel = DatagramChannel.open();
        channel.connect(to.resolved());
        datagrams = channel;
      }
      case "tcp+tls" -> tls = TlsStream.open(to, options);
      case "tcp" -> stream = to.stream();
      default -> {
        // either kind of socket may be behind the path
        try {
          stream = to.scheme().equals("unix") ? to.stream() : null;
        } catch (IOException e) {
          stream = null;
        }
        path = stream == null ? to.path() : null;
        if (!Files.exists(Path.of(to.path()))) {
          throw new IOException("dial unix " + to.path() + ": no such file or directory");
        }
      }
    }
  }

  @Override
  public void send(LogEntry entry) throws IOException {
    byte[] message = message(entry);
    DatagramChannel udp = datagrams;
    SocketChannel tcp = stream;
    SSLSocket secure = tls;
    String local = path;
    if (udp != null) {
      udp.write(ByteBuffer.wrap(message));
    } else if (tcp != null) {
      Address.writeAll(tcp, message);
    } else if (secure != null) {
      OutputStream out = secure.getOutputStream();
      if (format.startsWith("rfc5424")) {
        out.write((message.length + " ").getBytes(StandardCharsets.US_ASCII));
      }
      out.write(message);
      out.flush();
    } else if (local != null) {
      UnixDatagrams.send(local, message);
    } else {
      throw new IOException("not connected");
    }
  }

  byte[] message(LogEntry entry) {
    int priority = facility * 8 + (entry.stream().equals("stderr") ? ERROR : INFO);
    var time = entry.time().atZone(ZoneId.systemDefault());
    String head =
        switch (format) {
          case "rfc3164" ->
              "<%d>%s %s %s[%d]: "
                  .formatted(priority, SHORT.format(time), Gelf.hostName(), source.tag(), pid);
          case "rfc5424", "rfc5424micro" ->
              "<%d>1 %s %s %s %d %s - "
                  .formatted(
                      priority,
                      (format.equals("rfc5424") ? SECONDS : MICROS).format(time),
                      Gelf.hostName(),
                      source.tag(),
                      pid,
                      source.tag());
          default -> "<%d>%s %s[%d]: ".formatted(priority, SHORT.format(time), source.tag(), pid);
        };
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(head.getBytes(StandardCharsets.UTF_8));
    bytes.writeBytes(entry.text());
    if (entry.text().length == 0 || entry.text()[entry.text().length - 1] != '\n') {
      bytes.write('\n');
    }
    return bytes.toByteArray();
  }

  @Override
  public void close() {
    try {
      if (datagrams != null) {
        datagrams.close();
      }
      if (stream != null) {
        stream.close();
      }
      if (tls != null) {
        tls.close();
      }
    } catch (IOException e) {
      return; // there is nothing to be saved in it
    } finally {
      datagrams = null;
      stream = null;
      tls = null;
      path = null;
    }
  }
}
