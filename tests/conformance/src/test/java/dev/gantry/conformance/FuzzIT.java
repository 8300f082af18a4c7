package dev.gantry.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.testkit.Answer;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Eventually;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Bad input to every endpoint: no 5xx where Docker's clients could cause it, no hang, Docker's
/// error body, and nothing left behind. The inputs are the same in each run unless
/// `-Dgantry.fuzz.seed` says another seed; `-Dgantry.fuzz.rounds` makes more of them.
class FuzzIT {
  private static final long SEED = Long.getLong("gantry.fuzz.seed", 20_261_121);
  private static final int ROUNDS = Integer.getInteger("gantry.fuzz.rounds", 14);
  private static final int SHOWN = 20;

  /// What these ask for is not there, or not reachable: 501 and 503 are the truth.
  private static final List<String> ABSENT =
      List.of(
          "/swarm",
          "/nodes",
          "/services",
          "/tasks",
          "/secrets",
          "/configs",
          "/plugins",
          "/build",
          "/session",
          "/grpc",
          "/volumes/",
          "/containers/{id}/checkpoints");

  /// These ask other machines: they are tried where there are none, and may say that.
  private static final List<String> OTHERS =
      List.of("/auth", "/images/search", "/images/{name}/push", "/distribution/{name}/json");

  private static final Pattern UNREACHABLE =
      Pattern.compile("no such host|unreachable|cannot be resolved|connection refused");

  private final List<String> failures = new ArrayList<>();

  @Test
  void badInputIsRefusedWithDockersErrors() {
    try (Engine engine = Engine.start()) {
      prepare(engine);
      long descriptors = descriptors(engine);
      var requests = new FuzzRequests(new Random(SEED));
      for (FuzzRequests.Endpoint endpoint : FuzzRequests.endpoints()) {
        if (OTHERS.contains(endpoint.path())) {
          continue;
        }
        for (int i = 0; i < ROUNDS; i++) {
          ask(engine, endpoint, requests.next(endpoint));
        }
        prepare(engine);
      }
      assertEquals("", String.join("\n", failures), "seed " + SEED);
      bodyOfManyValuesIsRefused(engine);
      engine.assertSpecification();
      clean(engine);
      Eventually.within(
          Duration.ofSeconds(30),
          () -> "descriptors: " + descriptors(engine) + ", before " + descriptors,
          () -> descriptors(engine) < descriptors + 20);
    }
  }

  @Test
  void badInputIsRefusedBeforeOtherMachinesAreAsked() throws Exception {
    Needs.root();
    Process alone = new ProcessBuilder("unshare", "--net", "sleep", "600").start();
    try {
      Eventually.within(
          Duration.ofSeconds(20),
          "no network namespace",
          () -> !namespace(alone.pid()).equals(namespace(ProcessHandle.current().pid())));
      try (Engine engine = Engine.startIn(alone.pid())) {
        prepare(engine);
        long descriptors = descriptors(engine);
        var requests = new FuzzRequests(new Random(SEED));
        for (FuzzRequests.Endpoint endpoint : FuzzRequests.endpoints()) {
          for (int i = 0; OTHERS.contains(endpoint.path()) && i < ROUNDS; i++) {
            ask(engine, endpoint, requests.next(endpoint));
          }
        }
        assertEquals("", String.join("\n", failures), "seed " + SEED);
        clean(engine);
        Eventually.within(
            Duration.ofSeconds(30),
            () -> "descriptors: " + descriptors(engine) + ", before " + descriptors,
            () -> descriptors(engine) < descriptors + 20);
      }
    } finally {
      int code = alone.destroyForcibly().waitFor();
      assertTrue(code != 0);
    }
  }

  private static String namespace(long pid) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/net")).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /// Every row of the list of Docker's endpoints is asked for, with each of its query parameters.
  @Test
  void everyEndpointIsAmongThem() throws IOException {
    List<String> rows = Files.readAllLines(Needs.shared("features/api.tsv"));
    int query = List.of(rows.getFirst().split("\t", -1)).indexOf("query_params");
    List<FuzzRequests.Endpoint> asked = FuzzRequests.endpoints();
    List<String> missing = new ArrayList<>();
    for (String row : rows.subList(1, rows.size())) {
      String[] columns = row.split("\t", -1);
      List<String> parameters =
          Stream.of(columns[query].split(" "))
              .map(text -> text.split("[!:]", 2)[0])
              .filter(name -> !name.isEmpty())
              .toList();
      boolean found =
          asked.stream()
              .anyMatch(
                  e ->
                      e.method().equals(columns[0])
                          && e.path().equals(columns[1])
                          && e.parameters().containsAll(parameters));
      if (!found) {
        missing.add(columns[0] + " " + columns[1] + " " + parameters);
      }
    }
    assertEquals("", String.join("\n", missing));
  }

