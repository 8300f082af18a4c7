package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// `stats`: what containers use, once or refreshed.
final class Stats {
  private static final int REFRESH = 500;

  private final Session session;
  private final Words words;

  /// The rows by id, in the order of the list.
  private final Map<String, Row> rows = new LinkedHashMap<>();

  /// What is known of one container.
  private static final class Row {
    private final String name;
    private volatile Json.JsonObject last = Json.object();
    private volatile boolean ended;
    private volatile Optional<String> problem = Optional.empty();

    Row(String name) {
      this.name = name;
    }
  }

  private Stats(Session session, Words words) {
    this.session = session;
    this.words = words;
  }

  static Command command() {
    return Command.of(
        "[OPTIONS] [CONTAINER...]",
        0,
        -1,
        (session, words) -> new Stats(session, words).run(),
        Flag.bool("all", 'a', "Also those that do not run"),
        Flag.format(' '),
        Flag.bool("no-stream", ' ', "Only once"),
        Flag.bool("no-trunc", ' ', "Show ids in full length"));
  }

  private int run() throws IOException, InterruptedException {
    boolean once = words.on("no-stream");
    boolean named = !words.arguments().isEmpty();
    list(once);
    if (once) {
      print(once());
      return failed();
    }
    while (true) {
      String table = once();
      session.out().print("\u001b[H" + table.replace("\n", "\u001b[K\n") + "\u001b[J");
      session.out().flush();
      if (named && rows.values().stream().allMatch(row -> row.ended)) {
        return failed();
      }
      Thread.sleep(REFRESH);
      if (!named) {
        list(false);
      }
    }
  }

  private int failed() {
    session.out().flush();
    int code = 0;
    for (Row row : rows.values()) {
      if (row.problem.isPresent()) {
        session.err().println(row.problem.get());
        code = 1;
      }
    }
    return code;
  }

  private void print(String text) {
    session.out().print(text);
  }

  /// Puts new containers into the list and takes those away that are gone.
  private void list(boolean once) throws InterruptedException {
    Map<String, Row> wanted = new LinkedHashMap<>();
    if (words.arguments().isEmpty()) {
      Query query = Query.of("/containers/json").with("all", words.on("all"));
      for (Json.JsonObject container : Session.objects(session.engine().get(query))) {
        String name = container.strings("Names").stream().findFirst().orElse("");
        wanted.put(container.string("Id", ""), new Row(name.replaceFirst("^/", "")));
      }
    } else {
      words.arguments().forEach(name -> wanted.put(name, new Row(name)));
    }
    rows.keySet().retainAll(wanted.keySet());
    Map<String, Thread> readers = new ConcurrentHashMap<>();
    wanted.forEach(
        (id, row) -> {
          if (rows.putIfAbsent(id, row) == null) {
            readers.put(
                id, Thread.ofPlatform().daemon().name("stats").start(() -> read(id, row, once)));
          }
        });
    for (Thread reader : readers.values()) {
      if (once) {
        reader.join();
      } else {
        reader.join(2_000L / readers.size());
      }
    }
  }

  private void read(String id, Row row, boolean once) {
    Query query = Query.of("/containers/{}/stats", id).with("stream", once ? "0" : "1");
    try (InputStream in = session.engine().open("GET", query, null)) {
      EngineClient.each(in, stats -> row.last = stats);
    } catch (ApiError e) {
      row.problem = Optional.of("Error response from daemon: " + e.text());
    } catch (IOException | RuntimeException e) {
      row.last = Json.object(); // it is gone: the row shows dashes until the list drops it
    }
    row.ended = true;
  }

  private String once() {
    Rows table =
        new Rows("*container.statsContext")
            .column("CONTAINER ID", "ID")
            .column("NAME", "Name")
            .column("CPU %", "CPUPerc")
            .column("MEM USAGE / LIMIT", "MemUsage")
            .column("MEM %", "MemPerc")
            .column("NET I/O", "NetIO")
            .column("BLOCK I/O", "BlockIO")
            .column("PIDS", "PIDs")
            .heading("CONTAINER", "Container");
    boolean failed = false;
    for (Map.Entry<String, Row> entry : rows.entrySet()) {
      Row row = entry.getValue();
      failed |= row.problem.isPresent();
      if (row.problem.isEmpty()) {
        table.add(cells(entry.getKey(), row));
      }
    }
    boolean none = failed && rows.values().stream().allMatch(row -> row.problem.isPresent());
    return none ? "" : table.text(words.text("format", session.config().text("statsFormat")));
  }

