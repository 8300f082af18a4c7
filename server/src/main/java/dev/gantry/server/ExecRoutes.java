package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Attach;
import dev.gantry.engine.Engine;
import dev.gantry.engine.Exec;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// /exec and /containers/{id}/exec.
final class ExecRoutes {
  private static final long EXIT_MILLIS = 1000;

  private final Engine engine;

  ExecRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("POST", "/containers/{id}/exec", this::create);
    router.on("POST", "/exec/{id}/start", this::start);
    router.on("POST", "/exec/{id}/resize", this::resize);
    router.on("GET", "/exec/{id}/json", this::inspect);
  }

  private static String id(Map<String, String> path) {
    return path.getOrDefault("id", "");
  }

  private void create(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonObject body = q.jsonOrEmpty();
    String keys = body.string("DetachKeys", "");
    if (body.strings("Cmd").isEmpty()) {
      throw new Failure.InvalidRequest("No exec command specified");
    }
    if (!DetachKeys.isValid(keys)) {
      throw new Failure.InvalidRequest("Invalid escape keys (" + keys + ") provided");
    }
    Optional<RuntimeSpec.ConsoleSize> size = size(body);
    Exec exec =
        engine
            .execs()
            .create(
                id(p),
                new Exec.Spec(
                    body.strings("Cmd"),
                    body.strings("Env"),
                    body.string("WorkingDir", ""),
                    body.string("User", ""),
                    body.bool("Tty", false),
                    body.bool("Privileged", false),
                    body.bool("AttachStdin", false),
                    body.bool("AttachStdout", false),
                    body.bool("AttachStderr", false),
                    keys,
                    size));
    r.json(201, Json.object().put("Id", exec.id()));
  }

  private void start(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Exec exec = engine.requireExec(id(p));
    Json.JsonObject body = q.jsonOrEmpty();
    Optional<RuntimeSpec.ConsoleSize> size = size(body).or(exec.spec()::size);
    if (body.bool("Detach", false)) {
      engine.execs().start(exec, size).close();
      r.empty(200);
      return;
    }
    engine.execs().checkStartable(exec);
    // whether output is framed is the start's wish, whether there is a terminal the creation's
    boolean tty = body.bool("Tty", false);
    String type = tty || !q.version().atLeast(42) ? "raw-stream" : "multiplexed-stream";
    HttpResponse.Hijacked client =
        r.hijack(q.header("Upgrade").isPresent(), "application/vnd.docker." + type, "tcp");
    try {
      Attach.Session session = engine.execs().start(exec, size);
      Exec.Spec spec = exec.spec();
      Streams.connect(
          client,
          session,
          tty,
          new Streams.Wanted(spec.attachStdin(), spec.attachStdout(), spec.attachStderr()),
          DetachKeys.parse(spec.detachKeys()),
          true,
          () -> engine.execs().detached(exec));
      exec.awaitExit(EXIT_MILLIS);
    } catch (Failure e) {
      // the answer has begun: Docker puts the text into the stream
      Streams.write(
          client.out(), tty, "stdout", (e.text() + "\r\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static Optional<RuntimeSpec.ConsoleSize> size(Json.JsonObject body) {
    List<Integer> numbers = new ArrayList<>();
    for (Json item : body.items("ConsoleSize")) {
      numbers.add(item instanceof Json.JsonNumber n ? (int) n.longValue() : 0);
    }
    return numbers.size() == 2
        ? Optional.of(new RuntimeSpec.ConsoleSize(numbers.get(0), numbers.get(1)))
        : Optional.empty();
  }

  private void resize(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    engine
        .execs()
        .resize(
            engine.requireExec(id(p)),
            ContainerRoutes.dimension(q, "h", "height"),
            ContainerRoutes.dimension(q, "w", "width"));
    r.empty(200);
  }

  private void inspect(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Exec exec = engine.requireExec(id(p));
    Exec.Spec spec = exec.spec();
    Json.JsonObject process =
        Json.object()
            .put("tty", spec.tty())
            .put("entrypoint", spec.command().getFirst())
            .put("arguments", Json.strings(spec.command().subList(1, spec.command().size())))
            .put("privileged", spec.privileged());
    String user = spec.user().isEmpty() ? exec.container().spec().user() : spec.user();
    if (!user.isEmpty()) {
      process.put("user", user);
    }
    r.json(
        200,
        Json.object()
            .put("ID", exec.id())
            .put("Running", exec.isRunning())
            .put("ExitCode", exec.exitCode().map(c -> Json.of((long) c)).orElse(Json.NULL))
            .put("ProcessConfig", process)
            .put("OpenStdin", spec.attachStdin())
            .put("OpenStderr", spec.attachStderr())
            .put("OpenStdout", spec.attachStdout())
            .put("CanRemove", false)
            .put("ContainerID", exec.container().id())
            .put("DetachKeys", DetachKeys.base64(spec.detachKeys()))
            .put("Pid", exec.pid()));
  }
}
