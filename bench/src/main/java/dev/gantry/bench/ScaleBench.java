package dev.gantry.bench;

import dev.gantry.json.Json;
import dev.gantry.testkit.Engine;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/// What many containers cost the engine while nothing happens but what they ask for: health checks
/// each second, streams of statistics, lists.
final class ScaleBench {
  private static final int CHECKED = 500;
  private static final int WATCHED = 200;
  private static final int LISTED = 1000;
  private static final int PER_NETWORK = 240;
  private static final long SECOND = 1_000_000_000L;

  private final int seconds;

  ScaleBench(int seconds) {
    this.seconds = seconds;
  }

  void run() throws Exception {
    try (Engine engine = Engine.startWithPool()) {
      engine.busybox();
      Api api = new Api(engine.socket());
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < CHECKED; i++) {
        String network = "net" + i / PER_NETWORK;
        if (i % PER_NETWORK == 0) {
          api.createNetwork(network);
        }
        String id = api.create(server(network));
        api.start(id);
        ids.add(id);
      }
      awaitHealthy(api);
      load(engine, CHECKED + " containers, each with an HTTP health check a second", "< 10 %");
      AtomicLong samples = new AtomicLong();
      List<SocketChannel> streams = new ArrayList<>();
      for (String id : ids.subList(0, WATCHED)) {
        streams.add(watch(engine, id, samples));
      }
      Thread.sleep(3000);
      long before = samples.get();
      load(engine, "the same, and " + WATCHED + " streams of statistics at 1 Hz", "");
      System.out.printf(
          Locale.ROOT,
          "    %.2f samples a second and stream%n",
          (samples.get() - before) / (double) seconds / WATCHED);
      for (SocketChannel stream : streams) {
        stream.close();
      }
      for (int i = CHECKED; i < LISTED; i++) {
        api.create(Json.object().put("Cmd", Json.array().add("true")));
      }
      Row row = new Row("list of " + LISTED + " containers", "< 50 ms");
      row.candidate("GET /containers/json?all=1", () -> api.get("/containers/json?all=1"));
      row.candidate("gantry ps -a", () -> engine.gantry("ps", "-a").succeeded());
      row.measure(10, 20);
      row.lines("ms").forEach(System.out::println);
    }
    withoutChecks();
  }

  private void withoutChecks() throws Exception {
    try (Engine engine = Engine.start()) {
      engine.busybox();
      Api api = new Api(engine.socket());
      AtomicLong samples = new AtomicLong();
      for (int i = 0; i < WATCHED; i++) {
        String id = api.sleeper("bridge");
        SocketChannel stream = watch(engine, id, samples);
        assert stream.isOpen();
      }
      load(engine, WATCHED + " streams of statistics at 1 Hz alone", "< 10 %");
    }
  }

  private static Json.JsonObject server(String network) {
    Json.JsonObject check =
        Json.object()
            .put("Test", Json.array().add("HTTP").add("http://localhost/passwd"))
            .put("Interval", SECOND);
    return Json.object()
        .put("Cmd", Json.array().add("httpd").add("-f").add("-p").add("80").add("-h").add("/etc"))
        .put("Healthcheck", check)
        .put("HostConfig", Json.object().put("NetworkMode", network));
  }

  private static void awaitHealthy(Api api) throws IOException, InterruptedException {
    for (int i = 0; i < 300; i++) {
      String filter = "%7B%22health%22%3A%5B%22healthy%22%5D%7D";
      if (((Json.JsonArray) api.get("/containers/json?filters=" + filter)).items().size()
          >= CHECKED) {
        return;
      }
      Thread.sleep(200);
    }
    throw new IOException("not all containers became healthy");
  }

  /// Lets time pass and prints the engine's share of one core.
  private void load(Engine engine, String what, String budget)
      throws IOException, InterruptedException {
    long before = ProcessorTime.millis(engine.pid());
    long start = System.nanoTime();
    Thread.sleep(seconds * 1000L);
    double used = ProcessorTime.millis(engine.pid()) - before;
    double share = used * 1e6 / (System.nanoTime() - start) * 100;
    System.out.printf(
        Locale.ROOT,
        "%s%s%n    gantry %31.1f %% of a core%n",
        what,
        budget.isEmpty() ? "" : "   [budget: " + budget + "]",
        share);
  }

  /// A stream of statistics, whose samples are counted and thrown away.
  private static SocketChannel watch(Engine engine, String id, AtomicLong samples)
      throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(engine.socket()));
    String request = "GET /containers/" + id + "/stats HTTP/1.1\r\nHost: docker\r\n\r\n";
    channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII)));
    Thread.ofVirtual()
        .start(
            () -> {
              ByteBuffer buffer = ByteBuffer.allocate(8192);
              try {
                while (channel.read(buffer.clear()) >= 0) {
                  for (int i = 0; i < buffer.position(); i++) {
                    // each sample is a line, and a chunk: its length's line and its end make two
                    // more
                    if (buffer.get(i) == '}'
                        && i + 1 < buffer.position()
                        && buffer.get(i + 1) == '\n') {
                      samples.incrementAndGet();
                    }
                  }
                }
              } catch (IOException e) {
                return; // closed at the end
              }
            });
    return channel;
  }
}
