package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/// `manifest inspect`: asked of the engine, which knows how its registries are reached.
final class Manifests {
  private Manifests() {}

  static Command inspect() {
    return Command.of(
        "[OPTIONS] MANIFEST",
        1,
        1,
        Manifests::inspect,
        Flag.bool("insecure", ' ', "No effect: the engine's settings say which registries are")
            .hide(),
        Flag.bool("verbose", 'v', "With its descriptor"));
  }

  private static int inspect(Session session, Words words) throws IOException {
    ImageName name = ImageName.parse(words.argument(0)).withDefaultTag();
    byte[] bytes =
        session
            .engine()
            .reply(
                "GET",
                Query.of("/gantry/registry/{}/manifest", name.full()),
                "X-Registry-Auth",
                Logins.header(session, name.registry()))
            .body()
            .readAllBytes();
    Json.JsonObject answer = Json.parseObject(new String(bytes, StandardCharsets.UTF_8));
    Json manifest = Json.parse(answer.string("Manifest", "{}"));
    Json shown =
        words.on("verbose")
            ? Json.object()
                .put("Ref", name.full())
                .put("Descriptor", answer.object("Descriptor").orElseGet(Json::object))
                .put("Manifest", manifest)
            : manifest;
    session.out().println(JsonWriter.indented(shown, "\t", false));
    return 0;
  }
}
