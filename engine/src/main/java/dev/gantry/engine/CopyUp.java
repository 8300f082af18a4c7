package dev.gantry.engine;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Fills an empty volume with what the image has in its place, as Docker does. Both sides are
/// reached through contained trees.
final class CopyUp {
  private static final int MAX_DEPTH = 128;

  private CopyUp() {}

  static void copy(List<Path> layers, String target, Path volume) {
    try (var there = Files.list(volume)) {
      if (there.findAny().isPresent()) {
        return;
      }
    } catch (IOException e) {
      return; // somebody else's folder: leave it alone
    }
    // lowest first, so that upper layers win
    for (Path layer : layers.reversed()) {
      try (Tree from = Tree.open(layer.toString());
          Tree to = Tree.open(volume.toString())) {
        Optional<Tree.Status> top = from.status(target);
        if (top.isPresent() && top.get().isDirectory()) {
          copyFolder(from, target, to, "", layer, 0);
          Files.setAttribute(volume, "unix:uid", (int) top.get().uid());
          Files.setAttribute(volume, "unix:gid", (int) top.get().gid());
          Files.setAttribute(volume, "unix:mode", top.get().mode() & 07777);
        }
      } catch (IOException e) {
        throw new dev.gantry.base.Failure.Internal(
            "could not copy the image's " + target + " to the volume: " + e.getMessage(), e);
      }
    }
  }

  private static void copyFolder(
      Tree from, String source, Tree to, String target, Path layer, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new IOException(source + " is nested too deeply");
    }
    String[] names;
    try (Fd folder = from.openFile(source, Fd.O_RDONLY | Fd.O_DIRECTORY)) {
      names = new java.io.File(folder.procPath()).list();
    }
    for (String name : names == null ? new String[0] : names) {
      String path = source + "/" + name;
      String copy = target + "/" + name;
      Optional<Tree.Status> status = from.status(path);
      if (status.isPresent()) {
        copyOne(from, path, to, copy, status.get(), layer, depth);
      }
    }
  }

  private static void copyOne(
      Tree from, String path, Tree to, String copy, Tree.Status s, Path layer, int depth)
      throws IOException {
    boolean whiteout = (s.mode() & 0170000) == 0020000 && s.device() == 0;
    if (!s.isDirectory() || to.status(copy).filter(Tree.Status::isDirectory).isEmpty()) {
      to.remove(copy);
    }
    if (whiteout) {
      return;
    }
    if (s.isDirectory()) {
      if (to.status(copy).isEmpty()) {
        to.makeFolder(copy, 0700);
      }
      copyFolder(from, path, to, copy, layer, depth + 1);
    } else if (s.isLink()) {
      to.makeLink(copy, Files.readSymbolicLink(layer.resolve(path.substring(1))).toString());
    } else if (s.isRegular()) {
      copyContent(from, path, to, copy);
    } else {
      to.makeNode(copy, s.mode(), s.device());
    }
    to.setOwner(copy, s.uid(), s.gid());
    if (!s.isLink()) {
      to.setMode(copy, s.mode());
      to.setTime(copy, s.seconds(), s.nanos());
    }
  }

  private static void copyContent(Tree from, String path, Tree to, String copy) throws Errno {
    byte[] buffer = new byte[64 * 1024];
    try (Fd in = from.openFile(path, Fd.O_RDONLY);
        Fd out = to.createFile(copy, 0600)) {
      for (int n = in.read(buffer, 0, buffer.length);
          n > 0;
          n = in.read(buffer, 0, buffer.length)) {
        for (int at = 0; at < n; ) {
          at += out.write(buffer, at, n - at);
        }
      }
    }
  }
}
