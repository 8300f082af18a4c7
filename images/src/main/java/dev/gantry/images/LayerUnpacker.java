package dev.gantry.images;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Unpacks one layer's tar into a folder for overlayfs (image-spec layer.md).
///
/// The archive is hostile: names are cleaned, every path is resolved inside the folder by the
/// kernel, and an entry that cannot be is an error with its name; a layer that would fill the disk
/// is stopped before it has. Whiteouts (`.wh.NAME`) become device 0:0 nodes and `.wh..wh..opq` the
/// attribute `trusted.overlay.opaque`, which is how overlayfs marks them.
final class LayerUnpacker {
  /// What came out.
  ///
  /// @param bytes of the files
  /// @param disk bytes that it takes on a disk of 4 KiB blocks
  /// @param implicit folders that hold entries without being entries themselves, parents first:
  ///   their owner and mode are those of a lower layer
  record Unpacked(long bytes, long disk, List<String> implicit) {
    Unpacked {
      implicit = List.copyOf(implicit);
    }
  }

  private static final String WHITEOUT = ".wh.";
  private static final String META = ".wh..wh.";
  private static final String OPAQUE = ".wh..wh..opq";
  private static final int MAX_NAME = 4096;
  private static final long BLOCK = 4096;
  private static final long MAX_ENTRIES = 5_000_000;
  private static final int MAX_REMEMBERED = 16 << 20; // characters of paths
  private static final int S_IFCHR = 0020000;
  private static final int S_IFBLK = 0060000;
  private static final int S_IFIFO = 0010000;
  private static final int S_ISGID = 02000;
  private static final String ACCESS_LIST = "system.posix_acl_default";

  private final Tree tree;
  private final TarReader tar;
  private final TarContent content;
  private final FreeSpace space;
  private final FolderTimes times;
  private final int umask;
  private final Set<String> implicit = new LinkedHashSet<>();
  private int remembered;
  private String knownFolder = "";
  private long bytes;
  private long disk = BLOCK;

  /// True while what is made here belongs to root and has the mode that it was made with: no folder
  /// gives its files a group or an access list of its own. Each call saved counts: a layer has
  /// thousands of files.
  private boolean plain;

  private LayerUnpacker(Tree tree, Path folder, InputStream tar) throws IOException {
    this.tree = tree;
    this.tar = new TarReader(tar);
    this.space = new FreeSpace(folder.toAbsolutePath().resolveSibling(""), "the layer");
    this.content = new TarContent(this.tar, space);
    this.times = new FolderTimes(tree);
    this.umask = umask();
    this.plain =
        tree.status("/").map(s -> s.uid() == 0 && isPlain(s.gid(), s.mode())).orElse(false)
            && tree.attribute("/", ACCESS_LIST).isEmpty();
  }

