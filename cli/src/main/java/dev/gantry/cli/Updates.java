package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/// `update`: the limits and the restart policy of containers that exist, and by our engine labels,
/// health check, log options and ports at once, variables, command and mounts by a restart in
/// place.
final class Updates {
  private static final Set<String> NAMES =
      Set.of(
          "blkio-weight",
          "cpu-period",
          "cpu-quota",
          "cpu-rt-period",
          "cpu-rt-runtime",
          "cpu-shares",
          "cpus",
          "cpuset-cpus",
          "cpuset-mems",
          "kernel-memory",
          "memory",
          "memory-reservation",
          "memory-swap",
          "pids-limit",
          "restart",
          "env",
          "health-cmd",
          "health-http",
          "health-interval",
          "health-on-failure",
          "health-retries",
          "health-start-interval",
          "health-start-period",
          "health-tcp",
          "health-timeout",
          "label",
          "log-opt",
          "no-healthcheck",
          "publish",
          "command",
          "mount",
          "volume");

  private Updates() {}

  /// Those of `run` that can be changed later, without `run`'s standard values.
  static List<Flag> flags() {
    Flag command =
        Flag.text("command", ' ', "Its command: a line for its shell, or words as a JSON array");
    return Stream.concat(
            RunFlags.create().stream()
                .filter(flag -> NAMES.contains(flag.name()))
                .map(flag -> flag.standard("")),
            Stream.of(command))
        .toList();
  }

  static int run(Session session, Words words) throws Exception {
    if (NAMES.stream().noneMatch(words::has)) {
      throw new Exit(1, "you must provide one or more flags when using this command");
    }
    Json.JsonObject body = Json.object();
    number(words, body, "blkio-weight", "BlkioWeight");
    number(words, body, "cpu-period", "CpuPeriod");
    number(words, body, "cpu-quota", "CpuQuota");
    number(words, body, "cpu-rt-period", "CpuRealtimePeriod");
    number(words, body, "cpu-rt-runtime", "CpuRealtimeRuntime");
    number(words, body, "cpu-shares", "CpuShares");
    number(words, body, "pids-limit", "PidsLimit");
    if (words.has("cpus")) {
      body.put("NanoCpus", HostFlags.nanoCpus(words));
    }
    words.text("cpuset-cpus").ifPresent(set -> body.put("CpusetCpus", set));
    words.text("cpuset-mems").ifPresent(set -> body.put("CpusetMems", set));
    bytes(words, body, "memory", "Memory");
    bytes(words, body, "memory-reservation", "MemoryReservation");
    bytes(words, body, "memory-swap", "MemorySwap");
    words.text("restart").ifPresent(r -> body.put("RestartPolicy", HostFlags.restart(r)));
    return session.each(
        words.arguments(),
        name -> {
          Json.JsonObject live = live(session, words, name);
          if (!live.isEmpty()) {
            body.put("Gantry", live);
          }
          Query query = Query.of("/containers/{}/update", name);
          Json.JsonObject answer = Session.object(session.engine().post(query, body));
          session.out().println(name);
          session.out().flush();
          answer.strings("Warnings").forEach(session.err()::println);
        });
  }

  /// What only our engine can change, from what the container is now.
  private static Json.JsonObject live(Session session, Words words, String name) {
    Json.JsonObject live = Json.object();
    if (words.has("label")) {
      live.put("Labels", RunRequest.pairs(words.list("label")));
    }
    RunRequest.healthcheck(words).ifPresent(check -> live.put("Healthcheck", check));
    if (words.has("log-opt")) {
      live.put("LogConfig", Json.object().put("Config", RunRequest.pairs(words.list("log-opt"))));
    }
    if (words.has("publish")) {
      live.put("PortBindings", new PortFlags(words.list("publish"), List.of()).bindings());
    }
    words.text("command").ifPresent(command -> live.put("Cmd", command(command)));
    if (words.has("volume") || words.has("mount")) {
      mounts(session, words, name, live);
    }
    if (words.has("env")) {
      Json.JsonObject now = inspect(session, name);
      Map<String, String> variables = new LinkedHashMap<>();
      List<String> all =
          new ArrayList<>(now.object("Config").map(c -> c.strings("Env")).orElse(List.of()));
      all.addAll(words.list("env"));
      for (String entry : all) {
        int equals = entry.indexOf('=');
        String own = Surroundings.ours().environment().get(entry);
        if (equals > 0) {
          variables.put(entry.substring(0, equals), entry.substring(equals + 1));
        } else if (own != null) {
          variables.put(entry, own);
        }
      }
      live.put(
          "Env",
          Json.strings(
              variables.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList()));
    }
    return live;
  }

  private static Json.JsonObject inspect(Session session, String name) {
    return Session.object(session.engine().get(Query.of("/containers/{}/json", name)));
  }

  private static Json command(String text) {
    if (!text.startsWith("[")) {
      return Json.strings(List.of("/bin/sh", "-c", text));
    }
    try {
      return Json.parse(text);
    } catch (JsonException e) {
      throw new Exit(1, "--command begins as a JSON array and is none: " + e.getMessage());
    }
  }

  /// What is mounted now and what is asked for; of two at one place the newer.
  private static void mounts(Session session, Words words, String name, Json.JsonObject live) {
    Json.JsonObject host = inspect(session, name).object("HostConfig").orElseGet(Json::object);
    Map<String, Json> binds = new LinkedHashMap<>();
    for (String bind : host.strings("Binds")) {
      binds.put(target(bind), Json.of(bind));
    }
    for (String volume : words.list("volume")) {
      int colon = volume.indexOf(':');
      binds.put(
          target(volume),
          Json.of(
              colon < 0
                  ? volume
                  : MountFlag.source(volume.substring(0, colon)) + volume.substring(colon)));
    }
    Map<String, Json> mounts = new LinkedHashMap<>();
    host.objects("Mounts").forEach(mount -> mounts.put(mount.string("Target", ""), mount));
    for (String text : words.list("mount")) {
      Json.JsonObject mount = MountFlag.parse(text);
      binds.remove(mount.string("Target", ""));
      mounts.put(mount.string("Target", ""), mount);
    }
    words.list("volume").forEach(volume -> mounts.remove(target(volume)));
    live.put("Binds", array(binds)).put("Mounts", array(mounts));
  }

  private static String target(String bind) {
    String[] parts = bind.split(":");
    return parts[Math.min(1, parts.length - 1)];
  }

  private static Json.JsonArray array(Map<String, Json> values) {
    Json.JsonArray array = Json.array();
    values.values().forEach(array::add);
    return array;
  }

  private static void number(Words words, Json.JsonObject body, String flag, String field) {
    if (words.has(flag)) {
      body.put(field, words.number(flag, 0));
    }
  }

  private static void bytes(Words words, Json.JsonObject body, String flag, String field) {
    if (words.has(flag)) {
      body.put(field, words.bytes(flag, 0));
    }
  }
}
