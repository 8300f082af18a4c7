package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.engine.logs.LogOptions;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// What a create request must hold to, apart from its mounts: refuses with Docker's texts, which
/// its clients show, and collects the warnings. Where Docker's daemon answers 500 to a bad request,
/// this answers 400 with the same text.
final class CreateChecks {
  private static final long MIN_MEMORY = 6L << 20;
  private static final long MILLISECOND = 1_000_000;
  private static final String UNDEFINED =
      " can't be used with links. This would result in undefined behavior";
  private static final Set<String> LOG_OPTIONS =
      Set.of(
          "max-size",
          "max-file",
          "compress",
          "labels",
          "labels-regex",
          "env",
          "env-regex",
          "tag",
          "mode",
          "max-buffer-size");

  private final Engine engine;
  private final Json.JsonObject config;
  private final Json.JsonObject host;
  private final Json.JsonObject networking;
  private final ApiVersion version;
  private final List<String> warnings = new ArrayList<>();

  CreateChecks(Engine engine, Json.JsonObject body, ApiVersion version) {
    this.engine = engine;
    this.config = body;
    this.host = body.object("HostConfig").orElseGet(Json::object);
    this.networking = body.object("NetworkingConfig").orElseGet(Json::object);
    this.version = version;
  }

  /// Refuses what cannot be; answers what the client should be told.
  List<String> check() {
    health();
    resources();
    namespaces();
    network();
    endpoints();
    ports();
    logging();
    volumes();
    others();
    return warnings;
  }

  private static Failure bad(String text) {
    return new Failure.InvalidRequest(text);
  }

  private static void refuse(boolean wrong, String text) {
    if (wrong) {
      throw bad(text);
    }
  }

  // ---- health

  private void health() {
    Json.JsonObject health = config.object("Healthcheck").orElseGet(Json::object);
    for (String key : List.of("Interval", "Timeout", "StartPeriod", "StartInterval")) {
      long value = health.number(key, 0);
      refuse(value != 0 && value < MILLISECOND, key + " in Healthcheck cannot be less than 1ms");
    }
    refuse(health.number("Retries", 0) < 0, "Retries in Healthcheck cannot be negative");
  }

  // ---- resources

  /// The part that an update is held to as well.
  void resources() {
    memory();
    cpu();
    blockIo();
  }

  private void memory() {
    long memory = host.number("Memory", 0);
    long swap = host.number("MemorySwap", 0);
    long reservation = host.number("MemoryReservation", 0);
    refuse(memory != 0 && memory < MIN_MEMORY, "Minimum memory limit allowed is 6MB");
    refuse(
        memory > 0 && swap > 0 && swap < memory,
        "Minimum memoryswap limit should be larger than memory limit, see usage");
    refuse(
        memory == 0 && swap > 0,
        "You should always set the Memory limit when using Memoryswap limit, see usage");
    refuse(
        reservation != 0 && reservation < MIN_MEMORY, "Minimum memory reservation allowed is 6MB");
    refuse(
        memory > 0 && reservation > 0 && memory < reservation,
        "Minimum memory limit can not be less than memory reservation limit, see usage");
    long swappiness = host.number("MemorySwappiness", -1);
    refuse(
        swappiness < -1 || swappiness > 100,
        "Invalid value: " + swappiness + ", valid memory swappiness range is 0-100");
    long score = host.number("OomScoreAdj", 0);
    refuse(
        score < -1000 || score > 1000,
        "Invalid value " + score + ", range for oom score adj is [-1000, 1000]");
    refuse(host.number("ShmSize", 0) < 0, "SHM size can not be less than 0");
    if (host.bool("OomKillDisable", false) && memory == 0) {
      warnings.add(
          "OOM killer is disabled for the container, but no memory limit is set, this can result in"
              + " the system running out of resources.");
    }
  }

