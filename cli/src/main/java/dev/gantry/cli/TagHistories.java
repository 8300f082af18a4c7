package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.List;

/// `image tags`, `image rollback` and `image verify`: beyond Docker's commands.
final class TagHistories {
  private TagHistories() {}

  static Command tags() {
    return Command.of(
        "[OPTIONS] NAME[:TAG]",
        1,
        1,
        TagHistories::tags,
        Flag.format(' '),
        Flag.bool("no-trunc", ' ', "Show everything in full length"));
  }

  static Command rollback() {
    return Command.of("NAME[:TAG]", 1, 1, TagHistories::rollback);
  }

  static Command verify() {
    return Command.of(
        "[OPTIONS] [NAME PATH | URL]", 0, 2, TagHistories::verify, ImageVerify.flags());
  }

  private static int tags(Session session, Words words) {
    Rows rows =
        new Rows("*formatter.tagContext")
            .column("NAME", "Name")
            .column("IMAGE ID", "ID")
            .column("SINCE", "Since")
            .column("SIZE", "Size")
            .column("STATE", "State")
            .heading("SINCE", "At");
    Json answer = session.engine().get(Query.of("/gantry/images/{}/tags", words.argument(0)));
    for (Json.JsonObject point : Session.objects(answer)) {
      boolean present = point.bool("Present", false);
      String at = point.string("At", "");
      rows.add(
          Json.object()
              .put("Name", point.string("Name", ""))
              .put("ID", ImageList.shortId(point.string("Id", ""), words.on("no-trunc")))
              .put("Since", Times.ago(java.time.Instant.parse(at).getEpochSecond()))
              .put("At", at)
              .put("Size", present ? Humans.size(point.number("Size", 0)) : "")
              .put("State", point.bool("Current", false) ? "now" : present ? "" : "removed"));
    }
    rows.print(session, words.text("format", ""));
    return 0;
  }

  private static int rollback(Session session, Words words) {
    Json.JsonObject done =
        Session.object(
            session.engine().post(Query.of("/gantry/images/{}/rollback", words.argument(0)), null));
    session
        .out()
        .println(
            done.string("Name", "")
                + " points to "
                + ImageList.shortId(done.string("Id", ""), false)
                + " again");
    return 0;
  }

  private static int verify(Session session, Words words) throws Exception {
    if (words.arguments().size() == 1) {
      throw new Exit(1, "what is " + words.argument(0) + " made from? Name its context too");
    }
    if (words.arguments().size() == 2) {
      return new ImageVerify(session).run(words) ? 0 : 1;
    }
    List<Json.JsonObject> damaged =
        Session.object(session.engine().post(Query.of("/gantry/images/verify"), null))
            .objects("Damaged");
    for (Json.JsonObject d : damaged) {
      session
          .out()
          .println(
              d.string("Digest", "")
                  + (d.bool("Missing", false) ? " is missing" : " was damaged and is taken away")
                  + ": pull or load "
                  + String.join(", ", d.strings("Images"))
                  + " again");
    }
    if (damaged.isEmpty()) {
      session.out().println("All content of all images is what its digests say");
    }
    return damaged.isEmpty() ? 0 : 1;
  }
}
