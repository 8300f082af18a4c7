package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The files of what was built, as an archive.
public final class FilesTar {
  private static final Tree.Status MADE = new Tree.Status(0100600, 0, 0, 0, 0, 0, 0, 0, 1, 0);
  private static final Tree.Status FOLDER = new Tree.Status(0040755, 0, 0, 0, 0, 0, 0, 0, 2, 0);

  private FilesTar() {}

  /// The files of one platform.
  ///
  /// @param prefix folder that they lie in; empty for none
  /// @param more files beside those of the tree, by their names
  public record Part(String prefix, Tree tree, Map<String, byte[]> more) {
    public Part {
      for (String name : more.keySet()) {
        if (has(tree, name)) {
          throw new Failure.InvalidRequest(
              "the result has a file " + name + " of its own: set attestation-prefix");
        }
      }
      more = Map.copyOf(more);
    }

    private static boolean has(Tree tree, String name) {
      try {
        return tree.status("/" + name).isPresent();
      } catch (Errno e) {
        throw new Failure.Internal("could not look for " + name + ": " + e.getMessage(), e);
      }
    }
  }

  /// Writes all files of `tree`; files with several names are one file and links to it.
  public static void write(Tree tree, OutputStream out) throws IOException {
    write(List.of(new Part("", tree, Map.of())), out);
  }

  /// Writes the files of several platforms.
  public static void write(List<Part> parts, OutputStream out) throws IOException {
    try (TarWriter tar = new TarWriter(out)) {
      for (Part part : parts) {
        String prefix = part.prefix().isEmpty() ? "" : part.prefix() + "/";
        if (!prefix.isEmpty()) {
          tar.entry(prefix, TarWriter.FOLDER, "", FOLDER, 0, Map.of());
        }
        for (Map.Entry<String, byte[]> file : new TreeMap<>(part.more()).entrySet()) {
          byte[] bytes = file.getValue();
          tar.entry(prefix + file.getKey(), TarWriter.FILE, "", MADE, bytes.length, Map.of());
          tar.content(new ByteArrayInputStream(bytes), bytes.length);
        }
        write(part.tree(), prefix, tar);
      }
    }
  }

  private static void write(Tree tree, String prefix, TarWriter tar) throws IOException {
    Map<String, String> names = new java.util.HashMap<>();
    new Walk(tree, IgnoreFile.NONE, "/")
        .from(
            "/",
            (path, below, status) -> {
              if (below.isEmpty()) {
                return;
              }
              String name = prefix + below.substring(1);
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
