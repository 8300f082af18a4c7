package dev.gantry.build;

import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// What decides what a layer is.
///
/// @param ingredients all of it, beside the layers below
/// @param date the layer's time, in seconds since the epoch
/// @param alone whether the layers below decide nothing: it is the same on others
/// @param told whether its text in the history says all of it that the layers below do not
record Recipe(List<String> ingredients, long date, boolean alone, boolean told) {
  Recipe {
    ingredients = List.copyOf(ingredients);
  }

  /// The layer's name in the cache.
  ///
  /// @param below the layers that it comes on
  Digest key(List<Digest> below, BuildRequest.Times times) {
    Json.JsonArray all = Json.array();
    if (alone) {
      all.add("alone");
    } else {
      all.add(below.isEmpty() ? "" : Images.chains(below).getLast().toString());
    }
    ingredients.forEach(all::add);
    times.date().ifPresent(d -> all.add("date " + d));
    if (times.asTheyAre()) {
      all.add("times");
    }
    return Digest.of(all.text().getBytes(StandardCharsets.UTF_8));
  }
}
