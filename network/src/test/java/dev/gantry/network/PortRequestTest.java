package dev.gantry.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PortRequestTest {
  @Test
  void readsRangesAndDefaults() {
    assertEquals(
        new PortRequest(80, "tcp", "", 8000, 8010), PortRequest.parse("80", "", "8000-8010"));
    assertEquals(new PortRequest(53, "udp", "::1", 0, 0), PortRequest.parse("53/UDP", "::1", ""));
  }

  @ParameterizedTest
  @CsvSource({"0,'',1", "70000,'',1", "80/x,'',1", "80,'',9-8", "80,'',x", "80,host,1"})
  void refusesWhatCannotBe(String port, String hostIp, String hostPort) {
    assertThrows(Failure.InvalidRequest.class, () -> PortRequest.parse(port, hostIp, hostPort));
  }
}
