package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Events;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// Ping, version, info, events and what a single node answers about swarms and plugins.
final class SystemRoutes {
  private static final String NO_SWARM =
      "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to"
          + " connect this node to swarm and try again.";

  private final Engine engine;
  private final Supplier<ServerSettings> settings;
  private final String version;
  private final Path dataRoot;

  SystemRoutes(Engine engine, Supplier<ServerSettings> settings) {
    this.engine = engine;
    this.settings = settings;
    this.version = settings.get().version();
    this.dataRoot = settings.get().dataRoot();
  }

  void addTo(Router router) {
    router.on("GET", "/_ping", this::ping);
    router.on("HEAD", "/_ping", this::ping);
    router.on("GET", "/version", this::version);
    router.on("GET", "/info", this::info);
    router.on("GET", "/events", this::events);
    router.on("GET", "/system/df", this::df);
    router.on("GET", "/plugins", (q, r, p) -> r.json(200, Json.array()));
    for (String noun : List.of("swarm", "nodes", "services", "tasks", "secrets", "configs")) {
      router.on(
          "GET",
          "/" + noun,
          (q, r, p) -> {
            throw new Failure.Unavailable(NO_SWARM);
          });
    }
  }

  private void ping(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.header("Builder-Version", "1");
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
                            .put("Version", version)
                            .put("Details", details)))
            .put("Version", version)
            .put("ApiVersion", ApiVersion.NEWEST.toString())
            .put("MinAPIVersion", ApiVersion.OLDEST.toString())
            .put("GitCommit", "")
            .put("GoVersion", "")
            .put("Os", "linux")
            .put("Arch", architecture())
            .put("KernelVersion", kernel())
            .put("BuildTime", ""));
  }

  private void info(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    List<Container> all = engine.list();
    long running = all.stream().filter(c -> c.state() instanceof ContainerState.Running).count();
    long paused = all.stream().filter(c -> c.state() instanceof ContainerState.Paused).count();
    CgroupLayout cgroups = CgroupLayout.detected();
    boolean v2 = cgroups.isUnified();
    r.json(
        200,
        Json.object()
            .put("ID", "gantry")
            .put("Containers", all.size())
            .put("ContainersRunning", running)
            .put("ContainersPaused", paused)
            .put("ContainersStopped", all.size() - running - paused)
            .put("Images", engine.images().list().size())
            .put("Driver", "overlay2")
            .put("DriverStatus", Json.array())
            .put(
                "Plugins",
                Json.object()
                    .put("Volume", Json.array().add("local"))
                    .put(
                        "Network",
                        Json.array().add("bridge").add("host").add("macvlan").add("null"))
                    .put("Authorization", Json.NULL)
                    .put("Log", Json.array().add("json-file").add("local")))
            .put("MemoryLimit", cgroups.folder("memory", "/").isPresent())
            .put("SwapLimit", true)
            .put("CpuCfsPeriod", true)
            .put("CpuCfsQuota", true)
            .put("CPUShares", true)
            .put("CPUSet", cgroups.folder("cpuset", "/").isPresent())
            .put("PidsLimit", cgroups.folder("pids", "/").isPresent())
            .put("IPv4Forwarding", true)
            .put("Debug", settings.get().debug())
            .put("NFd", 0)
            .put("OomKillDisable", !v2)
            .put("NGoroutines", Thread.activeCount())
            .put("SystemTime", ContainerJson.time(Instant.now()))
            .put("LoggingDriver", settings.get().containers().logDriver())
            .put("CgroupDriver", "cgroupfs")
            .put("CgroupVersion", v2 ? "2" : "1")
            .put("NEventsListener", 0)
            .put("KernelVersion", kernel())
            .put("OperatingSystem", operatingSystem())
            .put("OSVersion", "")
            .put("OSType", "linux")
            .put(
                "Architecture",
                System.getProperty("os.arch", "").equals("amd64")
                    ? "x86_64"
                    : System.getProperty("os.arch", ""))
            .put("IndexServerAddress", "https://index.docker.io/v1/")
            .put("RegistryConfig", Json.NULL)
            .put("NCPU", java.lang.Runtime.getRuntime().availableProcessors())
            .put("MemTotal", memory())
            .put("GenericResources", Json.NULL)
            .put("DockerRootDir", dataRoot.toString())
            .put("HttpProxy", "")
            .put("HttpsProxy", "")
            .put("NoProxy", "")
            .put("Name", hostname())
            .put("Labels", Json.strings(settings.get().labels()))
            .put("ExperimentalBuild", false)
            .put("ServerVersion", version)
            .put("Runtimes", Json.object().put("runc", Json.object().put("path", "built-in")))
            .put("DefaultRuntime", "runc")
            .put(
                "Swarm",
                Json.object()
                    .put("NodeID", "")
                    .put("NodeAddr", "")
                    .put("LocalNodeState", "inactive")
                    .put("ControlAvailable", false)
                    .put("Error", "")
                    .put("RemoteManagers", Json.NULL))
            .put("LiveRestoreEnabled", true)
            .put("Isolation", "")
            .put("InitBinary", "docker-init")
            .put("ContainerdCommit", Json.object().put("ID", ""))
            .put("RuncCommit", Json.object().put("ID", ""))
            .put("InitCommit", Json.object().put("ID", ""))
            .put("SecurityOptions", Json.array().add("name=seccomp,profile=builtin"))
            .put("Warnings", Json.NULL));
  }

  private static String read(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      return "";
    }
  }

  private static String hostname() {
    return read("/proc/sys/kernel/hostname").trim();
  }

  private static String operatingSystem() {
    return read("/etc/os-release")
        .lines()
        .filter(l -> l.startsWith("PRETTY_NAME="))
        .map(l -> l.substring(12).replace("\"", ""))
        .findFirst()
        .orElse("Linux");
  }

  private static long memory() {
    return read("/proc/meminfo")
        .lines()
        .filter(l -> l.startsWith("MemTotal:"))
        .map(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) * 1024)
        .findFirst()
        .orElse(0L);
  }

  private void df(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonArray images = Json.array();
    long size = 0;
    for (var i : engine.images().list()) {
      size += i.size();
      images.add(
          Json.object()
              .put(
                  "Containers",
                  engine.list().stream()
                      .filter(c -> c.spec().imageId().equals(i.id().toString()))
                      .count())
              .put("Created", i.created().getEpochSecond())
              .put("Id", i.id().toString())
              .put("Labels", Json.NULL)
              .put("ParentId", "")
              .put("RepoDigests", Json.NULL)
              .put(
                  "RepoTags",
                  Json.strings(
                      i.tags().stream()
                          .map(t -> dev.gantry.oci.ImageReference.parse(t).familiar())
                          .toList()))
              .put("SharedSize", 0)
              .put("Size", i.size()));
    }
    Json.JsonArray containers = Json.array();
    engine.list().forEach(c -> containers.add(ContainerJson.summary(engine, c, Optional.empty())));
    r.json(
        200,
        Json.object()
            .put("LayersSize", size)
            .put("Images", images)
            .put("Containers", containers)
            .put("Volumes", Json.array())
            .put("BuildCache", Json.array()));
  }

  // ---- events

  private void events(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters"));
    Instant since = Times.parse(q.text("since"), Instant.MAX);
    Instant until =
        q.text("until").isEmpty() ? Instant.MAX : Times.parse(q.text("until"), Instant.MAX);
    try (Events.Subscription subscription = engine.events().subscribe();
        OutputStream out = r.stream(200, "application/json")) {
      out.flush();
      for (Events.Event e : subscription.history()) {
        if (!e.time().isBefore(since) && !e.time().isAfter(until)) {
          write(out, e, f);
        }
      }
      while (Instant.now().isBefore(until)) {
        Events.Event e = subscription.next(200, TimeUnit.MILLISECONDS);
        if (e != null) {
          write(out, e, f);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void write(OutputStream out, Events.Event e, Filters f) throws IOException {
    if (!wanted(e, f)) {
      return;
    }
    Json.JsonObject json = Json.object();
    if (e.type().equals("container")) {
      json.put("status", e.action()).put("id", e.id());
      String image = e.attributes().get("image");
      if (image != null) {
        json.put("from", image);
      }
    } else if (e.type().equals("image")) {
      json.put("status", e.action()).put("id", e.id());
    }
    json.put("Type", e.type())
        .put("Action", e.action())
        .put(
            "Actor",
            Json.object().put("ID", e.id()).put("Attributes", Json.strings(e.attributes())))
        .put("scope", "local")
        .put("time", e.time().getEpochSecond())
        .put("timeNano", e.time().getEpochSecond() * 1_000_000_000L + e.time().getNano());
    out.write((json.text() + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private static boolean wanted(Events.Event e, Filters f) {
    String action = e.action();
    boolean event =
        !f.has("event")
            || f.get("event").stream()
                .anyMatch(x -> action.equals(x) || action.startsWith(x + ":"));
    boolean container =
        !f.has("container")
            || (e.type().equals("container")
                && f.get("container").stream()
                    .anyMatch(c -> e.id().startsWith(c) || c.equals(e.attributes().get("name"))));
    boolean image =
        !f.has("image")
            || f.get("image").contains(e.attributes().getOrDefault("image", ""))
            || f.get("image").contains(e.attributes().getOrDefault("name", ""))
            || f.get("image").contains(e.id());
    boolean network =
        !f.has("network")
            || (e.type().equals("network")
                && (f.get("network").contains(e.id())
                    || f.get("network").contains(e.attributes().getOrDefault("name", ""))));
    return f.matches("type", e.type())
        && f.matches("scope", "local")
        && event
        && container
        && image
        && network
        && f.labels("label", e.attributes());
  }
}
