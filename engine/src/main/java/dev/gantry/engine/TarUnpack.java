package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.images.Compression;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/// Unpacks an archive into a folder of a container, as PUT /containers/ID/archive does. Names that
/// lead out of the folder are refused; links on the way are followed inside the container only.
final class TarUnpack {
  private static final String XATTR = "SCHILY.xattr.";
  private static final int MAX_NAME = 4096;

  /// Who shall own what is unpacked.
  record Owner(long uid, long gid) {}

  private record FolderTime(String path, FileTime time) {}

  private final Tree tree;
  private final String folder;
  private final boolean keepKinds;
  private final Optional<Owner> owner;
  private boolean takesFolder;
  private final List<FolderTime> times = new ArrayList<>();

  /// @param folder an existing folder of `tree`, without links
  /// @param keepKinds refuse to put a folder in the place of something else and the other way round
  /// @param owner in the place of the archive's owners
  TarUnpack(Tree tree, String folder, boolean keepKinds, Optional<Owner> owner) {
    this.tree = tree;
    this.folder = folder;
    this.keepKinds = keepKinds;
    this.owner = owner;
  }

  /// What the archive says of the folder itself counts too: its owner, mode and time.
  TarUnpack withFolder() {
    takesFolder = true;
    return this;
  }

  void unpack(InputStream archive) throws IOException {
    BufferedInputStream raw = new BufferedInputStream(archive, 128 * 1024);
    TarArchiveInputStream in = new TarArchiveInputStream(Compression.of(raw).unpack(raw), "UTF-8");
    for (TarArchiveEntry e = next(in); e != null; e = next(in)) {
      entry(in, e);
    }
    for (FolderTime t : times.reversed()) {
      setTime(t.path(), t.time());
    }
    raw.transferTo(java.io.OutputStream.nullOutputStream());
  }

  /// The next entry; what is no tar at all has Docker's text.
  private static @org.jspecify.annotations.Nullable TarArchiveEntry next(TarArchiveInputStream in)
      throws IOException {
    try {
      TarArchiveEntry e = in.getNextEntry();
      if (e != null && !e.isCheckSumOK()) {
        throw new Failure.InvalidRequest("archive/tar: invalid tar header");
      }
      return e;
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("archive/tar: invalid tar header", null, e);
    } catch (IOException e) {
      String message = String.valueOf(e.getMessage());
      if (message.contains("Error detected parsing the header")
          || message.contains("runcated")
          || message.contains("Corrupted")) {
        throw new Failure.InvalidRequest("archive/tar: invalid tar header", null, e);
      }
      throw e;
    }
  }

  private void entry(TarArchiveInputStream in, TarArchiveEntry e) throws IOException {
    if (e.isGlobalPaxHeader()) {
      return;
    }
    String relative = clean(e.getName());
    String path = (folder.equals("/") ? "" : folder) + relative;
    try {
      if (relative.isEmpty()) {
        if (takesFolder && e.isDirectory()) {
          times.add(new FolderTime(folder + "/.", e.getLastModifiedTime()));
          attributes(e, folder + "/.");
        }
        return; // otherwise the folder is as it is
      }
      makeParents(path);
      Optional<Tree.Status> there = tree.status(path);
      if (there.isPresent()) {
        replace(e, path, relative.substring(1), there.get().isDirectory());
      }
      make(in, e, path);
    } catch (Errno failed) {
      throw new Failure.Internal(
          "could not unpack \"" + e.getName() + "\": " + failed.getMessage(), failed);
    }
  }

