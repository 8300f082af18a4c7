package dev.gantry.build;

import dev.gantry.base.Ids;
import dev.gantry.kernel.TreeSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// The folders of `RUN --mount=type=cache`, which outlive builds. Beside each lies a file with what
/// it is called, whose time is that of the last use. Thread-safe.
public final class CacheMounts {
  private static final String ABOUT = ".about";
  private static final LinkOption NO_LINKS = LinkOption.NOFOLLOW_LINKS;

  private final Path folder;
  private final Map<Path, Integer> users = new HashMap<>();

  /// @param folder has one folder for each
  CacheMounts(Path folder) {
    this.folder = folder;
  }

  /// One of them.
  ///
  /// @param name how the Dockerfile calls it
  /// @param size bytes of its files
  public record Mount(
      Path folder, String name, long size, Instant created, Instant used, boolean inUse) {}

  /// The place of a cache, which nobody removes until [#done]; it may not be there yet.
  ///
  /// @param id a name of its own for it
  synchronized Path use(String id, String name) throws IOException {
    Path place = folder.resolve(id);
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(id + ABOUT), name);
    users.merge(place, 1, Integer::sum);
    return place;
  }

  synchronized void done(Path place) {
    users.computeIfPresent(place, (p, n) -> n > 1 ? n - 1 : null);
  }

  /// All that are here.
  public synchronized List<Mount> list() throws IOException {
    List<Mount> all = new ArrayList<>();
    if (!Files.isDirectory(folder)) {
      return all;
    }
    try (Stream<Path> places = Files.list(folder)) {
      for (Path place : places.filter(p -> Files.isDirectory(p, NO_LINKS)).toList()) {
        Path about = folder.resolve(place.getFileName() + ABOUT);
        boolean said = Files.exists(about);
        Instant used = Files.getLastModifiedTime(said ? about : place).toInstant();
        FileTime created =
            (FileTime) Files.getAttribute(place, "unix:ctime", LinkOption.NOFOLLOW_LINKS);
        all.add(
            new Mount(
                place,
                said ? Files.readString(about) : "",
                TreeSize.of(place).disk(),
                created.toInstant().isAfter(used) ? used : created.toInstant(),
                used,
                users.containsKey(place)));
      }
    }
    return all;
  }

  /// Removes one; false if a build uses it.
  boolean remove(Mount mount) throws IOException {
    Path gone = folder.resolveSibling("gone-" + Ids.next().substring(0, 12));
    synchronized (this) {
      if (users.containsKey(mount.folder())) {
        return false;
      }
      Files.move(mount.folder(), gone);
      Files.deleteIfExists(folder.resolve(mount.folder().getFileName() + ABOUT));
    }
    Builder.remove(gone);
    return true;
  }
}
