package dev.gantry.cli;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/// `HostConfig` of the API, from the flags of `run`; network and ports come from elsewhere.
final class HostFlags {
  private final Words words;

  HostFlags(Words words) {
    this.words = words;
  }

  Json.JsonObject settings() throws IOException {
    Json.JsonObject host =
        Json.object()
            .put("Binds", Json.strings(binds()))
            .put("ContainerIDFile", words.text("cidfile", ""))
            .put(
                "LogConfig",
                Json.object()
                    .put("Type", words.text("log-driver", ""))
                    .put("Config", RunRequest.pairs(words.list("log-opt"))))
            .put("RestartPolicy", restart(words.text("restart", "no")))
            .put("AutoRemove", words.on("rm"))
            .put("VolumeDriver", words.text("volume-driver", ""))
            .put("VolumesFrom", orNull(words.list("volumes-from")))
            .put("CgroupnsMode", words.text("cgroupns", ""))
            .put("Dns", Json.strings(words.list("dns")))
            .put("DnsOptions", Json.strings(both("dns-option", "dns-opt")))
            .put("DnsSearch", Json.strings(words.list("dns-search")))
            .put("ExtraHosts", orNull(extraHosts()))
            .put("GroupAdd", orNull(words.list("group-add")))
            .put("IpcMode", words.text("ipc", ""))
            .put("Links", orNull(words.list("link")))
            .put("OomScoreAdj", words.number("oom-score-adj", 0))
            .put("PidMode", words.text("pid", ""))
            .put("Privileged", words.on("privileged"))
            .put("PublishAllPorts", words.on("publish-all"))
            .put("ReadonlyRootfs", words.on("read-only"))
            .put("UTSMode", words.text("uts", ""))
            .put("UsernsMode", words.text("userns", ""))
            .put("ShmSize", words.bytes("shm-size", 0))
            .put("Runtime", words.text("runtime", ""))
            .put("Isolation", words.text("isolation", ""))
            .put("CgroupParent", words.text("cgroup-parent", ""));
    Json.JsonArray mounts = Json.array();
    words.list("mount").forEach(text -> mounts.add(MountFlag.parse(text)));
    if (!mounts.isEmpty()) {
      host.put("Mounts", mounts);
    }
    capabilities(host);
    security(host);
    limits(host);
    new DeviceFlags(words).into(host);
    optional(host);
    return host;
  }

  /// An empty list is sent as `null`, as Docker's does: `inspect` shows which it was.
  static Json orNull(List<String> values) {
    return values.isEmpty() ? Json.NULL : Json.strings(values);
  }

  /// What is only sent if it was asked for.
  private void optional(Json.JsonObject host) {
    if (words.has("init")) {
      host.put("Init", words.on("init"));
    }
    for (String[] map :
        List.of(
            new String[] {"sysctl", "Sysctls"},
            new String[] {"annotation", "Annotations"},
            new String[] {"storage-opt", "StorageOpt"})) {
      if (words.has(map[0])) {
        host.put(map[1], RunRequest.pairs(words.list(map[0])));
      }
    }
    Json.JsonObject tmpfs = Json.object();
    for (String entry : words.list("tmpfs")) {
      int colon = entry.indexOf(':');
      tmpfs.put(
          colon < 0 ? entry : entry.substring(0, colon),
          colon < 0 ? "" : entry.substring(colon + 1));
    }
    if (!tmpfs.isEmpty()) {
      host.put("Tmpfs", tmpfs);
    }
  }

  /// By their full names; adding one that is also dropped wins.
  private void capabilities(Json.JsonObject host) {
    Set<String> added = capabilities("cap-add");
    Set<String> dropped = capabilities("cap-drop");
    dropped.removeAll(added);
    host.put("CapAdd", orNull(List.copyOf(added))).put("CapDrop", orNull(List.copyOf(dropped)));
  }

  private Set<String> capabilities(String flag) {
    Set<String> names = new TreeSet<>();
    for (String name : words.list(flag)) {
      String upper = name.strip().toUpperCase(Locale.ROOT);
      names.add(upper.equals("ALL") || upper.startsWith("CAP_") ? upper : "CAP_" + upper);
    }
    return names.contains("ALL") ? new TreeSet<>(Set.of("ALL")) : names;
  }

