package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Attach;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.ContainerState;
import dev.gantry.engine.Engine;
import dev.gantry.engine.logs.LogQuery;
import dev.gantry.json.Json;
import dev.gantry.kernel.Signals;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// /containers and its verbs.
final class ContainerRoutes {
  private static final Set<String> FILTERS =
      Set.of(
          "ancestor",
          "before",
          "expose",
          "exited",
          "health",
          "id",
          "is-task",
          "isolation",
          "label",
          "name",
          "network",
          "publish",
          "since",
          "status",
          "volume");

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
    router.on("DELETE", "/containers/{id}", this::remove);
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
    ContainerSpec spec = ContainerRequests.read(engine, completed(q.json()));
    Container c = engine.create(spec, Optional.of(q.text("name")));
    r.json(201, Json.object().put("Id", c.id()).put("Warnings", Json.array()));
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters filters = Filters.parse(q.text("filters")).only(FILTERS);
    int limit = q.integer("limit").orElse(-1);
    boolean all =
        q.flag("all")
            || limit > 0
            || filters.has("status")
            || filters.has("before")
            || filters.has("since");
    Json.JsonArray result = Json.array();
    for (Container c : selected(filters, all)) {
      if (limit > 0 && result.size() >= limit) {
        break;
      }
      result.add(ContainerJson.summary(engine, c, Optional.empty()));
    }
    r.json(200, result);
  }

  private List<Container> selected(Filters f, boolean all) {
    for (String status : f.get("status")) {
      if (!Set.of("created", "running", "paused", "restarting", "removing", "exited", "dead")
          .contains(status)) {
        throw new Failure.InvalidRequest("invalid filter 'status=" + status + "'");
      }
    }
    Optional<Instant> before =
        f.get("before").stream().findFirst().map(x -> engine.require(x).created());
    Optional<Instant> since =
        f.get("since").stream().findFirst().map(x -> engine.require(x).created());
    List<Container> result = new ArrayList<>();
    for (Container c : engine.list()) {
      boolean live =
          c.state() instanceof ContainerState.Live
              || c.state() instanceof ContainerState.Restarting;
      if ((all || live)
          && f.matches("status", c.state().word())
          && before.map(b -> c.created().isBefore(b)).orElse(true)
          && since.map(s -> c.created().isAfter(s)).orElse(true)
          && matches(f, c)) {
        result.add(c);
      }
    }
    return result;
  }

  private boolean matches(Filters f, Container c) {
    boolean name = !f.has("name") || f.get("name").stream().anyMatch(n -> found(n, "/" + c.name()));
    boolean id = !f.has("id") || f.get("id").stream().anyMatch(i -> c.id().startsWith(i));
    boolean exited =
        !f.has("exited")
            || (c.state() instanceof ContainerState.Exited e
                && f.get("exited").contains(Integer.toString(e.exitCode())));
    boolean ancestor =
        !f.has("ancestor")
            || f.get("ancestor").stream()
                .anyMatch(
                    a ->
                        engine
                            .images()
                            .find(a)
                            .map(i -> i.id().toString().equals(c.spec().imageId()))
                            .orElse(false));
    boolean volume =
        !f.has("volume")
            || c.spec().mounts().stream()
                .anyMatch(
                    m ->
                        f.get("volume").contains(m.source())
                            || f.get("volume").contains(m.target()));
    boolean network =
        !f.has("network")
            || f.get("network").contains(c.spec().modes().network())
            || c.attachment().stream()
                .flatMap(a -> a.endpoints().stream())
                .anyMatch(
                    e ->
                        f.get("network").contains(e.network())
                            || f.get("network").contains(e.networkId()));
    boolean health = !f.has("health") || f.get("health").contains("none");
    return name
        && id
        && exited
        && ancestor
        && volume
        && network
        && health
        && f.labels("label", c.spec().labels());
  }

  private static boolean found(String pattern, String text) {
    try {
      return java.util.regex.Pattern.compile(pattern).matcher(text).find()
          || java.util.regex.Pattern.compile(pattern).matcher(text.substring(1)).find();
    } catch (java.util.regex.PatternSyntaxException e) {
      return text.contains(pattern);
    }
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    r.json(200, ContainerJson.inspect(engine, engine.require(id(p))));
  }

  private void start(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    verb(r, () -> engine.start(id(p)));
  }

  private void stop(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    verb(r, () -> engine.stop(id(p), q.integer("t"), signal(q)));
  }

  private void restart(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    verb(r, () -> engine.restart(id(p), q.integer("t"), signal(q)));
  }

  private static Optional<Integer> signal(HttpRequest q) {
    return q.text("signal").isEmpty()
        ? Optional.empty()
        : Optional.of(Signals.number(q.text("signal")));
  }

  private void kill(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    verb(r, () -> engine.kill(id(p), signal(q).orElse(9)));
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
    verb(r, () -> engine.remove(id(p), q.flag("force"), q.flag("v")));
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Filters f = Filters.parse(q.text("filters")).only(Set.of("label", "label!", "until"));
    Json.JsonArray deleted = Json.array();
    for (Container c : engine.list()) {
      boolean idle =
          !(c.state() instanceof ContainerState.Live)
              && !(c.state() instanceof ContainerState.Restarting);
      if (idle && f.labels("label", c.spec().labels())) {
        engine.remove(c.id(), false, false);
        deleted.add(c.id());
      }
    }
    r.json(
        200,
        Json.object()
            .put("ContainersDeleted", deleted.isEmpty() ? Json.NULL : deleted)
            .put("SpaceReclaimed", 0));
  }

  private void top(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    r.json(200, Top.list(engine.processes(c), q.has("ps_args") ? q.text("ps_args") : "-ef"));
  }

  // ---- streams

  private void await(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Container c = engine.require(id(p));
    String condition = q.text("condition");
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
            "container " + c.id() + " is paused, unpause the container before attach");
      }
    } catch (Failure e) {
      attachError(r, e);
      return;
    }
    boolean tty = c.spec().tty();
    Streams.Wanted wanted =
        new Streams.Wanted(
            q.flag("stdin") && c.spec().openStdin(), q.flag("stdout"), q.flag("stderr"));
    String type = tty || !q.version().atLeast(42) ? "raw-stream" : "multiplexed-stream";
    Attach.Session session = q.flag("stream") ? engine.attach().attach(c) : null;
    for (String name : List.of("Api-Version", "Docker-Experimental", "Ostype", "Server")) {
      r.removeHeader(name);
    }
    HttpResponse.Hijacked client =
        r.hijack(q.header("Upgrade").isPresent(), "application/vnd.docker." + type, "tcp");
    if (q.flag("logs")) {
      engine
          .attach()
          .logs(
              c,
              new LogQuery(
                  wanted.stdout(), wanted.stderr(), false, Instant.EPOCH, Optional.empty(), -1),
              e -> Streams.write(client.out(), tty, e.stream(), e.text()));
    }
    if (session != null) {
      Streams.connect(client, session, wanted, keys, c.spec().stdinOnce());
    }
  }

  private static void attachError(HttpResponse r, Failure e) throws IOException {
    r.text(Router.status(e), "application/vnd.docker.raw-stream", e.text() + "\r\n");
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
    if (c.spec().logging().driver().equals("none")) {
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
