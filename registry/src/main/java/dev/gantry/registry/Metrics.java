package dev.gantry.registry;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/// Counters, gauges and one histogram in Prometheus' text format. Labels come from fixed sets only,
/// so their number is bounded.
final class Metrics {
  private static final double[] BOUNDS = {0.005, 0.025, 0.1, 0.5, 2.5, 10, 60};
  private static final String PREFIX = "gantry_registry_";
  private static final String SECONDS = PREFIX + "request_seconds";

  private static final class Histogram {
    final LongAdder[] buckets = new LongAdder[BOUNDS.length];
    final LongAdder count = new LongAdder();
    final LongAdder nanos = new LongAdder();

    Histogram() {
      java.util.Arrays.setAll(buckets, i -> new LongAdder());
    }

    void add(long took) {
      for (int i = 0; i < BOUNDS.length; i++) {
        if (took <= BOUNDS[i] * 1e9) {
          buckets[i].increment();
        }
      }
      count.increment();
      nanos.add(took);
    }
  }

  private final Map<String, LongAdder> counters = new ConcurrentSkipListMap<>();
  private final Map<String, LongSupplier> gauges = new ConcurrentSkipListMap<>();
  private final Map<String, Histogram> seconds = new ConcurrentSkipListMap<>();

  private void add(String name, long n) {
    counters.computeIfAbsent(PREFIX + name, k -> new LongAdder()).add(n);
  }

  void gauge(String name, LongSupplier value) {
    gauges.put(PREFIX + name, value);
  }

  /// One answered request.
  void request(String route, String method, int status, long sent, long nanos) {
    String labels = "route=\"" + route + "\",method=\"" + known(method) + "\"";
    add("requests_total{" + labels + ",status=\"" + status + "\"}", 1);
    add("sent_bytes_total{" + labels + "}", sent);
    seconds.computeIfAbsent(route, r -> new Histogram()).add(nanos);
  }

  private static String known(String method) {
    return switch (method) {
      case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" -> method;
      default -> "other";
    };
  }

  /// Bytes of blobs that came.
  void received(long bytes) {
    add("received_bytes_total", bytes);
  }

  /// A look into the pull-through cache.
  void cache(boolean hit) {
    add("cache_lookups_total{result=\"" + (hit ? "hit" : "miss") + "\"}", 1);
  }

  /// A finished garbage collection.
  void collected(GarbageCollection.Result result) {
    add("gc_runs_total", 1);
    add("gc_removed_blobs_total", result.blobs());
    add("gc_removed_bytes_total", result.bytes());
    add("gc_expired_uploads_total", result.uploads());
  }

  String text() {
    StringBuilder text = new StringBuilder();
    String family = "";
    for (Map.Entry<String, LongAdder> counter : counters.entrySet()) {
      family = type(text, family, counter.getKey(), "counter");
      text.append(counter.getKey()).append(' ').append(counter.getValue().sum()).append('\n');
    }
    for (Map.Entry<String, LongSupplier> gauge : gauges.entrySet()) {
      family = type(text, family, gauge.getKey(), "gauge");
      text.append(gauge.getKey()).append(' ').append(gauge.getValue().getAsLong()).append('\n');
    }
    text.append("# TYPE ").append(SECONDS).append(" histogram\n");
    seconds.forEach((route, histogram) -> histogram(text, route, histogram));
    return text.toString();
  }

  private static void histogram(StringBuilder text, String route, Histogram histogram) {
    String label = "{route=\"" + route + "\"";
    long count = histogram.count.sum();
    for (int i = 0; i < BOUNDS.length; i++) {
      String bound = String.format(Locale.ROOT, "%s", BOUNDS[i]);
      line(text, "_bucket" + label + ",le=\"" + bound + "\"}", histogram.buckets[i].sum());
    }
    line(text, "_bucket" + label + ",le=\"+Inf\"}", count);
    line(text, "_sum" + label + "}", histogram.nanos.sum() / 1e9);
    line(text, "_count" + label + "}", count);
  }

  private static void line(StringBuilder text, String name, Number value) {
    text.append(SECONDS).append(name).append(' ').append(value).append('\n');
  }

  private static String type(StringBuilder text, String before, String key, String type) {
    int brace = key.indexOf('{');
    String family = brace < 0 ? key : key.substring(0, brace);
    if (!family.equals(before)) {
      text.append("# TYPE ").append(family).append(' ').append(type).append('\n');
    }
    return family;
  }
}