  private void cpu() {
    long nano = host.number("NanoCpus", 0);
    long quota = host.number("CpuQuota", 0);
    long period = host.number("CpuPeriod", 0);
    long shares = host.number("CpuShares", 0);
    int cpus = Runtime.getRuntime().availableProcessors();
    refuse(
        nano < 0 || nano > cpus * 1_000_000_000L,
        "range of CPUs is from 0.01 to "
            + cpus
            + ".00, as there are only "
            + cpus
            + " CPUs available");
    refuse(
        nano > 0 && quota > 0, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    refuse(
        nano > 0 && period > 0, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
    refuse(
        period != 0 && (period < 1000 || period > 1_000_000),
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    refuse(quota > 0 && quota < 1000, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    refuse(shares < 0, "invalid CPU shares (" + shares + "): value must be a positive integer");
    Cpusets.check("CPUs", host.string("CpusetCpus", ""));
    Cpusets.check("memory nodes", host.string("CpusetMems", ""));
  }

  private void blockIo() {
    long weight = host.number("BlkioWeight", 0);
    if (weight != 0 && !BlockIoWeight.isSupported()) {
      warnings.add(
          "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight"
              + " discarded.");
    } else {
      refuse(
          weight != 0 && (weight < 10 || weight > 1000),
          "Range of blkio weight is from 10 to 1000");
    }
    if (!host.items("BlkioWeightDevice").isEmpty() && !BlockIoWeight.isSupported()) {
      warnings.add(
          "Your kernel does not support Block I/O weight_device or the cgroup is not mounted."
              + " Weight-device discarded.");
    }
  }

  // ---- namespaces

  private void namespaces() {
    mode("PidMode", "PID", Set.of("", "host"));
    mode("IpcMode", "IPC", Set.of("", "none", "private", "shareable", "host"));
    String uts = host.string("UTSMode", "");
    refuse(!uts.isEmpty() && !uts.equals("host"), "invalid UTS mode: " + uts);
    String isolation = host.string("Isolation", "");
    refuse(
        !isolation.isEmpty() && !isolation.equals("default"),
        "invalid isolation (" + isolation + "): linux only supports 'default'");
  }

  private void mode(String key, String name, Set<String> known) {
    String mode = host.string(key, "");
    if (mode.startsWith("container:") && mode.length() > 10) {
      String other = mode.substring(10);
      refuse(engine.find(other).isEmpty(), "No such container: " + other);
    } else {
      refuse(!known.contains(mode), "invalid " + name + " mode: " + mode);
    }
  }

  // ---- network

  private void network() {
    String mode = host.string("NetworkMode", "");
    List<String> links = host.strings("Links");
    boolean publishes =
        host.bool("PublishAllPorts", false)
            || host.object("PortBindings").map(p -> !p.isEmpty()).orElse(false);
    if (mode.startsWith("container:")) {
      refuse(
          mode.equals("container:"),
          "invalid network mode: invalid container format container:<name|id>");
      refuse(
          !config.string("Hostname", "").isEmpty(),
          "conflicting options: hostname and the network mode");
      refuse(!links.isEmpty(), "conflicting options: container type network" + UNDEFINED);
      refuse(!host.strings("Dns").isEmpty(), "conflicting options: dns and the network mode");
      refuse(
          !host.strings("ExtraHosts").isEmpty(),
          "conflicting options: custom host-to-IP mapping and the network mode");
      refuse(
          !config.string("MacAddress", "").isEmpty(),
          "conflicting options: mac-address and the network mode");
      refuse(publishes, "conflicting options: port publishing and the container type network mode");
      refuse(
          config.object("ExposedPorts").map(p -> !p.isEmpty()).orElse(false),
          "conflicting options: port exposing and the container type network mode");
    }
    if (mode.equals("host")) {
      refuse(!links.isEmpty(), "conflicting options: host type networking" + UNDEFINED);
      if (publishes) {
        warnings.add("Published ports are discarded when using host network mode");
      }
    }
    for (String link : links) {
      String[] parts = link.split(":", -1);
      refuse(parts.length > 2 || parts[0].isEmpty(), "bad format for links: " + link);
      refuse(
          engine.find(parts[0]).isEmpty(),
          "could not get container for " + parts[0] + ": No such container: " + parts[0]);
    }
    for (String extra : host.strings("ExtraHosts")) {
      int colon = extra.indexOf(':');
      refuse(colon <= 0, "bad format for add-host: " + Json.of(extra).text());
      String address = extra.substring(colon + 1);
      refuse(
          !address.equals("host-gateway") && !isAddress(address),
          "invalid IP address in add-host: " + Json.of(address).text());
    }
  }

  private static boolean isAddress(String text) {
    String bare =
        text.startsWith("[") && text.endsWith("]") ? text.substring(1, text.length() - 1) : text;
    return dev.gantry.network.Cidr.literal(bare).isPresent();
  }

  private void endpoints() {
    Map<String, Json> all =
        networking.object("EndpointsConfig").map(Json.JsonObject::members).orElse(Map.of());
    refuse(
        all.size() > 1 && !version.atLeast(44),
        "Container cannot be created with multiple network endpoints: "
            + String.join(", ", new TreeSet<>(all.keySet())));
    String main = host.string("NetworkMode", "");
    main = main.isEmpty() || main.equals("default") ? "bridge" : main;
    String mac = version.atLeast(52) ? "" : config.string("MacAddress", "");
    refuse(
        !mac.isEmpty() && !isMac(mac),
        "invalid config for network " + main + ": invalid MAC address " + mac);
    for (Map.Entry<String, Json> entry : all.entrySet()) {
      if (entry.getValue() instanceof Json.JsonObject endpoint) {
        String name = entry.getKey().equals("default") ? main : entry.getKey();
        String own = endpoint.string("MacAddress", "");
        refuse(
            !mac.isEmpty() && !own.isEmpty() && name.equals(main) && !own.equals(mac),
            "the container-wide MAC address must match the endpoint-specific MAC address for the"
                + " main network, or be left empty");
        EndpointChecks.check(engine, name, endpoint);
      }
    }
    if (!mac.isEmpty() && version.atLeast(44)) {
      warnings.add(
          "The container-wide MacAddress field is now deprecated. It should be specified in"
              + " EndpointsConfig instead.");
    }
  }

  static boolean isMac(String text) {
    return text.matches("(?i)([0-9a-f]{2}[:-]){5}[0-9a-f]{2}");
  }

  private void ports() {
    host.object("PortBindings")
        .ifPresent(
            bindings ->
                bindings
                    .members()
                    .forEach(
                        (port, list) -> {
                          port(port.split("/", 2)[0]);
                          if (list instanceof Json.JsonArray items) {
                            for (Json item : items) {
                              if (item instanceof Json.JsonObject b) {
                                String published = b.string("HostPort", "");
                                if (!published.isEmpty()) {
                                  port(published);
                                }
                              }
                            }
                          }
                        }));
  }

  private static void port(String text) {
    boolean fine = text.matches("[0-9]{1,5}(-[0-9]{1,5})?");
    for (String end : fine ? text.split("-") : new String[0]) {
      fine &= Integer.parseInt(end) <= 65535;
    }
    refuse(!fine, "invalid port specification: " + Json.of(text).text());
  }

  // ---- the rest

  private void logging() {
    Json.JsonObject log = host.object("LogConfig").orElseGet(Json::object);
    String driver = log.string("Type", "");
    Map<String, String> options = log.stringMap("Config");
    String mode = options.getOrDefault("mode", "blocking");
    refuse(
        !mode.isEmpty() && !mode.equals("blocking") && !mode.equals("non-blocking"),
        "logger: logging mode not supported: " + mode);
    String buffer = options.getOrDefault("max-buffer-size", "");
    refuse(
        !buffer.isEmpty() && !mode.equals("non-blocking"),
        "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    try {
      long ignored = buffer.isEmpty() ? 0 : LogOptions.bytes(buffer);
    } catch (Failure.InvalidRequest e) {
      refuse(true, "error parsing option max-buffer-size: " + e.text());
    }
    if (driver.isEmpty() || driver.equals("json-file")) {
      for (String option : options.keySet()) {
        refuse(
            !LOG_OPTIONS.contains(option),
            "unknown log opt '" + option + "' for json-file log driver");
      }
    }
  }

  /// Mounts that older versions of the API do not have, and volumes of drivers that are not there.
  private void volumes() {
    for (Json.JsonObject mount : host.objects("Mounts")) {
      refuse(
          mount.string("Type", "").equals("image") && !version.atLeast(48),
          "Mount type \"Image\" needs API v1.48 or newer");
    }
    String driver = host.string("VolumeDriver", "");
    String named =
        host.strings("Binds").stream()
            .filter(bind -> !bind.startsWith("/"))
            .map(bind -> bind.split(":")[0])
            .findFirst()
            .orElse("");
    if (!driver.isEmpty() && !driver.equals("local") && !named.isEmpty()) {
      throw new Failure.NotFound(
          "create "
              + named
              + ": error looking up volume plugin "
              + driver
              + ": plugin \""
              + driver
              + "\" not found");
    }
  }

  private void others() {
    refuse(
        host.object("Annotations").map(a -> a.has("")).orElse(false),
        "invalid Annotations: the empty string is not permitted as an annotation key");
    String runtime = host.string("Runtime", "");
    refuse(
        !Set.of("", "runc", "io.containerd.runc.v2").contains(runtime),
        "unknown or invalid runtime name: " + runtime);
    Map<String, String> storage = host.stringMap("StorageOpt");
    for (String key : storage.keySet()) {
      refuse(!key.equals("size"), "Unknown option " + key);
    }
    refuse(
        !storage.isEmpty(),
        "--storage-opt is supported only for overlay over xfs with 'pquota' mount option");
    host.stringMap("Tmpfs")
        .keySet()
        .forEach(
            path ->
                refuse(
                    !path.startsWith("/"),
                    "invalid mount path: '" + path + "' mount path must be absolute"));
  }
}
