package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// What goes on in the engine's process, for whoever looks for a fault; only with `--debug`, as
/// dockerd's. The names are those of Go's profiles as far as a JVM has something of the kind.
final class DebugRoutes {
  private static final List<String> PROFILES = List.of("cmdline", "goroutine", "threadcreate");

  private final Supplier<ServerSettings> settings;

  DebugRoutes(Supplier<ServerSettings> settings) {
    this.settings = settings;
  }

  void addTo(Router router) {
    router.on("GET", "/debug/vars", this::variables);
    router.on("GET", "/debug/pprof/", this::profiles);
    router.on("GET", "/debug/pprof/{name}", this::profile);
  }

  private void check() {
    if (!settings.get().debug()) {
      throw new Failure.NotFound("page not found");
    }
  }

  private void variables(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    check();
    Runtime runtime = Runtime.getRuntime();
    Json.JsonObject memory =
        Json.object()
            .put("HeapAlloc", runtime.totalMemory() - runtime.freeMemory())
            .put("HeapSys", runtime.totalMemory())
            .put("HeapMax", runtime.maxMemory());
    r.json(
        200,
        Json.object()
            .put("cmdline", Json.strings(command()))
            .put("memstats", memory)
            .put("threads", Thread.getAllStackTraces().size())
            .put("descriptors", descriptors()));
  }

  private static List<String> command() throws IOException {
    String line = Files.readString(Path.of("/proc/self/cmdline"));
    return List.of(line.split("\0"));
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  private void profiles(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    check();
    r.text(200, "text/plain; charset=utf-8", String.join("\n", PROFILES) + "\n");
  }

  private void profile(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    check();
    String name = p.getOrDefault("name", "");
    if (!PROFILES.contains(name)) {
      throw new Failure.NotFound("Unknown profile: " + name);
    }
    String text = name.equals("cmdline") ? String.join("\0", command()) : threads();
    r.text(200, "text/plain; charset=utf-8", text);
  }

  /// The stacks of all threads that the kernel knows, by name.
  private static String threads() {
    Map<String, StackTraceElement[]> stacks = new TreeMap<>();
    Thread.getAllStackTraces()
        .forEach((thread, stack) -> stacks.put(thread.getName() + " #" + thread.threadId(), stack));
    StringBuilder text = new StringBuilder();
    stacks.forEach(
        (name, stack) -> {
          text.append(name).append('\n');
          for (StackTraceElement frame : stack) {
            text.append("    ").append(frame).append('\n');
          }
        });
    return text.toString();
  }
}
