package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildDisk;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Events;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// Ping, version, info, events, disk usage.
final class SystemRoutes {
  private final Engine engine;
  private final String release;
  private final SystemInfo info;
  private final DebugRoutes debug;

  private final BuildDisk builds;

  SystemRoutes(Engine engine, Supplier<ServerSettings> settings, BuildDisk builds) {
    this.builds = builds;
    this.engine = engine;
    this.debug = new DebugRoutes(settings);
    this.release = settings.get().release();
    this.info = new SystemInfo(engine, settings);
  }

  void addTo(Router router) {
    router.on("GET", "/_ping", this::ping);
    router.on("HEAD", "/_ping", this::ping);
    router.on("GET", "/version", this::version);
    router.on("GET", "/info", (q, r, p) -> r.json(200, info.info(q.version())));
    router.on("GET", "/events", this::events);
    router.on("GET", "/system/df", this::df);
    debug.addTo(router);
    new PluginRoutes().addTo(router);
    new SwarmRoutes().addTo(router);
  }

  private void ping(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.header("Builder-Version", "2");
    r.header("Cache-Control", "no-cache, no-store, must-revalidate");
    r.header("Pragma", "no-cache");
    r.header("Swarm", "inactive");
    r.text(200, "text/plain; charset=utf-8", q.method().equals("HEAD") ? "" : "OK");
  }

  private static String kernel() {
    return System.getProperty("os.version", "");
  }

  private static String architecture() {
    String arch = System.getProperty("os.arch", "");
    return arch.equals("aarch64") ? "arm64" : arch;
  }

  private void version(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject details =
        Json.object()
            .put("ApiVersion", ApiVersion.NEWEST.toString())
            .put("Arch", architecture())
            .put("BuildTime", "")
            .put("Experimental", "false")
            .put("GitCommit", "")
            .put("JavaVersion", System.getProperty("java.version", ""))
            .put("KernelVersion", kernel())
            .put("MinAPIVersion", ApiVersion.OLDEST.toString())
            .put("Os", "linux");
    r.json(
        200,
        Json.object()
            .put("Platform", Json.object().put("Name", "Gantry"))
            .put(
                "Components",
                Json.array()
                    .add(
                        Json.object()
                            .put("Name", "Engine")
                            .put("Version", release)
                            .put("Details", details)))
            .put("Version", release)
            .put("ApiVersion", ApiVersion.NEWEST.toString())
            .put("MinAPIVersion", ApiVersion.OLDEST.toString())
            .put("GitCommit", "")
            .put("GoVersion", "")
            .put("Os", "linux")
            .put("Arch", architecture())
            .put("KernelVersion", kernel())
            .put("BuildTime", ""));
  }

  private void df(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.json(
        200,
        new DiskUsage(engine, builds)
            .json(q.version().atLeast(42) ? q.texts("type") : List.of(), verbose(q), q.version()));
  }

  /// As Go's strconv.ParseBool reads it; empty where it is not said, or older versions know it not.
  private static Optional<Boolean> verbose(HttpRequest q) {
    String text = q.version().atLeast(52) ? q.text("verbose") : "";
    return switch (text) {
      case "" -> Optional.empty();
      case "1", "t", "T", "true", "TRUE", "True" -> Optional.of(true);
      case "0", "f", "F", "false", "FALSE", "False" -> Optional.of(false);
      default -> throw new Failure.InvalidRequest("invalid value for verbose: " + text);
    };
  }

  // ---- events

  /// Unlike elsewhere 0 is a point in time here: from it on everything that is kept is told.
  private static Instant limit(String text) {
    return text.isEmpty() ? Instant.MAX : Times.parse(text, Instant.EPOCH);
  }

  private void events(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    EventFilter wanted = EventFilter.parse(q.text("filters"));
    Instant since = limit(q.text("since"));
    Instant until = limit(q.text("until"));
    if (!q.text("since").isEmpty() && since.isAfter(until)) {
      throw new Failure.InvalidRequest(
          "`since` time ("
              + q.text("since")
              + ") cannot be after `until` time ("
              + q.text("until")
              + ")");
    }
    EventLines lines = EventLines.asked(q);
    try (Events.Subscription subscription = engine.events().subscribe();
        OutputStream out = r.stream(200, lines.type())) {
      out.flush();
      for (Events.Event e : subscription.history()) {
        if (!e.time().isBefore(since) && !e.time().isAfter(until) && wanted.test(e)) {
          lines.write(out, e);
        }
      }
      while (Instant.now().isBefore(until) && !subscription.isOver()) {
        Events.Event e = subscription.next(200, TimeUnit.MILLISECONDS);
        if (e != null && wanted.test(e)) {
          lines.write(out, e);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
