package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.engine.Death.Cause;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeathTest {
  @ParameterizedTest(name = "{0}: exit {1}, signal {2}, {3} sent {4}, {5} OOM kills")
  @CsvSource({
    "COMPLETED,           0,   0,  '',           0,  0",
    "EXITED,              1,   0,  '',           0,  0",
    "OOM,                 137, 9,  '',           0,  1",
    "OOM_OF_CHILD,        1,   0,  '',           0,  1",
    "COMPLETED,           0,   0,  '',           0,  1",
    "STOPPED,             0,   0,  stop,         15, 0",
    "STOPPED,             143, 15, stop,         15, 0",
    "STOP_TIMEOUT,        137, 9,  stop-timeout, 9,  0",
    "KILLED_BY_USER,      137, 9,  user,         9,  0",
    "KILLED_BY_USER,      129, 1,  user,         1,  0",
    "KILLED_BY_USER,      137, 9,  user,         9,  1",
    "HEALTH,              137, 9,  health,       9,  0",
    "CRASHED,             139, 11, '',           0,  0",
    "CRASHED,             139, 11, user,         1,  0",
    "CRASHED,             139, 0,  '',           0,  0",
    "KILLED_FROM_OUTSIDE, 137, 9,  '',           0,  0",
    "KILLED_FROM_OUTSIDE, 143, 15, '',           0,  0",
    "EXITED,              5,   0,  user,         10, 0",
  })
  void evidenceOutweighsAppearance(
      Cause cause, int exitCode, int signal, String by, int sent, int oomKills) {
    assertEquals(cause, Death.cause(exitCode, signal, by, sent, oomKills, false));
  }
}
