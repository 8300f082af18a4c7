package dev.gantry.server.tracing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.Message;
import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.http.Request;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TracingTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "b7ad6b7169203331";

  private final BlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> keys = new LinkedBlockingQueue<>();

  private static Request request(Map<String, String> headers) {
    return new Request(
        "POST",
        "/v1.50/containers/x/start?a=b",
        "/v1.50/containers/x/start",
        Map.of("a", List.of("b")),
        headers,
        new ByteArrayInputStream(new byte[0]),
        false,
        "unix",
        false);
  }

  private static void trace(Map<String, String> environment, Map<String, String> headers) {
    try (Tracing tracing = Tracing.of(environment, "1")) {
      Tracing.Span span = tracing.begin(request(headers));
      span.route("/containers/{name}/start");
      span.end(204);
      Tracing.Span failed = tracing.begin(request(headers));
      failed.end(500);
    }
  }

  private void assertArrived() throws Exception {
    byte[] body = arrived.poll(30, TimeUnit.SECONDS);
    Message spans = Message.decode(body).message(1).orElseThrow();
    Message resource = spans.message(1).orElseThrow();
    assertEquals(
        List.of("service.name=here", "service.version=1", "team=blue"),
        resource.messages(1).stream()
            .map(TracingTest::pair)
            .filter(pair -> !pair.startsWith("process.pid"))
            .sorted()
            .toList());
    List<Message> both = spans.message(2).orElseThrow().messages(2);
    assertEquals(2, both.size());
    Message span = both.getFirst();
    assertArrayEquals(HexFormat.of().parseHex(TRACE), span.bytes(1));
    assertEquals(8, span.bytes(2).length);
    assertEquals("vendor=1", span.text(3));
    assertArrayEquals(HexFormat.of().parseHex(PARENT), span.bytes(4));
    assertEquals("POST /containers/{name}/start", span.text(5));
    assertEquals(2, span.number(6), "a server's");
    assertTrue(span.number(8) >= span.number(7) && span.number(7) > 0);
    List<String> pairs = span.messages(9).stream().map(TracingTest::pair).toList();
    assertTrue(
        pairs.containsAll(
            List.of(
                "http.request.method=POST",
                "url.path=/v1.50/containers/x/start",
                "http.route=/containers/{name}/start",
                "http.response.status_code=204")),
        pairs::toString);
    assertFalse(span.has(15));
    assertEquals(2, both.get(1).message(15).orElseThrow().number(3), "an error");
  }

  private static String pair(Message attribute) {
    try {
      Message value = attribute.message(2).orElseThrow();
      return attribute.text(1) + "=" + (value.has(3) ? value.number(3) : value.text(1));
    } catch (dev.gantry.grpc.GrpcException e) {
      throw new AssertionError(e);
    }
  }

  private static final Map<String, String> CALLER =
      Map.of("traceparent", "00-" + TRACE + "-" + PARENT + "-01", "tracestate", "vendor=1");

  @Test
  void sendsSpansOverHttpAndTriesAgain() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    HttpServer server =
        new HttpServer(
            (request, response) -> {
              byte[] body = request.body().readAllBytes();
              if (asked.incrementAndGet() == 1 || !request.path().equals("/base/v1/traces")) {
                response.empty(503);
                return;
              }
              keys.add(request.header("api-key").orElse(""));
              arrived.add(body);
              response.empty(200);
            },
            Limits.PUBLIC);
    int port =
        server.listenTcp(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).getPort();
    try (Tracing tracing = Tracing.of(environment("http/protobuf", port, "/base/"), "1")) {
      Tracing.Span span = tracing.begin(request(CALLER));
      span.route("/containers/{name}/start");
      span.end(204);
      tracing.begin(request(CALLER)).end(500);
      assertArrived();
      assertEquals("a b", keys.poll());
    } finally {
      server.close();
    }
  }

  private static Map<String, String> environment(String protocol, int port, String path) {
    return Map.of(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://127.0.0.1:" + port + path,
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        protocol,
        "OTEL_EXPORTER_OTLP_HEADERS",
        "api-key=a%20b",
        "OTEL_SERVICE_NAME",
        "here",
        "OTEL_RESOURCE_ATTRIBUTES",
        "team=blue",
        "OTEL_BSP_SCHEDULE_DELAY",
        "20000", // both spans go together, when the second is there
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "2");
  }

  @Test
  void sendsSpansOverGrpc() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> serve(server));
      trace(environment("grpc", server.getLocalPort(), ""), CALLER);
      assertArrived();
      assertEquals("a b", keys.poll(30, TimeUnit.SECONDS));
    }
  }

  private void serve(ServerSocket server) {
    try (Socket socket = server.accept()) {
      Connection.server(
              socket.getInputStream(),
              socket.getOutputStream(),
              (method, call) -> {
                assertEquals("/opentelemetry.proto.collector.trace.v1.TraceService/Export", method);
                arrived.add(call.request().encode());
                keys.add(call.metadata("api-key").orElse(""));
                call.send(new Message());
              })
          .run();
    } catch (IOException e) {
      return; // the other side has gone
    }
  }

  @Test
  void nothingIsSentWhereNothingIsAskedFor() {
    for (Map<String, String> environment :
        List.of(
            Map.<String, String>of(),
            Map.of("OTEL_TRACES_EXPORTER", "otlp"),
            Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:1", "OTEL_TRACES_EXPORTER", "none"),
            Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:1", "OTEL_SDK_DISABLED", "true"))) {
      assertTrue(TraceSettings.read(environment, "1").isEmpty(), environment::toString);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "OTEL_TRACES_EXPORTER, zipkin",
    "OTEL_EXPORTER_OTLP_PROTOCOL, http/json",
    "OTEL_EXPORTER_OTLP_ENDPOINT, ftp://x",
    "OTEL_TRACES_SAMPLER, sometimes",
    "OTEL_BSP_SCHEDULE_DELAY, soon"
  })
  void refusesWhatItDoesNotUnderstand(String name, String value) {
    Map<String, String> environment =
        name.endsWith("ENDPOINT")
            ? Map.of(name, value)
            : Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:1", name, value);
    Failure.InvalidRequest refused =
        assertThrows(
            Failure.InvalidRequest.class, () -> TraceSettings.read(environment, "1").isEmpty());
    assertTrue(refused.text().contains(value) && refused.text().contains(name), refused.text());
  }

  @Test
  void theCallersDecisionCounts() {
    TraceSettings.Sampler sampler =
        TraceSettings.read(
                Map.of(
                    "OTEL_EXPORTER_OTLP_ENDPOINT",
                    "x:4317",
                    "OTEL_TRACES_SAMPLER",
                    "parentbased_traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG",
                    "0.5"),
                "1")
            .orElseThrow()
            .sampler();
    byte[] low = HexFormat.of().parseHex("00000000000000000000000000000001");
    byte[] high = HexFormat.of().parseHex("0000000000000000ffffffffffffffff");
    assertTrue(sampler.keeps(TraceContext.NONE, low));
    assertFalse(sampler.keeps(TraceContext.NONE, high));
    for (boolean sampled : new boolean[] {true, false}) {
      String parent = "00-" + TRACE + "-" + PARENT + (sampled ? "-01" : "-00");
      TraceContext context =
          TraceContext.of(java.util.Optional.of(parent), java.util.Optional.empty());
      assertEquals(sampled, sampler.keeps(context, high));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00-" + TRACE + "-" + PARENT,
        "00-" + TRACE + "-" + PARENT + "-01-more",
        "ff-" + TRACE + "-" + PARENT + "-01",
        "00-00000000000000000000000000000000-" + PARENT + "-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" + PARENT + "-01"
      })
  void malformedParentsAreNone(String parent) {
    TraceContext context =
        TraceContext.of(java.util.Optional.of(parent), java.util.Optional.of("a=b"));
    assertFalse(context.isRemote());
    assertEquals("", context.state());
  }
}
