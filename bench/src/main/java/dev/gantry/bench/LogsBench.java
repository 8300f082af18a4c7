package dev.gantry.bench;

import dev.gantry.json.Json;
import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.PlainHttp;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// How fast a container can print into its log, ours beside dockerd's with the same options, by one
/// process that costs next to nothing itself and by two that print line by line; what processor
/// time the engines take for it; and how soon the log's end can be read.
final class LogsBench {
  private static final int MEGABYTES = 200;
  private static final int WARM_UP = 3; // the JIT compiler's time is not the log's
  private static final String LINE =
      "a line of output as services write them, eighty characters long, with words..";

  /// How the output is made.
  private enum Printer {
    CAT("cat", " | head -c 20000000 >l; for i in 1 2 3 4 5 6 7 8 9 10; do cat l; done"),
    LINES("yes | head", " | head -c " + MEGABYTES + "000000");

    final String title;
    final String script;

    Printer(String title, String work) {
      this.title = title;
      this.script = "yes '" + LINE + "'" + work;
    }
  }

  private final int rounds;
  private final Dockerd peer;

  LogsBench(int rounds, Path tree) {
    this.rounds = rounds;
    this.peer = new Dockerd(tree, "logs-bench");
  }

  void run() throws Exception {
    Optional<Path> dockerd = peer.start();
    try (Engine engine = Engine.start()) {
      engine.busybox();
      Api ours = new Api(engine.socket());
      Optional<Api> theirs = dockerd.map(Api::new);
      if (theirs.isPresent()) {
        theirs.get().importImage(Busybox.tar());
      }
      for (String driver : List.of("json-file", "local")) {
        for (Printer printer : Printer.values()) {
          measure(driver, printer, ours, engine.pid(), theirs);
        }
      }
      read(ours, theirs);
    } finally {
      peer.stop();
    }
  }

  private void measure(String driver, Printer printer, Api ours, long pid, Optional<Api> theirs)
      throws IOException {
    String what = MEGABYTES + " MB by " + printer.title + ", " + driver + ", 3 files of 20 MB";
    Row time = new Row(what, "3x");
    Row processor = new Row("… and the engine's processor time", "");
    time.candidate("gantry", counted("gantry", () -> print(ours, driver, printer), pid, processor));
    if (theirs.isPresent()) {
      Row.Work work = () -> print(theirs.get(), driver, printer);
      time.candidate("dockerd", counted("dockerd", work, peer.pid(), processor));
    }
    time.measure(WARM_UP, rounds);
    time.lines("ms").forEach(System.out::println);
    processor.lines("ms").forEach(System.out::println);
    System.out.println();
  }

  private static Json.JsonObject printer(String driver, Printer printer) {
    Json.JsonObject options = Json.object().put("max-size", "20m").put("max-file", "3");
    options.put("compress", "false");
    return Json.object()
        .put("Cmd", Json.array().add("sh").add("-c").add(printer.script))
        .put(
            "HostConfig",
            Json.object()
                .put("LogConfig", Json.object().put("Type", driver).put("Config", options)));
  }

  /// Notes what processor time `pid` takes for each run but the first ones.
  private static Row.Work counted(String name, Row.Work work, long pid, Row processor) {
    AtomicInteger runs = new AtomicInteger();
    return () -> {
      long before = ProcessorTime.millis(pid);
      work.run();
      if (runs.incrementAndGet() > WARM_UP) {
        processor.value(name, ProcessorTime.millis(pid) - before);
      }
    };
  }

  private static void print(Api api, String driver, Printer printer) throws IOException {
    String id = api.create(printer(driver, printer));
    api.start(id);
    api.await(id);
    api.remove(id);
  }

  private void read(Api ours, Optional<Api> theirs) throws IOException, InterruptedException {
    Row tail = new Row("logs --tail 10 of that log", "");
    Row since = new Row("logs --since its last moment", "");
    List<String> made = new ArrayList<>();
    prepare("gantry", ours, made, tail, since);
    if (theirs.isPresent()) {
      prepare("dockerd", theirs.get(), made, tail, since);
    }
    for (Row row : List.of(tail, since)) {
      row.measure(2, 10);
      row.lines("ms").forEach(System.out::println);
      System.out.println();
    }
    ours.remove(made.get(0));
    if (theirs.isPresent()) {
      theirs.get().remove(made.get(1));
    }
  }

  private static void prepare(String name, Api api, List<String> made, Row tail, Row since)
      throws IOException {
    String id = api.create(printer("json-file", Printer.CAT));
    made.add(id);
    api.start(id);
    api.await(id);
    Instant end = Instant.now();
    String logs = "/containers/" + id + "/logs?stdout=1&stderr=1";
    tail.candidate(
        name,
        () -> PlainHttp.send(api.socket(), "GET", logs + "&tail=10", new byte[0]).expect(200));
    since.candidate(
        name,
        () ->
            PlainHttp.send(
                    api.socket(),
                    "GET",
                    logs
                        + "&since="
                        + end.getEpochSecond()
                        + "."
                        + String.format("%09d", end.getNano()),
                    new byte[0])
                .expect(200));
  }
}
