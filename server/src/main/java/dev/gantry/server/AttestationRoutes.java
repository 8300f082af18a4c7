package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.images.Attachments;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// GET /images/{}/attestations: what was said about an image when it was built (in-toto statements,
/// such as provenance and lists of its parts), since version 1.55 of the API.
final class AttestationRoutes {
  private static final String PREDICATE = "in-toto.io/predicate-type";

  /// Longer statements are not shown.
  private static final long LONGEST = 64L << 20;

  private final Engine engine;

  AttestationRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("GET", "/images/{name:.*}/attestations", this::list);
  }

  private void list(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (q.texts("platform").size() > 1) {
      throw new Failure.InvalidRequest("only one platform can be asked for");
    }
    Image image = ImageRoutes.require(engine, ImageRoutes.name(p), q, "platform");
    List<String> types = q.texts("type");
    Json.JsonArray all = Json.array();
    for (Attachments.Attachment attachment : Attachments.about(engine.images(), image)) {
      for (Descriptor layer : attachment.manifest().layers()) {
        String type = layer.annotations().getOrDefault(PREDICATE, "");
        if (!type.isEmpty() && (types.isEmpty() || types.contains(type))) {
          Json.JsonObject json =
              Json.object().put("Descriptor", layer.json()).put("PredicateType", type);
          if (q.flag("statement")) {
            json.putIfPresent("Statement", statement(layer).orElse(null));
          }
          all.add(json);
        }
      }
    }
    r.json(200, all);
  }

  private Optional<Json> statement(Descriptor layer) {
    if (layer.size() > LONGEST) {
      throw new Failure.TooLarge("the statement " + layer.digest() + " is over 64 MiB");
    }
    try {
      return engine
          .images()
          .content()
          .read(layer.digest())
          .map(bytes -> Json.parse(new String(bytes, StandardCharsets.UTF_8)));
    } catch (JsonException e) {
      throw new Failure.Corrupted("the statement " + layer.digest() + " is no JSON", e);
    }
  }
}
