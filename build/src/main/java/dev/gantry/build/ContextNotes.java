package dev.gantry.build;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/// What a face notes beside a folder of [KeptContexts], to know at the next build what is in it.
///
/// Notes count until the machine is started again: files that were written before a loss of power
/// may be empty. So the file begins with the boot's id.
public final class ContextNotes {
  static final String UNFINISHED = ".new.notes";
  private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");

  private ContextNotes() {}

  /// Writes the notes.
  @FunctionalInterface
  public interface Content {
    void write(DataOutputStream out) throws IOException;
  }

  /// The notes in a file; empty if there are none that count.
  public static Optional<DataInputStream> open(Path file) {
    try {
      DataInputStream in =
          new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 64 * 1024));
      try {
        if (in.readUTF().equals(boot())) {
          return Optional.of(in);
        }
      } catch (IOException e) {
        in.close();
        throw e;
      }
      in.close();
    } catch (IOException e) {
      return Optional.empty(); // there are none, or a half
    }
    return Optional.empty();
  }

  /// Replaces the notes in a file; whoever reads them meets the old or the new ones.
  public static void write(Path file, Content content) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + UNFINISHED);
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(fresh), 64 * 1024))) {
      out.writeUTF(boot());
      content.write(out);
    }
    Path _ = Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String boot() throws IOException {
    return Files.readString(BOOT, StandardCharsets.US_ASCII);
  }
}