  private Json.JsonObject cells(String id, Row row) {
    Json.JsonObject s = row.last;
    String full = s.string("id", s.string("Id", id));
    String known = s.string("name", "").replaceFirst("^/", "");
    Json.JsonObject cells =
        Json.object()
            .put("Container", words.arguments().isEmpty() ? shortened(full) : row.name)
            .put("ID", shortened(full))
            .put("Name", known.isEmpty() ? row.name : known);
    if (s.isEmpty()) {
      return cells
          .put("CPUPerc", "--")
          .put("MemUsage", "-- / --")
          .put("MemPerc", "--")
          .put("NetIO", "--")
          .put("BlockIO", "--")
          .put("PIDs", "--");
    }
    Json.JsonObject memory = s.object("memory_stats").orElse(Json.object());
    long used = used(memory);
    long limit = memory.number("limit", 0);
    return cells
        .put("CPUPerc", percent(processor(s)))
        .put("MemUsage", Humans.binary(used) + " / " + Humans.binary(limit))
        .put("MemPerc", percent(limit == 0 ? 0 : 100.0 * used / limit))
        .put("NetIO", traffic(s))
        .put("BlockIO", disks(s))
        .put(
            "PIDs",
            Long.toString(s.object("pids_stats").map(p -> p.number("current", 0)).orElse(0L)));
  }

  private String shortened(String id) {
    return words.on("no-trunc") || id.length() < 12 ? id : id.substring(0, 12);
  }

  private static String percent(double value) {
    return String.format(Locale.ROOT, "%.2f%%", value);
  }

  /// Without the page cache that the kernel can drop at once.
  private static long used(Json.JsonObject memory) {
    long usage = memory.number("usage", 0);
    Json.JsonObject stats = memory.object("stats").orElse(Json.object());
    for (String key : List.of("total_inactive_file", "inactive_file")) {
      long inactive = stats.number(key, 0);
      if (inactive > 0 && inactive < usage) {
        return usage - inactive;
      }
    }
    return usage;
  }

  /// Percent of one processor between the last two readings.
  private static double processor(Json.JsonObject stats) {
    Json.JsonObject now = stats.object("cpu_stats").orElse(Json.object());
    Json.JsonObject before = stats.object("precpu_stats").orElse(Json.object());
    double spent = total(now) - total(before);
    double passed =
        now.number("system_cpu_usage", 0) - (double) before.number("system_cpu_usage", 0);
    long processors = now.number("online_cpus", 0);
    return spent > 0 && passed > 0 ? spent / passed * Math.max(1, processors) * 100 : 0;
  }

  private static double total(Json.JsonObject cpu) {
    return cpu.object("cpu_usage").map(u -> u.number("total_usage", 0)).orElse(0L);
  }

  private static String traffic(Json.JsonObject stats) {
    long in = 0;
    long out = 0;
    for (Json card : stats.object("networks").orElse(Json.object()).members().values()) {
      in += Session.object(card).number("rx_bytes", 0);
      out += Session.object(card).number("tx_bytes", 0);
    }
    return Humans.size(in) + " / " + Humans.size(out);
  }

  private static String disks(Json.JsonObject stats) {
    long read = 0;
    long written = 0;
    Json.JsonObject blkio = stats.object("blkio_stats").orElse(Json.object());
    for (Json.JsonObject entry : blkio.objects("io_service_bytes_recursive")) {
      switch (entry.string("op", "").toLowerCase(Locale.ROOT)) {
        case "read" -> read += entry.number("value", 0);
        case "write" -> written += entry.number("value", 0);
        default -> {}
      }
    }
    return Humans.size(read) + " / " + Humans.size(written);
  }
}
