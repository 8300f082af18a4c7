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

/// How fast a container can print into its log: ours beside dockerd's, each with its own defaults
/// and with the same options; and how soon the log's end can be read.
final class LogsBench {
  private static final int MEGABYTES = 200;
  private static final String LINE =
      "a line of output as services write them, eighty characters long, with words..";

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
        Row row =
            new Row(MEGABYTES + " MB in lines of 80 bytes, " + driver + ", 3 files of 20 MB", "3x");
        row.candidate("gantry", () -> print(ours, driver));
        theirs.ifPresent(api -> row.candidate("dockerd", () -> print(api, driver)));
        row.measure(1, rounds);
        row.lines("ms").forEach(System.out::println);
        System.out.println();
      }
      read(ours, theirs);
    } finally {
      peer.stop();
    }
  }

  private static Json.JsonObject printer(String driver) {
    Json.JsonObject options = Json.object().put("max-size", "20m").put("max-file", "3");
    if (driver.equals("json-file")) {
      options.put("compress", "false");
    }
    String script = "yes '" + LINE + "' | head -c " + MEGABYTES + "000000";
    return Json.object()
        .put("Cmd", Json.array().add("sh").add("-c").add(script))
        .put(
            "HostConfig",
            Json.object()
                .put("LogConfig", Json.object().put("Type", driver).put("Config", options)));
  }

  private static void print(Api api, String driver) throws IOException {
    String id = api.create(printer(driver));
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
    String id = api.create(printer("json-file"));
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
