package dev.gantry.bench;

import dev.gantry.testkit.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// New ext4 file systems in sparse files, one an engine. Closing unmounts and removes them.
final class FreshDisks implements AutoCloseable {
  private final Path folder;
  private final Map<String, Path> mounts = new LinkedHashMap<>();

  FreshDisks(Path folder) {
    this.folder = folder;
  }

  void add(String name) throws IOException {
    Path image = folder.resolve(name + ".ext4");
    Path mount = Files.createDirectories(folder.resolve(name));
    Command.of("truncate", "-s", "60G", image.toString()).run().succeeded();
    Command.of("mkfs.ext4", "-q", "-F", image.toString()).run().succeeded();
    Command.of("mount", "-o", "loop", image.toString(), mount.toString()).run().succeeded();
    mounts.put(name, mount);
  }

  Path path(String name) {
    return folder.resolve(name).resolve("data");
  }

  @Override
  public void close() throws IOException {
    for (Map.Entry<String, Path> mount : mounts.entrySet()) {
      // podman leaves mounts below its root
      Command.of("umount", "-R", "-l", mount.getValue().toString()).run();
      Files.deleteIfExists(folder.resolve(mount.getKey() + ".ext4"));
    }
  }
}
