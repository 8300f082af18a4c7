package dev.gantry.daemon;

import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Events;
import dev.gantry.engine.Statistics;
import dev.gantry.http.Handler;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/// What Prometheus reads at `--metrics-addr`: the engine with dockerd's names, and each running
/// container's processor time, memory, processes and traffic.
final class EngineMetrics implements Handler, AutoCloseable {
  private static final long PAGE = 4096;

  private final Engine engine;
  private final String version;
  private final Events.Subscription events;
  private final Map<String, LongAdder> actions = new ConcurrentSkipListMap<>();
  private final LongAdder seen = new LongAdder();
  private final Thread counter = Thread.ofVirtual().name("count-events").unstarted(this::count);

  EngineMetrics(Engine engine, String version) {
    this.engine = engine;
    this.version = version;
    this.events = engine.events().subscribe();
    counter.start();
  }

  private void count() {
    try {
      while (true) {
        Events.Event event = events.next(1, TimeUnit.HOURS);
        if (event != null) {
          seen.increment();
          // an exec's action has its command behind a colon
          String action = event.action().replaceFirst(":.*", "");
          if (event.type().equals("container")) {
            actions.computeIfAbsent(action, a -> new LongAdder()).increment();
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void handle(Request request, Response response) throws IOException {
    boolean reads = request.method().equals("GET") || response.isHead();
    if (!request.path().equals("/metrics") || !reads) {
      response.empty(reads ? 404 : 405);
      return;
    }
    response.header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.send(200, text().getBytes(StandardCharsets.UTF_8));
  }

  private String text() throws IOException {
    StringBuilder out = new StringBuilder(4096);
    List<Container> all = engine.list();
    long running = all.stream().filter(c -> c.state() instanceof ContainerState.Running).count();
    long paused = all.stream().filter(c -> c.state() instanceof ContainerState.Paused).count();
    family(out, "engine_daemon_container_states_containers", "gauge", "Containers by state");
    line(out, "engine_daemon_container_states_containers{state=\"paused\"}", paused);
    line(out, "engine_daemon_container_states_containers{state=\"running\"}", running);
    line(
        out,
        "engine_daemon_container_states_containers{state=\"stopped\"}",
        all.size() - running - paused);
    family(out, "engine_daemon_container_actions_total", "counter", "What happened to containers");
    actions.forEach(
        (action, n) ->
            line(
                out,
                "engine_daemon_container_actions_total{action=\"" + quoted(action) + "\"}",
                n.sum()));
    single(out, "engine_daemon_events_total", "counter", "Events since the start", seen.sum());
    single(
        out,
        "engine_daemon_events_subscribers_total",
        "gauge",
        "Listeners to events",
        engine.events().listeners() - 1);
    single(
        out,
        "engine_daemon_engine_cpus_cpus",
        "gauge",
        "Processors of the machine",
        Runtime.getRuntime().availableProcessors());
    single(
        out,
        "engine_daemon_images",
        "gauge",
        "Images in the engine",
        engine.images().list().size());
    family(out, "engine_daemon_engine_info", "gauge", "The engine");
    line(
        out,
        "engine_daemon_engine_info{architecture=\""
            + quoted(System.getProperty("os.arch"))
            + "\",kernel=\""
            + quoted(System.getProperty("os.version"))
            + "\",version=\""
            + quoted(version)
            + "\"}",
        1);
    process(out);
    containers(out, all);
    return out.toString();
  }

  private static void process(StringBuilder out) throws IOException {
    String[] memory = Files.readString(Path.of("/proc/self/statm")).split(" ");
    single(
        out,
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the engine",
        Long.parseLong(memory[1]) * PAGE);
    try (var open = Files.list(Path.of("/proc/self/fd"))) {
      single(out, "process_open_fds", "gauge", "Descriptors of the engine", open.count());
    }
    single(
        out,
        "process_start_time_seconds",
        "gauge",
        "When the engine started",
        ProcessHandle.current().info().startInstant().orElse(Instant.EPOCH).getEpochSecond());
  }

  private record Reading(String labels, Statistics.Sample sample) {}

  private void containers(StringBuilder out, List<Container> all) {
    List<Reading> readings = all.stream().flatMap(c -> reading(c).stream()).toList();
    family(out, "container_cpu_usage_seconds_total", "counter", "Processor time");
    for (Reading each : readings) {
      line(
          out,
          "container_cpu_usage_seconds_total" + each.labels(),
          String.format(Locale.ROOT, "%.6f", each.sample().cpu().total() / 1e9));
    }
    family(out, "container_memory_usage_bytes", "gauge", "Memory in use");
    for (Reading each : readings) {
      line(out, "container_memory_usage_bytes" + each.labels(), each.sample().memory().usage());
    }
    family(out, "container_spec_memory_limit_bytes", "gauge", "Most memory it may use");
    for (Reading each : readings) {
      line(
          out, "container_spec_memory_limit_bytes" + each.labels(), each.sample().memory().limit());
    }
    family(out, "container_processes", "gauge", "Processes and threads");
    for (Reading each : readings) {
      line(out, "container_processes" + each.labels(), each.sample().pids());
    }
    traffic(out, readings, "receive", "Bytes received", Statistics.Traffic::rxBytes);
    traffic(out, readings, "transmit", "Bytes sent", Statistics.Traffic::txBytes);
  }

  private static void traffic(
      StringBuilder out,
      List<Reading> readings,
      String way,
      String help,
      ToLongFunction<Statistics.Traffic> bytes) {
    String name = "container_network_" + way + "_bytes_total";
    family(out, name, "counter", help);
    for (Reading each : readings) {
      each.sample()
          .network()
          .forEach((link, n) -> line(out, name + with(each.labels(), link), bytes.applyAsLong(n)));
    }
  }

  private Optional<Reading> reading(Container c) {
    String labels =
        "{id=\""
            + c.id()
            + "\",name=\""
            + quoted(c.name())
            + "\",image=\""
            + quoted(c.spec().image())
            + "\"}";
    return engine.statistics(c).map(sample -> new Reading(labels, sample));
  }

  private static String with(String labels, String link) {
    return labels.substring(0, labels.length() - 1) + ",interface=\"" + quoted(link) + "\"}";
  }

  private static String quoted(@Nullable String text) {
    return String.valueOf(text).replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  private static void family(StringBuilder out, String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void single(StringBuilder out, String name, String type, String help, long value) {
    family(out, name, type, help);
    line(out, name, value);
  }

  private static void line(StringBuilder out, String name, Object value) {
    out.append(name).append(' ').append(value).append('\n');
  }

  @Override
  public void close() {
    counter.interrupt();
    events.close();
  }
}
