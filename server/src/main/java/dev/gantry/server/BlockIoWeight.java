package dev.gantry.server;

import dev.gantry.kernel.CgroupLayout;
import java.nio.file.Files;

/// Whether the kernel shares disk time by weight: only with an I/O scheduler that can.
final class BlockIoWeight {
  private BlockIoWeight() {}

  static boolean isSupported() {
    return CgroupLayout.detected()
        .folder("blkio", "/")
        .map(f -> Files.exists(f.resolve("blkio.weight")))
        .orElse(false);
  }
}