  /// The name with one leading slash, empty for the folder itself.
  private static String clean(String name) {
    if (name.length() > MAX_NAME) {
      throw new Failure.InvalidRequest("invalid entry name of " + name.length() + " characters");
    }
    List<String> parts = new ArrayList<>();
    for (String part : name.split("/")) {
      if (part.equals("..")) {
        if (parts.isEmpty()) {
          // Docker's text
          throw new Failure.InvalidRequest("invalid entry name \"" + name + "\"");
        }
        parts.removeLast();
      } else if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    return parts.isEmpty() ? "" : "/" + String.join("/", parts);
  }

  private void replace(TarArchiveEntry e, String path, String name, boolean isFolder) throws Errno {
    if (keepKinds && isFolder && !e.isDirectory()) {
      throw new Failure.InvalidRequest(
          "cannot overwrite directory \"" + name + "\" with non-directory \"" + folder + "\"");
    }
    if (keepKinds && !isFolder && e.isDirectory()) {
      throw new Failure.InvalidRequest(
          "cannot overwrite non-directory \"" + name + "\" with directory \"" + folder + "\"");
    }
    if (!isFolder || !e.isDirectory()) {
      tree.remove(path);
    }
  }

  private void makeParents(String path) throws Errno {
    String parent = path.substring(0, path.lastIndexOf('/'));
    if (parent.isEmpty()) {
      return;
    }
    try {
      tree.openFile(parent, Fd.O_PATH | Fd.O_DIRECTORY).close();
    } catch (Errno e) {
      if (e.number() != Errno.ENOENT) {
        throw e;
      }
      makeParents(parent);
      tree.makeFolder(parent, 0755);
      tree.setMode(parent, 0755);
      if (owner.isPresent()) {
        tree.setOwner(parent, owner.get().uid(), owner.get().gid());
      }
    }
  }

  private void make(TarArchiveInputStream in, TarArchiveEntry e, String path) throws IOException {
    if (e.isDirectory()) {
      if (tree.status(path).isEmpty()) {
        tree.makeFolder(path, 0700);
      }
      times.add(new FolderTime(path, e.getLastModifiedTime()));
    } else if (e.isSymbolicLink()) {
      tree.makeLink(path, e.getLinkName());
    } else if (e.isLink()) {
      tree.makeHardLink(path, (folder.equals("/") ? "" : folder) + clean(e.getLinkName()));
      return; // owner, mode and times are those of the file it names
    } else if (e.isCharacterDevice() || e.isBlockDevice() || e.isFIFO()) {
      int type = e.isFIFO() ? 0010000 : e.isBlockDevice() ? 0060000 : 0020000;
      tree.makeNode(path, type | 0600, Tree.device(e.getDevMajor(), e.getDevMinor()));
    } else if (e.isFile()) {
      content(in, path);
    } else {
      throw new Failure.InvalidRequest("unhandled tar header type of \"" + e.getName() + "\"");
    }
    attributes(e, path);
  }

  private void content(InputStream in, String path) throws IOException {
    byte[] buffer = new byte[64 * 1024];
    try (Fd out = tree.createFile(path, 0600)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int at = 0; at < n; ) {
          at += out.write(buffer, at, n - at);
        }
      }
    }
  }

  private void attributes(TarArchiveEntry e, String path) throws Errno {
    Owner to = owner.orElseGet(() -> new Owner(e.getLongUserId(), e.getLongGroupId()));
    tree.setOwner(path, to.uid(), to.gid());
    for (Map.Entry<String, String> header : e.getExtraPaxHeaders().entrySet()) {
      String key = header.getKey();
      if (key.startsWith(XATTR + "user.") || key.equals(XATTR + "security.capability")) {
        try {
          tree.setAttribute(
              path,
              key.substring(XATTR.length()),
              header.getValue().getBytes(StandardCharsets.ISO_8859_1));
        } catch (Errno refused) {
          if (refused.number() != Errno.EOPNOTSUPP && refused.number() != Errno.EPERM) {
            throw refused;
          }
        }
      }
    }
    if (!e.isSymbolicLink()) {
      tree.setMode(path, e.getMode()); // after the owner, whose change takes setuid away
    }
    if (!e.isDirectory()) {
      setTime(path, e.getLastModifiedTime());
    }
  }

  private void setTime(String path, FileTime time) throws Errno {
    tree.setTime(path, Math.floorDiv(time.toMillis(), 1000L), time.toInstant().getNano());
  }
}
