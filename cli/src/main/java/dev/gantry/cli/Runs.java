package dev.gantry.cli;

import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Hijacked;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/// `run` and `create`, and the attached start that `start -a` shares with them.
final class Runs {
  private Runs() {}

  /// The exit code of a container that could not be started: 127 not found, 126 not executable.
  static int code(String message) {
    if (message.contains("executable file not found")
        || message.contains("no such file or directory")
        || message.contains("system cannot find the file specified")) {
      return 127;
    }
    boolean refused = message.contains("permission denied") || message.contains("not a directory");
    return refused || message.contains("is a directory") ? 126 : 125;
  }

  static int create(Session session, Words words) throws IOException {
    session.out().println(created(session, words, new RunRequest(words)));
    return 0;
  }

  /// Creates it, fetching the image if it is not there; its id.
  private static String created(Session session, Words words, RunRequest request)
      throws IOException {
    Query query =
        Query.of("/containers/create")
            .withText("name", words.text("name", ""))
            .withText("platform", words.text("platform", ""));
    EngineClient engine = session.engine();
    Json answer;
    try {
      if (words.text("pull", "missing").equals("always")) {
        Images.pull(session, request.image(), words.on("quiet"));
      }
      answer = engine.post(query, request.body());
    } catch (ApiError e) {
      boolean noImage = e.status() == 404 && e.text().contains("No such image");
      if (!noImage || words.text("pull", "missing").equals("never")) {
        throw e;
      }
      session
          .err()
          .println("Unable to find image '" + Images.withTag(request.image()) + "' locally");
      Images.pull(session, request.image(), words.on("quiet"));
      answer = engine.post(query, request.body());
    }
    Json.JsonObject object = Session.object(answer);
    for (Json warning : object.items("Warnings")) {
      session.err().println("WARNING: " + Template.go(warning));
    }
    String id = object.string("Id", "");
    if (words.has("cidfile")) {
      Files.writeString(Path.of(words.text("cidfile", "")), id);
    }
    return id;
  }

  static int run(Session session, Words words) throws Exception {
    RunRequest request = new RunRequest(words);
    boolean tty = words.on("tty");
    boolean stdin = words.on("interactive");
    if (words.on("detach")) {
      String id = created(session, words, request);
      start(session, id);
      session.out().println(id);
      return 0;
    }
    if (tty && stdin && !Streams.inputIsTerminal()) {
      throw new Exit(1, "the input device is not a TTY");
    }
    String id = created(session, words, request);
    return attached(session, id, tty, stdin, request.removes(), () -> start(session, id));
  }

  private static void start(Session session, String id) {
    session.engine().post(Query.of("/containers/{}/start", id), null);
  }

  /// Attaches, starts, copies the streams and gives the container's exit code.
  static int attached(
      Session session, String id, boolean tty, boolean stdin, boolean removed, Runnable start)
      throws Exception {
    EngineClient engine = session.engine();
    Query attach =
        Query.of("/containers/{}/attach", id)
            .with("stream", true)
            .with("stdin", stdin)
            .with("stdout", true)
            .with("stderr", true);
    // the wait must be in place before the start: a short program would end unseen
    try (Hijacked connection = engine.hijack(attach, null);
        InputStream waiting =
            engine.open(
                "POST",
                Query.of("/containers/{}/wait", id)
                    .with("condition", removed ? "removed" : "next-exit"),
                null)) {
      CompletableFuture<Json.JsonObject> exit = new CompletableFuture<>();
      // a platform thread: the poller of virtual ones would hold up the end by 300 ms
      Thread.ofPlatform().daemon().name("wait").start(() -> complete(exit, waiting));
      Streams streams = new Streams(session, tty, stdin);
      if (streams.copy(connection, "/containers/" + id + "/resize", start)) {
        session.err().println("read escape sequence");
        return 0;
      }
      return status(session, exit);
    }
  }

  private static void complete(CompletableFuture<Json.JsonObject> exit, InputStream in) {
    try {
      exit.complete(Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8)));
    } catch (IOException | RuntimeException e) {
      exit.completeExceptionally(e);
    }
  }

  private static int status(Session session, CompletableFuture<Json.JsonObject> exit)
      throws InterruptedException {
    try {
      Json.JsonObject answer = exit.get();
      answer.object("Error").flatMap(e -> e.string("Message")).ifPresent(session.err()::println);
      return (int) answer.number("StatusCode", 125);
    } catch (ExecutionException e) {
      session.err().println("error waiting for container: " + e.getCause());
      return 125;
    }
  }
}
