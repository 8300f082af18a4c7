package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/// Visits what stands at a path and all below that is not excluded: folders before what is in them,
/// names sorted.
final class Walk {
  static final int MAX_DEPTH = 512;

  /// Takes one file.
  @FunctionalInterface
  interface Visitor {
    /// @param path in the tree
    /// @param below path from the start on, with a slash in front; empty for the start itself
    void visit(String path, String below, Tree.Status status) throws IOException;
  }

  private final Tree tree;
  private final IgnoreFile excluded;
  private final String root;

  /// @param excluded patterns of paths from `root` on
  Walk(Tree tree, IgnoreFile excluded, String root) {
    this.tree = tree;
    this.excluded = excluded;
    this.root = root;
  }

  void from(String start, Visitor visitor) throws IOException {
    Optional<Tree.Status> status = tree.status(start);
    if (status.isPresent()) {
      visit(start, "", status.get(), visitor, 0);
    }
  }

  private void visit(String path, String below, Tree.Status status, Visitor visitor, int depth)
      throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(path + " is nested too deeply");
    }
    boolean hidden = isHidden(path);
    if (!hidden) {
      visitor.visit(path, below, status);
    }
    boolean mayHold = !hidden || !excluded.isFinal();
    if (status.isDirectory() && mayHold) {
      for (String name : tree.list(path)) {
        String child = (path.equals("/") ? "" : path) + "/" + name;
        Optional<Tree.Status> s = tree.status(child);
        if (s.isPresent()) {
          visit(child, below + "/" + name, s.get(), visitor, depth + 1);
        }
      }
    }
  }

  private boolean isHidden(String path) {
    String prefix = root.equals("/") ? "" : root;
    return path.length() > prefix.length() + 1
        && path.startsWith(prefix + "/")
        && excluded.ignores(path.substring(prefix.length() + 1));
  }

  /// A regular file's bytes; closing it closes the descriptor.
  static InputStream content(Tree tree, String path) throws Errno {
    return tree.openFile(path, Fd.O_RDONLY | Fd.O_NONBLOCK | Fd.O_NOFOLLOW).content();
  }
}
