package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Signals;
import dev.gantry.network.EndpointRequest;
import dev.gantry.network.PortRequest;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.DockerDefaults;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads the body of POST /containers/create: checks it as Docker does, fills in what the image and
/// the defaults say, and keeps the result in the form in which inspect shows it again.
final class ContainerRequests {
  private static final long SHM_SIZE = 64L << 20;
  private static final long UNLIMITED = -1;

  /// Published on any address and port of the machine.
  private static final List<Json> ANYWHERE = List.of(Json.object());

  private final Engine engine;
  private final Json.JsonObject config;
  private final Json.JsonObject host;
  private final Json.JsonObject networking;
  private final Json.JsonObject image;
  private final ApiVersion version;
  private final List<ContainerSpec.Mount> mounts = new ArrayList<>();

  /// A checked request.
  ///
  /// @param warnings what the client should be told
  record Read(ContainerSpec spec, List<String> warnings) {}

  private ContainerRequests(
      Engine engine, Json.JsonObject body, Optional<Image> image, ApiVersion version) {
    this.engine = engine;
    this.version = version;
    this.config = body;
    this.host = body.object("HostConfig").orElseGet(Json::object);
    this.networking = body.object("NetworkingConfig").orElseGet(Json::object);
    this.image = image.map(Image::config).orElseGet(Json::object);
  }

  /// @param platform what the image must be for; empty for any
  static Read read(Engine engine, Json.JsonObject body, ApiVersion version, String platform) {
    Optional<String> name = body.string("Image");
    if (name.isPresent() && name.get().isEmpty()) {
      throw new Failure.InvalidRequest("no command specified");
    }
    if (body.isEmpty()) {
      throw new Failure.InvalidRequest("config cannot be empty in order to create a container");
    }
    List<String> versions = CreateVersions.apply(body, version);
    List<String> warnings = new CreateChecks(engine, body, version).check();
    warnings.addAll(versions);
    Optional<Platform> asked =
        platform.isEmpty() ? Optional.empty() : Optional.of(Platform.parse(platform));
    Optional<Image> image =
        name.map(n -> engine.images().find(n, asked).orElseGet(() -> engine.images().require(n)));
    image.ifPresent(i -> checkPlatform(i, name.orElse(""), asked, warnings));
    return new Read(new ContainerRequests(engine, body, image, version).spec(image), warnings);
  }

  private static void checkPlatform(
      Image image, String name, Optional<Platform> asked, List<String> warnings) {
    Platform has = Platform.read(image.document());
    if (asked.isPresent() && asked.get().match(has) == 0) {
      throw new Failure.NotFound(
          "image with reference "
              + name
              + " was found but its platform ("
              + has
              + ") does not match the specified platform ("
              + asked.get()
              + ")");
    }
    if (asked.isEmpty() && Platform.here().match(has) == 0) {
      warnings.add(
          "The requested image's platform ("
              + has
              + ") does not match the detected host platform ("
              + Platform.here()
              + ") and no specific platform was requested");
    }
  }

  /// What can be changed of a container that is there.
  record Limits(RuntimeSpec.Resources resources, ContainerSpec.Restart restart) {}

  /// Reads and checks the limits and the restart policy of `host`.
  static Limits limits(Engine engine, Json.JsonObject host) {
    Json.JsonObject body = Json.object().put("HostConfig", host);
    new CreateChecks(engine, body, ApiVersion.NEWEST).resources();
    ContainerRequests r = new ContainerRequests(engine, body, Optional.empty(), ApiVersion.NEWEST);
    r.checkRestart();
    return new Limits(r.resources(), r.restart());
  }

  /// Reads a container's own configuration again, with what shall be different in it.
  static ContainerSpec again(Engine engine, Json.JsonObject body) {
    new CreateChecks(engine, body, ApiVersion.NEWEST).check();
    return new ContainerRequests(engine, body, Optional.empty(), ApiVersion.NEWEST)
        .spec(Optional.empty());
  }

