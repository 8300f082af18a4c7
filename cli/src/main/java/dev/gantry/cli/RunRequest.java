package dev.gantry.cli;

import dev.gantry.json.Json;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The body of `POST /containers/create` that the flags of `run` make.
final class RunRequest {
  private static final String BAD_PORT = "invalid containerPort: ";

  private final Words words;

  RunRequest(Words words) {
    this.words = words;
    if (words.on("rm")
        && !words.text("restart", "no").equals("no")
        && !words.text("restart", "").isEmpty()) {
      throw conflict("cannot specify both --restart and --rm");
    }
    if (words.on("detach") && words.has("attach")) {
      throw conflict("cannot specify both --attach and --detach");
    }
  }

  private static Exit conflict(String what) {
    return invalid("conflicting options: " + what);
  }

  private static Exit invalid(String message) {
    return new Exit(125, "gantry: " + message + "\n\nRun 'gantry run --help' for more information");
  }

  String image() {
    return words.argument(0);
  }

  boolean removes() {
    return words.on("rm");
  }

  Json.JsonObject body() throws IOException {
    List<String> arguments = words.arguments();
    boolean stdin = words.on("interactive");
    boolean attach = !words.on("detach");
    Json.JsonObject body =
        Json.object()
            .put("Hostname", words.text("hostname", ""))
            .put("Domainname", words.text("domainname", ""))
            .put("User", words.text("user", ""))
            .put("AttachStdin", stdin && attach)
            .put("AttachStdout", attach)
            .put("AttachStderr", attach)
            .put("Tty", words.on("tty"))
            .put("OpenStdin", stdin)
            .put("StdinOnce", stdin && attach)
            .put("Env", Json.strings(environment()))
            .put(
                "Cmd",
                arguments.size() > 1
                    ? Json.strings(arguments.subList(1, arguments.size()))
                    : Json.NULL)
            .put("Image", image())
            .put("WorkingDir", words.text("workdir", ""))
            .put("Labels", pairs(lines("label", "label-file")));
    words.text("entrypoint").ifPresent(e -> body.put("Entrypoint", Json.strings(List.of(e))));
    words.text("stop-signal").ifPresent(s -> body.put("StopSignal", s));
    words.text("stop-timeout").ifPresent(t -> body.put("StopTimeout", Long.parseLong(t)));
    Json.JsonObject exposed = Json.object();
    words.list("expose").forEach(port -> range(port).forEach(p -> exposed.put(p, Json.object())));
    Json.JsonObject bindings = ports(exposed);
    body.put("ExposedPorts", exposed).put("Volumes", volumes());
    body.put("HostConfig", host().put("PortBindings", bindings));
    return body.put("NetworkingConfig", Json.object().put("EndpointsConfig", endpoints()));
  }

  private String network() {
    List<String> names = new ArrayList<>(words.list("network"));
    names.addAll(words.list("net"));
    return names.isEmpty() ? "default" : names.getFirst();
  }

