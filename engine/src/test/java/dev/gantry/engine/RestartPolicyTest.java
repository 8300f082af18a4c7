package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RestartPolicyTest {
  @Test
  void waitsDoubleUpToAMinute() {
    long wait = 0;
    StringBuilder waits = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      wait = RestartPolicy.delayMillis(wait, Duration.ofSeconds(1));
      waits.append(wait).append(' ');
    }
    assertEquals("100 200 400 800 1600 3200 6400 12800 25600 51200 60000 60000 ", waits.toString());
  }

  @Test
  void aLongRunForgivesWhatWasBefore() {
    assertEquals(100, RestartPolicy.delayMillis(51_200, Duration.ofSeconds(10)));
    assertEquals(60_000, RestartPolicy.delayMillis(51_200, Duration.ofMillis(9_999)));
  }
}
