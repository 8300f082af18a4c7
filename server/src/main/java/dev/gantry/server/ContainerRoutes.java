package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Attach;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.logs.LogQuery;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.kernel.Signals;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// /containers and its verbs.
final class ContainerRoutes {
  private final Engine engine;
  private final Supplier<ServerSettings> settings;

  ContainerRoutes(Engine engine, Supplier<ServerSettings> settings) {
    this.engine = engine;
    this.settings = settings;
  }

  void addTo(Router router) {
    router.on("GET", "/containers/json", this::list);
    router.on("POST", "/containers/create", this::create);
    router.on("POST", "/containers/prune", this::prune);
    router.on("GET", "/containers/{id}/json", this::inspect);
    router.on("GET", "/containers/{id}/top", this::top);
    router.on("GET", "/containers/{id}/logs", this::logs);
    router.on("POST", "/containers/{id}/start", this::start);
    router.on("POST", "/containers/{id}/stop", this::stop);
    router.on("POST", "/containers/{id}/restart", this::restart);
    router.on("POST", "/containers/{id}/kill", this::kill);
    router.on("POST", "/containers/{id}/pause", (q, r, p) -> verb(r, () -> engine.pause(id(p))));
    router.on(
        "POST", "/containers/{id}/unpause", (q, r, p) -> verb(r, () -> engine.unpause(id(p))));
    router.on(
        "POST",
        "/containers/{id}/rename",
        (q, r, p) -> verb(r, () -> engine.rename(id(p), q.text("name"))));
    router.on("POST", "/containers/{id}/resize", this::resize);
    router.on("POST", "/containers/{id}/wait", this::await);
    router.on("POST", "/containers/{id}/attach", this::attach);
    router.on("GET", "/containers/{id}/attach/ws", this::attachWebSocket);
    router.on("DELETE", "/containers/{id:.*}", this::remove);
  }

  private static String id(Map<String, String> path) {
    return path.getOrDefault("id", "");
  }

  private static void verb(HttpResponse response, Runnable action) throws IOException {
    action.run();
    response.empty(204);
  }

  private Json.JsonObject completed(Json.JsonObject body) {
    return body.isEmpty() ? body : settings.get().containers().complete(body);
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    ContainerRequests.Read read =
        ContainerRequests.read(
            engine,
            completed(q.json()),
            q.version(),
            q.version().atLeast(41) ? q.text("platform") : "");
    Container c = engine.create(read.spec(), Optional.of(q.text("name")));
    r.json(201, Json.object().put("Id", c.id()).put("Warnings", Json.strings(read.warnings())));
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters filters = Filters.parse(q.text("filters"));
    int limit = q.integer("limit").orElse(-1);
    ContainerFilter wanted = ContainerFilter.of(engine, filters, q.flag("all") || limit > 0);
    Json.JsonArray result = Json.array();
    Map<String, Optional<Image>> images = new HashMap<>();
    Map<String, List<String>> links = LinkNames.all(engine);
    for (Container c : engine.list()) {
      if (limit > 0 && result.size() >= limit) {
        break;
      }
      if (wanted.matches(c)) {
        Json.JsonObject json =
            q.flag("size")
                ? ContainerJson.withSize(engine, c, q.version())
                : ContainerJson.summary(
                    engine,
                    c,
                    q.version(),
                    name -> images.computeIfAbsent(name, engine.images()::find));
        Json.JsonArray names = Json.array().add("/" + c.name());
        links.getOrDefault(c.id(), List.of()).forEach(names::add);
        result.add(json.put("Names", names));
      }
    }
    r.json(200, result);
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    Json.JsonObject json = ContainerJson.inspect(engine, c, q.version());
    if (q.flag("size")) {
      long written = DiskUsage.written(engine, c);
      json.put("SizeRw", written).put("SizeRootFs", ContainerJson.rootSize(engine, c, written));
    }
    r.json(200, json);
  }

  private void start(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    // such a body was its HostConfig before API version 1.24; "null" and "{}" are still sent
    if (q.hasBody() && q.body().readNBytes(8).length > 7) {
      throw new Failure.InvalidRequest(
          "starting container with non-empty request body was deprecated since API v1.22 and removed"
              + " in v1.24");
    }
    if (!q.text("checkpoint").isEmpty()) {
      throw new Failure.InvalidRequest("checkpoint is only supported in experimental mode");
    }
    verb(r, () -> engine.start(id(p)));
  }

  private void stop(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Optional<Integer> seconds = q.integer("t");
    verb(r, () -> engine.stop(id(p), seconds, signal(q, "cannot stop container: " + id(p))));
  }

  private void restart(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Optional<Integer> seconds = q.integer("t");
    verb(r, () -> engine.restart(id(p), seconds, signal(q, "Cannot restart container " + id(p))));
  }