  private Json.JsonObject host() throws IOException {
    Json.JsonObject restart = restart(words.text("restart", "no"));
    Json.JsonObject host =
        Json.object()
            .put("Binds", Json.strings(binds()))
            .put("ContainerIDFile", words.text("cidfile", ""))
            .put(
                "LogConfig",
                Json.object()
                    .put("Type", words.text("log-driver", ""))
                    .put("Config", pairs(words.list("log-opt"))))
            .put("NetworkMode", network())
            .put("RestartPolicy", restart)
            .put("AutoRemove", words.on("rm"))
            .put("VolumesFrom", Json.strings(words.list("volumes-from")))
            .put("ConsoleSize", Json.array().add(0).add(0))
            .put("CapAdd", Json.strings(words.list("cap-add")))
            .put("CapDrop", Json.strings(words.list("cap-drop")))
            .put("CgroupnsMode", words.text("cgroupns", ""))
            .put("Dns", Json.strings(words.list("dns")))
            .put("DnsOptions", Json.strings(words.list("dns-option")))
            .put("DnsSearch", Json.strings(words.list("dns-search")))
            .put("ExtraHosts", Json.strings(words.list("add-host")))
            .put("GroupAdd", Json.strings(words.list("group-add")))
            .put("IpcMode", words.text("ipc", ""))
            .put("Links", Json.strings(words.list("link")))
            .put("OomScoreAdj", words.number("oom-score-adj", 0))
            .put("PidMode", words.text("pid", ""))
            .put("Privileged", words.on("privileged"))
            .put("PublishAllPorts", words.on("publish-all"))
            .put("ReadonlyRootfs", words.on("read-only"))
            .put("SecurityOpt", Json.strings(securityOptions()))
            .put("UTSMode", words.text("uts", ""))
            .put("UsernsMode", words.text("userns", ""))
            .put("ShmSize", words.bytes("shm-size", 0))
            .put("Runtime", words.text("runtime", ""))
            .put("Mounts", mounts())
            .put("CpuShares", words.number("cpu-shares", 0))
            .put("Memory", words.bytes("memory", 0))
            .put("NanoCpus", nanoCpus())
            .put("CgroupParent", words.text("cgroup-parent", ""))
            .put("BlkioWeight", words.number("blkio-weight", 0))
            .put("CpuPeriod", words.number("cpu-period", 0))
            .put("CpuQuota", words.number("cpu-quota", 0))
            .put("CpusetCpus", words.text("cpuset-cpus", ""))
            .put("CpusetMems", words.text("cpuset-mems", ""))
            .put("Devices", devices())
            .put("DeviceCgroupRules", Json.strings(words.list("device-cgroup-rule")))
            .put("MemoryReservation", words.bytes("memory-reservation", 0))
            .put("MemorySwap", words.bytes("memory-swap", 0))
            .put("OomKillDisable", words.on("oom-kill-disable"))
            .put("Ulimits", ulimits());
    if (words.has("memory-swappiness")) {
      host.put("MemorySwappiness", words.number("memory-swappiness", -1));
    }
    if (words.has("pids-limit")) {
      host.put("PidsLimit", words.number("pids-limit", 0));
    }
    if (words.has("init")) {
      host.put("Init", words.on("init"));
    }
    if (words.has("sysctl")) {
      host.put("Sysctls", pairs(words.list("sysctl")));
    }
    if (words.has("annotation")) {
      host.put("Annotations", pairs(words.list("annotation")));
    }
    Json.JsonObject tmpfs = Json.object();
    for (String entry : words.list("tmpfs")) {
      int colon = entry.indexOf(':');
      tmpfs.put(
          colon < 0 ? entry : entry.substring(0, colon),
          colon < 0 ? "" : entry.substring(colon + 1));
    }
    return tmpfs.isEmpty() ? host : host.put("Tmpfs", tmpfs);
  }

  private List<String> environment() throws IOException {
    List<String> entries = new ArrayList<>();
    for (String entry : lines("env", "env-file")) {
      if (entry.indexOf('=') >= 0) {
        entries.add(entry);
      } else {
        String ours = System.getenv(entry);
        if (ours != null) {
          entries.add(entry + "=" + ours);
        }
      }
    }
    return entries;
  }

  /// The lines of files, then the flag's own values.
  private List<String> lines(String flag, String fileFlag) throws IOException {
    List<String> all = new ArrayList<>();
    for (String file : words.list(fileFlag)) {
      if (!Files.isReadable(Path.of(file))) {
        throw invalid("open " + file + ": no such file or directory");
      }
      Files.readAllLines(Path.of(file)).stream()
          .map(String::stripLeading)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .forEach(all::add);
    }
    all.addAll(words.list(flag));
    return all;
  }

  private static Json.JsonObject pairs(List<String> entries) {
    Json.JsonObject object = Json.object();
    for (String entry : entries) {
      int equals = entry.indexOf('=');
      object.put(
          equals < 0 ? entry : entry.substring(0, equals),
          equals < 0 ? "" : entry.substring(equals + 1));
    }
    return object;
  }

  private static Json.JsonObject restart(String policy) {
    int colon = policy.indexOf(':');
    String name = colon < 0 ? policy : policy.substring(0, colon);
    long count = 0;
    if (colon >= 0) {
      try {
        count = Long.parseLong(policy.substring(colon + 1));
      } catch (NumberFormatException e) {
        throw invalid("invalid restart policy format: maximum retry count must be an integer");
      }
    }
    return Json.object().put("Name", name).put("MaximumRetryCount", count);
  }