  private ContainerSpec spec(Optional<Image> source) {
    List<String> entrypoint = texts(config.get("Entrypoint"));
    List<String> command = texts(config.get("Cmd"));
    boolean noEntrypoint =
        config.get("Entrypoint") == null
            || config.get("Entrypoint") == Json.NULL
            || entrypoint.isEmpty();
    boolean ownEntrypoint = !noEntrypoint;
    boolean reset = entrypoint.equals(List.of(""));
    if (noEntrypoint) {
      if (command.isEmpty()) {
        command = image.strings("Cmd");
      }
      entrypoint = image.strings("Entrypoint");
    }
    List<String> argv = new ArrayList<>(reset ? List.of() : entrypoint);
    argv.addAll(command);
    if (argv.isEmpty() || argv.equals(List.of(""))) {
      throw new Failure.InvalidRequest("no command specified");
    }
    List<String> environment = environment();
    mounts.addAll(MountRequests.read(engine, config, host, image));
    String workdir = config.string("WorkingDir", "");
    workdir = workdir.isEmpty() ? image.string("WorkingDir", "") : workdir;
    if (!workdir.isEmpty() && !workdir.startsWith("/")) {
      throw new Failure.InvalidRequest(
          "the working directory '" + workdir + "' is invalid, it needs to be an absolute path");
    }
    String user = config.string("User", "");
    user = user.isEmpty() ? image.string("User", "") : user;
    Map<String, String> labels = new LinkedHashMap<>(image.stringMap("Labels"));
    labels.putAll(config.stringMap("Labels"));
    boolean privileged = host.bool("Privileged", false);
    String stopSignal = config.string("StopSignal", "");
    stopSignal = stopSignal.isEmpty() ? image.string("StopSignal", "") : stopSignal;
    ContainerSpec.Modes modes = modes();
    String hostname = config.string("Hostname", "");
    if (hostname.isEmpty() && modes.network().equals("host")) {
      hostname = hostName();
    }
    ContainerSpec.Security security = security(privileged);
    checkRestart();
    return new ContainerSpec(
        config.string("Image", ""),
        source.map(i -> i.id().toString()).orElse(""),
        source.map(i -> i.diffIds().stream().map(Digest::toString).toList()).orElse(List.of()),
        argv,
        environment,
        workdir,
        user,
        host.strings("GroupAdd"),
        hostname,
        config.string("Domainname", ""),
        config.bool("Tty", false),
        config.bool("OpenStdin", false),
        config.bool("StdinOnce", false),
        stopSignal.isEmpty() ? 15 : Signals.number(stopSignal),
        (int) config.number("StopTimeout", 10),
        host.bool("AutoRemove", false),
        labels,
        mounts,
        host.bool("ReadonlyRootfs", false),
        host.bool("Init", false),
        security,
        resources(),
        ulimits(),
        host.stringMap("Sysctls"),
        host.number("OomScoreAdj", 0) == 0 ? null : (Integer) (int) host.number("OomScoreAdj", 0),
        host.number("ShmSize", 0) == 0 ? SHM_SIZE : host.number("ShmSize", 0),
        host.string("CgroupParent", ""),
        modes,
        host.strings("ExtraHosts"),
        host.strings("Dns"),
        host.strings("DnsSearch"),
        host.strings("DnsOptions"),
        endpoints(modes.network()),
        ports(),
        restart(),
        logging(),
        HealthChecks.read(config, image),
        wire(
            argv,
            ownEntrypoint || reset,
            noEntrypoint,
            command,
            entrypoint,
            environment,
            workdir,
            user,
            labels,
            modes,
            privileged,
            security,
            stopSignal));
  }

  /// A list of texts, or one text (which Docker's daemon takes as well).
  private static List<String> texts(@Nullable Json value) {
    return switch (value) {
      case null -> List.of();
      case Json.JsonString s -> List.of(s.value());
      case Json.JsonArray a ->
          a.items().stream()
              .map(i -> i instanceof Json.JsonString s ? s.value() : i.text())
              .toList();
      default -> List.of();
    };
  }

