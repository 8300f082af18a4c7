package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.images.Compression;
import dev.gantry.images.FolderTimes;
import dev.gantry.images.FreeSpace;
import dev.gantry.images.TarContent;
import dev.gantry.images.TarEntry;
import dev.gantry.images.TarReader;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Unpacks an archive into a folder of a container, as PUT /containers/ID/archive does. Names that
/// lead out of the folder are refused; links on the way are followed inside the container only.
/// Programs in the container may move files about meanwhile: a file is reached by the descriptor
/// that it was made with, and nothing follows a link that has come in its place.
final class TarUnpack {
  private static final int MAX_NAME = 4096;

  /// Who shall own what is unpacked.
  record Owner(long uid, long gid) {}

  private final Tree tree;
  private final String folder;
  private final boolean keepKinds;
  private final Optional<Owner> owner;
  private final FolderTimes times;
  private boolean takesFolder;

  /// @param folder an existing folder of `tree`, without links
  /// @param keepKinds refuse to put a folder in the place of something else and the other way round
  /// @param owner in the place of the archive's owners
  TarUnpack(Tree tree, String folder, boolean keepKinds, Optional<Owner> owner) {
    this.tree = tree;
    this.folder = folder;
    this.keepKinds = keepKinds;
    this.owner = owner;
    this.times = new FolderTimes(tree);
  }

  /// What the archive says of the folder itself counts too: its owner, mode and time.
  TarUnpack withFolder() {
    takesFolder = true;
    return this;
  }

  /// @param archive packed or not; read to its end
  /// @param space of the engine's own disk
  void unpack(InputStream archive, FreeSpace space) {
    BufferedInputStream raw = new BufferedInputStream(archive, 128 * 1024);
    try (InputStream plain = Compression.of(raw).unpack(raw)) {
      TarReader in = new TarReader(plain);
      TarContent content = new TarContent(in, space);
      for (TarEntry e = in.next(); e != null; e = in.next()) {
        entry(content, e);
      }
      times.set();
      plain.transferTo(OutputStream.nullOutputStream()); // whose checksum comes last
      raw.transferTo(OutputStream.nullOutputStream());
    } catch (TarReader.Malformed e) {
      // Docker's text, for what is no archive at all as well
      throw new Failure.InvalidRequest("archive/tar: invalid tar header", e.getMessage(), e);
    } catch (Errno e) {
      throw new Failure.Internal("could not unpack the archive: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not read the archive: " + e.getMessage(), null, e);
    }
  }

  private void entry(TarContent content, TarEntry e) throws IOException {
    String relative = clean(e.name());
    String path = (folder.equals("/") ? "" : folder) + relative;
    try {
      if (relative.isEmpty()) {
        if (takesFolder && isFolder(e)) {
          times.add(folder + "/.", e.seconds(), e.nanos());
          attributes(e, folder + "/.");
        }
        return; // otherwise the folder is as it is
      }
      makeParents(path);
      Optional<Tree.Status> there = tree.status(path);
      if (there.isPresent()) {
        replace(e, path, relative.substring(1), there.get().isDirectory());
      }
      make(content, e, path);
    } catch (Errno failed) {
      throw new Failure.Internal(
          "could not unpack \"" + e.name() + "\": " + failed.getMessage(), failed);
    }
  }

  private static boolean isFolder(TarEntry e) {
    return e.kind() == TarEntry.Kind.FOLDER;
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

  private void replace(TarEntry e, String path, String name, boolean folderThere) throws Errno {
    if (keepKinds && folderThere && !isFolder(e)) {
      throw new Failure.InvalidRequest(
          "cannot overwrite directory \"" + name + "\" with non-directory \"" + folder + "\"");
    }
    if (keepKinds && !folderThere && isFolder(e)) {
      throw new Failure.InvalidRequest(
          "cannot overwrite non-directory \"" + name + "\" with directory \"" + folder + "\"");
    }
    if (!folderThere || !isFolder(e)) {
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

  private void make(TarContent content, TarEntry e, String path) throws IOException {
    switch (e.kind()) {
      case FOLDER -> {
        if (tree.status(path).isEmpty()) {
          tree.makeFolder(path, 0700);
        }
        times.add(path, e.seconds(), e.nanos());
      }
      case SYMLINK -> tree.makeLink(path, e.link());
      case HARD_LINK -> {
        tree.makeHardLink(path, (folder.equals("/") ? "" : folder) + clean(e.link()));
        return; // owner, mode and times are those of the file it names
      }
      case CHARACTER -> tree.makeNode(path, 0020600, Tree.device(e.major(), e.minor()));
      case BLOCK -> tree.makeNode(path, 0060600, Tree.device(e.major(), e.minor()));
      case FIFO -> tree.makeNode(path, 0010600, 0);
      case FILE -> {
        file(content, e, path);
        return;
      }
    }
    attributes(e, path);
  }

  private void file(TarContent content, TarEntry e, String path) throws IOException {
    Owner to = owner(e);
    try (Fd out = tree.createFile(path, 0600)) {
      content.writeTo(out, e);
      out.setOwner(to.uid(), to.gid());
      attributes(e, out::setAttribute);
      out.setMode(e.mode()); // after the owner, whose change takes setuid away
      out.setTime(e.seconds(), e.nanos());
    } catch (Errno | Failure.TooLarge full) {
      tree.remove(path); // a disk that is full shall not stay so because of half a file
      throw full;
    }
  }

  private Owner owner(TarEntry e) {
    return owner.orElseGet(() -> new Owner(e.uid(), e.gid()));
  }

  /// Owner, attributes, mode and time of what was made without being opened.
  private void attributes(TarEntry e, String path) throws Errno {
    Owner to = owner(e);
    tree.setOwner(path, to.uid(), to.gid());
    attributes(e, (key, value) -> tree.setAttribute(path, key, value));
    if (e.kind() != TarEntry.Kind.SYMLINK) {
      tree.setMode(path, e.mode()); // after the owner, whose change takes setuid away
    }
    if (!isFolder(e)) {
      tree.setTime(path, e.seconds(), e.nanos());
    }
  }

  @FunctionalInterface
  private interface SetAttribute {
    void set(String key, byte[] value) throws Errno;
  }

  private static void attributes(TarEntry e, SetAttribute on) throws Errno {
    for (Map.Entry<String, byte[]> attribute : e.attributes().entrySet()) {
      String key = attribute.getKey();
      if (key.startsWith("user.") || key.equals("security.capability")) {
        try {
          on.set(key, attribute.getValue());
        } catch (Errno refused) {
          if (refused.number() != Errno.EOPNOTSUPP && refused.number() != Errno.EPERM) {
            throw refused;
          }
        }
      }
    }
  }
}
