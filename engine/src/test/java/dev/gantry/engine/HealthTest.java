package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import dev.gantry.engine.Health.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HealthTest {
  private static Health.Result result(int code) {
    return new Health.Result(Instant.EPOCH, Instant.EPOCH, code, "");
  }

  @Test
  void becomesUnhealthyAfterAsManyFailuresInARow() {
    Health health = Health.STARTING.after(result(1), 2, false);
    assertEquals(Status.STARTING, health.status());
    assertEquals(Status.UNHEALTHY, health.after(result(1), 2, false).status());
    assertEquals(0, health.after(result(0), 2, false).failingStreak());
  }

  @Test
  void forgivenFailuresDoNotCount() {
    Health health = Health.STARTING;
    for (int i = 0; i < 9; i++) {
      health = health.after(result(1), 1, true);
    }
    assertEquals(new Health(Status.STARTING, 0, health.log()), health);
    assertEquals(5, health.log().size());
  }

  @Test
  void recordOfTheJournalReadsBackTheSame() {
    Health health = Health.STARTING.after(result(3), 1, false).after(result(0), 1, false);
    assertEquals(health, Health.read(health.record()));
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP, http://localhost:8080/a?b=c, 127.0.0.1, 8080, /a?b=c",
    "HTTP, http://10.1.2.3,             10.1.2.3,  80,   /",
    "HTTP, http://[::1]:81/,            ::1,       81,   /",
    "TCP,  5432,                        127.0.0.1, 5432, ''",
    "TCP,  127.0.0.2:5432,              127.0.0.2, 5432, ''",
  })
  void findsTheTarget(String kind, String text, String host, int port, String path) {
    assertEquals(
        new SocketProbe.Target(host, port, path), SocketProbe.Target.of(List.of(kind, text)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "https://localhost/",
        "http://example.org/",
        "http://localhost:70000/",
        "http://localhost: 1/"
      })
  void refusesWhatIsNoTarget(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> SocketProbe.Target.of(List.of("HTTP", text)));
  }

  @ParameterizedTest
  @CsvSource({"300ms, 300", "1.5s, 1500", "1m30s, 90000", "1h0m0s, 3600000", "30s, 30000"})
  void durationsReadAsInGo(String text, long millis) {
    assertEquals(text, CommandProbe.text(Duration.ofMillis(millis)));
  }
}
