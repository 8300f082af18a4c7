package dev.gantry.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/// The engine's name for life, made at its first start.
public final class EngineId {
  private EngineId() {}

  public static String of(Path dataRoot) {
    Path file = dataRoot.resolve("engine-id");
    try {
      if (!Files.exists(file)) {
        Files.writeString(file, UUID.randomUUID() + "\n");
      }
      return Files.readString(file).strip();
    } catch (IOException e) {
      return UUID.randomUUID().toString();
    }
  }
}
