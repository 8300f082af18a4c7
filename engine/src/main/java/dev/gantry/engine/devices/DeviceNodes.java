package dev.gantry.engine.devices;

import dev.gantry.oci.RuntimeSpec.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// Device nodes of the host.
public final class DeviceNodes {
  private DeviceNodes() {}

  /// The node at `source` as it is to be at `target`; empty where there is none.
  public static Optional<Device> find(Path source, String target) {
    try {
      Map<String, Object> a = Files.readAttributes(source, "unix:mode,rdev,uid,gid");
      int mode = (Integer) a.getOrDefault("mode", 0);
      int kind = mode & 0170000;
      if (kind != 0020000 && kind != 0060000) {
        return Optional.empty();
      }
      long rdev = (Long) a.getOrDefault("rdev", 0L);
      long major = (rdev >> 8 & 0xfff) | (rdev >> 32 & ~0xfffL);
      long minor = (rdev & 0xff) | (rdev >> 12 & ~0xffL);
      return Optional.of(
          new Device(
              target,
              kind == 0020000 ? "c" : "b",
              major,
              minor,
              mode & 07777,
              Integer.toUnsignedLong((Integer) a.getOrDefault("uid", 0)),
              Integer.toUnsignedLong((Integer) a.getOrDefault("gid", 0))));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
