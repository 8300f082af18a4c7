package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Map;

/// The files of what was built, as an archive.
public final class FilesTar {
  private FilesTar() {}

  /// Writes all files of `tree`; files with several names are one file and links to it.
  public static void write(Tree tree, OutputStream out) throws IOException {
    Map<String, String> names = new java.util.HashMap<>();
    try (TarWriter tar = new TarWriter(out)) {
      new Walk(tree, IgnoreFile.NONE, "/")
          .from(
              "/",
              (path, below, status) -> {
                if (below.isEmpty()) {
                  return;
                }
                String name = below.substring(1);
                String first =
                    status.isRegular() && status.links() > 1
                        ? names.putIfAbsent(status.fileSystem() + ":" + status.inode(), name)
                        : null;
                if (first == null) {
                  TreeCopy.pack(tree, path, tar, name, status);
                } else {
                  tar.entry(name, TarWriter.HARD_LINK, first, status, 0, Map.of());
                }
              });
    }
  }
}