  private List<String> environment() {
    List<String> environment = new ArrayList<>(config.strings("Env"));
    for (String entry : image.strings("Env")) {
      String key = entry.split("=", 2)[0];
      if (environment.stream().noneMatch(e -> e.split("=", 2)[0].equals(key))) {
        environment.add(entry);
      }
    }
    for (String entry : environment) {
      if (entry.startsWith("=") || entry.isEmpty()) {
        throw new Failure.InvalidRequest("invalid environment variable: " + entry);
      }
    }
    return environment;
  }

  private static String hostName() {
    try {
      return Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
    } catch (java.io.IOException e) {
      return "localhost";
    }
  }

  // ---- rights

  private ContainerSpec.Security security(boolean privileged) {
    String seccomp = "default";
    boolean noNewPrivileges = false;
    boolean unconfinedPaths = false;
    for (String option : host.strings("SecurityOpt")) {
      String[] pair = option.split("[=:]", 2);
      switch (pair[0]) {
        case "no-new-privileges" ->
            noNewPrivileges = pair.length == 1 || Boolean.parseBoolean(pair[1]);
        case "seccomp" -> {
          String value = pair.length == 1 ? "" : pair[1];
          seccomp = value.isEmpty() || value.equals("builtin") ? "default" : value;
        }
        case "label", "apparmor" -> {}
        case "systempaths" -> unconfinedPaths = pair.length == 2 && pair[1].equals("unconfined");
        default ->
            throw new Failure.InvalidRequest(
                "invalid --security-opt " + pair.length + ": \"" + option + "\"");
      }
    }
    List<ContainerSpec.Device> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects("Devices")) {
      String source = d.string("PathOnHost", "");
      String target = d.string("PathInContainer", "");
      String access = d.string("CgroupPermissions", "");
      devices.add(
          new ContainerSpec.Device(
              source, target.isEmpty() ? source : target, access.isEmpty() ? "rwm" : access));
    }
    List<RuntimeSpec.DeviceRule> rules = new ArrayList<>();
    for (String rule : host.strings("DeviceCgroupRules")) {
      rules.add(deviceRule(rule));
    }
    return new ContainerSpec.Security(
        privileged,
        host.strings("CapAdd"),
        host.strings("CapDrop"),
        noNewPrivileges,
        seccomp,
        unconfinedPaths
            ? List.of()
            : host.get("MaskedPaths") instanceof Json.JsonArray
                ? host.strings("MaskedPaths")
                : DockerDefaults.MASKED_PATHS,
        unconfinedPaths
            ? List.of()
            : host.get("ReadonlyPaths") instanceof Json.JsonArray
                ? host.strings("ReadonlyPaths")
                : DockerDefaults.READONLY_PATHS,
        devices,
        rules);
  }

  private static RuntimeSpec.DeviceRule deviceRule(String text) {
    java.util.regex.Matcher m =
        java.util.regex.Pattern.compile("^([acb]) ([0-9]+|\\*):([0-9]+|\\*) ([rwm]{1,3})$")
            .matcher(text);
    if (!m.matches()) {
      throw new Failure.InvalidRequest("invalid device cgroup rule format: '" + text + "'");
    }
    return new RuntimeSpec.DeviceRule(
        true,
        m.group(1),
        m.group(2).equals("*") ? (Long) UNLIMITED : Long.valueOf(m.group(2)),
        m.group(3).equals("*") ? (Long) UNLIMITED : Long.valueOf(m.group(3)),
        m.group(4));
  }

  private ContainerSpec.Modes modes() {
    String network = host.string("NetworkMode", "");
    network = network.isEmpty() || network.equals("default") ? "bridge" : network;
    String cgroup = host.string("CgroupnsMode", "");
    if (!cgroup.isEmpty() && !cgroup.equals("host") && !cgroup.equals("private")) {
      throw new Failure.InvalidRequest("invalid cgroup namespace mode: " + cgroup);
    }
    return new ContainerSpec.Modes(
        named(network),
        named(host.string("PidMode", "")),
        named(host.string("IpcMode", "")),
        host.string("UTSMode", ""),
        cgroup.isEmpty()
            ? CgroupLayout.detected().isUnified() && !host.bool("Privileged", false)
                ? "private"
                : "host"
            : cgroup);
  }

  /// `container:NAME` with the container's id in the place of its name.
  private String named(String mode) {
    if (!mode.startsWith("container:")) {
      return mode;
    }
    return engine.find(mode.substring(10)).map(c -> "container:" + c.id()).orElse(mode);
  }

  // ---- resources

  private RuntimeSpec.Resources resources() {
    long memory = host.number("Memory", 0);
    long swap = host.number("MemorySwap", 0);
    if (memory > 0 && swap == 0) {
      swap = memory * 2;
    }
    long nanoCpus = host.number("NanoCpus", 0);
    long quota = host.number("CpuQuota", 0);
    long period = host.number("CpuPeriod", 0);
    if (nanoCpus > 0) {
      period = 100_000;
      quota = nanoCpus / 10_000;
    }
    long pids = host.number("PidsLimit", 0);
    // as Docker, which discards what cgroup v2 does not have
    boolean v1 = !CgroupLayout.detected().isUnified();
    Long swappiness =
        v1 && host.get("MemorySwappiness") instanceof Json.JsonNumber n
            ? (Long) n.longValue()
            : null;
    return new RuntimeSpec.Resources(
        List.of(),
        new RuntimeSpec.Memory(
            memory == 0 ? null : (Long) memory,
            host.number("MemoryReservation", 0) == 0
                ? null
                : (Long) host.number("MemoryReservation", 0),
            swap == 0 ? null : (Long) swap,
            null,
            null,
            swappiness == null || swappiness < 0 ? null : swappiness,
            v1 && host.bool("OomKillDisable", false),
            null,
            null),
        new RuntimeSpec.Cpu(
            host.number("CpuShares", 0) == 0 ? null : (Long) host.number("CpuShares", 0),
            quota == 0 ? null : (Long) quota,
            null,
            period == 0 ? null : (Long) period,
            host.number("CpuRealtimeRuntime", 0) == 0
                ? null
                : (Long) host.number("CpuRealtimeRuntime", 0),
            host.number("CpuRealtimePeriod", 0) == 0
                ? null
                : (Long) host.number("CpuRealtimePeriod", 0),
            host.string("CpusetCpus", ""),
            host.string("CpusetMems", ""),
            null),
        pids <= 0 ? null : new RuntimeSpec.Pids(pids),
        blockIo(),
        List.of(),
        null,
        Map.of(),
        Map.of());
  }

  private RuntimeSpec.@Nullable BlockIo blockIo() {
    long weight = host.number("BlkioWeight", 0);
    weight = BlockIoWeight.isSupported() ? weight : 0;
    RuntimeSpec.BlockIo io =
        new RuntimeSpec.BlockIo(
            weight == 0 ? null : (Integer) (int) weight,
            null,
            BlockIoWeight.isSupported() ? weights() : List.of(),
            throttle("BlkioDeviceReadBps"),
            throttle("BlkioDeviceWriteBps"),
            throttle("BlkioDeviceReadIOps"),
            throttle("BlkioDeviceWriteIOps"));
    boolean empty =
        weight == 0
            && io.weightDevice().isEmpty()
            && io.throttleReadBpsDevice().isEmpty()
            && io.throttleWriteBpsDevice().isEmpty()
            && io.throttleReadIOPSDevice().isEmpty()
            && io.throttleWriteIOPSDevice().isEmpty();
    return empty ? null : io;
  }

  private List<RuntimeSpec.ThrottleDevice> throttle(String key) {
    List<RuntimeSpec.ThrottleDevice> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects(key)) {
      long device = device(d.string("Path", ""));
      devices.add(
          new RuntimeSpec.ThrottleDevice(major(device), minor(device), d.number("Rate", 0)));
    }
    return devices;
  }

  private List<RuntimeSpec.WeightDevice> weights() {
    List<RuntimeSpec.WeightDevice> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects("BlkioWeightDevice")) {
      long device = device(d.string("Path", ""));
      devices.add(
          new RuntimeSpec.WeightDevice(
              major(device), minor(device), (Integer) (int) d.number("Weight", 0), null));
    }
    return devices;
  }

  private static long device(String path) {
    try {
      return (Long) Files.getAttribute(Path.of(path), "unix:rdev");
    } catch (java.io.IOException | java.nio.file.InvalidPathException e) {
      throw new Failure.InvalidRequest("stat " + path + ": no such file or directory", null, e);
    }
  }

  private static long major(long device) {
    return device >> 8 & 0xfff;
  }

  private static long minor(long device) {
    return (device & 0xff) | (device >> 12 & ~0xffL);
  }

  private List<RuntimeSpec.Rlimit> ulimits() {
    List<RuntimeSpec.Rlimit> limits = new ArrayList<>();
    for (Json.JsonObject u : host.objects("Ulimits")) {
      String name = u.string("Name", "");
      if (u.number("Soft", 0) > u.number("Hard", 0) && u.number("Hard", 0) >= 0) {
        throw new Failure.InvalidRequest(
            "ulimit soft limit must be less than or equal to hard limit: "
                + u.number("Soft", 0)
                + " > "
                + u.number("Hard", 0));
      }
      limits.add(
          new RuntimeSpec.Rlimit(
              "RLIMIT_" + name.toUpperCase(java.util.Locale.ROOT),
              u.number("Soft", 0),
              u.number("Hard", 0)));
    }
    return limits;
  }

  // ---- networks, policy, log

  private List<EndpointRequest> endpoints(String mode) {
    List<EndpointRequest> endpoints = new ArrayList<>();
    networking
        .object("EndpointsConfig")
        .ifPresent(
            all ->
                all.members()
                    .forEach(
                        (name, value) -> {
                          if (value instanceof Json.JsonObject e) {
                            endpoints.add(endpoint(name.equals("default") ? mode : name, e));
                          }
                        }));
    boolean none = mode.equals("host") || mode.equals("none") || mode.startsWith("container:");
    String mac = config.string("MacAddress", "");
    if (!mac.isEmpty() && endpoints.stream().noneMatch(e -> e.network().equals(mode))) {
      endpoints.addFirst(endpoint(mode, Json.object().put("MacAddress", mac)));
    }
    return none ? List.of() : withLinks(mode, endpoints);
  }

  /// On the default bridge, links are the host configuration's and concern the engine alone.
  private List<EndpointRequest> withLinks(String mode, List<EndpointRequest> endpoints) {
    List<String> links = host.strings("Links");
    if (links.isEmpty() || !mode.equals("bridge")) {
      return endpoints;
    }
    List<EndpointRequest> all = new ArrayList<>(endpoints);
    EndpointRequest wish =
        all.stream()
            .filter(e -> e.network().equals(mode))
            .findFirst()
            .orElseGet(() -> EndpointRequest.of(mode));
    all.remove(wish);
    all.addFirst(
        new EndpointRequest(
            wish.network(),
            wish.ipv4(),
            wish.ipv6(),
            wish.mac(),
            wish.aliases(),
            links,
            wish.driverOptions(),
            wish.gatewayPriority(),
            wish.linkLocal()));
    return all;
  }

  /// The MAC address asked for on the network that the container is named for.
  private String mainMac(String mode) {
    return endpoints(mode).stream()
        .filter(e -> e.network().equals(mode))
        .findFirst()
        .map(EndpointRequest::mac)
        .orElse("");
  }

  static EndpointRequest endpoint(String name, Json.JsonObject e) {
    Json.JsonObject ipam = e.object("IPAMConfig").orElseGet(Json::object);
    return new EndpointRequest(
        name,
        ipam.string("IPv4Address", ""),
        ipam.string("IPv6Address", ""),
        e.string("MacAddress", ""),
        e.strings("Aliases"),
        e.strings("Links"),
        e.stringMap("DriverOpts"),
        (int) e.number("GwPriority", 0),
        ipam.strings("LinkLocalIPs"));
  }

  private List<PortRequest> ports() {
    List<PortRequest> ports = new ArrayList<>();
    Json.JsonObject exposed = config.object("ExposedPorts").orElseGet(Json::object);
    host.object("PortBindings")
        .ifPresent(
            bindings ->
                bindings
                    .members()
                    .forEach(
                        (port, list) -> {
                          List<Json> items =
                              list instanceof Json.JsonArray array ? array.items() : List.of();
                          for (Json item : items.isEmpty() ? ANYWHERE : items) {
                            if (exposed.has(port) && item instanceof Json.JsonObject b) {
                              ports.add(
                                  PortRequest.parse(
                                      port, b.string("HostIp", ""), b.string("HostPort", "")));
                            }
                          }
                        }));
    if (host.bool("PublishAllPorts", false)) {
      for (Json.JsonObject from :
          List.of(exposed, image.object("ExposedPorts").orElseGet(Json::object))) {
        from.members().keySet().stream()
            .filter(
                p ->
                    ports.stream()
                        .noneMatch(r -> (r.containerPort() + "/" + r.protocol()).equals(p)))
            .forEach(p -> ports.add(PortRequest.parse(p, "", "")));
      }
    }
    return ports;
  }

  private void checkRestart() {
    ContainerSpec.Restart restart = restart();
    if (!List.of("no", "always", "unless-stopped", "on-failure").contains(restart.policy())) {
      throw new Failure.InvalidRequest(
          "invalid restart policy: unknown policy '"
              + restart.policy()
              + "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
    }
    if (restart.maximumRetries() < 0 && restart.policy().equals("on-failure")) {
      throw new Failure.InvalidRequest(
          "invalid restart policy: maximum retry count cannot be negative");
    }
    if (restart.maximumRetries() != 0 && !restart.policy().equals("on-failure")) {
      throw new Failure.InvalidRequest(
          "invalid restart policy: maximum retry count can only be used with 'on-failure'"
              + (restart.maximumRetries() < 0 ? " and cannot be negative" : ""));
    }
    if (host.bool("AutoRemove", false) && !restart.policy().equals("no")) {
      throw new Failure.InvalidRequest("can't create 'AutoRemove' container with restart policy");
    }
  }

  private ContainerSpec.Restart restart() {
    Json.JsonObject policy = host.object("RestartPolicy").orElseGet(Json::object);
    String name = policy.string("Name", "");
    return new ContainerSpec.Restart(
        name.isEmpty() ? "no" : name, (int) policy.number("MaximumRetryCount", 0));
  }

  private ContainerSpec.Logging logging() {
    Json.JsonObject log = host.object("LogConfig").orElseGet(Json::object);
    String driver = log.string("Type", "");
    driver = driver.isEmpty() ? "json-file" : driver;
    if (!LogDrivers.isKnown(driver)) {
      throw new Failure.InvalidRequest(
          "error looking up logging plugin " + driver + ": plugin \"" + driver + "\" not found");
    }
    return new ContainerSpec.Logging(driver, log.stringMap("Config"));
  }

  // ---- as inspect shows it

  private Json.JsonObject wire(
      List<String> argv,
      boolean own,
      boolean fromImage,
      List<String> command,
      List<String> entrypoint,
      List<String> environment,
      String workdir,
      String user,
      Map<String, String> labels,
      ContainerSpec.Modes modes,
      boolean privileged,
      ContainerSpec.Security security,
      String stopSignal) {
    Json.JsonObject c = Json.object();
    c.put("Hostname", config.string("Hostname", ""));
    c.put("Domainname", config.string("Domainname", ""));
    c.put("User", user);
    for (String key : List.of("AttachStdin", "AttachStdout", "AttachStderr")) {
      c.put(key, config.bool(key, false));
    }
    Json.JsonObject ports = Json.object();
    for (Json.JsonObject from : List.of(config, image)) {
      from.object("ExposedPorts")
          .ifPresent(p -> p.members().forEach((k, v) -> ports.put(k, Json.object())));
    }
    if (!ports.isEmpty()) {
      c.put("ExposedPorts", ports);
    }
    String mac = mainMac(modes.network());
    if (!mac.isEmpty()) {
      c.put("MacAddress", mac);
    }
    c.put("Tty", config.bool("Tty", false));
    c.put("OpenStdin", config.bool("OpenStdin", false));
    c.put("StdinOnce", config.bool("StdinOnce", false));
    c.put(
        "Env",
        environment.isEmpty() && !(config.get("Env") instanceof Json.JsonArray)
            ? Json.NULL
            : Json.strings(environment));
    c.put("Cmd", command.isEmpty() ? Json.NULL : Json.strings(command));
    c.putIfPresent("Healthcheck", HealthChecks.merged(config, image));
    c.put("Image", config.string("Image", ""));
    Json volumes =
        config.get("Volumes") == null || config.get("Volumes") == Json.NULL
            ? image.get("Volumes")
            : config.get("Volumes");
    c.put("Volumes", volumes == null ? Json.NULL : volumes);
    c.put("WorkingDir", workdir);
    c.put(
        "Entrypoint",
        entrypoint.isEmpty() || entrypoint.equals(List.of("")) || (own && fromImage)
            ? Json.NULL
            : Json.strings(entrypoint));
    c.put("OnBuild", Json.NULL);
    c.put("Labels", Json.strings(labels));
    if (!stopSignal.isEmpty()) {
      c.put("StopSignal", stopSignal);
    }
    given(c, config, "StopTimeout");
    given(c, config, "Shell");
    return Json.object()
        .put("Config", c)
        .put("HostConfig", hostWire(modes, privileged, security))
        .put("Argv", Json.strings(argv));
  }

  private Json.JsonObject hostWire(
      ContainerSpec.Modes modes, boolean privileged, ContainerSpec.Security security) {
    Json.JsonObject h = Json.object();
    echo(h, "Binds", Json.NULL);
    h.put("ContainerIDFile", host.string("ContainerIDFile", ""));
    ContainerSpec.Logging log = logging();
    h.put(
        "LogConfig",
        Json.object().put("Type", log.driver()).put("Config", Json.strings(log.options())));
    h.put("NetworkMode", modes.network());
    h.put("PortBindings", bindings());
    ContainerSpec.Restart restart = restart();
    h.put(
        "RestartPolicy",
        Json.object()
            .put("Name", restart.policy())
            .put("MaximumRetryCount", restart.maximumRetries()));
    h.put("AutoRemove", host.bool("AutoRemove", false));
    h.put("VolumeDriver", host.string("VolumeDriver", ""));
    echo(h, "VolumesFrom", Json.NULL);
    h.put(
        "ConsoleSize",
        host.get("ConsoleSize") instanceof Json.JsonArray a ? a : Json.array().add(0).add(0));
    given(h, host, "Annotations");
    echo(h, "CapAdd", Json.NULL);
    echo(h, "CapDrop", Json.NULL);
    h.put("CgroupnsMode", modes.cgroup());
    echo(h, "Dns", Json.NULL);
    echo(h, "DnsOptions", Json.NULL);
    echo(h, "DnsSearch", Json.NULL);
    echo(h, "ExtraHosts", Json.NULL);
    echo(h, "GroupAdd", Json.NULL);
    String ipc = version.atLeast(40) ? "private" : "shareable";
    h.put("IpcMode", modes.ipc().isEmpty() ? ipc : modes.ipc());
    h.put("Cgroup", host.string("Cgroup", ""));
    echo(h, "Links", Json.NULL);
    h.put("OomScoreAdj", host.number("OomScoreAdj", 0));
    h.put("PidMode", modes.pid());
    h.put("Privileged", privileged);
    h.put("PublishAllPorts", host.bool("PublishAllPorts", false));
    h.put("ReadonlyRootfs", host.bool("ReadonlyRootfs", false));
    if (privileged && host.strings("SecurityOpt").isEmpty()) {
      h.put("SecurityOpt", Json.array().add("label=disable"));
    } else {
      echo(h, "SecurityOpt", Json.NULL);
    }
    given(h, host, "StorageOpt");
    given(h, host, "Tmpfs");
    h.put("UTSMode", modes.uts());
    h.put("UsernsMode", host.string("UsernsMode", ""));
    h.put("ShmSize", host.number("ShmSize", 0) == 0 ? SHM_SIZE : host.number("ShmSize", 0));
    given(h, host, "Sysctls");
    String runtime = host.string("Runtime", "");
    h.put("Runtime", runtime.isEmpty() ? "runc" : runtime);
    h.put("Isolation", host.string("Isolation", ""));
    resourcesWire(h);
    given(h, host, "Mounts");
    h.put("MaskedPaths", privileged ? Json.NULL : Json.strings(security.maskedPaths()));
    h.put("ReadonlyPaths", privileged ? Json.NULL : Json.strings(security.readonlyPaths()));
    given(h, host, "Init");
    return h;
  }

  /// The published ports as asked for, each with both of its members.
  private Json bindings() {
    Optional<Json.JsonObject> asked = host.object("PortBindings");
    if (asked.isEmpty()) {
      return Json.NULL;
    }
    Json.JsonObject bindings = Json.object();
    asked
        .get()
        .members()
        .forEach(
            (port, list) -> {
              if (list instanceof Json.JsonArray items) {
                Json.JsonArray whole = Json.array();
                for (Json item : items) {
                  Json.JsonObject b = item instanceof Json.JsonObject o ? o : Json.object();
                  whole.add(
                      Json.object()
                          .put("HostIp", b.string("HostIp", ""))
                          .put("HostPort", b.string("HostPort", "")));
                }
                bindings.put(port, whole);
              } else {
                bindings.put(port, Json.NULL);
              }
            });
    return bindings;
  }

  private void resourcesWire(Json.JsonObject h) {
    long memory = host.number("Memory", 0);
    long swap = host.number("MemorySwap", 0);
    h.put("CpuShares", host.number("CpuShares", 0));
    h.put("Memory", memory);
    h.put("NanoCpus", host.number("NanoCpus", 0));
    h.put("CgroupParent", host.string("CgroupParent", ""));
    h.put("BlkioWeight", host.number("BlkioWeight", 0));
    for (String key :
        List.of(
            "BlkioWeightDevice",
            "BlkioDeviceReadBps",
            "BlkioDeviceWriteBps",
            "BlkioDeviceReadIOps",
            "BlkioDeviceWriteIOps")) {
      echo(h, key, Json.NULL);
    }
    for (String key : List.of("CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime")) {
      h.put(key, host.number(key, 0));
    }
    h.put("CpusetCpus", host.string("CpusetCpus", ""));
    h.put("CpusetMems", host.string("CpusetMems", ""));
    echo(h, "Devices", Json.NULL);
    echo(h, "DeviceCgroupRules", Json.NULL);
    echo(h, "DeviceRequests", Json.NULL);
    h.put("MemoryReservation", host.number("MemoryReservation", 0));
    h.put("MemorySwap", memory > 0 && swap == 0 ? memory * 2 : swap);
    long swappiness = host.number("MemorySwappiness", -1);
    h.put("MemorySwappiness", swappiness < 0 ? Json.NULL : Json.of(swappiness));
    h.put(
        "OomKillDisable",
        CgroupLayout.detected().isUnified()
            ? Json.NULL
            : Json.of(host.bool("OomKillDisable", false)));
    h.put(
        "PidsLimit",
        host.number("PidsLimit", 0) <= 0 ? Json.NULL : Json.of(host.number("PidsLimit", 0)));
    echo(h, "Ulimits", Json.NULL);
    h.put("CpuCount", host.number("CpuCount", 0));
    h.put("CpuPercent", host.number("CpuPercent", 0));
    h.put("IOMaximumIOps", host.number("IOMaximumIOps", 0));
    h.put("IOMaximumBandwidth", host.number("IOMaximumBandwidth", 0));
  }

  /// What was asked for, where anything was: some clients send null for all that they leave out.
  private static void given(Json.JsonObject to, Json.JsonObject from, String key) {
    Json value = from.get(key);
    if (value != null && value != Json.NULL) {
      to.put(key, value);
    }
  }

  private void echo(Json.JsonObject to, String key, Json absent) {
    Json value = host.get(key);
    to.put(key, value == null ? absent : value);
  }
}
