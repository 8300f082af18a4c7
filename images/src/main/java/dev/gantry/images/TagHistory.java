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
import java.util.function.Predicate;

/// What each tag pointed to and when: the journal's table `tag-history`, the newest last, at most
/// [#MAX] points a tag. A tag that is removed keeps its history.
public final class TagHistory {
  static final int MAX = 100;
  private static final String TABLE = "tag-history";

  /// From `at` on the tag pointed to the image `id`.
  ///
  /// @param others further platforms that it stood for then
  /// @param index the document that they came by
  public record Point(Digest id, List<Digest> others, Optional<Digest> index, Instant at) {
    public Point {
      others = List.copyOf(others);
    }

    private static Point of(ImageNames.Target target, Instant at) {
      List<Digest> ids = target.ids();
      return new Point(ids.getFirst(), ids.subList(1, ids.size()), target.index(), at);
    }

    ImageNames.Target target() {
      List<Digest> ids = new ArrayList<>(List.of(id));
      ids.addAll(others);
      return new ImageNames.Target(ids, index);
    }
  }

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
      points.add(Point.of(ImageNames.read(p), Instant.parse(p.string("At", ""))));
    }
    return points;
  }

  /// The change that notes a new target; empty if the tag points there already. A further platform
  /// of the same index is no new point.
  Optional<Change> pointing(ImageReference reference, ImageNames.Target target, Instant at) {
    List<Point> points = new ArrayList<>(of(reference).reversed());
    Instant since = at;
    if (!points.isEmpty() && points.getLast().target().isSame(target)) {
      if (points.getLast().target().equals(target)) {
        return Optional.empty();
      }
      since = points.removeLast().at();
    }
    points.add(Point.of(target, since));
    return Optional.of(write(reference, points));
  }

  /// What the tag pointed to before it pointed to `now`.
  Optional<Point> before(ImageReference reference, ImageNames.Target now) {
    List<Point> points = of(reference);
    for (int i = 0; i + 1 < points.size(); i++) {
      if (points.get(i).target().isSame(now)) {
        return Optional.of(points.get(i + 1));
      }
    }
    return points.isEmpty() || points.getFirst().target().isSame(now)
        ? Optional.empty()
        : Optional.of(points.getFirst());
  }

  /// A roll back takes the newest points away, so that the next one goes further back.
  Change rolledBack(ImageReference reference, Point to) {
    List<Point> points = new ArrayList<>(of(reference).reversed());
    while (!points.isEmpty() && !points.getLast().target().isSame(to.target())) {
      points.removeLast();
    }
    if (points.isEmpty()) {
      points.add(to);
    }
    return write(reference, points);
  }

  /// The indexes of points one of whose images is still here: with them the point can be gone back
  /// to.
  Set<Digest> indexes(Predicate<Digest> isHere) {
    Set<Digest> indexes = new HashSet<>();
    for (Json.JsonObject record : journal.table(TABLE).values()) {
      for (Point p : points(record)) {
        if (p.index().isPresent() && p.target().ids().stream().anyMatch(isHere)) {
          indexes.add(p.index().get());
        }
      }
    }
    return indexes;
  }

  private static Change write(ImageReference reference, List<Point> points) {
    Json.JsonArray list = Json.array();
    for (Point p : points.subList(Math.max(0, points.size() - MAX), points.size())) {
      list.add(ImageNames.json(p.target()).put("At", p.at().toString()));
    }
    return Change.put(TABLE, reference.toString(), Json.object().put("Points", list));
  }
}
