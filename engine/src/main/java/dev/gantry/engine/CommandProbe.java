package dev.gantry.engine;

import dev.gantry.base.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Makes health checks by a command inside the container. Texts and limits are Docker's.
final class CommandProbe {
  private static final int MAX_OUTPUT = 4096;

  private final Engine engine;
  private final Container container;
  private final HealthCheck check;

  CommandProbe(Engine engine, Container container, HealthCheck check) {
    this.engine = engine;
    this.container = container;
    this.check = check;
  }

  private List<String> command() {
    List<String> test = check.test();
    if (test.getFirst().equals("CMD")) {
      return test.subList(1, test.size());
    }
    List<String> shell = check.shell();
    List<String> words =
        new ArrayList<>(shell == null || shell.isEmpty() ? List.of("/bin/sh", "-c") : shell);
    words.addAll(test.subList(1, test.size()));
    return words;
  }

  /// Makes the check; a check that cannot be made is a result too.
  Health.Result run() throws InterruptedException {
    Instant start = Instant.now();
    Exec exec = null;
    try {
      exec =
          engine
              .execs()
              .create(
                  container.id(),
                  new Exec.Spec(
                      command(),
                      List.of(),
                      "",
                      "",
                      false,
                      false,
                      false,
                      true,
                      true,
                      "",
                      Optional.empty()));
      return run(exec, start);
    } catch (Failure e) {
      return new Health.Result(start, Instant.now(), -1, e.text());
    } finally {
      if (exec != null) {
        engine.forget(exec);
      }
    }
  }

  private Health.Result run(Exec exec, Instant start) throws InterruptedException {
    Output output = new Output();
    try (Attach.Session session = engine.execs().startOwn(exec)) {
      Thread reader = Thread.ofVirtual().name("health-output").start(() -> output.collect(session));
      exec.awaitExit(check.timeout().toMillis());
      Optional<Integer> code = exec.exitCode();
      if (code.isEmpty()) {
        kill(exec);
        String text = "Health check exceeded timeout (" + text(check.timeout()) + ")";
        String printed = output.text();
        return new Health.Result(
            start, Instant.now(), -1, printed.isEmpty() ? text : text + ": " + printed);
      }
      reader.join(1000);
      return new Health.Result(start, Instant.now(), code.get(), output.text());
    }
  }

  private static void kill(Exec exec) {
    try {
      if (exec.process().isPresent()) {
        exec.process().get().signal(9);
      }
    } catch (IOException | IllegalStateException e) {
      return; // it has just ended
    }
    exec.awaitExit(5000);
  }

  /// A duration as Go prints it, which is what the texts hold.
  static String text(Duration d) {
    if (d.toNanos() % 1_000_000_000L == 0) {
      long seconds = d.toSeconds();
      String text = seconds >= 3600 ? seconds / 3600 + "h" : "";
      text += seconds >= 60 ? seconds % 3600 / 60 + "m" : "";
      return text + seconds % 60 + "s";
    }
    String unit = d.toNanos() >= 1_000_000_000L ? "s" : d.toNanos() >= 1_000_000L ? "ms" : "µs";
    int shift = unit.equals("s") ? 9 : unit.equals("ms") ? 6 : 3;
    return java.math.BigDecimal.valueOf(d.toNanos(), shift).stripTrailingZeros().toPlainString()
        + unit;
  }

  /// What a check printed, cut as Docker cuts it.
  static final class Output {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private boolean cut;

    void collect(Attach.Session session) {
      try {
        session.copyOutput((stream, chunk) -> add(chunk, chunk.length));
      } catch (IOException e) {
        return; // the process has gone
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    synchronized void add(byte[] chunk, int length) {
      int room = MAX_OUTPUT - bytes.size();
      bytes.write(chunk, 0, Math.min(room, length));
      cut |= length > room;
    }

    synchronized String text() {
      return bytes.toString(StandardCharsets.UTF_8) + (cut ? "..." : "");
    }
  }
}
