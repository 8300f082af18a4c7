package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/// Unpacks one layer's tar into a folder for overlayfs (image-spec layer.md).
///
/// The archive is hostile: names are cleaned, every path is resolved inside the folder by the
/// kernel, and an entry that cannot be is an error with its name. Whiteouts (`.wh.NAME`) become
/// device 0:0 nodes and `.wh..wh..opq` the attribute `trusted.overlay.opaque`, which is how
/// overlayfs marks them.
final class LayerUnpacker {
  private static final String WHITEOUT = ".wh.";
  private static final String OPAQUE = ".wh..wh..opq";
  private static final String XATTR = "SCHILY.xattr.";
  private static final int MAX_NAME = 4096;
  private static final long MAX_ENTRIES = 5_000_000;
  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;
  private static final int S_IFIFO = 0010000;

  private record FolderTime(String path, long seconds, int nanos) {}

  private final Tree tree;
  private final List<FolderTime> times = new ArrayList<>();
  private long bytes;

  private LayerUnpacker(Tree tree) {
    this.tree = tree;
  }

  /// Unpacks the uncompressed `tar` and returns the bytes of its files. The stream is read to its
  /// end, so that a digest over it covers all of it.
  static long unpack(InputStream tar, Path folder) throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      LayerUnpacker unpacker = new LayerUnpacker(tree);
      unpacker.run(tar);
      return unpacker.bytes;
    }
  }

  private void run(InputStream tar) throws IOException {
    TarArchiveInputStream in = new TarArchiveInputStream(tar, "UTF-8");
    long entries = 0;
    try {
      for (TarArchiveEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        if (++entries > MAX_ENTRIES) {
          throw new Failure.TooLarge("the layer has more than " + MAX_ENTRIES + " files");
        }
        entry(in, e);
      }
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest(
          "the layer is no valid tar archive: " + e.getMessage(), null, e);
    }
    // folders get their times last: making files in them changed these
    for (FolderTime t : times.reversed()) {
      tree.setTime(t.path(), t.seconds(), t.nanos());
    }
    tar.transferTo(java.io.OutputStream.nullOutputStream());
  }

  private void entry(TarArchiveInputStream in, TarArchiveEntry e) throws IOException {
    String path = clean(e.getName());
    if (e.isGlobalPaxHeader() || (path.equals("/") && !e.isDirectory())) {
      return;
    }
    try {
      if (!path.equals("/")) {
        makeParents(path);
      }
      String name = path.substring(path.lastIndexOf('/') + 1);
      String folder = path.substring(0, path.lastIndexOf('/') + 1);
      if (name.equals(OPAQUE)) {
        markOpaque(folder.length() > 1 ? folder.substring(0, folder.length() - 1) : "/");
      } else if (name.startsWith(WHITEOUT)) {
        String hidden = folder + name.substring(WHITEOUT.length());
        if (name.length() == WHITEOUT.length() || hidden.endsWith("/.") || hidden.endsWith("/..")) {
          throw new Failure.InvalidRequest(
              "the layer has the invalid whiteout \"" + e.getName() + "\"");
        }
        tree.remove(hidden);
        tree.makeNode(hidden, S_IFCHR, 0);
      } else {
        make(in, e, path);
      }
    } catch (Errno failed) {
      throw new Failure.InvalidRequest(
          "could not unpack \"" + e.getName() + "\": " + failed.getMessage(), null, failed);
    }
  }

  /// The entry's path with one leading slash, without `.`, `..` and double slashes.
  private static String clean(String name) {
    if (name.length() > MAX_NAME) {
      throw new Failure.InvalidRequest("the layer has a name of " + name.length() + " characters");
    }
    List<String> parts = new ArrayList<>();
    for (String part : name.split("/")) {
      if (part.equals("..")) {
        throw new Failure.InvalidRequest("the layer's name \"" + name + "\" leads out of it");
      }
      if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    return "/" + String.join("/", parts);
  }

  private void makeParents(String path) throws Errno {
    int slash = path.lastIndexOf('/');
    if (slash <= 0) {
      return;
    }
    String folder = path.substring(0, slash);
    try {
      tree.status(path);
      if (tree.status(folder).isPresent()) {
        return;
      }
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT) {
        throw e;
      }
    }
    makeParents(folder);
    try {
      tree.makeFolder(folder, 0755);
    } catch (Errno e) {
      if (e.number() != Errno.EEXIST) {
        throw e;
      }
    }
  }

  private void markOpaque(String folder) throws Errno {
    tree.setAttribute(folder, "trusted.overlay.opaque", new byte[] {'y'});
  }

  private void make(TarArchiveInputStream in, TarArchiveEntry e, String path) throws IOException {
    if (e.isDirectory()) {
      folder(e, path);
    } else {
      tree.remove(path);
      if (e.isSymbolicLink()) {
        tree.makeLink(path, e.getLinkName());
      } else if (e.isLink()) {
        tree.makeHardLink(path, clean(e.getLinkName()));
        return; // owner, mode and times are those of the file it names
      } else if (e.isCharacterDevice() || e.isBlockDevice() || e.isFIFO()) {
        int type = e.isFIFO() ? S_IFIFO : e.isBlockDevice() ? S_IFBLK : S_IFCHR;
        tree.makeNode(path, type | 0600, Tree.device(e.getDevMajor(), e.getDevMinor()));
      } else if (e.isFile()) {
        file(in, path);
      } else {
        throw new Failure.InvalidRequest(
            "\"" + e.getName() + "\" is of a kind that a layer cannot hold");
      }
    }
    if (!path.equals("/") || e.isDirectory()) {
      attributes(e, path);
    }
  }

  private void folder(TarArchiveEntry e, String path) throws Errno {
    if (path.equals("/")) {
      return;
    }
    var there = tree.status(path);
    if (there.isPresent() && !there.get().isDirectory()) {
      tree.remove(path);
      there = java.util.Optional.empty();
    }
    if (there.isEmpty()) {
      tree.makeFolder(path, 0700);
    }
    long seconds = Math.floorDiv(e.getLastModifiedTime().toMillis(), 1000L);
    times.add(new FolderTime(path, seconds, e.getLastModifiedTime().toInstant().getNano()));
  }

  private void file(TarArchiveInputStream in, String path) throws IOException {
    byte[] buffer = new byte[64 * 1024];
    try (Fd out = tree.createFile(path, 0600)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int at = 0; at < n; ) {
          at += out.write(buffer, at, n - at);
        }
        bytes += n;
      }
    }
  }

  private void attributes(TarArchiveEntry e, String path) throws Errno {
    if (path.equals("/")) {
      return;
    }
    tree.setOwner(path, e.getLongUserId(), e.getLongGroupId());
    for (Map.Entry<String, String> header : e.getExtraPaxHeaders().entrySet()) {
      if (header.getKey().startsWith(XATTR)) {
        attribute(path, header.getKey().substring(XATTR.length()), header.getValue());
      }
    }
    if (!e.isSymbolicLink()) {
      tree.setMode(path, e.getMode()); // after the owner, whose change takes setuid away
    }
    if (!e.isDirectory()) {
      tree.setTime(
          path,
          Math.floorDiv(e.getLastModifiedTime().toMillis(), 1000L),
          e.getLastModifiedTime().toInstant().getNano());
    }
  }

  private void attribute(String path, String key, String value) throws Errno {
    if (key.startsWith("trusted.overlay.")) {
      return; // those are ours to write: an image could forge whiteouts and redirects
    }
    try {
      tree.setAttribute(path, key, value.getBytes(StandardCharsets.ISO_8859_1));
    } catch (Errno e) {
      if (e.number() != Errno.EOPNOTSUPP) {
        throw e;
      }
    }
  }
}
