package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// What names (with a tag, or with the digest that a registry gave) point to: the journal's table
/// `tags`. A name of an index points to one image for each of the index's platforms that is here.
/// Thread-safe; makes the changes, whoever asks commits them.
final class ImageNames {
  private static final String TABLE = "tags";

  /// What a name points to.
  ///
  /// @param ids the images, the one that stands for the name first
  /// @param index the document that lists them, if they came by one; it is in the content store
  record Target(List<Digest> ids, Optional<Digest> index) {
    Target {
      ids = List.copyOf(ids);
    }

    static Target of(Digest id) {
      return new Target(List.of(id), Optional.empty());
    }

    Digest first() {
      return ids.getFirst();
    }

    /// True if both are the same image, or platforms of the same index.
    boolean isSame(Target other) {
      return index.equals(other.index()) && (index.isPresent() || first().equals(other.first()));
    }

    /// The same without one of several images.
    private Target without(Digest id) {
      return new Target(ids.stream().filter(i -> !i.equals(id)).toList(), index);
    }
  }

  private final Journal journal;

  ImageNames(Journal journal) {
    this.journal = journal;
  }

  /// One with tag and digest is known by the digest.
  static String key(ImageReference reference) {
    return reference
        .digestIfAny()
        .map(d -> reference.name() + "@" + d)
        .orElseGet(reference::toString);
  }

  Optional<Target> target(ImageReference reference) {
    return journal.get(TABLE, key(reference)).map(ImageNames::read);
  }

  static Target read(Json.JsonObject record) {
    List<Digest> ids = new ArrayList<>();
    ids.add(Digest.parse(record.string("Id", "")));
    record.strings("Others").forEach(o -> ids.add(Digest.parse(o)));
    return new Target(ids, record.string("Index").map(Digest::parse));
  }

  /// When the name was last pointed anywhere; empty for names of before this was kept.
  Optional<Instant> at(ImageReference reference) {
    return journal.get(TABLE, key(reference)).flatMap(r -> r.string("At")).map(Instant::parse);
  }

  /// The names that point to the image `id`, alone or among others.
  List<ImageReference> of(Digest id) {
    List<ImageReference> names = new ArrayList<>();
    String text = id.toString();
    journal
        .table(TABLE)
        .forEach(
            (name, record) -> {
              if (record.string("Id", "").equals(text)
                  || record.has("Others") && record.strings("Others").contains(text)) {
                names.add(ImageReference.parse(name));
              }
            });
    return names;
  }

  /// The indexes that names keep.
  Set<Digest> indexes() {
    Set<Digest> indexes = new HashSet<>();
    journal
        .table(TABLE)
        .values()
        .forEach(r -> r.string("Index").map(Digest::parse).ifPresent(indexes::add));
    return indexes;
  }

  // ---- changes

  Change point(ImageReference reference, Target target) {
    return Change.put(TABLE, key(reference), json(target).put("At", Instant.now().toString()));
  }

  /// What [#read] reads.
  static Json.JsonObject json(Target target) {
    Json.JsonObject record = Json.object().put("Id", target.first().toString());
    if (target.ids().size() > 1) {
      Json.JsonArray others = Json.array();
      target.ids().stream().skip(1).forEach(id -> others.add(id.toString()));
      record.put("Others", others);
    }
    target.index().ifPresent(i -> record.put("Index", i.toString()));
    return record;
  }

  /// What the name points to when the image `id` has come to it as one of the platforms of `index`:
  /// those that came by the same index stay.
  ///
  /// @param order brings the image that shall stand for the name to the front
  Target joined(
      ImageReference reference,
      Digest id,
      Digest index,
      Function<List<Digest>, List<Digest>> order) {
    List<Digest> ids = new ArrayList<>(List.of(id));
    target(reference)
        .filter(t -> t.index().equals(Optional.of(index)))
        .ifPresent(t -> t.ids().stream().filter(i -> !i.equals(id)).forEach(ids::add));
    return new Target(order.apply(ids), Optional.of(index));
  }

  Change remove(ImageReference reference) {
    return Change.remove(TABLE, key(reference));
  }

  /// The name without the image `id`; empty if it is its only one.
  Optional<Change> without(ImageReference reference, Digest id) {
    return target(reference)
        .filter(t -> t.ids().size() > 1)
        .map(t -> point(reference, t.without(id)));
  }
}
