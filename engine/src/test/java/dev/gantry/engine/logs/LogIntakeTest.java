package dev.gantry.engine.logs;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gantry.kernel.Fd;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A crash is an intake that is left alone: all it knew is in the folder, as after a SIGKILL.
class LogIntakeTest {
  @TempDir Path folder;
  private Fd.Pipe pipe;
  private final List<String> complaints = new ArrayList<>();

  @BeforeEach
  void openPipe() throws Exception {
    pipe = Fd.Pipe.open(Fd.O_NONBLOCK);
    Files.createDirectory(folder.resolve("run"));
  }

  @AfterEach
  void closePipe() {
    pipe.close();
  }

  private LogFile log(LogOptions options) {
    return LogFile.open(folder.resolve("json.log"), LogFormat.JSON, options);
  }

  private LogIntake intake(LogFile log) {
    return LogIntake.open(log, folder.resolve("run"), Map.of(), complaints::add);
  }

  private void print(String text) throws Exception {
    pipe.write().writeFully(text.getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> lines(LogFile log) throws Exception {
    List<String> lines = new ArrayList<>();
    new LogReader(log, new LogQuery(true, true, false, Instant.EPOCH, Optional.empty(), -1))
        .read(() -> false, e -> lines.add(new String(e.text(), StandardCharsets.UTF_8)));
    return lines;
  }

  private static void drain(LogIntake.Source source) throws Exception {
    while (source.next(() -> false) != null) {
      continue;
    }
  }

  @Test
  void logsWholeLinesAndTheLastPieceAtTheEnd() throws Exception {
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source source = intake(log).source("stdout", pipe.read(), false);
    print("one\ntwo\nthr");
    assertArrayEquals("one\ntwo\nthr".getBytes(StandardCharsets.UTF_8), source.next(() -> true));
    assertEquals(List.of("one\n", "two\n"), lines(log));
    print("ee");
    pipe.write().close();
    drain(source);
    assertEquals(List.of("one\n", "two\n", "three"), lines(log));
  }

  @Test
  void aContainerThatPrintsNothingLeavesNoFiles() throws Exception {
    LogIntake intake = intake(log(LogOptions.DEFAULT));
    pipe.write().close();
    drain(intake.source("stdout", pipe.read(), false));
    try (var files = Files.list(folder.resolve("run"))) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void takesUpAnUnfinishedLine() throws Exception {
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source before = intake(log).source("stdout", pipe.read(), false);
    print("one\nhalf");
    assertArrayEquals(new byte[0], before.next(() -> false));

    LogFile again = log(LogOptions.DEFAULT);
    LogIntake.Source after = intake(again).source("stdout", pipe.read(), false);
    after.recover();
    print(" and whole\n");
    pipe.write().close();
    drain(after);
    assertEquals(List.of("one\n", "half and whole\n"), lines(again));
  }

  @Test
  void whatWasAppendedButNotNotedIsNotDoubled() throws Exception {
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source before = intake(log).source("stdout", pipe.read(), false);
    print("one\n");
    assertArrayEquals(new byte[0], before.next(() -> false));
    IntakeState state = IntakeState.find(folder.resolve("run")).orElseThrow();
    Spool spool = Spool.open(state, folder.resolve("run"), "stdout");
    print("two\n");
    assertEquals(4, spool.splice(pipe.read(), 100));
    // ended here: the line is in the log, but no note says so
    Files.writeString(
        folder.resolve("json.log"),
        "{\"log\":\"two\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n{\"lo",
        StandardOpenOption.APPEND);

    LogFile again = log(LogOptions.DEFAULT);
    LogIntake.Source after = intake(again).source("stdout", pipe.read(), false);
    after.recover();
    assertEquals(List.of("one\n", "two\n"), lines(again));
  }

  @Test
  void salvagesWhatARunLeft() throws Exception {
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source before = intake(log).source("stderr", pipe.read(), false);
    print("one\nhalf");
    assertArrayEquals(new byte[0], before.next(() -> false));

    LogFile again = log(LogOptions.DEFAULT);
    intake(again).salvage();
    assertEquals(List.of("one\n", "half"), lines(again));
  }

  @Test
  void crashesBetweenAnyTwoStepsOfALongOutput() throws Exception {
    List<String> expected = IntStream.range(0, 20_000).mapToObj(i -> "line " + i + "\n").toList();
    // small files: rotation and the change of spools take part
    LogOptions options = new LogOptions(100_000, 1000, false);
    LogFile log = log(options);
    LogIntake.Source source = intake(log).source("stdout", pipe.read(), false);
    int crash = 0;
    for (String line : expected) {
      if (pipe.read().available() > 50_000 + crash % 1000) {
        assertArrayEquals(new byte[0], source.next(() -> false));
        if (++crash % 2 == 0) {
          log = log(options);
          source = intake(log).source("stdout", pipe.read(), false);
          source.recover();
        }
      }
      print(line);
    }
    pipe.write().close();
    drain(source);
    assertEquals(String.join("", expected), String.join("", lines(log)));
    assertEquals(List.of(), complaints);
  }

  @Test
  void anIdleSpoolIsEmpty() throws Exception {
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source source = intake(log).source("stdout", pipe.read(), false);
    print("one\n");
    assertArrayEquals(new byte[0], source.next(() -> false));
    Thread waiting =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    drain(source);
                  } catch (Exception e) {
                    complaints.add(e.toString());
                  }
                });
    Path spool = folder.resolve("run/log.stdout.0");
    for (int i = 0; i < 500 && Files.size(spool) > 0; i++) {
      Thread.sleep(10);
    }
    assertEquals(0, Files.size(spool));
    pipe.write().close();
    waiting.join();
    assertEquals(List.of(), complaints);
  }

  @Test
  void goesOnWithoutRoomForASpool() throws Exception {
    Files.delete(folder.resolve("run"));
    LogFile log = log(LogOptions.DEFAULT);
    LogIntake.Source source = intake(log).source("stdout", pipe.read(), false);
    print("one\nha");
    assertFalse(source.next(() -> true).length == 0);
    print("lf\n");
    pipe.write().close();
    drain(source);
    assertEquals(List.of("one\n", "half\n"), lines(log));
    assertEquals(1, complaints.size());
  }
}