  /// The signal asked for; an unknown one is refused behind `prefix`.
  private Optional<Integer> signal(HttpRequest q, String prefix) {
    String text = q.text("signal");
    if (text.isEmpty() || !stopsBySignal(q)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Signals.number(text));
    } catch (Failure.InvalidRequest e) {
      boolean high = text.matches("[0-9]{1,9}") && Integer.parseInt(text) > 64;
      throw new Failure.InvalidRequest(
          prefix + ": " + (high ? "the linux daemon does not support signal " + text : e.text()),
          null,
          e);
    }
  }

  /// A signal to stop by came with 1.42; one to kill by was always there.
  private static boolean stopsBySignal(HttpRequest q) {
    return q.version().atLeast(42) || q.path().endsWith("/kill");
  }

  private void kill(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    String prefix = "cannot kill container: " + id(p);
    if (engine.find(id(p)).isEmpty()) {
      throw new Failure.NotFound(prefix + ": No such container: " + id(p));
    }
    verb(r, () -> engine.kill(id(p), signal(q, prefix).orElse(9)));
  }

  private void resize(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    engine.resize(id(p), dimension(q, "h", "height"), dimension(q, "w", "width"));
    r.empty(200);
  }

  static int dimension(HttpRequest q, String key, String name) {
    String text = q.text(key);
    if (!text.matches("[0-9]{1,5}")) {
      throw new Failure.InvalidRequest(
          "invalid resize " + name + " " + Json.of(text).text() + ": invalid syntax");
    }
    return Integer.parseInt(text);
  }

  private void remove(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (q.flag("link")) {
      verb(r, () -> removeLink(id(p)));
    } else {
      verb(r, () -> engine.remove(id(p), q.flag("force"), q.flag("v")));
    }
  }

  /// `PARENT/ALIAS`, with or without a slash before it.
  private void removeLink(String text) {
    String name = text.startsWith("/") ? text.substring(1) : text;
    int slash = name.indexOf('/');
    if (slash < 0) {
      throw new Failure.InvalidRequest(
          "Conflict, cannot remove the default link name of the container");
    }
    Container parent =
        engine
            .find(name.substring(0, slash))
            .orElseThrow(() -> new Failure.NotFound("No such container: " + name));
    engine.unlink(parent, name.substring(slash + 1));
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(Set.of("label", "label!", "until"));
    Instant until = f.until();
    Json.JsonArray deleted = Json.array();
    long space = 0;
    for (Container c : engine.list()) {
      boolean idle =
          !(c.state() instanceof ContainerState.Live)
              && !(c.state() instanceof ContainerState.Restarting);
      if (idle
          && c.created().isBefore(until)
          && f.labels("label", c.spec().labels())
          && f.lacks("label!", c.spec().labels())) {
        long size = DiskUsage.written(engine, c);
        try {
          engine.remove(c.id(), false, false);
        } catch (Failure.Conflict | Failure.NotFound e) {
          continue; // somebody started or removed it in the meantime
        }
        deleted.add(c.id());
        space += size;
      }
    }
    engine.publishEvent("container", "prune", "", Map.of("reclaimed", Long.toString(space)));
    r.json(
        200,
        Json.object()
            .put("ContainersDeleted", deleted.isEmpty() ? Json.NULL : deleted)
            .put("SpaceReclaimed", space));
  }

  private void top(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    r.json(200, Top.list(engine.processes(c), q.has("ps_args") ? q.text("ps_args") : "-ef"));
  }

  // ---- streams

  private void await(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    String condition = q.version().atLeast(30) ? q.text("condition") : "";
    if (!Set.of("", "not-running", "next-exit", "removed").contains(condition)) {
      throw new Failure.InvalidRequest("invalid condition: " + Json.of(condition).text());
    }
    OutputStream out = q.version().atLeast(30) ? r.stream(200, "application/json") : null;
    Container.Ended ended;
    try {
      ended =
          condition.equals("removed")
              ? c.awaitRemoval()
              : c.awaitEnd(condition.equals("next-exit"));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while waiting");
    }
    Json.JsonObject answer = Json.object().put("StatusCode", ended.exitCode());
    if (out == null) {
      r.json(200, answer);
    } else {
      out.write((answer.text() + "\n").getBytes(StandardCharsets.UTF_8));
      out.close();
    }
  }

  private void attach(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c;
    DetachKeys keys;
    try {
      c = engine.require(id(p));
      keys = DetachKeys.parse(q.text("detachKeys"));
      if (c.state() instanceof ContainerState.Paused) {
        throw new Failure.Conflict(
            "container " + id(p) + " is paused, unpause the container before attach");
      }
      if (c.state() instanceof ContainerState.Restarting) {
        throw new Failure.Conflict(
            "container " + id(p) + " is restarting, wait until the container is running");
      }
    } catch (Failure e) {
      r.withoutVersion().hijackError(Router.status(e), e.text());
      return;
    }
    boolean tty = c.spec().tty();
    Streams.Wanted wanted =
        new Streams.Wanted(
            q.flag("stdin") && c.spec().openStdin(), q.flag("stdout"), q.flag("stderr"));
    String type = tty || !q.version().atLeast(42) ? "raw-stream" : "multiplexed-stream";
    Attach.Session session = q.flag("stream") ? engine.attach().attach(c) : null;
    HttpResponse.Hijacked client =
        r.withoutVersion()
            .hijack(q.header("Upgrade").isPresent(), "application/vnd.docker." + type, "tcp");
    converse(q, c, client, session, tty, wanted, keys);
  }

  /// The log so far where it is wanted, then the process itself.
  private void converse(
      HttpRequest q,
      Container c,
      HttpResponse.Hijacked client,
      Attach.@Nullable Session session,
      boolean raw,
      Streams.Wanted wanted,
      DetachKeys keys)
      throws IOException {
    if (q.flag("logs") && (wanted.stdout() || wanted.stderr())) {
      engine
          .attach()
          .logs(
              c,
              new LogQuery(
                  wanted.stdout(), wanted.stderr(), false, Instant.EPOCH, Optional.empty(), -1),
              e -> Streams.write(client.out(), raw, e.stream(), e.text()));
    }
    if (session != null) {
      Streams.connect(
          client,
          session,
          raw,
          wanted,
          keys,
          c.spec().stdinOnce(),
          () -> engine.attach().detached(c));
    }
  }

  private void attachWebSocket(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    Container c = engine.require(id(p));
    DetachKeys keys = DetachKeys.parse(q.text("detachKeys"));
    if (c.state() instanceof ContainerState.Paused) {
      throw new Failure.Conflict(
          "container " + id(p) + " is paused, unpause the container before attach");
    }
    Optional<String> refusal = WebSocket.refusal(q);
    r.withoutVersion();
    if (refusal.isPresent()) {
      r.end("HTTP/1.1 400 Bad Request\r\n", refusal.get());
      return;
    }
    Attach.Session session = q.flag("stream") ? engine.attach().attach(c) : null;
    HttpResponse.Hijacked raw = r.raw(WebSocket.head(q.header("Sec-WebSocket-Key").orElse("")));
    WebSocket socket = new WebSocket(raw.in(), raw.out(), q.version().atLeast(28));
    HttpResponse.Hijacked client = new HttpResponse.Hijacked(socket.input(), socket.output());
    Streams.Wanted wanted =
        new Streams.Wanted(
            q.flag("stdin") && c.spec().openStdin(), q.flag("stdout"), q.flag("stderr"));
    converse(q, c, client, session, true, wanted, keys);
    socket.close();
  }

  private void logs(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    String tail = q.text("tail");
    LogQuery query =
        new LogQuery(
            q.flag("stdout"),
            q.flag("stderr"),
            q.flag("follow"),
            Times.parse(q.text("since"), Instant.EPOCH),
            q.text("until").isEmpty()
                ? Optional.empty()
                : Optional.of(Times.parse(q.text("until"), Instant.MAX)),
            tail.matches("[0-9]{1,9}") ? Long.parseLong(tail) : -1);
    if (!query.stdout() && !query.stderr()) {
      throw new Failure.InvalidRequest("Bad parameters: you must choose at least one stream");
    }
    if (!Attach.isReadable(c.spec().logging())) {
      throw new Failure.Unsupported("configured logging driver does not support reading");
    }
    boolean tty = c.spec().tty();
    String type = tty || !q.version().atLeast(42) ? "raw-stream" : "multiplexed-stream";
    boolean stamps = q.flag("timestamps");
    boolean details = q.flag("details");
    try (OutputStream out = r.stream(200, "application/vnd.docker." + type)) {
      engine
          .attach()
          .logs(
              c,
              query,
              e -> {
                String prefix =
                    (stamps ? Times.nanos(e.time()) + " " : "")
                        + (details ? attributes(e.attributes()) + " " : "");
                byte[] head = prefix.getBytes(StandardCharsets.UTF_8);
                byte[] line = java.util.Arrays.copyOf(head, head.length + e.text().length);
                System.arraycopy(e.text(), 0, line, head.length, e.text().length);
                java.io.ByteArrayOutputStream frame = new java.io.ByteArrayOutputStream();
                Streams.write(frame, tty, e.stream(), line);
                out.write(frame.toByteArray());
              });
    }
  }

  /// `name=value` pairs, escaped as in a query.
  private static String attributes(Map<String, String> attributes) {
    return attributes.entrySet().stream()
        .map(
            a ->
                java.net.URLEncoder.encode(a.getKey(), StandardCharsets.UTF_8)
                    + "="
                    + java.net.URLEncoder.encode(a.getValue(), StandardCharsets.UTF_8))
        .collect(java.util.stream.Collectors.joining(","));
  }
}