  /// Each value takes many times the memory of its text: some MB of them would end the engine.
  private static void bodyOfManyValuesIsRefused(Engine engine) {
    String body = "{\"Image\":\"x\",\"Cmd\":[" + "{\"a\":0},".repeat(900_000) + "0]}";
    Answer answer = engine.request("POST", "/containers/create", body).expect(400);
    assertTrue(answer.text().contains("more than 100000 values"), answer.text());
  }

  private void ask(Engine engine, FuzzRequests.Endpoint endpoint, FuzzRequests.Sent sent) {
    if (failures.size() >= SHOWN) {
      return;
    }
    try {
      FuzzWire.Head head = FuzzWire.send(engine.socket(), sent);
      String fault = fault(endpoint, head);
      if (!fault.isEmpty()) {
        failures.add(fault + "\n  to " + sent);
      }
    } catch (IOException e) {
      failures.add("no answer (" + e + ")\n  to " + sent);
    }
  }

  private static String fault(FuzzRequests.Endpoint endpoint, FuzzWire.Head head) {
    int status = head.status();
    boolean absent =
        (status == 501 || status == 503) && ABSENT.stream().anyMatch(endpoint.path()::startsWith);
    boolean alone =
        status >= 500
            && OTHERS.contains(endpoint.path())
            && UNREACHABLE.matcher(head.body()).find();
    if (status < 100 || (status >= 500 && !absent && !alone)) {
      return "status " + status + ": " + head.body();
    }
    if (status < 400 || head.body().isEmpty()) {
      return "";
    }
    // what refuses a connection's request line, its version or an attach is plain text
    boolean plain = head.type().startsWith("text/plain") || head.type().contains("raw-stream");
    return plain || hasMessage(head.body()) ? "" : "no error body with " + status + ": " + head;
  }

  private static boolean hasMessage(String body) {
    try {
      return !Json.parseObject(body).string("message", "").isEmpty();
    } catch (RuntimeException e) {
      return false;
    }
  }

  /// A container that runs, one that never did, a network, a volume and an image to aim at;
  /// whatever the requests before made goes.
  private static void prepare(Engine engine) {
    clean(engine);
    if (engine.get("/images/busybox/json").status() != 200) {
      engine.reload();
    }
    engine.request("POST", "/images/busybox/tag?repo=fuzzed&tag=1", "");
    String body =
        "{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"],\"StopSignal\":\"KILL\","
            + "\"HostConfig\":{\"NetworkMode\":\"none\"}}";
    for (String name : List.of("fuzz-runs", "fuzz-made")) {
      engine.request("POST", "/containers/create?name=" + name, body).expect(201);
    }
    engine.request("POST", "/containers/fuzz-runs/start", "").expect(204);
    engine.request("POST", "/volumes/create", "{\"Name\":\"fuzz-volume\"}").expect(201);
  }

  private static void clean(Engine engine) {
    for (String id : engine.containers()) {
      engine.request("DELETE", "/containers/" + id + "?force=1&v=1", "");
    }
    for (Json.JsonObject network : objects(engine.json("/networks"))) {
      engine.request("DELETE", "/networks/" + network.string("Id", ""), "");
    }
    for (Json.JsonObject volume : ((Json.JsonObject) engine.json("/volumes")).objects("Volumes")) {
      engine.request("DELETE", "/volumes/" + volume.string("Name", ""), "");
    }
  }

  private static List<Json.JsonObject> objects(Json array) {
    return ((Json.JsonArray) array).items().stream().map(o -> (Json.JsonObject) o).toList();
  }

  private static long descriptors(Engine engine) {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + engine.pid() + "/fd"))) {
      return all.count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String resource(String name) {
    try (InputStream in = FuzzIT.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new AssertionError("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
