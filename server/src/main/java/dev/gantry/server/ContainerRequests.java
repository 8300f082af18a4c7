package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.engine.shipping.LogDrivers;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Signals;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import dev.gantry.oci.RuntimeSpec;
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
  static final long SHM_SIZE = 64L << 20;

  private final Engine engine;
  private final Json.JsonObject config;
  private final Json.JsonObject host;
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
    return new Limits(new ResourceRequest(host).resources(), r.restart());
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
    ContainerSpec.Modes asked = modes();
    ContainerSpec.Modes modes = config.bool("NetworkDisabled", false) ? alone(asked) : asked;
    String hostname = config.string("Hostname", "");
    if (hostname.isEmpty() && modes.network().equals("host")) {
      hostname = hostName();
    }
    ContainerSpec.Security security = SecurityRequest.read(host, privileged);
    NetworkingRequest networks = new NetworkingRequest(config, host, image);
    ResourceRequest resources = new ResourceRequest(host);
    ContainerWire wire = new ContainerWire(config, host, image, version);
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
        resources.resources(),
        resources.ulimits(),
        host.stringMap("Sysctls"),
        host.number("OomScoreAdj", 0) == 0 ? null : (Integer) (int) host.number("OomScoreAdj", 0),
        host.number("ShmSize", 0) == 0 ? SHM_SIZE : host.number("ShmSize", 0),
        host.string("CgroupParent", ""),
        modes,
        host.strings("ExtraHosts"),
        host.strings("Dns"),
        host.strings("DnsSearch"),
        host.strings("DnsOptions"),
        networks.endpoints(modes.network()),
        networks.ports(),
        restart(),
        logging(),
        HealthChecks.read(config, image),
        wire.json(
            new ContainerWire.Chosen(
                argv,
                ownEntrypoint || reset,
                noEntrypoint,
                command,
                entrypoint,
                environment,
                workdir,
                user,
                labels,
                asked,
                privileged,
                security,
                stopSignal,
                restart(),
                logging())));
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

  /// Without a network, whatever the mode says.
  private static ContainerSpec.Modes alone(ContainerSpec.Modes modes) {
    return new ContainerSpec.Modes("none", modes.pid(), modes.ipc(), modes.uts(), modes.cgroup());
  }

  /// `container:NAME` with the container's id in the place of its name.
  private String named(String mode) {
    if (!mode.startsWith("container:")) {
      return mode;
    }
    return engine.find(mode.substring(10)).map(c -> "container:" + c.id()).orElse(mode);
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
}
