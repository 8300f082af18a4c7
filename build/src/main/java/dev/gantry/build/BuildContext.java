package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.nio.file.Path;

/// A folder of files that COPY takes from.
///
/// @param folder nothing changes in it while it is built
/// @param ignored what is not to be seen
public record BuildContext(Path folder, IgnoreFile ignored) implements Source {
  @Override
  public Tree open() throws Errno {
    return Tree.open(folder.toString());
  }

  /// Files of a context belong to root in the image, whoever has them here.
  @Override
  public boolean keepsOwners() {
    return false;
  }

  @Override
  public String failure(String path) {
    return "COPY failed: file not found in build context or excluded by .dockerignore: stat "
        + path
        + ": file does not exist";
  }
}
