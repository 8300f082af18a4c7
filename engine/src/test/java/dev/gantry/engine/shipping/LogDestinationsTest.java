package dev.gantry.engine.shipping;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.engine.logs.LogEntry;
import dev.gantry.json.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogDestinationsTest {
  private static final LogSource SOURCE =
      new LogSource(
          "0123456789abcdef",
          "web",
          "sha256:1",
          "busybox",
          "sh",
          Instant.EPOCH,
          "my-tag",
          Map.of("my.label", "v"));

  private static LogEntry line(String stream, String text) {
    return new LogEntry(
        stream,
        text.getBytes(StandardCharsets.UTF_8),
        Instant.parse("2026-01-02T03:04:05.678901234Z"),
        Map.of());
  }

  @Test
  void journalGetsFieldsAndLengthsWhereLinesBreak() {
    String plain =
        new String(new Journald(SOURCE).encode(line("stderr", "hi\n")), StandardCharsets.UTF_8);
    assertTrue(plain.startsWith("MESSAGE=hi\nPRIORITY=3\nCONTAINER_ID=0123456789ab\n"), plain);
    assertTrue(plain.contains("\nMY_LABEL=v\n"), plain);
    byte[] broken = new Journald(SOURCE).encode(line("stdout", "a\nb"));
    byte[] begin = "MESSAGE\n\3\0\0\0\0\0\0\0a\nb\nPRIORITY=6".getBytes(StandardCharsets.UTF_8);
    assertArrayEquals(begin, java.util.Arrays.copyOf(broken, begin.length));
  }

  @Test
  void syslogKnowsItsFormats() {
    long pid = ProcessHandle.current().pid();
    String own = text(new Syslog(Map.of(), SOURCE).message(line("stdout", "hi\n")));
    assertTrue(
        own.matches("<30>[A-Z][a-z]{2} [ 0-9]\\d [0-9:]{8} my-tag\\[" + pid + "]: hi\n"), own);
    String rfc5424 =
        text(
            new Syslog(Map.of("syslog-format", "rfc5424micro", "syslog-facility", "local0"), SOURCE)
                .message(line("stderr", "hi")));
    assertTrue(
        rfc5424.matches(
            "<131>1 \\S+\\.678901[+-]\\d\\d:\\d\\d \\S+ my-tag " + pid + " my-tag - hi\n"),
        rfc5424);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Test
  void gelfIsCompressedJson() throws IOException {
    Gelf gelf = new Gelf(Map.of("gelf-address", "udp://127.0.0.1:1"), SOURCE);
    byte[] packed = gelf.compressed(gelf.message(line("stdout", "hi\n")));
    Json.JsonObject json =
        Json.parseObject(
            text(new GZIPInputStream(new ByteArrayInputStream(packed)).readAllBytes()));
    assertEquals("hi", json.string("short_message", ""));
    assertTrue(json.text().contains("\"timestamp\":1767323045.678"), json.text());
    assertEquals("v", json.string("_my.label", ""));
  }

  @Test
  void fluentdIsMessagePack() {
    byte[] message = new Fluentd(Map.of(), SOURCE).message(line("stdout", "hi\n"), "");
    byte[] begin = {
      (byte) 0x93, (byte) 0xa6, 'm', 'y', '-', 't', 'a', 'g', (byte) 0xcf, 0, 0, 0, 0
    };
    assertArrayEquals(begin, java.util.Arrays.copyOf(message, begin.length));
    assertTrue(text(message).contains("container_name\u0000") || text(message).contains("/web"));
  }

  @ParameterizedTest
  @CsvSource({
    "syslog, syslog-facility, nonsense",
    "syslog, syslog-address, http://x",
    "syslog, syslog-format, rfc1",
    "syslog, max-size, 1m",
    "gelf, gelf-compression-type, none",
    "gelf, gelf-address, tcp://",
    "fluentd, fluentd-request-ack, maybe",
    "fluentd, fluentd-address, udp://x:1",
    "journald, colour, red",
    "json-file, syslog-address, udp://x:1",
  })
  void refusesWhatMakesNoSense(String driver, String name, String value) {
    assertThrows(Failure.InvalidRequest.class, () -> LogDrivers.check(driver, Map.of(name, value)));
  }

  @Test
  void takesWhatMakesSense() {
    LogDrivers.check("syslog", Map.of("syslog-address", "tcp+tls://host", "cache-disabled", "1"));
    LogDrivers.check("gelf", Map.of("gelf-address", "udp://host:12201", "tag", "x"));
    LogDrivers.check("fluentd", Map.of("fluentd-address", "unix:///run/fluent.sock"));
    LogDrivers.check("local", Map.of("max-size", "1m", "compress", "true"));
  }
}
