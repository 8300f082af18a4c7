package dev.gantry.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Traces of the engine's own requests, sent to a collector of the test's own.
class TracingIT {
  @Test
  void requestsOfClientsBecomeSpans() throws IOException {
    HttpServer collector =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    StringBuffer received = new StringBuffer();
    collector.createContext(
        "/v1/traces",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          received.append(new String(body, StandardCharsets.ISO_8859_1));
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    collector.start();
    String endpoint = "http://127.0.0.1:" + collector.getAddress().getPort();
    try (Engine engine =
        Engine.startThrough(
            List.of(
                "env",
                "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
                "OTEL_SERVICE_NAME=of-the-test"))) {
      engine.docker("run", "--rm", engine.busybox(), "true").succeeded();
      for (String name :
          List.of("POST /containers/create", "POST /containers/{id}/start", "of-the-test")) {
        Eventually.within(
            Containers.PATIENCE, () -> name + ": " + received, () -> received.indexOf(name) >= 0);
      }
      engine.get("/containers/last-one/json").expect(404);
      engine.stop(); // what waits is sent
      Eventually.within(
          Containers.PATIENCE, received::toString, () -> received.indexOf("last-one") >= 0);
      engine.restart();
    } finally {
      collector.stop(0);
    }
    assertEquals(-1, received.indexOf("fromImage"), "no queries");
    AssertionError refused =
        assertThrows(
            AssertionError.class,
            () ->
                Engine.startThrough(List.of("env", "OTEL_EXPORTER_OTLP_ENDPOINT=ftp://nowhere"))
                    .close());
    assertTrue(
        String.valueOf(refused.getMessage()).contains("OTEL_EXPORTER_OTLP_ENDPOINT"),
        refused.getMessage());
  }
}
