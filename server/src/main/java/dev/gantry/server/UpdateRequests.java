package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import java.util.List;

/// Reads the body of POST /containers/ID/update: zero means "as it is", and what Docker's daemon
/// refuses to combine is refused with its texts.
final class UpdateRequests {
  private static final List<String> NUMBERS =
      List.of(
          "CpuShares",
          "NanoCpus",
          "CpuPeriod",
          "CpuQuota",
          "CpuRealtimePeriod",
          "CpuRealtimeRuntime",
          "Memory",
          "MemorySwap",
          "MemoryReservation",
          "BlkioWeight");
  private static final List<String> TEXTS = List.of("CpusetCpus", "CpusetMems");
  private static final List<String> DEVICES =
      List.of(
          "BlkioWeightDevice",
          "BlkioDeviceReadBps",
          "BlkioDeviceWriteBps",
          "BlkioDeviceReadIOps",
          "BlkioDeviceWriteIOps");

  private UpdateRequests() {}

  /// The container's specification with what `body` changes.
  static ContainerSpec apply(
      Engine engine, Container c, ContainerSpec spec, Json.JsonObject body, ApiVersion version) {
    Json.JsonObject host =
        (Json.JsonObject) spec.wire().object("HostConfig").orElseGet(Json::object).copy();
    refuseConflicts(c, host, body);
    for (String key : NUMBERS) {
      if (body.number(key, 0) != 0) {
        host.put(key, body.number(key, 0));
      }
    }
    for (String key : TEXTS) {
      if (!body.string(key, "").isEmpty()) {
        host.put(key, body.string(key, ""));
      }
    }
    for (String key : DEVICES) {
      boolean taken = version.atLeast(55) && body.get(key) instanceof Json.JsonArray;
      if (taken || !body.objects(key).isEmpty()) {
        host.putIfPresent(key, body.get(key));
      }
    }
    if (version.atLeast(40) && body.get("PidsLimit") instanceof Json.JsonNumber n) {
      host.put("PidsLimit", n.longValue() <= 0 ? Json.NULL : n);
    }
    body.object("RestartPolicy")
        .filter(policy -> !policy.string("Name", "").isEmpty())
        .ifPresent(
            policy ->
                host.put(
                    "RestartPolicy",
                    Json.object()
                        .put("Name", policy.string("Name", ""))
                        .put("MaximumRetryCount", policy.number("MaximumRetryCount", 0))));
    ContainerRequests.Limits limits = ContainerRequests.limits(engine, host);
    ContainerSpec updated =
        spec.with(
            json -> {
              json.put("resources", JsonRecords.write(limits.resources()));
              json.put("restart", JsonRecords.write(limits.restart()));
              json.put("wire", ((Json.JsonObject) spec.wire().copy()).put("HostConfig", host));
            });
    return body.object("Gantry")
        .map(wishes -> LiveChanges.apply(engine, updated, wishes))
        .orElse(updated);
  }

  private static void refuseConflicts(Container c, Json.JsonObject host, Json.JsonObject body) {
    refuseIf(c, body, "NanoCpus", host, "CpuPeriod", "Nano CPUs", "CPU Period");
    refuseIf(c, body, "NanoCpus", host, "CpuQuota", "Nano CPUs", "CPU Quota");
    refuseIf(c, body, "CpuPeriod", host, "NanoCpus", "CPU Period", "NanoCPUs");
    refuseIf(c, body, "CpuQuota", host, "NanoCpus", "CPU Quota", "NanoCPUs");
    long swap = host.number("MemorySwap", 0);
    if (body.number("Memory", 0) > swap && swap > 0 && body.number("MemorySwap", 0) == 0) {
      throw refused(
          c,
          "Memory limit should be smaller than already set memoryswap limit, update the memoryswap"
              + " at the same time");
    }
    String policy = body.object("RestartPolicy").map(p -> p.string("Name", "")).orElse("");
    if (host.bool("AutoRemove", false) && !policy.isEmpty() && !policy.equals("no")) {
      throw refused(
          c, "Restart policy cannot be updated because AutoRemove is enabled for the container");
    }
  }

  private static void refuseIf(
      Container c,
      Json.JsonObject body,
      String wanted,
      Json.JsonObject host,
      String there,
      String wantedName,
      String thereName) {
    if (body.number(wanted, 0) > 0 && host.number(there, 0) > 0) {
      throw refused(
          c,
          "Conflicting options: "
              + wantedName
              + " cannot be updated as "
              + thereName
              + " has already been set");
    }
  }

  private static Failure refused(Container c, String why) {
    return new Failure.Conflict("Cannot update container " + c.id() + ": " + why);
  }
}