  /// Of this process, which makes the files.
  private static int umask() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Umask:")) {
        return Integer.parseInt(line.substring(6).strip(), 8);
      }
    }
    return 0777;
  }

  private static boolean isPlain(long gid, int mode) {
    return gid == 0 && (mode & S_ISGID) == 0;
  }

  /// Unpacks the uncompressed `tar`. The stream is read to its end, so that a digest over it covers
  /// all of it.
  static Unpacked unpack(InputStream tar, Path folder) throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      LayerUnpacker unpacker = new LayerUnpacker(tree, folder, tar);
      unpacker.run();
      tar.transferTo(java.io.OutputStream.nullOutputStream());
      return new Unpacked(unpacker.bytes, unpacker.disk, List.copyOf(unpacker.implicit));
    }
  }

  private void run() throws IOException {
    long entries = 0;
    for (TarEntry e = tar.next(); e != null; e = tar.next()) {
      if (++entries > MAX_ENTRIES) {
        throw new Failure.TooLarge("the layer has more than " + MAX_ENTRIES + " files");
      }
      try {
        entry(e);
      } catch (Errno failed) {
        if (failed.number() == Errno.ENOSPC) {
          throw space.full();
        }
        throw new Failure.InvalidRequest(
            "could not unpack \"" + e.name() + "\": " + failed.getMessage(), null, failed);
      }
    }
    times.set();
  }

  private void entry(TarEntry e) throws IOException {
    String path = clean(e.name());
    int slash = path.lastIndexOf('/');
    String name = path.substring(slash + 1);
    if (path.contains("/" + META) && !name.equals(OPAQUE)) {
      return; // bookkeeping of old union file systems
    }
    if (path.equals("/")) {
      if (e.kind() != TarEntry.Kind.FOLDER) {
        throw new Failure.InvalidRequest("the layer has an entry without a name");
      }
      return;
    }
    makeParents(path);
    if (name.equals(OPAQUE)) {
      setOpaque(slash == 0 ? "/" : path.substring(0, slash));
    } else if (name.startsWith(WHITEOUT)) {
      String hidden = name.substring(WHITEOUT.length());
      if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..")) {
        throw new Failure.InvalidRequest("the layer has the invalid whiteout \"" + e.name() + "\"");
      }
      hide(path.substring(0, slash + 1) + hidden);
    } else {
      make(e, path);
    }
  }

  private void setOpaque(String path) throws Errno {
    tree.setAttribute(path, "trusted.overlay.opaque", new byte[] {'y'});
  }

  /// Hides what lower layers have at `path`, but not what this layer has itself, in whatever order
  /// the two come.
  private void hide(String path) throws Errno {
    Optional<Tree.Status> own = tree.status(path);
    if (own.isEmpty()) {
      tree.makeNode(path, S_IFCHR, 0);
    } else if (own.get().isDirectory()) {
      setOpaque(path);
    }
  }

  /// The entry's path with one leading slash, without `.` and double slashes.
  private static String clean(String name) {
    if (name.length() > MAX_NAME) {
      throw new Failure.InvalidRequest("the layer has a name of " + name.length() + " characters");
    }
    StringBuilder path = new StringBuilder(name.length() + 1);
    for (int at = 0; at < name.length(); ) {
      int slash = name.indexOf('/', at);
      int end = slash < 0 ? name.length() : slash;
      boolean dot = end - at == 1 && name.charAt(at) == '.';
      if (end - at == 2 && name.startsWith("..", at)) {
        throw new Failure.InvalidRequest("the layer's name \"" + name + "\" leads out of it");
      }
      if (end > at && !dot) {
        path.append('/').append(name, at, end);
      }
      at = end + 1;
    }
    return path.isEmpty() ? "/" : path.toString();
  }

  private void makeParents(String path) throws Errno {
    String parent = path.substring(0, path.lastIndexOf('/'));
    if (parent.isEmpty() || parent.equals(knownFolder)) {
      return;
    }
    if (!tree.hasParent(path)) {
      makeParents(parent);
      tree.makeFolder(parent, 0755);
      tree.setMode(parent, 0755); // not the umask's idea of it
      if (remember(parent)) {
        implicit.add(parent);
        disk += BLOCK;
      }
    }
    knownFolder = parent;
  }

  /// Bounds what is kept of an endless archive.
  private boolean remember(String path) {
    remembered += path.length() + 32;
    return remembered < MAX_REMEMBERED;
  }

  @FunctionalInterface
  private interface Step {
    void run() throws Errno;
  }

  /// Makes something at `path`, in the place of an earlier entry of that name.
  private void make(String path, Step step) throws Errno {
    try {
      step.run();
    } catch (Errno e) {
      if (e.number() != Errno.EEXIST) {
        throw e;
      }
      replace(path);
      step.run();
    }
  }

  private void replace(String path) throws Errno {
    tree.remove(path);
    knownFolder = "";
  }

  private void make(TarEntry e, String path) throws IOException {
    switch (e.kind()) {
      case FOLDER -> makeFolder(e, path);
      case SYMLINK -> make(path, () -> tree.makeLink(path, e.link()));
      case HARD_LINK -> {
        String target = clean(e.link());
        if (!target.equals(path)) {
          make(path, () -> tree.makeHardLink(path, target));
        }
        return; // owner, mode and times are those of the file it names
      }
      case CHARACTER, BLOCK -> {
        int type = e.kind() == TarEntry.Kind.BLOCK ? S_IFBLK : S_IFCHR;
        long device = Tree.device(e.major(), e.minor());
        make(path, () -> tree.makeNode(path, type | 0600, device));
      }
      case FIFO -> make(path, () -> tree.makeNode(path, S_IFIFO | 0600, 0));
      case FILE -> {
        makeFile(e, path);
        return;
      }
    }
    setAll(e, path);
  }

  private void makeFolder(TarEntry e, String path) throws Errno {
    try {
      tree.makeFolder(path, 0700);
    } catch (Errno there) {
      if (there.number() != Errno.EEXIST) {
        throw there;
      }
      Optional<Tree.Status> own = tree.status(path);
      if (!own.map(Tree.Status::isDirectory).orElse(false)) {
        boolean whiteout =
            own.map(s -> (s.mode() & 0170000) == S_IFCHR && s.device() == 0).orElse(false);
        replace(path);
        tree.makeFolder(path, 0700);
        if (whiteout) {
          setOpaque(path);
        }
      }
    }
    disk += implicit.remove(path) ? 0 : BLOCK;
    times.add(path, e.seconds(), e.nanos());
  }

  private void makeFile(TarEntry e, String path) throws IOException {
    // root's, and of a mode that can be made at once
    boolean done = plain && e.uid() == 0 && e.gid() == 0 && (e.mode() & (07000 | umask)) == 0;
    Fd[] made = new Fd[1];
    make(path, () -> made[0] = tree.createFile(path, done ? e.mode() : 0600));
    try (Fd out = made[0]) {
      long stored = content.writeTo(out, e);
      bytes += e.size();
      disk += (stored + BLOCK - 1) / BLOCK * BLOCK;
      if (!done) {
        out.setOwner(e.uid(), e.gid());
      }
      setAttributes(e, path);
      if (!done) {
        out.setMode(e.mode()); // after the owner, whose change takes setuid away
      }
      out.setTime(e.seconds(), e.nanos());
    }
  }

  /// Owner, attributes, mode and time of what was made without being opened.
  private void setAll(TarEntry e, String path) throws Errno {
    boolean folder = e.kind() == TarEntry.Kind.FOLDER;
    if (folder && !isPlain(e.gid(), e.mode())) {
      plain = false;
    }
    if (!plain || e.uid() != 0 || e.gid() != 0) {
      tree.setOwner(path, e.uid(), e.gid());
    }
    setAttributes(e, path);
    if (e.kind() != TarEntry.Kind.SYMLINK) {
      tree.setMode(path, e.mode()); // after the owner, whose change takes setuid away
    }
    if (!folder) {
      tree.setTime(path, e.seconds(), e.nanos());
    }
  }

  private void setAttributes(TarEntry e, String path) throws Errno {
    for (Map.Entry<String, byte[]> attribute : e.attributes().entrySet()) {
      setAttribute(e, path, attribute.getKey(), attribute.getValue());
    }
  }

  private void setAttribute(TarEntry e, String path, String key, byte[] value) throws Errno {
    if (key.startsWith("trusted.overlay.")) {
      return; // those are ours to write: an image could forge whiteouts and redirects
    }
    if (key.equals(ACCESS_LIST)) {
      plain = false;
    }
    try {
      tree.setAttribute(path, key, value);
    } catch (Errno failed) {
      boolean unsupported =
          failed.number() == Errno.EOPNOTSUPP
              || failed.number() == Errno.EPERM && key.startsWith("user.") && !e.isFile();
      if (!unsupported) {
        throw failed;
      }
    }
  }
}
