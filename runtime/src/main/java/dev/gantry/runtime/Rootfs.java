package dev.gantry.runtime;

import java.nio.file.Path;
import java.util.List;

/// What a container sees as its root folder. It is mounted only inside the container's own mount
/// namespace, so the host's mount table stays as it is.
public sealed interface Rootfs {
  /// Layers under a writable one (overlayfs).
  ///
  /// @param lowers read-only layers, the uppermost first
  /// @param upper receives all changes
  /// @param work overlayfs' own folder, on the same file system as `upper`
  /// @param target an empty folder to mount on
  /// @param isVolatile leave out every sync: only for containers whose changes are thrown away
  record Overlay(List<Path> lowers, Path upper, Path work, Path target, boolean isVolatile)
      implements Rootfs {
    public Overlay {
      lowers = List.copyOf(lowers);
      if (lowers.isEmpty()) {
        throw new IllegalArgumentException("an overlay needs a lower layer");
      }
    }
  }

  /// A folder that is used as it is.
  record Directory(Path path) implements Rootfs {}
}
