package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Set;

/// `update`: the limits and the restart policy of containers that exist.
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
          "restart");

  private Updates() {}

  /// Those of `run` that can be changed later, without `run`'s standard values.
  static List<Flag> flags() {
    return RunFlags.create().stream()
        .filter(flag -> NAMES.contains(flag.name()))
        .map(flag -> flag.standard(""))
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
          Query query = Query.of("/containers/{}/update", name);
          Json.JsonObject answer = Session.object(session.engine().post(query, body));
          session.out().println(name);
          session.out().flush();
          answer.strings("Warnings").forEach(session.err()::println);
        });
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
