package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
}
