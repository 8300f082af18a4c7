package dev.gantry.build;

import dev.gantry.images.FreeSpace;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;

/// Where a step's layer is written: ends when the build is cancelled, and before the disk is full.
/// A file with a hole of some terabytes takes no room where the program made it.
final class LayerOutput extends FilterOutputStream {
  private final FreeSpace space;
  private final Runnable check;

  private LayerOutput(OutputStream out, Path folder, Runnable check) {
    super(out);
    this.space = new FreeSpace(folder, "the layer");
    this.check = check;
  }

  /// @param folder on the disk that `out` writes to
  /// @param check throws when nobody wants the layer any more
  static OutputStream of(OutputStream out, Path folder, Runnable check) {
    return new BufferedOutputStream(new LayerOutput(out, folder, check), 256 * 1024);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    check.run();
    space.used(length);
    out.write(bytes, offset, length);
  }
}
