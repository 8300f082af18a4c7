package dev.gantry.engine;

import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;

/// Packs files of a contained tree: folders before what is in them, names sorted, hard links told
/// by file system and inode, sockets left out. What vanishes while it is packed is left out.
final class TarPack {
  private static final int MAX_DEPTH = 512;

  private final Tree tree;
  private final TarWriter out;
  private final Predicate<String> hidden;
  private final Map<String, String> links = new HashMap<>();

  /// @param hidden paths in the tree whose content is not packed
  TarPack(Tree tree, TarWriter out, Predicate<String> hidden) {
    this.tree = tree;
    this.out = out;
    this.hidden = hidden;
  }

  /// Packs what stands at `path` under the name `name`, with everything below.
  void add(String path, String name) throws IOException {
    add(path, name, 0);
  }

  /// Packs the children of the folder `path`; `prefix` begins their names.
  void children(String path, String prefix) throws IOException {
    children(path, prefix, 0);
  }

  private void children(String path, String prefix, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(path + " is nested too deeply");
    }
    for (String child : tree.list(path)) {
      add((path.equals("/") ? "" : path) + "/" + child, prefix + child, depth + 1);
    }
  }

  private void add(String path, String name, int depth) throws IOException {
    Tree.Status status = tree.status(path).orElse(null);
    if (status == null) {
      return;
    }
    if (one(path, name, status) && status.isDirectory() && !hidden.test(path)) {
      children(path, name.endsWith("/") ? name : name + "/", depth);
    }
  }

  /// Packs one file without what is below; false if it cannot be in an archive.
  boolean one(String path, String name, Tree.Status s) throws IOException {
    Map<String, byte[]> attributes = attributes(path);
    switch (s.mode() & 0170000) {
      case 0040000 ->
          out.entry(name.endsWith("/") ? name : name + "/", TarWriter.FOLDER, "", s, 0, attributes);
      case 0120000 ->
          out.entry(name, TarWriter.SYMBOLIC_LINK, tree.readLink(path), s, 0, attributes);
      case 0100000 -> file(path, name, s, attributes);
      case 0020000 -> out.entry(name, TarWriter.CHARACTER, "", s, 0, attributes);
      case 0060000 -> out.entry(name, TarWriter.BLOCK, "", s, 0, attributes);
      case 0010000 -> out.entry(name, TarWriter.FIFO, "", s, 0, attributes);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void file(String path, String name, Tree.Status s, Map<String, byte[]> attributes)
      throws IOException {
    if (s.links() > 1) {
      String first = links.putIfAbsent(s.fileSystem() + ":" + s.inode(), name);
      if (first != null) {
        out.entry(name, TarWriter.HARD_LINK, first, s, 0, Map.of());
        return;
      }
    }
    try (Fd fd = tree.openFile(path, Fd.O_RDONLY | Fd.O_NONBLOCK | Fd.O_NOFOLLOW)) {
      out.entry(name, TarWriter.FILE, "", s, s.size(), attributes);
      out.content(fd.content(), s.size());
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT && e.number() != Errno.ELOOP) {
        throw e;
      }
    }
  }

  private Map<String, byte[]> attributes(String path) throws Errno {
    Map<String, byte[]> kept = new LinkedHashMap<>();
    for (String key : tree.attributes(path)) {
      if (key.equals("security.capability") || key.startsWith("user.")) {
        tree.attribute(path, key).ifPresent(value -> kept.put(key, value));
      }
    }
    return kept;
  }
}
