package dev.gantry.integration;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.EngineExtension;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.ResidentProgram;
import dev.gantry.testkit.Session;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Our command line on a real terminal that a resident program of another session reads and sets.
@ExtendWith(EngineExtension.class)
class ResidentTerminalIT extends TerminalContract {
  private static ResidentProgram resident;

  @BeforeAll
  static void start(Engine engine) {
    resident = new ResidentProgram().start();
  }

  @AfterAll
  static void stop() {
    if (resident != null) {
      resident.close();
    }
  }

  @Override
  Command client(Engine engine, String... words) {
    return resident.on(engine, words);
  }

  /// The shell on the terminal has job control, as a person's.
  @Test
  void ctrlZHaltsACommandUntilItIsContinued(Engine engine) {
    String endless =
        "trap 'exit 5' INT; i=0; while :; do i=$((i+1)); echo line-$i; sleep 0.1; done";
    Command shell = Command.of("sh", "-i").with("ENV", "").with("PS1", "ready> ");
    Command client = client(engine, "run", "--rm", engine.busybox(), "sh", "-c", endless);
    client.environment().forEach(shell::with);
    try (Session session = Session.start(shell)) {
      session.await("ready> ");
      session.type(quoted(client) + "\r").await("line-1\r\n");
      session.type("\u001a").await("topped").await("ready> "); // dash and bash say Stopped
      session.type("echo halted-$((1+1))\r").await("halted-2").await("ready> ");
      int length = session.screen().length();
      session.type("echo still-$((1+1))\r").await("still-2").await("ready> ");
      String between = session.screen().substring(length);
      org.junit.jupiter.api.Assertions.assertFalse(between.contains("line-"), between);
      session.type("fg\r").await("line-");
      Eventually.within(
          Duration.ofSeconds(20),
          () -> "Ctrl-C does not end it: " + session.screen(),
          () -> {
            session.type("\u0003");
            return session.screen().substring(length).contains("\nready> ");
          });
      session.type("exit 3\r");
      org.junit.jupiter.api.Assertions.assertEquals(3, session.exitCode());
    }
  }

  private static String quoted(Command command) {
    StringBuilder line = new StringBuilder();
    command
        .words()
        .forEach(word -> line.append('\'').append(word.replace("'", "'\\''")).append("' "));
    return line.toString();
  }
}
