package dev.gantry.server.tracing;

import dev.gantry.base.Failure;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What the variables of OpenTelemetry ask for (specification, "SDK environment variables" and
/// "OTLP exporter"). Where a variable exists for traces alone, it is looked at first.
///
/// @param endpoint where spans go, with the path for HTTP
/// @param grpc otherwise protobuf over HTTP
/// @param certificate of the collector's authority; the machine's own authorities where absent
/// @param resource what is said of this engine
/// @param sampler which new traces are kept
/// @param delay how long spans wait for others
record TraceSettings(
    URI endpoint,
    boolean grpc,
    Map<String, String> headers,
    Duration timeout,
    @Nullable Path certificate,
    Map<String, String> resource,
    Sampler sampler,
    Duration delay,
    int queue,
    int batch) {

  private static final String OTLP = "OTEL_EXPORTER_OTLP_";

  /// Empty where nothing is asked for: no endpoint, or no exporter.
  ///
  /// @throws Failure.InvalidRequest for a value that is not understood
  static Optional<TraceSettings> read(Map<String, String> environment, String version) {
    boolean off = environment.getOrDefault("OTEL_SDK_DISABLED", "").equalsIgnoreCase("true");
    String own = environment.getOrDefault(OTLP + "TRACES_ENDPOINT", "");
    String common = environment.getOrDefault(OTLP + "ENDPOINT", "");
    String exporter = environment.getOrDefault("OTEL_TRACES_EXPORTER", "");
    if (off || exporter.equals("none") || own.isEmpty() && common.isEmpty()) {
      return Optional.empty();
    }
    if (!exporter.isEmpty() && !exporter.equals("otlp")) {
      throw new Failure.InvalidRequest(
          "invalid value \"" + exporter + "\" of OTEL_TRACES_EXPORTER: otlp or none");
    }
    // dockerd's own default
    String protocol = otlp(environment, "PROTOCOL", "grpc");
    if (!List.of("grpc", "http/protobuf").contains(protocol)) {
      throw new Failure.InvalidRequest(
          "invalid value \"" + protocol + "\" of " + OTLP + "PROTOCOL: grpc or http/protobuf");
    }
    boolean grpc = protocol.equals("grpc");
    String certificate = otlp(environment, "CERTIFICATE", "");
    return Optional.of(
        new TraceSettings(
            endpoint(own.isEmpty() ? common : own, !grpc && own.isEmpty()),
            grpc,
            pairs(otlp(environment, "HEADERS", "")),
            Duration.ofMillis(millis(OTLP + "TIMEOUT", otlp(environment, "TIMEOUT", "10000"))),
            certificate.isEmpty() ? null : Path.of(certificate),
            resource(environment, version),
            Sampler.read(environment),
            Duration.ofMillis(number(environment, "OTEL_BSP_SCHEDULE_DELAY", 5000)),
            number(environment, "OTEL_BSP_MAX_QUEUE_SIZE", 2048),
            number(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)));
  }

  private static String otlp(Map<String, String> environment, String name, String absent) {
    String own = environment.getOrDefault(OTLP + "TRACES_" + name, "");
    String common = environment.getOrDefault(OTLP + name, "");
    return !own.isEmpty() ? own : !common.isEmpty() ? common : absent;
  }

  private static URI endpoint(String text, boolean addPath) {
    try {
      URI uri = URI.create(text.contains("://") ? text : "http://" + text);
      if (!List.of("http", "https").contains(uri.getScheme()) || uri.getHost() == null) {
        throw new IllegalArgumentException("no http or https address");
      }
      return addPath ? URI.create(uri.toString().replaceFirst("/*$", "") + "/v1/traces") : uri;
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest(
          "invalid value \"" + text + "\" of " + OTLP + "ENDPOINT", null, e);
    }
  }

  private static Map<String, String> resource(Map<String, String> environment, String version) {
    Map<String, String> resource = new LinkedHashMap<>();
    resource.put("service.name", "gantryd");
    resource.put("service.version", version);
    resource.put("process.pid", Long.toString(ProcessHandle.current().pid()));
    resource.putAll(pairs(environment.getOrDefault("OTEL_RESOURCE_ATTRIBUTES", "")));
    String name = environment.getOrDefault("OTEL_SERVICE_NAME", "");
    if (!name.isEmpty()) {
      resource.put("service.name", name);
    }
    return resource;
  }

  /// `key=value,…`, with escapes as in URLs.
  private static Map<String, String> pairs(String text) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String pair : text.split(",")) {
      int equals = pair.indexOf('=');
      if (equals > 0) {
        String value = pair.substring(equals + 1).strip().replace("+", "%2B");
        pairs.put(
            pair.substring(0, equals).strip(), URLDecoder.decode(value, StandardCharsets.UTF_8));
      }
    }
    return pairs;
  }

  private static int number(Map<String, String> environment, String name, int absent) {
    String text = environment.getOrDefault(name, "");
    return text.isEmpty() ? absent : Math.max(1, millis(name, text));
  }

  private static int millis(String name, String text) {
    if (!text.matches("[0-9]{1,9}")) {
      throw new Failure.InvalidRequest("invalid value \"" + text + "\" of " + name);
    }
    return Integer.parseInt(text);
  }

  /// Which traces are kept.
  ///
  /// @param ofParent whether the caller's decision counts before ours
  /// @param ratio of new traces, 0 to 1
  record Sampler(boolean ofParent, double ratio) {
    private static Sampler read(Map<String, String> environment) {
      String name = environment.getOrDefault("OTEL_TRACES_SAMPLER", "");
      String kind = name.isEmpty() ? "parentbased_always_on" : name;
      boolean parent = kind.startsWith("parentbased_");
      return switch (kind.replace("parentbased_", "")) {
        case "always_on" -> new Sampler(parent, 1);
        case "always_off" -> new Sampler(parent, 0);
        case "traceidratio" ->
            new Sampler(parent, ratio(environment.getOrDefault("OTEL_TRACES_SAMPLER_ARG", "1")));
        default ->
            throw new Failure.InvalidRequest(
                "invalid value \"" + name + "\" of OTEL_TRACES_SAMPLER");
      };
    }

    private static double ratio(String text) {
      if (!text.matches("0?\\.[0-9]{1,12}|[01](\\.0{0,12})?")) {
        throw new Failure.InvalidRequest(
            "invalid value \"" + text + "\" of OTEL_TRACES_SAMPLER_ARG: 0 to 1");
      }
      return Double.parseDouble(text);
    }

    /// Decides by the trace's id, as everybody who takes part in it does.
    boolean keeps(TraceContext parent, byte[] trace) {
      if (ofParent && parent.isRemote()) {
        return parent.sampled();
      }
      long last = java.nio.ByteBuffer.wrap(trace).getLong(8) >>> 1;
      return last < ratio * Long.MAX_VALUE;
    }
  }
}
