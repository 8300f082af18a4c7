package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// Copies files out of a tree: to a folder on the host, or into a layer.
final class TreeCopy {
  private TreeCopy() {}

  /// Copies what stands at `path` to `copy`, which must not be there; returns `copy`.
  static Path to(Tree tree, String path, Path copy) throws IOException {
    try (Tree out = Tree.open(copy.resolveSibling(".").toString())) {
      String top = "/" + copy.getFileName();
      new Walk(tree, IgnoreFile.NONE, "/")
          .from(path, (from, below, s) -> one(tree, from, out, top + below, s));
    }
    if (!Files.exists(copy, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectory(copy);
    }
    return copy;
  }

  private static void one(Tree tree, String from, Tree out, String to, Tree.Status s)
      throws IOException {
    if (s.isDirectory()) {
      out.makeFolder(to, 0700);
    } else if (s.isLink()) {
      out.makeLink(to, tree.readLink(from));
    } else if (s.isRegular()) {
      byte[] buffer = new byte[64 * 1024];
      try (InputStream in = Walk.content(tree, from);
          Fd file = out.createFile(to, 0600)) {
        for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
          for (int at = 0; at < n; ) {
            at += file.write(buffer, at, n - at);
          }
        }
      }
    } else {
      out.makeNode(to, s.mode(), s.device());
    }
    out.setOwner(to, s.uid(), s.gid());
    if (!s.isLink()) {
      out.setMode(to, s.mode());
    }
    out.setTime(to, s.seconds(), s.nanos());
  }

  /// Writes one file into a layer; sockets are left out.
  static void pack(Tree tree, String from, TarWriter tar, String name, Tree.Status s)
      throws IOException {
    switch (s.mode() & 0170000) {
      case 0040000 -> tar.entry(name + "/", TarWriter.FOLDER, "", s, 0, Map.of());
      case 0120000 -> tar.entry(name, TarWriter.SYMBOLIC_LINK, tree.readLink(from), s, 0, Map.of());
      case 0100000 -> {
        try (InputStream in = Walk.content(tree, from)) {
          tar.entry(name, TarWriter.FILE, "", s, s.size(), capabilities(tree, from));
          tar.content(in, s.size());
        }
      }
      case 0020000 -> tar.entry(name, TarWriter.CHARACTER, "", s, 0, Map.of());
      case 0060000 -> tar.entry(name, TarWriter.BLOCK, "", s, 0, Map.of());
      case 0010000 -> tar.entry(name, TarWriter.FIFO, "", s, 0, Map.of());
      default -> {}
    }
  }

  private static Map<String, byte[]> capabilities(Tree tree, String path) throws Errno {
    return tree.attribute(path, "security.capability")
        .map(v -> Map.of("security.capability", v))
        .orElse(Map.of());
  }
}
