package dev.gantry.build;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Where files are taken from: the context, a stage, an image.
public interface Source {
  /// Opens its files; the caller closes them.
  Tree open() throws Errno;

  /// Ends an [#open] that brings the files here, on another thread. Nobody wants them any more.
  default void abandon() {}

  /// Names what its files are: while the name is the same, so are they. Empty if nobody can tell.
  default Optional<String> identity() {
    return Optional.empty();
  }

  /// Whether copies keep the numbers of user and group.
  default boolean keepsOwners() {
    return false;
  }

  /// What to say when there is nothing at `path`.
  String failure(String path);

  /// How a container can see the files without a copy of them.
  sealed interface Mountable {
    /// A folder of this machine in which nothing changes during the build.
    record Folder(Path path) implements Mountable {}

    /// Layers, the lowest first.
    record Layers(List<Digest> diffIds) implements Mountable {}
  }

  /// What to mount.
  Mountable mountable();
}
