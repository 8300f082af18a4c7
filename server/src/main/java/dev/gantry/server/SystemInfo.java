package dev.gantry.server;

import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.devices.CdiDevices;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.registryclient.RegistryOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;

/// What the engine and its machine are: `/info` in the shapes of all API versions.
final class SystemInfo {
  private final Engine engine;
  private final Supplier<ServerSettings> settings;
  private final Path dataRoot;
  private final String id;

  SystemInfo(Engine engine, Supplier<ServerSettings> settings) {
    this.engine = engine;
    this.settings = settings;
    this.dataRoot = settings.get().dataRoot();
    this.id = EngineId.of(dataRoot);
  }

  Json.JsonObject info(ApiVersion api) {
    CgroupLayout cgroups = CgroupLayout.detected();
    Json.JsonObject json = Json.object().put("ID", id);
    containers(json);
    storage(json);
    abilities(json, cgroups, api);
    json.put("Debug", settings.get().debug());
    json.put("SystemTime", ContainerJson.time(Instant.now()))
        .put("LoggingDriver", settings.get().containers().logDriver())
        .put("CgroupDriver", "cgroupfs")
        .put("CgroupVersion", cgroups.isUnified() ? "2" : "1")
        .put("NEventsListener", engine.events().listeners());
    machine(json);
    json.put("IndexServerAddress", "https://index.docker.io/v1/")
        .put("RegistryConfig", registries(api, settings.get().registries()))
        .put("GenericResources", Json.NULL)
        .put("DockerRootDir", dataRoot.toString())
        .put("HttpProxy", shown(settings.get().registries().proxies().http()))
        .put("HttpsProxy", shown(settings.get().registries().proxies().https()))
        .put("NoProxy", String.join(",", settings.get().registries().proxies().none()))
        .put("Labels", Json.strings(settings.get().labels()))
        .put("ExperimentalBuild", false)
        .put("ServerVersion", settings.get().release());
    runtimes(json, api);
    pools(json);
    json.put(
        "SecurityOptions",
        Json.array().add(api.atLeast(25) ? "name=seccomp,profile=builtin" : "seccomp"));
    if (api.atLeast(49)) {
      json.put("FirewallBackend", Json.object().put("Driver", "nftables"));
    }
    List<Path> folders = engine.options().cdiFolders();
    if (api.atLeast(50)) {
      Json.JsonArray devices = Json.array();
      for (String name : CdiDevices.in(folders).names()) {
        devices.add(Json.object().put("Source", "cdi").put("ID", name));
      }
      if (!devices.items().isEmpty()) {
        json.put("DiscoveredDevices", devices);
      }
    }
    return json.put("CDISpecDirs", Json.strings(folders.stream().map(Path::toString).toList()))
        .put("Warnings", Json.NULL);
  }

  private void containers(Json.JsonObject json) {
    List<Container> all = engine.list();
    long running = all.stream().filter(c -> c.state() instanceof ContainerState.Running).count();
    long paused = all.stream().filter(c -> c.state() instanceof ContainerState.Paused).count();
    json.put("Containers", all.size())
        .put("ContainersRunning", running)
        .put("ContainersPaused", paused)
        .put("ContainersStopped", all.size() - running - paused)
        .put("Images", engine.images().list().size());
  }

  private void storage(Json.JsonObject json) {
    json.put("Driver", "overlay2")
        .put(
            "DriverStatus",
            Json.array()
                .add(pair("Backing Filesystem", fileSystem()))
                .add(pair("Supports d_type", "true"))
                .add(pair("Using metacopy", "false"))
                .add(pair("Native Overlay Diff", "true"))
                .add(pair("userxattr", "false"))
                // says that names may stand for an index: Buildx and Compose load images of several
                // platforms and with attestations only where they find it
                .add(pair("driver-type", "io.containerd.snapshotter.v1")))
        .put(
            "Plugins",
            Json.object()
                .put("Volume", Json.array().add("local"))
                .put("Network", Json.array().add("bridge").add("host").add("macvlan").add("null"))
                .put("Authorization", Json.NULL)
                .put("Log", Json.strings(LogDrivers.names())));
  }

  private static Json.JsonArray pair(String key, String value) {
    return Json.array().add(key).add(value);
  }

  private String fileSystem() {
    try {
      String type = Files.getFileStore(dataRoot).type();
      return type.startsWith("ext") ? "extfs" : type;
    } catch (IOException e) {
      return "unknown";
    }
  }

