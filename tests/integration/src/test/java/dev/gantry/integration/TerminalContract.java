package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Session;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// A command line on a real terminal: typing, resizing, detaching, attaching again. Both Docker's
/// and ours must pass.
@ExtendWith(EngineExtension.class)
abstract class TerminalContract {
  private static final String DETACH = "\u0010\u0011"; // Ctrl-P Ctrl-Q

  abstract Command client(Engine engine, String... words);

  @Test
  void shellTakesWhatIsTypedAndEndsWithItsCode(Engine engine) {
    try (Session session =
        Session.start(client(engine, "run", "--rm", "-it", engine.busybox(), "sh"))) {
      session.await("# ").type("echo $((6*7))x; tty\r").await("42x").await("/dev/pts/0");
      session.await("# ").type("exit 7\r");
      assertEquals(7, session.exitCode());
    }
  }

  @Test
  void windowSizeFollowsTheTerminal(Engine engine) {
    try (Session session =
        Session.start(client(engine, "run", "--rm", "-it", engine.busybox(), "sh"))) {
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
        Session.start(client(engine, "run", "--rm", "-it", engine.busybox(), "sh"))) {
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
        Session.start(client(engine, "run", "-it", "--name", name, engine.busybox(), "sh"))) {
      first.await("# ").type("kept=yes; echo is-$kept\r").await("is-yes").type(DETACH);
      assertEquals(0, first.exitCode());
    }
    assertEquals(
        "true", client(engine, "inspect", "--format", "{{.State.Running}}", name).run().line());
    try (Session second = Session.start(client(engine, "attach", name))) {
      second.type("\recho got-$kept\r").await("got-yes").type("exit 3\r");
      assertEquals(3, second.exitCode());
    }
    client(engine, "rm", name).run().succeeded();
  }

  @Test
  void otherKeysDetachAndTheUsualOnesAreThenTyped(Engine engine) {
    String name = "other-keys";
    try (Session session =
        Session.start(
            client(
                engine,
                "run",
                "-it",
                "--detach-keys",
                "ctrl-a,d",
                "--name",
                name,
                engine.busybox(),
                "sh"))) {
      session.await("# ").type("echo wait-$((1+1))\r").await("it-2").type("\u0001d");
      assertEquals(0, session.exitCode());
    }
    try (Session session =
        Session.start(client(engine, "attach", "--detach-keys", "ctrl-a,d", name))) {
      session.type("\r").await("# ").type("\u0001d").await("read escape sequence");
      assertEquals(1, session.exitCode());
    }
    client(engine, "rm", "-f", name).run().succeeded();
  }

  @Test
  void execHasItsOwnTerminal(Engine engine) {
    client(engine, "run", "-d", "--name", "host", engine.busybox(), "sleep", "1000")
        .run()
        .succeeded();
    try (Session session = Session.start(client(engine, "exec", "-it", "host", "sh"))) {
      session.await("# ").type("tty; stty size\r").await("/dev/pts/").await("24 80");
      session.await("# ").type("exit 5\r");
      assertEquals(5, session.exitCode());
    }
    client(engine, "rm", "-f", "host").run().succeeded();
  }
}
