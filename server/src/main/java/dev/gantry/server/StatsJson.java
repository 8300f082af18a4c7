package dev.gantry.server;

import dev.gantry.engine.Container;
import dev.gantry.engine.Statistics;
import dev.gantry.engine.Statistics.Sample;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Statistics on Docker's wire, in the shapes of cgroup v1 and v2.
final class StatsJson {
  private static final String NO_TIME = "0001-01-01T00:00:00Z";
  private static final List<String> IO_LISTS =
      List.of(
          "io_service_bytes_recursive",
          "io_serviced_recursive",
          "io_queue_recursive",
          "io_service_time_recursive",
          "io_wait_time_recursive",
          "io_merged_recursive",
          "io_time_recursive",
          "sectors_recursive");
  // what Docker passes on of v1's memory.stat
  private static final Set<String> V1_MEMORY =
      Set.of(
          "active_anon",
          "active_file",
          "cache",
          "dirty",
          "hierarchical_memory_limit",
          "hierarchical_memsw_limit",
          "inactive_anon",
          "inactive_file",
          "mapped_file",
          "pgfault",
          "pgmajfault",
          "pgpgin",
          "pgpgout",
          "rss",
          "rss_huge",
          "unevictable",
          "writeback");

  private StatsJson() {}

  /// @param named whether name and id come first
  /// @param version newer ones say the system's name
  /// @param now empty when the container does not run
  static Json.JsonObject of(
      Container c,
      boolean named,
      ApiVersion version,
      Optional<Sample> now,
      Optional<Sample> before) {
    Json.JsonObject json = Json.object();
    if (named) {
      json.put("name", "/" + c.name()).put("id", c.id());
    }
    if (version.atLeast(52)) {
      json.put("os_type", "linux");
    }
    json.put("read", now.map(s -> ContainerJson.time(s.read())).orElse(NO_TIME));
    json.put("preread", before.map(s -> ContainerJson.time(s.read())).orElse(NO_TIME));
    boolean v2 = CgroupLayout.detected().isUnified();
    Json.JsonObject pids = Json.object();
    now.ifPresent(
        s -> {
          pids.put("current", s.pids());
          s.pidsLimit().ifPresent(l -> pids.put("limit", l));
        });
    json.put("pids_stats", pids);
    json.put("blkio_stats", io(now, v2));
    json.put("num_procs", 0);
    json.put("storage_stats", Json.object());
    json.put("cpu_stats", cpu(now));
    json.put("precpu_stats", cpu(before));
    json.put("memory_stats", now.map(s -> memory(s.memory(), v2)).orElseGet(Json::object));
    now.map(Sample::network)
        .filter(n -> !n.isEmpty())
        .ifPresent(n -> json.put("networks", networks(n)));
    return json;
  }

  private static Json.JsonObject io(Optional<Sample> now, boolean v2) {
    Json.JsonObject json = Json.object();
    for (String list : IO_LISTS) {
      json.put(list, now.isEmpty() || v2 ? Json.NULL : Json.array());
    }
    now.ifPresent(
        s -> {
          if (!v2 || !s.io().isEmpty()) {
            json.put("io_service_bytes_recursive", list(s.io()));
          }
          if (!v2) {
            json.put("io_serviced_recursive", list(s.ioOperations()));
          }
        });
    return json;
  }

  private static Json.JsonArray list(List<Statistics.Io> all) {
    Json.JsonArray list = Json.array();
    for (Statistics.Io io : all) {
      list.add(
          Json.object()
              .put("major", io.major())
              .put("minor", io.minor())
              .put("op", io.operation())
              .put("value", io.value()));
    }
    return list;
  }

  private static Json.JsonObject cpu(Optional<Sample> sample) {
    Json.JsonObject usage = Json.object();
    usage.put("total_usage", sample.map(s -> s.cpu().total()).orElse(0L));
    if (sample.isPresent() && !sample.get().cpu().perCpu().isEmpty()) {
      Json.JsonArray each = Json.array();
      sample.get().cpu().perCpu().forEach(each::add);
      usage.put("percpu_usage", each);
    }
    usage.put("usage_in_kernelmode", sample.map(s -> s.cpu().kernel()).orElse(0L));
    usage.put("usage_in_usermode", sample.map(s -> s.cpu().user()).orElse(0L));
    Json.JsonObject json = Json.object().put("cpu_usage", usage);
    sample.ifPresent(
        s -> json.put("system_cpu_usage", s.systemCpu()).put("online_cpus", s.onlineCpus()));
    return json.put(
        "throttling_data",
        Json.object()
            .put("periods", sample.map(s -> s.cpu().periods()).orElse(0L))
            .put("throttled_periods", sample.map(s -> s.cpu().throttledPeriods()).orElse(0L))
            .put("throttled_time", sample.map(s -> s.cpu().throttledNanos()).orElse(0L)));
  }

  private static Json.JsonObject memory(Statistics.Memory m, boolean v2) {
    Json.JsonObject json = Json.object().put("usage", m.usage());
    m.most().ifPresent(most -> json.put("max_usage", most));
    Json.JsonObject details = Json.object();
    Map<String, Long> all = m.details();
    Order order = Order.of(all.keySet(), v2);
    for (String key : order.shown()) {
      details.put(key, all.getOrDefault(key, 0L));
    }
    json.put("stats", details);
    if (m.failures() > 0) {
      json.put("failcnt", m.failures());
    }
    return json.put("limit", m.limit());
  }

  /// Which of a group's counters are shown, and in which order: the same for each sample.
  private record Order(Set<String> keys, List<String> shown) {
    private static volatile Order last = new Order(Set.of(), List.of());

    static Order of(Set<String> keys, boolean v2) {
      Order order = last;
      if (!order.keys().equals(keys)) {
        order =
            new Order(
                Set.copyOf(keys),
                keys.stream()
                    .filter(
                        key ->
                            v2
                                || V1_MEMORY.contains(
                                    key.startsWith("total_") ? key.substring(6) : key))
                    .sorted()
                    .toList());
        last = order;
      }
      return order;
    }
  }

  private static Json.JsonObject networks(Map<String, Statistics.Traffic> all) {
    Json.JsonObject json = Json.object();
    all.forEach(
        (name, t) ->
            json.put(
                name,
                Json.object()
                    .put("rx_bytes", t.rxBytes())
                    .put("rx_packets", t.rxPackets())
                    .put("rx_errors", t.rxErrors())
                    .put("rx_dropped", t.rxDropped())
                    .put("tx_bytes", t.txBytes())
                    .put("tx_packets", t.txPackets())
                    .put("tx_errors", t.txErrors())
                    .put("tx_dropped", t.txDropped())));
    return json;
  }
}