  private void limits(Json.JsonObject host) {
    host.put("CpuShares", words.number("cpu-shares", 0))
        .put("Memory", words.bytes("memory", 0))
        .put("NanoCpus", nanoCpus(words))
        .put("CpuPeriod", words.number("cpu-period", 0))
        .put("CpuQuota", words.number("cpu-quota", 0))
        .put("CpuRealtimePeriod", words.number("cpu-rt-period", 0))
        .put("CpuRealtimeRuntime", words.number("cpu-rt-runtime", 0))
        .put("CpusetCpus", words.text("cpuset-cpus", ""))
        .put("CpusetMems", words.text("cpuset-mems", ""))
        .put("MemoryReservation", words.bytes("memory-reservation", 0))
        .put("MemorySwap", words.bytes("memory-swap", 0))
        .put("OomKillDisable", words.on("oom-kill-disable"));
    long swappiness = words.number("memory-swappiness", -1);
    if (swappiness < -1 || swappiness > 100) {
      throw new Refused(
          "invalid value: " + swappiness + ". Valid memory swappiness range is 0-100");
    }
    host.put("MemorySwappiness", swappiness);
    if (words.has("pids-limit")) {
      host.put("PidsLimit", words.number("pids-limit", 0));
    }
  }

  static long nanoCpus(Words words) {
    // not BigDecimal.ZERO: that class alone costs milliseconds at its first use
    return words.decimal("cpus").map(cpus -> cpus.movePointRight(9).longValue()).orElse(0L);
  }

  private List<String> both(String flag, String older) {
    List<String> all = new ArrayList<>(words.list(flag));
    all.addAll(words.list(older));
    return all;
  }

  /// The API's `HOST:IP`.
  private List<String> extraHosts() {
    return words.list("add-host").stream()
        .map(h -> h.indexOf('=') > 0 ? h.replaceFirst("=", ":") : h)
        .map(h -> h.replaceAll("[\\[\\]]", ""))
        .toList();
  }

  static Json.JsonObject restart(String policy) {
    int colon = policy.indexOf(':');
    String name = colon < 0 ? policy : policy.substring(0, colon);
    long count = 0;
    if (name.isEmpty() && colon >= 0) {
      throw new Refused("invalid restart policy format: no policy provided before colon");
    }
    if (colon >= 0) {
      try {
        count = Long.parseLong(policy.substring(colon + 1));
      } catch (NumberFormatException e) {
        throw new Refused("invalid restart policy format: maximum retry count must be an integer");
      }
    }
    return Json.object().put("Name", name).put("MaximumRetryCount", count);
  }

  /// Options for the engine; `systempaths=unconfined` is ours to translate, and files are sent
  /// whole.
  private void security(Json.JsonObject host) {
    List<String> options = new ArrayList<>();
    for (String option : words.list("security-opt")) {
      String[] parts = option.replaceFirst(":", "=").split("=", 2);
      if (option.indexOf('=') >= 0 && option.indexOf('=') < Math.max(0, option.indexOf(':'))) {
        parts = option.split("=", 2);
      }
      if (parts.length == 1
          && !parts[0].equals("no-new-privileges")
          && !parts[0].equals("writable-cgroups")) {
        throw new Refused("Invalid --security-opt: \"" + option + "\"");
      }
      if (option.equals("systempaths=unconfined")) {
        host.put("MaskedPaths", Json.array()).put("ReadonlyPaths", Json.array());
      } else if (parts[0].equals("seccomp") && parts.length == 2) {
        options.add("seccomp=" + profile(parts[1]));
      } else {
        options.add(option);
      }
    }
    host.put("SecurityOpt", orNull(options));
  }

  private static String profile(String value) {
    if (value.equals("unconfined") || value.equals("builtin")) {
      return value;
    }
    try {
      return Json.parse(Files.readString(Path.of(value))).text();
    } catch (IOException e) {
      throw new Refused(
          "opening seccomp profile ("
              + value
              + ") failed: open "
              + value
              + ": "
              + FileProblems.text(e));
    } catch (JsonException e) {
      throw new Refused(
          "compacting json for seccomp profile (" + value + ") failed: " + e.getMessage());
    }
  }

  /// `SOURCE:TARGET[:OPTIONS]`; a relative source that begins with a dot is a path of ours.
  private List<String> binds() {
    List<String> binds = new ArrayList<>();
    for (String volume : words.list("volume")) {
      int colon = volume.indexOf(':');
      if (colon >= 0) {
        binds.add(MountFlag.source(volume.substring(0, colon)) + volume.substring(colon));
      }
    }
    if (words.on("use-api-socket")) {
      binds.add("/run/gantry.sock:/var/run/docker.sock");
    }
    return binds;
  }
}
