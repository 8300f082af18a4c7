package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What each tag pointed to and when: the journal's table `tag-history`, the newest last, at most
/// [#MAX] points a tag. A tag that is removed keeps its history.
public final class TagHistory {
  static final int MAX = 100;
  private static final String TABLE = "tag-history";

  /// From `at` on the tag pointed to the image `id`.
  public record Point(Digest id, Instant at) {}

  private final Journal journal;

  TagHistory(Journal journal) {
    this.journal = journal;
  }

  /// The points of a tag, the newest first.
  public List<Point> of(ImageReference reference) {
    return journal
        .get(TABLE, reference.toString())
        .map(r -> points(r).reversed())
        .orElse(List.of());
  }

  /// All tags of the repository that have a history.
  public List<ImageReference> tagsOf(ImageReference repository) {
    return journal.table(TABLE).keySet().stream()
        .map(ImageReference::parse)
        .filter(r -> r.name().equals(repository.name()))
        .toList();
  }

  private static List<Point> points(Json.JsonObject record) {
    List<Point> points = new ArrayList<>();
    for (Json.JsonObject p : record.objects("Points")) {
      points.add(new Point(Digest.parse(p.string("Id", "")), Instant.parse(p.string("At", ""))));
    }
    return points;
  }

  /// The change that notes a new target; empty if the tag points there already.
  Optional<Change> pointing(ImageReference reference, Digest id, Instant at) {
    List<Point> points = new ArrayList<>(of(reference).reversed());
    if (!points.isEmpty() && points.getLast().id().equals(id)) {
      return Optional.empty();
    }
    points.add(new Point(id, at));
    return Optional.of(write(reference, points));
  }

  /// What the tag pointed to before it pointed to `now`.
  Optional<Digest> before(ImageReference reference, Digest now) {
    List<Point> points = of(reference);
    for (int i = 0; i + 1 < points.size(); i++) {
      if (points.get(i).id().equals(now)) {
        return Optional.of(points.get(i + 1).id());
      }
    }
    return points.isEmpty() || points.getFirst().id().equals(now)
        ? Optional.empty()
        : Optional.of(points.getFirst().id());
  }

  /// A roll back takes the newest points away, so that the next one goes further back.
  Change rolledBack(ImageReference reference, Digest to, Instant at) {
    List<Point> points = new ArrayList<>(of(reference).reversed());
    while (!points.isEmpty() && !points.getLast().id().equals(to)) {
      points.removeLast();
    }
    if (points.isEmpty()) {
      points.add(new Point(to, at));
    }
    return write(reference, points);
  }

  private static Change write(ImageReference reference, List<Point> points) {
    Json.JsonArray list = Json.array();
    for (Point p : points.subList(Math.max(0, points.size() - MAX), points.size())) {
      list.add(Json.object().put("Id", p.id().toString()).put("At", p.at().toString()));
    }
    return Change.put(TABLE, reference.toString(), Json.object().put("Points", list));
  }
}
