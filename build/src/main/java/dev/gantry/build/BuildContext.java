package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// A folder of files that COPY takes from. What is not to be seen is not in it ([#without]).
///
/// @param folder nothing changes in it while it is built
/// @param identity of what is in it, if it is known
public record BuildContext(Path folder, Optional<String> identity) implements Source {
  /// A folder from an earlier build in which no file is that is not to be seen.
  public static BuildContext of(KeptContexts.Held held) {
    return new BuildContext(held.folder(), held.identity());
  }

  /// The context in `folder`, from which everything that is ignored is removed.
  public static BuildContext without(Path folder, IgnoreFile ignored) throws IOException {
    if (!ignored.isEmpty()) {
      try (Tree tree = Tree.open(folder.toString())) {
        prune(tree, "", ignored, 0);
      }
    }
    return new BuildContext(folder, Optional.empty());
  }

  /// Removes what is ignored in a folder; true if the folder is empty then.
  private static boolean prune(Tree tree, String folder, IgnoreFile ignored, int depth)
      throws IOException {
    if (depth > Walk.MAX_DEPTH) {
      throw new IOException(folder + " is nested too deeply");
    }
    boolean empty = true;
    for (String name : tree.list(folder.isEmpty() ? "/" : folder)) {
      String path = folder + "/" + name;
      boolean hidden = ignored.ignores(path.substring(1));
      boolean isFolder = tree.status(path).map(Tree.Status::isDirectory).orElse(false);
      if (hidden && (!isFolder || ignored.isFinal())) {
        tree.remove(path);
      } else if (isFolder && prune(tree, path, ignored, depth + 1) && hidden) {
        tree.remove(path); // an exception could have kept something in it
      } else {
        empty = false;
      }
    }
    return empty;
  }

  @Override
  public Tree open() throws Errno {
    return Tree.open(folder.toString());
  }

  @Override
  public String failure(String path) {
    return "COPY failed: file not found in build context or excluded by .dockerignore: stat "
        + path
        + ": file does not exist";
  }

  @Override
  public Mountable mountable() {
    return new Mountable.Folder(folder);
  }

  /// A file's text, links in the context followed inside it; empty if it is no regular file.
  ///
  /// @param most the longest that is read, in bytes
  public static Optional<String> text(Tree tree, String path, int most) throws IOException {
    String real = dev.gantry.engine.LayerFiles.resolve(tree, path);
    Optional<Tree.Status> status = tree.status(real);
    if (status.isEmpty() || !status.get().isRegular()) {
      return Optional.empty();
    }
    if (status.get().size() > most) {
      throw new dev.gantry.base.Failure.TooLarge(
          path.substring(1) + " is larger than " + (most >> 20) + " MiB");
    }
    try (var in = Walk.content(tree, real)) {
      return Optional.of(new String(in.readNBytes(most), java.nio.charset.StandardCharsets.UTF_8));
    }
  }
}
