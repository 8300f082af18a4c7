package dev.gantry.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PruneTimeTest {
  @Test
  void durationIsHowLongAgo() {
    Instant expected = Instant.now().minus(Duration.ofMinutes(90).plusMillis(500));
    Duration off = Duration.between(PruneTime.parse("1h30m.5s"), expected).abs();
    assertTrue(off.compareTo(Duration.ofSeconds(30)) < 0, off.toString());
  }

  @Test
  void secondsAndDatesAreAbsolute() {
    assertEquals(Instant.ofEpochSecond(1000), PruneTime.parse("1000"));
    assertEquals(
        Instant.parse("2026-01-02T03:04:05Z"), PruneTime.parse("2026-01-02T04:04:05+01:00"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "odd", "1x", "5s ", "1h2", "2026-13-01", "--5s", "."})
  void restIsRefused(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> PruneTime.parse(text));
  }
}
