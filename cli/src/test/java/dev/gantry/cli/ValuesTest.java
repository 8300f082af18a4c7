package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Sizes, times, names and addresses as people write them.
class ValuesTest {
  @ParameterizedTest
  @CsvSource({
    "64m, 67108864",
    "1g, 1073741824",
    "1.5k, 1536",
    "10, 10",
    "2 KiB, 2048",
    "1tb, 1099511627776"
  })
  void sizesArePowersOf1024(String text, long bytes) {
    assertTrue(Humans.isSize(text));
    assertEquals(bytes, Humans.bytes(text));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0B",
    "999, 999B",
    "1000, 1kB",
    "1984267, 1.98MB",
    "121300000, 121MB",
    "1500000000, 1.5GB"
  })
  void sizesAreShownWithThreeDigits(long bytes, String text) {
    assertEquals(text, Humans.size(bytes));
  }

  @ParameterizedTest
  @CsvSource({
    "0, Less than a second", "1, 1 second", "59, 59 seconds", "60, About a minute",
    "119, About a minute", "120, 2 minutes", "3600, About an hour", "7200, 2 hours",
    "172800, 2 days", "1209600, 2 weeks", "5184000, 2 months", "63072000, 2 years"
  })
  void agesAreRounded(long seconds, String text) {
    assertEquals(text, Humans.duration(Duration.ofSeconds(seconds)));
  }

  @ParameterizedTest
  @CsvSource({
    "1h30m, 5400000000000",
    "1.5s, 1500000000",
    "300ms, 300000000",
    "-2us, -2000",
    "0, 0"
  })
  void durationsAreGos(String text, long nanos) {
    assertTrue(Durations.is(text));
    assertEquals(nanos, Durations.nanos(text));
  }

  @Test
  void durationsNeedUnits() {
    assertFalse(Durations.is("5"));
    assertFalse(Durations.is("1d"));
  }

  @ParameterizedTest
  @CsvSource({
    "1700000000, 1700000000",
    "1700000000.5, 1700000000.5",
    "2026-01-02T13:23:37Z, 1767360217.000000000",
    "2026-01-02T13:23:37.25+01:00, 1767356617.250000000",
    "2026-01-02Z, 1767312000.000000000",
  })
  void pointsInTimeBecomeSeconds(String text, String stamp) {
    assertEquals(stamp, Times.stamp("since", text));
  }

  @Test
  void whatIsNoTimeIsRefused() {
    assertEquals(
        "invalid value for \"since\": failed to parse value as time or duration: \"bad\"",
        assertThrows(Exit.class, () -> Times.stamp("since", "bad")).text());
  }

  @ParameterizedTest
  @CsvSource({
    "busybox, busybox:latest, docker.io/library/busybox:latest",
    "docker.io/library/busybox:1, busybox:1, docker.io/library/busybox:1",
    "me/app, me/app:latest, docker.io/me/app:latest",
    "localhost:5000/app:v1, localhost:5000/app:v1, localhost:5000/app:v1",
    "localhost/app, localhost/app:latest, localhost/app:latest",
  })
  void imagesHaveAShortAndAFullName(String text, String familiar, String full) {
    ImageName name = ImageName.parse(text).withDefaultTag();
    assertEquals(familiar, name.familiar());
    assertEquals(full, name.full());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "UPPER | invalid reference format: repository name (library/UPPER) must be lowercase",
        "a//b | invalid reference format",
        "a:b:c | invalid reference format",
        "a: | invalid reference format",
        "'' | invalid reference format",
      })
  void wrongImageNamesAreRefused(String text, String message) {
    assertEquals(message, assertThrows(Refused.class, () -> ImageName.parse(text)).text());
  }

  @ParameterizedTest
  @CsvSource({
    "10.1.0.0/16, 10.1.2.3, true", "10.1.0.0/16, 10.2.0.1, false", "10.1.0.0/16, 10.1.5.0/24, true",
    "fd00::/8, fd12::1, true", "fd00::/8, 10.1.0.1, false", "bad, 10.1.0.1, false",
    "10.1.0.0/99, 10.1.0.1, false", "0.0.0.0/0, 1.2.3.4, true"
  })
  void subnetsHoldAddresses(String subnet, String address, boolean inside) {
    assertEquals(inside, NetworkCreate.contains(subnet, address));
  }

  @Test
  void nearNamesAreFound() {
    assertEquals(List.of("ps"), Likeness.near("pss", List.of("ps", "push", "run")));
    assertEquals(List.of(), Likeness.near("nosuch", List.of("ps", "push", "run")));
    assertEquals(1, Likeness.distance("rnu", "run"));
  }

  @Test
  void aPublishedRangeBecomesAPortEach() {
    PortFlags ports =
        new PortFlags(List.of("127.0.0.1:8080-8081:80-81/udp", "[::1]::90"), List.of());
    assertEquals(
        "{\"80/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}],"
            + "\"81/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8081\"}],"
            + "\"90/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"\"}]}",
        ports.bindings().text());
  }

  @Test
  void rangesOfUnlikeLengthAreRefused() {
    assertThrows(Refused.class, () -> new PortFlags(List.of("8080-8082:80-81"), List.of()));
  }
}
