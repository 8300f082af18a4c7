package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;

/// Where files are copied from: the context, a stage, an image.
public interface Source {
  /// Opens its files; the caller closes them.
  Tree open() throws Errno;

  /// What is not to be seen.
  IgnoreFile ignored();

  /// Whether copies keep the numbers of user and group.
  boolean keepsOwners();

  /// What to say when there is nothing at `path`.
  String failure(String path);
}