  private List<String> securityOptions() throws IOException {
    List<String> options = new ArrayList<>();
    for (String option : words.list("security-opt")) {
      String file = option.startsWith("seccomp=") ? option.substring(8) : "";
      boolean isFile = !file.isEmpty() && !file.equals("unconfined") && !file.equals("builtin");
      options.add(
          isFile ? "seccomp=" + Json.parse(Files.readString(Path.of(file))).text() : option);
    }
    return options;
  }

  private long nanoCpus() {
    return words.decimal("cpus").orElse(BigDecimal.ZERO).movePointRight(9).longValue();
  }

  /// `SOURCE:TARGET[:OPTIONS]`; a relative source that begins with a dot is a path.
  private List<String> binds() {
    List<String> binds = new ArrayList<>();
    for (String volume : words.list("volume")) {
      if (volume.indexOf(':') >= 0) {
        boolean relative = volume.startsWith(".") || volume.startsWith("~");
        int colon = volume.indexOf(':');
        String source = volume.substring(0, colon);
        binds.add(
            relative
                ? Path.of(source).toAbsolutePath().normalize() + volume.substring(colon)
                : volume);
      }
    }
    return binds;
  }

  private Json.JsonObject volumes() {
    Json.JsonObject volumes = Json.object();
    words.list("volume").stream()
        .filter(v -> v.indexOf(':') < 0)
        .forEach(v -> volumes.put(v, Json.object()));
    return volumes;
  }

  private Json mounts() {
    Json.JsonArray mounts = Json.array();
    for (String text : words.list("mount")) {
      Json.JsonObject mount = Json.object().put("Type", "volume");
      Json.JsonObject bind = Json.object();
      Json.JsonObject tmpfs = Json.object();
      for (String field : text.split(",")) {
        int equals = field.indexOf('=');
        String key = (equals < 0 ? field : field.substring(0, equals)).toLowerCase(Locale.ROOT);
        String value = equals < 0 ? "true" : field.substring(equals + 1);
        switch (key) {
          case "type" -> mount.put("Type", value.toLowerCase(Locale.ROOT));
          case "source", "src" -> mount.put("Source", source(value));
          case "target", "dst", "destination" -> mount.put("Target", value);
          case "readonly", "ro" -> mount.put("ReadOnly", value.equals("true") || value.equals("1"));
          case "bind-propagation" -> bind.put("Propagation", value);
          case "bind-nonrecursive" -> bind.put("NonRecursive", true);
          case "bind-create-src", "create-mountpoint" -> bind.put("CreateMountpoint", true);
          case "tmpfs-size" -> tmpfs.put("SizeBytes", Humans.bytes(value));
          case "tmpfs-mode" -> tmpfs.put("Mode", Long.parseLong(value, 8));
          case "consistency", "volume-driver", "volume-label", "volume-opt", "volume-nocopy" -> {}
          default ->
              throw new UsageError(
                  125,
                  "invalid argument \""
                      + text
                      + "\" for \"--mount\" flag: unexpected key '"
                      + key
                      + "' in '"
                      + field
                      + "'");
        }
      }
      if (!bind.isEmpty()) {
        mount.put("BindOptions", bind);
      }
      if (!tmpfs.isEmpty()) {
        mount.put("TmpfsOptions", tmpfs);
      }
      mounts.add(mount);
    }
    return mounts;
  }

  private static String source(String value) {
    return value.startsWith(".") ? Path.of(value).toAbsolutePath().normalize().toString() : value;
  }

  private Json devices() {
    Json.JsonArray devices = Json.array();
    for (String device : words.list("device")) {
      String[] parts = device.split(":");
      boolean rights = parts.length == 2 && parts[1].matches("[rwm]{1,3}");
      String inside = parts.length > 1 && !rights ? parts[1] : parts[0];
      String access = parts.length == 3 ? parts[2] : rights ? parts[1] : "rwm";
      devices.add(
          Json.object()
              .put("PathOnHost", parts[0])
              .put("PathInContainer", inside)
              .put("CgroupPermissions", access));
    }
    return devices;
  }

