package dev.gantry.build;

import dev.gantry.base.Ids;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/// Folders of clients, as they were at the last build: only what has changed since travels again.
/// Thread-safe.
///
/// A folder is kept under a name that the client's face gives it. While a build reads it, another
/// that wants the same at the same time shares it, and one that wants something else gets a folder
/// of its own.
public final class KeptContexts {
  private static final int MOST_KEPT = 32;
  private static final String PASSING = "passing-";
  private static final String NOTES = ".notes";

  private final Path folder;
  private final ReentrantLock lock = new ReentrantLock();

  /// Guarded by the lock: transfers that are read or under way, and the folders that are in use.
  private final Map<String, Transfer> shared = new HashMap<>();

  private final Set<Path> used = new HashSet<>();

  /// What is in the folders: another name at each change.
  private final Map<Path, String> identities = new HashMap<>();

  private final Map<Path, Size> sizes = new ConcurrentHashMap<>();

  KeptContexts(Path folder) throws IOException {
    this.folder = folder;
    try (Stream<Path> left = Files.list(folder)) {
      left.filter(p -> isLeftover(p.getFileName().toString())).forEach(Builder::remove);
    }
  }

  private static boolean isLeftover(String name) {
    return name.startsWith(PASSING) || name.endsWith(ContextNotes.UNFINISHED);
  }

  /// A folder that is here and stays as it is until it is closed.
  public interface Held extends AutoCloseable {
    Path folder();

    /// Names what is in the folder: while it is the same, so are the files. Empty if nobody can
    /// tell.
    default Optional<String> identity() {
      return Optional.empty();
    }

    @Override
    void close();
  }

  /// Makes a folder as the client's is.
  @FunctionalInterface
  public interface Filler<X extends Exception> {
    /// @param folder has what an earlier transfer has left in it, perhaps one that was cut off
    /// @param notes a file, perhaps not there yet, that stays and goes with the folder
    ///   ([ContextNotes])
    /// @return whether anything in it is another than before
    boolean fill(Path folder, Path notes) throws X, IOException;
  }

  private static final class Transfer {
    private final Path folder;
    private final ReentrantLock once = new ReentrantLock();
    private boolean done;
    private String identity = "";
    private int users = 1;

    Transfer(Path folder) {
      this.folder = folder;
    }
  }

  /// A new empty folder that goes when it is closed.
  public Held passing() throws IOException {
    Path path = Files.createDirectory(folder.resolve(PASSING + Ids.next().substring(0, 16)));
    return new Held() {
      @Override
      public Path folder() {
        return path;
      }

      @Override
      public void close() {
        Builder.remove(path);
      }
    };
  }

  /// Brings a folder here.
  ///
  /// @param wanted what is alike for builds that can share one folder at the same time
  /// @param name the folder's at the next build
  /// @param keep for the next build; single files are not worth it
  public <X extends Exception> Held fetch(
      String wanted, String name, boolean keep, Filler<X> filler) throws X, IOException {
    Transfer transfer = take(wanted, name, keep);
    boolean filled = false;
    try {
      transfer.once.lock();
      try {
        if (!transfer.done) {
          boolean changed = filler.fill(transfer.folder, notes(transfer.folder));
          Files.setLastModifiedTime(transfer.folder, FileTime.from(Instant.now()));
          transfer.identity = identity(transfer.folder, changed);
          transfer.done = true;
        }
      } finally {
        transfer.once.unlock();
      }
      filled = true;
    } finally {
      if (!filled) {
        forget(transfer.folder);
        release(wanted, transfer);
      }
    }
    return new Held() {
      @Override
      public Path folder() {
        return transfer.folder;
      }

      @Override
      public Optional<String> identity() {
        return Optional.of(transfer.identity);
      }

      @Override
      public void close() {
        release(wanted, transfer);
      }
    };
  }

  private String identity(Path path, boolean changed) {
    lock.lock();
    try {
      return identities.compute(
          path, (p, old) -> old == null || changed ? Ids.next().substring(0, 32) : old);
    } finally {
      lock.unlock();
    }
  }

  private void forget(Path path) {
    lock.lock();
    try {
      identities.remove(path);
    } finally {
      lock.unlock();
    }
  }

  /// The notes beside the folder of that name; perhaps there are none.
  public Path notes(String name) {
    return notes(place(name));
  }

  private static Path notes(Path path) {
    return path.resolveSibling(path.getFileName() + NOTES);
  }

  private Path place(String name) {
    return folder.resolve(Digest.of(name.getBytes(StandardCharsets.UTF_8)).hex());
  }

  /// Removes a folder; its notes first, which without it would be wrong.
  private void discard(Path path) {
    forget(path);
    sizes.remove(path);
    try {
      Files.deleteIfExists(notes(path));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    Builder.remove(path);
  }

  private Transfer take(String key, String name, boolean keep) throws IOException {
    Path place = place(name);
    lock.lock();
    try {
      Transfer known = shared.get(key);
      if (known != null) {
        known.users++;
        return known;
      }
      Path free =
          !keep || used.contains(place)
              ? folder.resolve(PASSING + Ids.next().substring(0, 16))
              : place;
      Files.createDirectories(free);
      used.add(free);
      Transfer transfer = new Transfer(free);
      shared.put(key, transfer);
      return transfer;
    } finally {
      lock.unlock();
    }
  }

  private void release(String key, Transfer transfer) {
    boolean passing = transfer.folder.getFileName().toString().startsWith(PASSING);
    lock.lock();
    try {
      if (--transfer.users > 0) {
        return;
      }
      shared.remove(key, transfer);
      used.remove(transfer.folder);
    } finally {
      lock.unlock();
    }
    if (passing) {
      discard(transfer.folder);
    } else {
      bound();
    }
  }

  /// Removes the folders that were not used for longest beyond the most that are kept.
  private void bound() {
    List<Kept> all = kept();
    for (Kept old : all.subList(0, Math.max(0, all.size() - MOST_KEPT))) {
      boolean ignored = remove(old);
    }
  }

  /// A folder that is kept for the next build.
  public record Kept(Path folder, Instant used, boolean inUse) {}

  private record Size(String identity, long bytes) {}

  /// The bytes in its files.
  public long size(Kept kept) {
    String identity = identity(kept.folder(), false);
    return sizes
        .compute(
            kept.folder(),
            (path, old) ->
                old != null && old.identity().equals(identity)
                    ? old
                    : new Size(identity, counted(path)))
        .bytes();
  }

  private static long counted(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS))
          .mapToLong(f -> f.toFile().length())
          .sum();
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0; // it is being removed
    }
  }

  /// All that are kept, the one that was not used for longest first.
  public List<Kept> kept() {
    lock.lock();
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> !p.getFileName().toString().startsWith(PASSING))
          .filter(p -> !p.getFileName().toString().endsWith(NOTES))
          .map(p -> new Kept(p, modified(p), used.contains(p)))
          .sorted(Comparator.comparing(Kept::used))
          .toList();
    } catch (IOException e) {
      return List.of();
    } finally {
      lock.unlock();
    }
  }

  private static Instant modified(Path path) {
    try {
      return Files.getLastModifiedTime(path).toInstant();
    } catch (IOException e) {
      return Instant.EPOCH;
    }
  }

  /// Removes one; false if a build uses it.
  public boolean remove(Kept kept) {
    lock.lock();
    try {
      if (!used.add(kept.folder())) {
        return false;
      }
    } finally {
      lock.unlock();
    }
    try {
      discard(kept.folder());
    } finally {
      lock.lock();
      try {
        used.remove(kept.folder());
      } finally {
        lock.unlock();
      }
    }
    return true;
  }
}
