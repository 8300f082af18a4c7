package dev.gantry.registry;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;

/// What a file says, read anew once it has changed. While the new file cannot be used, the last
/// good one counts. Thread-safe.
final class Reread<T> implements Supplier<T> {
  private static final long LOOK_NANOS = 500_000_000L;

  private final Path file;
  private final Supplier<T> reader;
  private volatile T value;
  private volatile String state;
  private volatile long looked = System.nanoTime();

  /// @throws Failure.InvalidRequest if the file cannot be used now
  Reread(Path file, Supplier<T> reader) {
    this.file = file;
    this.reader = reader;
    this.state = state();
    this.value = reader.get();
  }

  private String state() {
    try {
      return Files.getLastModifiedTime(file) + " " + Files.size(file);
    } catch (IOException e) {
      return "missing";
    }
  }

  @Override
  public T get() {
    long now = System.nanoTime();
    if (now - looked > LOOK_NANOS) {
      looked = now;
      String fresh = state();
      if (!fresh.equals(state)) {
        state = fresh;
        try {
          value = reader.get();
        } catch (Failure e) {
          System.getLogger("gantry-registry")
              .log(System.Logger.Level.WARNING, "what was read before counts: " + e.getMessage());
        }
      }
    }
    return value;
  }
}
