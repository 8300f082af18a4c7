package dev.gantry.server.tracing;

import dev.gantry.grpc.Message;
import dev.gantry.http.Request;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A span for each request of the API, for a collector of OpenTelemetry; nothing at all where the
/// environment asks for none. Callers' traces are gone on with. Thread-safe.
public final class Tracing implements AutoCloseable {
  private static final int SERVER = 2;
  private static final int ERROR = 2;

  /// A request on its way.
  public static final class Span {
    private static final Span NONE = new Span(null, TraceContext.NONE, new byte[0]);

    private final @Nullable TraceExporter exporter;
    private final TraceContext parent;
    private final byte[] trace;
    private final Instant start = Instant.now();
    private final long began = System.nanoTime();
    private final Map<String, Object> attributes = new LinkedHashMap<>();
    private String name = "";

    private Span(@Nullable TraceExporter exporter, TraceContext parent, byte[] trace) {
      this.exporter = exporter;
      this.parent = parent;
      this.trace = trace;
    }

    private void about(Request request) {
      name = request.method();
      attributes.put("http.request.method", request.method());
      attributes.put("url.path", request.path()); // a query may hold secrets: arguments of builds
      attributes.put("url.scheme", request.secure() ? "https" : "http");
      attributes.put("client.address", request.peer());
      request.header("user-agent").ifPresent(agent -> attributes.put("user_agent.original", agent));
    }

    /// What was asked for, as the table of routes has it.
    public void route(String pattern) {
      if (exporter != null) {
        name = attributes.get("http.request.method") + " " + pattern;
        attributes.put("http.route", pattern);
      }
    }

    /// The answer has been given; `status` is 0 if there was none.
    public void end(int status) {
      TraceExporter to = exporter;
      if (to == null) {
        return;
      }
      if (status > 0) {
        attributes.put("http.response.status_code", (long) status);
      }
      long first = nanos(start);
      Message span =
          new Message()
              .bytes(1, trace)
              .bytes(2, to.random(8))
              .text(3, parent.state())
              .bytes(4, parent.span())
              .text(5, name)
              .number(6, SERVER)
              .fixed64(7, first)
              .fixed64(8, first + System.nanoTime() - began)
              .messages(9, TraceExporter.attributes(attributes));
      if (status == 0 || status >= 500) {
        span.message(15, new Message().number(3, ERROR));
      }
      to.add(span);
    }

    private static long nanos(Instant time) {
      return time.getEpochSecond() * 1_000_000_000L + time.getNano();
    }
  }

  private final @Nullable TraceExporter exporter;
  private final TraceSettings.@Nullable Sampler sampler;

  private Tracing(Optional<TraceSettings> settings) {
    this.exporter = settings.map(TraceExporter::new).orElse(null);
    this.sampler = settings.map(TraceSettings::sampler).orElse(null);
  }

  /// As the variables `OTEL_…` say.
  ///
  /// @throws dev.gantry.base.Failure.InvalidRequest for a value that is not understood
  public static Tracing of(Map<String, String> environment, String version) {
    return new Tracing(TraceSettings.read(environment, version));
  }

  /// Begins the span of a request.
  public Span begin(Request request) {
    if (exporter == null || sampler == null) {
      return Span.NONE;
    }
    TraceContext parent =
        TraceContext.of(request.header("traceparent"), request.header("tracestate"));
    byte[] trace = parent.isRemote() ? parent.trace() : exporter.random(16);
    if (!sampler.keeps(parent, trace)) {
      return Span.NONE;
    }
    Span span = new Span(exporter, parent, trace);
    span.about(request);
    return span;
  }

  /// Sends what waits, for a moment.
  @Override
  public void close() {
    if (exporter != null) {
      exporter.close();
    }
  }
}
