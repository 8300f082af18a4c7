package dev.gantry.server;

import dev.gantry.engine.ContainerSpec;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A checked create request in the form in which inspect shows it again.
///
/// @param config the body
/// @param host its host configuration
/// @param image the image's configuration
record ContainerWire(
    Json.JsonObject config, Json.JsonObject host, Json.JsonObject image, ApiVersion version) {
  /// What was made of the request and the image together.
  ///
  /// @param ownEntrypoint whether the request has one, or takes away the image's
  /// @param noEntrypoint whether the request has none
  record Chosen(
      List<String> argv,
      boolean ownEntrypoint,
      boolean noEntrypoint,
      List<String> command,
      List<String> entrypoint,
      List<String> environment,
      String workdir,
      String user,
      Map<String, String> labels,
      ContainerSpec.Modes modes,
      boolean privileged,
      ContainerSpec.Security security,
      String stopSignal,
      ContainerSpec.Restart restart,
      ContainerSpec.Logging logging) {}

  /// The configuration as inspect shows it.
  Json.JsonObject json(Chosen as) {
    Json.JsonObject c = Json.object();
    c.put("Hostname", config.string("Hostname", ""));
    c.put("Domainname", config.string("Domainname", ""));
    c.put("User", as.user());
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
    String mac = new NetworkingRequest(config, host, image).mainMac(as.modes().network());
    if (!mac.isEmpty()) {
      c.put("MacAddress", mac);
    }
    c.put("Tty", config.bool("Tty", false));
    c.put("OpenStdin", config.bool("OpenStdin", false));
    c.put("StdinOnce", config.bool("StdinOnce", false));
    c.put(
        "Env",
        as.environment().isEmpty() && !(config.get("Env") instanceof Json.JsonArray)
            ? Json.NULL
            : Json.strings(as.environment()));
    c.put("Cmd", as.command().isEmpty() ? Json.NULL : Json.strings(as.command()));
    c.putIfPresent("Healthcheck", HealthChecks.merged(config, image));
    c.put("Image", config.string("Image", ""));
    Json volumes =
        config.get("Volumes") == null || config.get("Volumes") == Json.NULL
            ? image.get("Volumes")
            : config.get("Volumes");
    c.put("Volumes", volumes == null ? Json.NULL : volumes);
    c.put("WorkingDir", as.workdir());
    c.put(
        "Entrypoint",
        as.entrypoint().isEmpty()
                || as.entrypoint().equals(List.of(""))
                || (as.ownEntrypoint() && as.noEntrypoint())
            ? Json.NULL
            : Json.strings(as.entrypoint()));
    c.put(
        "OnBuild",
        config.items("OnBuild").isEmpty() ? Json.NULL : Json.strings(config.strings("OnBuild")));
    for (String key : List.of("ArgsEscaped", "NetworkDisabled")) {
      if (config.bool(key, false)) {
        c.put(key, true);
      }
    }
    c.put("Labels", Json.strings(as.labels()));
    if (!as.stopSignal().isEmpty()) {
      c.put("StopSignal", as.stopSignal());
    }
    given(c, config, "StopTimeout");
    given(c, config, "Shell");
    return Json.object()
        .put("Config", c)
        .put("HostConfig", hostWire(as))
        .put("Argv", Json.strings(as.argv()));
  }

  private Json.JsonObject hostWire(Chosen as) {
    ContainerSpec.Modes modes = as.modes();
    boolean privileged = as.privileged();
    Json.JsonObject h = Json.object();
    echo(h, "Binds", Json.NULL);
    h.put("ContainerIDFile", host.string("ContainerIDFile", ""));
    ContainerSpec.Logging log = as.logging();
    h.put(
        "LogConfig",
        Json.object().put("Type", log.driver()).put("Config", Json.strings(log.options())));
    h.put("NetworkMode", modes.network());
    h.put("PortBindings", bindings());
    ContainerSpec.Restart restart = as.restart();
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
    h.put(
        "ShmSize",
        host.number("ShmSize", 0) == 0 ? ContainerRequests.SHM_SIZE : host.number("ShmSize", 0));
    given(h, host, "Sysctls");
    String runtime = host.string("Runtime", "");
    h.put("Runtime", runtime.isEmpty() ? "runc" : runtime);
    h.put("Isolation", host.string("Isolation", ""));
    resourcesWire(h);
    given(h, host, "Mounts");
    h.put("MaskedPaths", privileged ? Json.NULL : Json.strings(as.security().maskedPaths()));
    h.put("ReadonlyPaths", privileged ? Json.NULL : Json.strings(as.security().readonlyPaths()));
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
