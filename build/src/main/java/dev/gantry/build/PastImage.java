package dev.gantry.build;

import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An image that `--cache-from` names and that does not say which keys its layers were made from.
/// Its history tells enough of plain RUN instructions, as Docker's classic builder has it: where
/// all layers below are the same and so is every instruction so far, the same RUN has made the next
/// one.
///
/// @param steps its history, the first first
/// @param diffIds its layers, the lowest first
/// @param blobs as stored, beside `diffIds`
public record PastImage(List<Step> steps, List<Digest> diffIds, List<Digest> blobs) {
  /// @param text what has made it
  /// @param layer whether it has added a layer
  public record Step(String text, boolean layer, String created) {
    boolean sameAs(Step other) {
      return text.equals(other.text) && layer == other.layer;
    }
  }

  /// A layer that can be taken.
  public record Layer(Digest diffId, Digest blob, String text, Instant created) {}

  static PastImage of(Image image) {
    return new PastImage(
        steps(image.document().objects("history")), image.diffIds(), image.layers());
  }

  static List<Step> steps(List<Json.JsonObject> history) {
    List<Step> steps = new ArrayList<>();
    for (Json.JsonObject entry : history) {
      steps.add(
          new Step(
              entry.string("created_by", ""),
              !entry.bool("empty_layer", false),
              entry.string("created", "")));
    }
    return steps;
  }

  /// The layer that the RUN `text` has made after `before` on the layers `below`.
  Optional<Layer> after(List<Step> before, List<Digest> below, String text) {
    int next = before.size();
    if (steps.size() <= next
        || diffIds.size() <= below.size()
        || !diffIds.subList(0, below.size()).equals(below)
        || steps.stream().filter(Step::layer).count() != diffIds.size()) {
      return Optional.empty();
    }
    for (int i = 0; i < next; i++) {
      if (!steps.get(i).sameAs(before.get(i))) {
        return Optional.empty();
      }
    }
    Step step = steps.get(next);
    if (!step.layer() || !step.text().equals(text)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Layer(
              diffIds.get(below.size()),
              blobs.get(below.size()),
              text,
              Instant.parse(step.created())));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }
}
