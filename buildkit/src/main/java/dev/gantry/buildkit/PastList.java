package dev.gantry.buildkit;

import dev.gantry.build.ContextNotes;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// What the client listed at the last transfer of a folder, beside the folder. The new list is held
/// against it entry by entry, both in the order of paths, so that nobody has to look at files that
/// are as they were: of a large context these are all, or all but a few.
///
/// It is removed before the first file is changed, and written anew when all are there
/// ([ContextNotes]): per entry its length (32 bits) and the client's own bytes.
final class PastList implements AutoCloseable {
  private static final int MOST_BYTES = 64 << 20;
  private static final int MOST_ENTRY = 1 << 20;

  private final Path file;
  private final @Nullable DataInputStream past;
  private byte @Nullable [] next;
  private String nextPath = "";
  private boolean same;

  private final ByteArrayOutputStream fresh = new ByteArrayOutputStream();
  private final DataOutputStream out = new DataOutputStream(fresh);

  private PastList(Path file, @Nullable DataInputStream past) {
    this.file = file;
    this.past = past;
    this.same = past != null;
  }

  /// The list in a file; an empty one if there is none.
  static PastList open(Path file) throws IOException {
    PastList list = new PastList(file, ContextNotes.open(file).orElse(null));
    list.advance();
    return list;
  }

  /// Whether the file of that path was listed with the same bytes at the last transfer. The paths
  /// come sorted.
  ///
  /// @throws IOException if the list becomes too long
  boolean has(String path, byte[] entry) throws IOException {
    out.writeInt(entry.length);
    out.write(entry);
    if (fresh.size() > MOST_BYTES) {
      throw new IOException(
          "the list of the files is larger than "
              + (MOST_BYTES >> 20)
              + " MiB: leave out more by .dockerignore");
    }
    while (next != null && FileSync.compare(nextPath, path) < 0) {
      advance(); // one that was removed
      differs();
    }
    if (next != null && nextPath.equals(path)) {
      boolean equal = Arrays.equals(next, entry);
      advance();
      if (equal) {
        return true;
      }
    }
    differs();
    return false;
  }

  /// Behind the last entry: whether nothing was added, removed or changed.
  boolean isSame() throws IOException {
    if (next != null) {
      differs();
    }
    return same;
  }

  private void differs() throws IOException {
    if (same) {
      same = false;
      Files.deleteIfExists(file);
    }
  }

  private void advance() throws IOException {
    if (past == null) {
      return;
    }
    next = null;
    try {
      int length = past.readInt();
      if (length < 0 || length > MOST_ENTRY) {
        differs(); // damaged
        return;
      }
      byte[] bytes = past.readNBytes(length);
      nextPath = Message.decode(bytes).text(1);
      next = bytes;
    } catch (EOFException e) {
      return; // that was all
    } catch (GrpcException e) {
      differs(); // damaged
    }
  }

  /// Keeps the new list for the next transfer, now that all its files are there.
  void write() throws IOException {
    ContextNotes.write(file, fresh::writeTo);
  }

  @Override
  public void close() throws IOException {
    if (past != null) {
      past.close();
    }
  }
}
