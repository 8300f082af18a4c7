package dev.gantry.cli;

import dev.gantry.cli.template.Template;
import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// `run` and `create`.
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
    String pull = words.text("pull", "missing");
    if (!List.of("missing", "always", "never").contains(pull)) {
      throw new Refused(
          "invalid pull option: '"
              + pull
              + "': must be one of \"always\", \"missing\" or \"never\"");
    }
    Path idFile = Path.of(words.text("cidfile", ""));
    if (words.has("cidfile") && Files.exists(idFile)) {
      throw new Refused(
          "container ID file found, make sure the other container isn't running or delete "
              + idFile);
    }
    Query query =
        Query.of("/containers/create")
            .withText("name", words.text("name", ""))
            .withText("platform", words.text("platform", ""));
    if (!request.image().matches("[0-9a-f]{64}|sha256:[0-9a-f]{64}")) {
      ImageName.parse(request.image());
    }
    Json.JsonObject body = request.body();
    EngineClient engine = session.engine();
    Json answer;
    try {
      if (pull.equals("always")) {
        Pulls.forRun(session, request.image(), words);
      }
      answer = engine.post(query, body);
    } catch (ApiError e) {
      boolean noImage = e.status() == 404 && e.text().contains("No such image");
      if (!noImage || !pull.equals("missing")) {
        throw e;
      }
      String name = ImageName.parse(request.image()).withDefaultTag().familiar();
      session.err().println("Unable to find image '" + name + "' locally");
      Pulls.forRun(session, request.image(), words);
      answer = engine.post(query, body);
    }
    Json.JsonObject object = Session.object(answer);
    for (Json warning : object.items("Warnings")) {
      session.err().println("WARNING: " + Template.text(warning));
    }
    String id = object.string("Id", "");
    if (words.has("cidfile")) {
      Files.writeString(idFile, id);
    }
    return id;
  }

  static int run(Session session, Words words) throws Exception {
    RunRequest request = new RunRequest(words);
    if (words.on("detach")) {
      if (words.has("attach")) {
        throw new Exit(1, "conflicting options: cannot specify both --attach and --detach");
      }
      String id = created(session, words, request);
      start(session, id);
      session.out().println(id);
      return 0;
    }
    Attaches.requireTerminal(words.on("tty"), request.attaches("stdin"));
    String id = created(session, words, request);
    boolean none =
        !request.attaches("stdin") && !request.attaches("stdout") && !request.attaches("stderr");
    if (none) {
      start(session, id);
      return 0;
    }
    Attaches.Wish wish =
        new Attaches.Wish(
            words.on("tty"),
            request.attaches("stdin"),
            request.attaches("stdout"),
            request.attaches("stderr"),
            false,
            !words.on("tty") && words.on("sig-proxy", true),
            words.text("detach-keys", ""));
    return Attaches.run(
            session,
            id,
            wish,
            request.removes() ? "removed" : "next-exit",
            () -> start(session, id))
        .orElse(0);
  }

  private static void start(Session session, String id) {
    session.engine().post(Query.of("/containers/{}/start", id), null);
  }
}
