package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CachePolicyTest {
  private static CachePolicy.Rule rule(long reserved, long most, long free, String... filters) {
    return new CachePolicy.Rule(true, List.of(filters), Duration.ZERO, reserved, most, free);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, 0, 0", // everything may go
    "40, 0, 0, 40",
    "0, 70, 0, 70",
    "80, 70, 0, 80", // what is reserved counts more
    "0, 0, 5, 100", // enough is free
    "0, 0, 30, 80",
    "90, 0, 30, 90"
  })
  void saysHowMuchMayStay(long reserved, long most, long free, long expected) {
    assertEquals(expected, rule(reserved, most, free).keep(100, 10));
  }

  @ParameterizedTest
  @CsvSource({
    "type=regular, true",
    "type==exec.cachemount, false",
    "type!=exec.cachemount, true",
    "id^=0123, true",
    "description~=apt, true",
    "shared==true, false"
  })
  void choosesByFields(String filter, boolean expected) {
    BuildDisk.Entry entry =
        new BuildDisk.Entry(
            "0123456",
            "regular",
            "RUN apt-get update",
            1,
            false,
            false,
            Instant.EPOCH,
            Instant.EPOCH,
            1,
            () -> true);
    assertEquals(expected, rule(0, 0, 0, filter).fits(entry));
  }

  @Test
  void refusesOtherFields() {
    assertThrows(Failure.InvalidRequest.class, () -> rule(0, 0, 0, "colour=red"));
  }
}
