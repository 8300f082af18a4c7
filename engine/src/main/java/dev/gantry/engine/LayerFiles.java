package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.images.FreeSpace;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.DetachedMounts;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Files of images that no container stands on: what a build reads from them and adds to them.
public final class LayerFiles {
  private final Engine engine;

  LayerFiles(Engine engine) {
    this.engine = engine;
  }

  /// The files of the layers (diff ids, the lowest first) as a container would see them; read only.
  public Tree open(List<Digest> diffIds) throws Errno {
    List<Path> lowers = new ArrayList<>(engine.snapshots().lowers(diffIds));
    if (lowers.isEmpty()) {
      return Tree.open(engine.emptyLayer().toString());
    }
    if (lowers.size() == 1) {
      return Tree.open(lowers.getFirst().toString());
    }
    return Tree.of(
        DetachedMounts.of(
            new DetachedMounts.Overlay(lowers, null, null, engine.emptyLayer()), List.of()));
  }

  /// The folders of the layers, the uppermost first, as overlayfs wants them.
  public List<Path> lowers(List<Digest> diffIds) {
    return engine.snapshots().lowers(diffIds);
  }

  /// The path without links, as a process in `tree` would come to it; parts that are not there are
  /// taken as they are.
  public static String resolve(Tree tree, String path) throws Errno {
    return ContainerFiles.canonical(tree, path);
  }

  /// Numbers of `user`, `user:group`, names looked up in the tree.
  public static RuntimeSpec.User owner(Tree tree, String text) {
    return Users.in(tree).find(text, List.of()).user();
  }

  /// Unpacks an archive, packed or not, into a new folder; names that lead out are refused.
  public static void unpack(InputStream archive, Path folder) throws IOException {
    Files.createDirectories(folder);
    try (Tree tree = Tree.open(folder.toString())) {
      new TarUnpack(tree, "/", false, Optional.empty())
          .unpack(archive, new FreeSpace(folder, "the archive"));
    }
  }

  /// Packs what the container `ref` has changed as a layer.
  ///
  /// @param newest files that are younger get this time (seconds since the epoch)
  /// @param stubs what was made to mount on: left out unless somebody has put something into it
  public void pack(String ref, OutputStream out, long newest, java.util.Set<String> stubs) {
    try {
      engine.changes().pack(engine.require(ref), out, newest, stubs);
    } catch (IOException e) {
      throw new Failure.Internal("could not pack the changes of " + ref + ": " + e.getMessage(), e);
    }
  }

  /// Packs all files of a tree as an archive.
  public static void pack(Tree tree, OutputStream out) throws IOException {
    TarWriter tar = new TarWriter(out);
    new TarPack(tree, tar, path -> false).children("/", "");
    tar.close();
  }
}
