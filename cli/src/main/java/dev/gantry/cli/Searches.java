package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/// `search`.
final class Searches {
  private Searches() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] TERM",
        1,
        1,
        Searches::run,
        Flag.filter('f'),
        Flag.format(' '),
        Flag.integer("limit", ' ', "At most so many results"),
        Flag.bool("no-trunc", ' ', "Show everything in full length"));
  }

  private static int run(Session session, Words words) throws IOException {
    String term = words.argument(0);
    int slash = term.indexOf('/');
    String registry = slash < 0 ? "docker.io" : term.substring(0, slash);
    Query query =
        Query.of("/images/search")
            .with("term", term)
            .withText("limit", words.text("limit", ""))
            .withText("filters", Filters.of(words));
    Rows rows =
        new Rows("*search.searchContext")
            .column("NAME", "Name")
            .column("DESCRIPTION", "Description")
            .column("STARS", "StarCount")
            .column("OFFICIAL", "IsOfficial");
    EngineClient engine = session.engine();
    EngineClient.Reply reply =
        engine.reply("GET", query, "X-Registry-Auth", Logins.header(session, registry));
    try (InputStream in = reply.body()) {
      Json found = Json.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      for (Json.JsonObject image : Session.objects(found)) {
        String text = image.string("description", "").replace("\n", " ").replace("\r", " ");
        rows.add(
            Json.object()
                .put("Name", image.string("name", ""))
                .put("Description", Containers.cut(text, words.on("no-trunc") ? 0 : 45))
                .put("StarCount", Long.toString(image.number("star_count", 0)))
                .put("IsOfficial", image.bool("is_official", false) ? "[OK]" : ""));
      }
    }
    rows.print(session, words.text("format", ""));
    return 0;
  }
}