  private Json ulimits() {
    Json.JsonArray limits = Json.array();
    for (String limit : words.list("ulimit")) {
      if (!limit.matches("[a-z]+=-?\\d+(:-?\\d+)?")) {
        throw new UsageError(
            125,
            "invalid argument \""
                + limit
                + "\" for \"--ulimit\" flag: invalid ulimit argument: "
                + limit);
      }
      String[] parts = limit.split("[=:]");
      limits.add(
          Json.object()
              .put("Name", parts[0])
              .put("Soft", Long.parseLong(parts[1]))
              .put("Hard", Long.parseLong(parts[parts.length - 1])));
    }
    return limits;
  }

  /// `[[IP:]HOSTPORT:]PORT[/PROTOCOL]`, ports as numbers or ranges; fills `exposed` too.
  private Json.JsonObject ports(Json.JsonObject exposed) {
    Json.JsonObject bindings = Json.object();
    for (String publish : words.list("publish")) {
      int slash = publish.indexOf('/');
      String protocol = slash < 0 ? "tcp" : publish.substring(slash + 1);
      String text = slash < 0 ? publish : publish.substring(0, slash);
      int last = text.lastIndexOf(':');
      String inside = text.substring(last + 1);
      String before = last < 0 ? "" : text.substring(0, last);
      int middle = before.lastIndexOf(':');
      boolean address = middle >= 0 && !before.endsWith("]");
      String hostPort = before.endsWith("]") ? "" : before.substring(middle + 1);
      String ip = address ? before.substring(0, middle).replaceAll("[\\[\\]]", "") : "";
      List<String> insidePorts = range(inside + "/" + protocol);
      List<String> hostPorts = hostPort.isEmpty() ? List.of() : range(hostPort + "/" + protocol);
      if (!hostPorts.isEmpty()
          && insidePorts.size() > 1
          && hostPorts.size() != insidePorts.size()) {
        throw invalid(
            "invalid ranges specified for container and host Ports: "
                + inside
                + " and "
                + hostPort);
      }
      for (int i = 0; i < insidePorts.size(); i++) {
        String port = insidePorts.get(i);
        String onHost =
            hostPorts.isEmpty()
                ? ""
                : insidePorts.size() == 1 ? hostPort : hostPorts.get(i).split("/")[0];
        exposed.put(port, Json.object());
        Json.JsonArray list =
            bindings.get(port) instanceof Json.JsonArray array ? array : Json.array();
        bindings.put(port, list.add(Json.object().put("HostIp", ip).put("HostPort", onHost)));
      }
    }
    return bindings;
  }

  /// `80-82/udp` as three ports.
  private static List<String> range(String text) {
    int slash = text.indexOf('/');
    String numbers = slash < 0 ? text : text.substring(0, slash);
    String protocol = slash < 0 ? "tcp" : text.substring(slash + 1).toLowerCase(Locale.ROOT);
    if (!List.of("tcp", "udp", "sctp").contains(protocol)) {
      throw invalid("invalid proto: " + protocol);
    }
    String[] bounds = numbers.split("-", 2);
    try {
      int first = Integer.parseInt(bounds[0]);
      int last = Integer.parseInt(bounds[bounds.length - 1]);
      if (first < 0 || last > 65535 || last < first) {
        throw invalid(BAD_PORT + numbers);
      }
      List<String> ports = new ArrayList<>();
      for (int port = first; port <= last; port++) {
        ports.add(port + "/" + protocol);
      }
      return ports;
    } catch (NumberFormatException e) {
      throw invalid(BAD_PORT + numbers);
    }
  }

  private Json.JsonObject endpoints() {
    Json.JsonObject addresses = Json.object();
    words.text("ip").ifPresent(ip -> addresses.put("IPv4Address", ip));
    words.text("ip6").ifPresent(ip -> addresses.put("IPv6Address", ip));
    Json.JsonObject endpoint = Json.object();
    if (!addresses.isEmpty()) {
      endpoint.put("IPAMConfig", addresses);
    }
    if (words.has("network-alias")) {
      endpoint.put("Aliases", Json.strings(words.list("network-alias")));
    }
    words.text("mac-address").ifPresent(mac -> endpoint.put("MacAddress", mac));
    return endpoint.isEmpty() ? Json.object() : Json.object().put(network(), endpoint);
  }
}
