package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Session;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// The real Docker CLI on a real terminal: typing, resizing, detaching, attaching again.
@ExtendWith(EngineExtension.class)
class DockerCliTerminalIT {
  private static final String DETACH = "\u0010\u0011"; // Ctrl-P Ctrl-Q

  @Test
  void shellTakesWhatIsTypedAndEndsWithItsCode(Engine engine) {
    try (Session session =
        Session.start(engine.dockerCommand("run", "--rm", "-it", engine.busybox(), "sh"))) {
      session.await("# ").type("echo $((6*7))x; tty\r").await("42x").await("/dev/pts/0");
      session.await("# ").type("exit 7\r");
      assertEquals(7, session.exitCode());
    }
  }

  @Test
  void windowSizeFollowsTheTerminal(Engine engine) {
    try (Session session =
        Session.start(engine.dockerCommand("run", "--rm", "-it", engine.busybox(), "sh"))) {
      session.await("# ").type("stty size\r").await("24 80").await("# ");
      session.resize(50, 132);
      Eventually.within(
          Duration.ofSeconds(10),
          () -> "no new size: " + session.screen(),
          () -> {
            session.type("stty size\r").await("# ");
            return session.screen().contains("50 132");
          });
      session.type("exit\r");
      assertEquals(0, session.exitCode());
    }
  }

  @Test
  void interruptReachesTheForegroundProgram(Engine engine) {
    try (Session session =
        Session.start(engine.dockerCommand("run", "--rm", "-it", engine.busybox(), "sh"))) {
      session.await("# ").type("sleep 1000\r").await("1000");
      Eventually.within(
          Duration.ofSeconds(10),
          "sleep did not end at Ctrl-C",
          () -> {
            session.type("\u0003echo back-$?\r");
            return session.screen().contains("back-130");
          });
      session.type("\rexit 0\r");
      assertEquals(0, session.exitCode());
    }
  }

  @Test
  void detachedContainerGoesOnAndCanBeAttachedAgain(Engine engine) {
    String name = "detached";
    try (Session first =
        Session.start(engine.dockerCommand("run", "-it", "--name", name, engine.busybox(), "sh"))) {
      first.await("# ").type("kept=yes\r").await("# ").type(DETACH);
      assertEquals(0, first.exitCode());
    }
    assertEquals("true", engine.docker("inspect", "--format", "{{.State.Running}}", name).line());
    try (Session second = Session.start(engine.dockerCommand("attach", name))) {
      second.type("\recho got-$kept\r").await("got-yes").type("exit 3\r");
      assertEquals(3, second.exitCode());
    }
    engine.docker("rm", name).succeeded();
  }

  @Test
  void execHasItsOwnTerminal(Engine engine) {
    engine.docker("run", "-d", "--name", "host", engine.busybox(), "sleep", "1000").succeeded();
    try (Session session = Session.start(engine.dockerCommand("exec", "-it", "host", "sh"))) {
      session.await("# ").type("tty; stty size\r").await("/dev/pts/").await("24 80");
      session.await("# ").type("exit 5\r");
      assertEquals(5, session.exitCode());
    }
    engine.docker("rm", "-f", "host").succeeded();
  }
}