  private static void abilities(Json.JsonObject json, CgroupLayout cgroups, ApiVersion api) {
    boolean v1 = !cgroups.isUnified();
    json.put("MemoryLimit", cgroups.folder("memory", "/").isPresent()).put("SwapLimit", true);
    if (v1) {
      if (!api.atLeast(42)) {
        json.put("KernelMemory", true);
      }
      if (!api.atLeast(52)) {
        json.put("KernelMemoryTCP", true);
      }
    }
    json.put("CpuCfsPeriod", true)
        .put("CpuCfsQuota", true)
        .put("CPUShares", true)
        .put("CPUSet", cgroups.folder("cpuset", "/").isPresent())
        .put("PidsLimit", cgroups.folder("pids", "/").isPresent())
        .put("IPv4Forwarding", read("/proc/sys/net/ipv4/ip_forward").strip().equals("1"));
    if (!api.atLeast(50)) {
      json.put("BridgeNfIptables", false).put("BridgeNfIp6tables", false);
    }
    json.put("NFd", descriptors())
        .put("OomKillDisable", v1)
        .put("NGoroutines", Thread.activeCount());
  }

  private static long descriptors() {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    } catch (IOException e) {
      return 0;
    }
  }

  private static void machine(Json.JsonObject json) {
    String arch = System.getProperty("os.arch", "");
    json.put("KernelVersion", System.getProperty("os.version", ""))
        .put("OperatingSystem", release("PRETTY_NAME", "Linux"))
        .put("OSVersion", release("VERSION_ID", ""))
        .put("OSType", "linux")
        .put("Architecture", arch.equals("amd64") ? "x86_64" : arch)
        .put("NCPU", Runtime.getRuntime().availableProcessors())
        .put("MemTotal", memory())
        .put("Name", read("/proc/sys/kernel/hostname").strip());
  }

  /// A proxy without its password.
  private static String shown(String proxy) {
    return proxy.replaceFirst("//[^/@]*@", "//xxxxx:xxxxx@");
  }

  private static Json registries(ApiVersion api, RegistryOptions options) {
    Json.JsonArray mirrors = Json.array();
    options.mirrors().forEach(m -> mirrors.add(m + "/"));
    Json.JsonArray networks = Json.array();
    options.insecure().stream().filter(i -> i.contains("/")).forEach(networks::add);
    networks.add("127.0.0.0/8").add("::1/128");
    Json.JsonObject indexes = Json.object();
    options.insecure().stream()
        .filter(i -> !i.contains("/"))
        .forEach(i -> indexes.put(i, index(i, Json.array(), false)));
    indexes.put("docker.io", index("docker.io", mirrors, true));
    Json.JsonObject json = Json.object();
    if (!api.atLeast(47)) {
      json.put("AllowNondistributableArtifactsCIDRs", Json.NULL)
          .put("AllowNondistributableArtifactsHostnames", Json.NULL);
    }
    return json.put("IndexConfigs", indexes)
        .put("InsecureRegistryCIDRs", networks)
        .put("Mirrors", mirrors.isEmpty() ? Json.NULL : mirrors);
  }

  private static Json index(String name, Json.JsonArray mirrors, boolean hub) {
    return Json.object()
        .put("Mirrors", mirrors)
        .put("Name", name)
        .put("Official", hub)
        .put("Secure", hub);
  }

  private void runtimes(Json.JsonObject json, ApiVersion api) {
    Json.JsonObject commit = Json.object().put("ID", "");
    if (!api.atLeast(48)) {
      commit.put("Expected", "");
    }
    json.put("Runtimes", Json.object().put("runc", Json.object().put("path", "built-in")))
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
        .put("LiveRestoreEnabled", settings.get().liveRestore())
        .put("Isolation", "")
        .put("InitBinary", "docker-init")
        .put("ContainerdCommit", Json.object().put("ID", ""))
        .put("RuncCommit", commit)
        .put("InitCommit", Json.object().put("ID", ""));
  }

  private void pools(Json.JsonObject json) {
    Json.JsonArray pools = Json.array();
    engine
        .networks()
        .pools()
        .forEach(
            p -> pools.add(Json.object().put("Base", p.base().toString()).put("Size", p.size())));
    json.put("DefaultAddressPools", pools);
  }

  private static String read(String file) {
    try {
      return Files.readString(Path.of(file));
    } catch (IOException e) {
      return "";
    }
  }

  private static String release(String key, String absent) {
    return read("/etc/os-release")
        .lines()
        .filter(l -> l.startsWith(key + "="))
        .map(l -> l.substring(key.length() + 1).replace("\"", ""))
        .findFirst()
        .orElse(absent);
  }

  private static long memory() {
    return read("/proc/meminfo")
        .lines()
        .filter(l -> l.startsWith("MemTotal:"))
        .map(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) * 1024)
        .findFirst()
        .orElse(0L);
  }
}
