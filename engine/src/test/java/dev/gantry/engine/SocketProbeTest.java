package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SocketProbeTest {
  @ParameterizedTest
  @CsvSource({
    "HTTP/1.1 200 OK, 200",
    "HTTP/1.0 404, 404",
    "HTTP/1.1 503 Service Unavailable, 503",
    "HTTP/1.1 2000 No, -1",
    "HTTP/1.1 2x0 No, -1",
    "HTTP/1.1200 OK, -1",
    "HTTP/1.1, -1",
    "'', -1",
    "220 mail.example.org ESMTP, -1",
  })
  void theCodeIsReadFromTheStatusLine(String line, int code) {
    assertEquals(code, SocketProbe.code(line));
  }

  @Test
  void countersOfTheKernelAreReadWithoutWhatIsNoNumber() {
    assertEquals(
        Map.of("cache", 4096L, "hierarchical_memory_limit", 9223372036854771712L, "rss", 0L),
        Statistics.fields(
            List.of(
                "cache 4096",
                "hierarchical_memory_limit 9223372036854771712",
                "rss 0",
                "odd max",
                "negative -1",
                "empty ",
                " 7")));
    long[] ticks = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
    String line =
        "cpu  " + String.join(" ", Arrays.stream(ticks).mapToObj(Long::toString).toList());
    assertEquals(2_800_000_000L, Statistics.systemCpu(line), "seven fields of ten milliseconds");
  }
}
