package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.util.List;

/// `exec`.
final class Execs {
  private Execs() {}

  static Command command() {
    return Command.leading(
        "[OPTIONS] CONTAINER COMMAND [ARG...]",
        2,
        Execs::run,
        Flag.bool("detach", 'd', "Leave it in the background"),
        Containers.detachKeys(),
        Flag.list("env", 'e', "Set a variable: NAME=VALUE, or NAME for ours"),
        Flag.list("env-file", ' ', "Read variables from a file"),
        Flag.bool("interactive", 'i', "Give it our standard input"),
        Flag.bool("privileged", ' ', "With all capabilities"),
        Flag.bool("tty", 't', "Give it a terminal"),
        Flag.text("user", 'u', "As this user: NAME or UID, with :GROUP or :GID"),
        Flag.text("workdir", 'w', "In this folder of the container"));
  }

  private static int run(Session session, Words words) throws IOException {
    boolean tty = words.on("tty");
    boolean stdin = words.on("interactive");
    boolean detach = words.on("detach");
    Attaches.requireTerminal(tty, stdin && !detach);
    List<String> arguments = words.arguments();
    String keys = words.text("detach-keys", "");
    Json.JsonObject body =
        Json.object()
            .put("User", words.text("user", ""))
            .put("Privileged", words.on("privileged"))
            .put("Tty", tty)
            .put("AttachStdin", stdin && !detach)
            .put("AttachStderr", !detach)
            .put("AttachStdout", !detach)
            .put("DetachKeys", keys)
            .put("Env", Json.strings(new Environment(words).entries()))
            .put("WorkingDir", words.text("workdir", ""))
            .put("Cmd", Json.strings(arguments.subList(1, arguments.size())));
    if (tty && Streams.outputIsTerminal()) {
      Streams.size(Surroundings.STDOUT)
          .ifPresent(
              size -> body.put("ConsoleSize", Json.array().add(size.rows()).add(size.columns())));
    }
    EngineClient engine = session.engine();
    // a stopped container is refused before an exec is made for it
    Containers.inspect(session, arguments.getFirst());
    Query make = Query.of("/containers/{}/exec", arguments.getFirst());
    String id = Session.object(engine.post(make, body)).string("Id", "");
    Query start = Query.of("/exec/{}/start", id);
    if (detach) {
      engine.post(start, Json.object().put("Detach", true).put("Tty", tty));
      return 0;
    }
    Json.JsonObject how = Json.object().put("Detach", false).put("Tty", tty);
    try (Hijacked connection = engine.hijack(start, how)) {
      Streams streams = new Streams(session, tty, stdin, keys);
      if (streams.copy(connection, "/exec/" + id + "/resize", () -> {})) {
        throw Attaches.detached();
      }
    }
    return (int) Session.object(engine.get(Query.of("/exec/{}/json", id))).number("ExitCode", 0);
  }
}
