package dev.gantry.build;

import dev.gantry.engine.LayerFiles;
import dev.gantry.images.Images;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.util.List;
import java.util.Optional;

/// Files of a stage or an image.
///
/// @param diffIds of the layers, the lowest first
record LayersSource(LayerFiles files, List<Digest> diffIds, String name) implements Source {
  @Override
  public Tree open() throws Errno {
    return files.open(diffIds);
  }

  @Override
  public Optional<String> identity() {
    return Optional.of(diffIds.isEmpty() ? "" : Images.chains(diffIds).getLast().toString());
  }

  @Override
  public boolean keepsOwners() {
    return true;
  }

  @Override
  public String failure(String path) {
    return "lstat /" + path + ": no such file or directory in " + name;
  }

  @Override
  public Mountable mountable() {
    return new Mountable.Layers(diffIds);
  }
}
