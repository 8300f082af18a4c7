package dev.gantry.images;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Stops what comes from outside before it has filled a disk: a small archive may hold more than
/// any disk. Not thread-safe.
public final class FreeSpace {
  private static final long KEEP = 128L << 20;
  private static final long STEP = 64L << 20;

  private final Path folder;
  private final String what;
  private long unchecked;

  /// @param folder on the disk that is written to
  /// @param what is written, for the message: `the layer`
  public FreeSpace(Path folder, String what) {
    this.folder = folder;
    this.what = what;
  }

  /// Counts what has been written.
  ///
  /// @throws Failure.TooLarge if less than 128 MiB are left, which is looked at every 64 MiB
  public void used(int bytes) throws IOException {
    unchecked += bytes;
    if (unchecked > STEP) {
      unchecked = 0;
      if (Files.getFileStore(folder).getUsableSpace() < KEEP) {
        throw full();
      }
    }
  }

  /// What to throw where the disk itself says that it is full.
  public Failure full() {
    return new Failure.TooLarge(what + " does not fit on the disk that holds " + folder);
  }
}
