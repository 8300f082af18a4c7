package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// A folder of sources, looked at with care: somebody else may have written it. Links are not
/// followed, long files not read, deep and wide trees not searched to their end.
public final class SourceTree {
  private static final int LONGEST_FILE = 1 << 20;
  private static final int MOST_FILES = 20_000;
  private static final int DEEPEST = 24;
  private static final Set<String> NOT_SOURCES =
      Set.of("node_modules", "target", "build", "dist", "vendor", "venv", "__pycache__");

  private final Path root;

  public SourceTree(Path root) {
    this.root = root;
  }

  /// The folder's own name, for people; empty if it has none.
  public String name() {
    Path name = root.toAbsolutePath().normalize().getFileName();
    return name == null ? "" : name.toString();
  }

  /// Whether there is a regular file of this name.
  public boolean has(String name) {
    return inside(name).filter(SourceTree::isFile).isPresent();
  }

  /// The text of a file; empty if there is none.
  public Optional<String> text(String name) {
    Optional<Path> file = inside(name).filter(SourceTree::isFile);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(file.get(), LinkOption.NOFOLLOW_LINKS)) {
      byte[] bytes = in.readNBytes(LONGEST_FILE + 1);
      if (bytes.length > LONGEST_FILE) {
        throw new Failure.TooLarge(name + " is larger than 1 MiB: that is not read");
      }
      return Optional.of(new String(bytes, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not read " + name + ": " + e.getMessage(), null, e);
    }
  }

  /// Names in a folder, sorted; empty if there is no such folder.
  List<String> list(String folder) {
    Optional<Path> place = inside(folder);
    if (place.isEmpty() || !Files.isDirectory(place.get(), LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(place.get())) {
      return all.limit(MOST_FILES).map(p -> String.valueOf(p.getFileName())).sorted().toList();
    } catch (IOException e) {
      return List.of(); // what cannot be listed holds nothing for us
    }
  }

  boolean isFolder(String name) {
    return inside(name).filter(p -> Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)).isPresent();
  }

  /// Files below `folder` whose names end with `suffix`, as paths from the root, sorted. Hidden
  /// folders and those that builds fill are left out.
  List<String> find(String folder, String suffix) {
    List<String> found = new ArrayList<>();
    int[] left = {MOST_FILES};
    find(folder, suffix, DEEPEST, left, found);
    return found;
  }

  private void find(String folder, String suffix, int depth, int[] left, List<String> found) {
    for (String name : list(folder)) {
      if (left[0]-- <= 0) {
        return;
      }
      String path = folder.isEmpty() ? name : folder + "/" + name;
      if (name.endsWith(suffix) && has(path)) {
        found.add(path);
      } else if (depth > 0 && !name.startsWith(".") && !NOT_SOURCES.contains(name)) {
        find(path, suffix, depth - 1, left, found);
      }
    }
  }

  private static boolean isFile(Path path) {
    return Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
  }

  /// The path, if no name in it leads out of the tree or is a link.
  private Optional<Path> inside(String name) {
    Path path = root;
    for (String part : name.split("/")) {
      if (part.equals("..") || part.indexOf('\0') >= 0) {
        return Optional.empty();
      }
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      path = path.resolve(part);
      if (Files.isSymbolicLink(path)) {
        return Optional.empty();
      }
    }
    return Optional.of(path);
  }
}
