package dev.gantry.buildkit;

import dev.gantry.base.Ids;
import dev.gantry.build.Builder;
import dev.gantry.grpc.GrpcException;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/// Folders of clients, as they were at the last build: only what has changed since travels again.
/// Thread-safe.
///
/// A folder is kept under the client's shared key and what was wanted of it. While a build reads
/// it, another that wants the same from the same session shares it, and one from another session
/// gets a folder of its own.
final class Contexts {
  private static final int MOST_KEPT = 32;
  private static final String PASSING = "passing-";

  private final Path folder;
  private final ReentrantLock lock = new ReentrantLock();

  /// Guarded by the lock: transfers that are read or under way, and the folders that are in use.
  private final Map<String, Transfer> shared = new HashMap<>();

  private final Set<Path> used = new HashSet<>();

  Contexts(Path folder) throws IOException {
    this.folder = folder;
    try (Stream<Path> left = Files.list(folder)) {
      left.filter(p -> p.getFileName().toString().startsWith(PASSING)).forEach(Builder::remove);
    }
  }

  /// A folder that is here and stays as it is until it is closed.
  interface Held extends AutoCloseable {
    Path folder();

    @Override
    void close();
  }

  private static final class Transfer {
    private final Path folder;
    private final ReentrantLock once = new ReentrantLock();
    private boolean done;
    private int users = 1;

    Transfer(Path folder) {
      this.folder = folder;
    }
  }

  /// A new empty folder that goes when it is closed.
  Held passing() throws IOException {
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
  /// @param keep for the next build; single files are not worth it
  /// @param received hears how many bytes have come
  Held fetch(Session session, FileSync.Wanted wanted, boolean keep, LongConsumer received)
      throws GrpcException, IOException {
    String kind =
        String.join(
            "\0",
            wanted.name(),
            String.join("\n", wanted.excluded()),
            String.join("\n", wanted.followed()));
    String key = session.id() + "\0" + kind;
    Transfer transfer = take(key, session.sharedKey() + "\0" + kind, keep);
    try {
      transfer.once.lock();
      try {
        if (!transfer.done) {
          try (Tree tree = Tree.open(transfer.folder.toString())) {
            new FileSync(session, wanted, tree, received).run();
          }
          Files.setLastModifiedTime(transfer.folder, FileTime.from(Instant.now()));
          transfer.done = true;
        }
      } finally {
        transfer.once.unlock();
      }
    } catch (GrpcException | IOException | RuntimeException e) {
      release(key, transfer);
      throw e;
    }
    return new Held() {
      @Override
      public Path folder() {
        return transfer.folder;
      }

      @Override
      public void close() {
        release(key, transfer);
      }
    };
  }

  private Transfer take(String key, String kept, boolean keep) throws IOException {
    Path place = folder.resolve(Digest.of(kept.getBytes(StandardCharsets.UTF_8)).hex());
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
      Builder.remove(transfer.folder);
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
  record Kept(Path folder, Instant used, boolean inUse) {}

  /// All that are kept, the one that was not used for longest first.
  List<Kept> kept() {
    lock.lock();
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> !p.getFileName().toString().startsWith(PASSING))
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
  boolean remove(Kept kept) {
    lock.lock();
    try {
      if (!used.add(kept.folder())) {
        return false;
      }
    } finally {
      lock.unlock();
    }
    try {
      Builder.remove(kept.folder());
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
