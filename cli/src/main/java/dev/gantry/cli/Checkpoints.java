package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;

/// The commands about checkpoints, which an engine without them refuses in words of its own.
final class Checkpoints {
  private Checkpoints() {}

  static Command command(String verb) {
    return switch (verb) {
      case "create" ->
          Command.of(
              "[OPTIONS] CONTAINER CHECKPOINT",
              2,
              2,
              Checkpoints::create,
              folder(),
              Flag.bool("leave-running", ' ', "Let the container go on after it"));
      case "ls" -> Command.of("[OPTIONS] CONTAINER", 1, 1, Checkpoints::list, folder());
      case "rm" ->
          Command.of("[OPTIONS] CONTAINER CHECKPOINT", 2, 2, Checkpoints::remove, folder());
      default -> throw new IllegalStateException(verb);
    };
  }

  private static Flag folder() {
    return Flag.text("checkpoint-dir", ' ', "Where checkpoints are");
  }

  private static int create(Session session, Words words) {
    Json.JsonObject body =
        Json.object()
            .put("CheckpointID", words.argument(1))
            .put("CheckpointDir", words.text("checkpoint-dir", ""))
            .put("Exit", !words.on("leave-running"));
    session.engine().post(Query.of("/containers/{}/checkpoints", words.argument(0)), body);
    session.out().println(words.argument(1));
    return 0;
  }

  private static int list(Session session, Words words) {
    Query query =
        Query.of("/containers/{}/checkpoints", words.argument(0))
            .withText("dir", words.text("checkpoint-dir", ""));
    Rows rows = new Rows("*formatter.checkpointContext").column("CHECKPOINT NAME", "Name");
    for (Json.JsonObject one : Session.objects(session.engine().get(query))) {
      rows.add(Json.object().put("Name", one.string("Name", "")));
    }
    rows.print(session, "");
    return 0;
  }

  private static int remove(Session session, Words words) {
    session
        .engine()
        .delete(
            Query.of("/containers/{}/checkpoints/{}", words.argument(0), words.argument(1))
                .withText("dir", words.text("checkpoint-dir", "")));
    return 0;
  }
}
