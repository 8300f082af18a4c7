package dev.gantry.store;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// The engine's durable records: tables of JSON objects by key, kept in memory and written ahead to
/// one append-only file.
///
/// Each transaction is one record: length and CRC32C (32 bits each, little endian), then a JSON
/// array of `[table, key, value]` with null for a removal. A transaction is all or nothing: a torn
/// record at the end, left by a crash, is cut off when the file is opened; damage before the end is
/// [Failure.Corrupted]. [#commit] returns when the change is on the disk; several callers share one
/// sync. [#note] returns when the change is with the kernel: it survives the end of this process at
/// any moment and reaches the disk soon after, but may be lost with the machine's power.
/// Thread-safe.
public final class Journal implements AutoCloseable {
  /// One change of a transaction; a null value removes the record.
  public record Change(String table, String key, Json.@Nullable JsonObject value) {
    public static Change put(String table, String key, Json.JsonObject value) {
      return new Change(table, key, value);
    }

    public static Change remove(String table, String key) {
      return new Change(table, key, null);
    }
  }

  private static final int HEADER = 8;
  private static final int MAX_RECORD = 64 << 20;
  private static final long COMPACT_SIZE = 8 << 20;

  private final Path file;
  private final FileLock lock;
  private final FileChannel lockFile;
  private final Object writing = new Object();
  private final Object syncing = new Object();
  private final Map<String, Map<String, Json.JsonObject>> tables = new TreeMap<>();
  private FileChannel channel;
  private long written;
  private long synced;
  private long sizeAfterCompaction;

  private Journal(Path file, FileChannel channel, FileChannel lockFile, FileLock lock) {
    this.file = file;
    this.channel = channel;
    this.lockFile = lockFile;
    this.lock = lock;
  }

  /// Opens the journal in `folder`, which is made where it is missing. Only one process may have it
  /// open.
  public static Journal open(Path folder) {
    try {
      Files.createDirectories(folder);
      FileChannel lockFile =
          FileChannel.open(
              folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(lockFile);
      if (lock == null) {
        lockFile.close();
        throw new Failure.Conflict(
            "another engine uses " + folder, "give each engine its own --data-root", null);
      }
      Path file = folder.resolve("journal");
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      Journal journal = new Journal(file, channel, lockFile, lock);
      journal.replay();
      return journal;
    } catch (IOException e) {
      throw new Failure.Internal(
          "could not open the journal in " + folder + ": " + e.getMessage(), e);
    }
  }

  private static @Nullable FileLock tryLock(FileChannel lockFile) throws IOException {
    try {
      return lockFile.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  private void replay() throws IOException {
    long size = channel.size();
    ByteBuffer all = ByteBuffer.allocate((int) Math.min(size, Integer.MAX_VALUE - 8));
    while (all.hasRemaining() && channel.read(all, all.position()) >= 0) {
      continue;
    }
    all.flip().order(ByteOrder.LITTLE_ENDIAN);
    int good = 0;
    while (all.remaining() >= HEADER) {
      int length = all.getInt(good);
      int crc = all.getInt(good + 4);
      boolean whole = length > 0 && length <= MAX_RECORD && all.remaining() >= HEADER + length;
      if (!whole || crc(all.array(), good + HEADER, length) != crc) {
        if (whole && good + HEADER + length < size) {
          throw new Failure.Corrupted(
              "the journal " + file + " is damaged at byte " + good + ", before its end");
        }
        break;
      }
      apply(parse(new String(all.array(), good + HEADER, length, StandardCharsets.UTF_8)));
      good += HEADER + length;
      all.position(good);
    }
    if (good < size) {
      channel.truncate(good);
    }
    channel.position(good);
    written = good;
    synced = good;
    sizeAfterCompaction = COMPACT_SIZE;
  }

  private List<Change> parse(String text) {
    List<Change> changes = new ArrayList<>();
    try {
      for (Json item : (Json.JsonArray) Json.parse(text)) {
        Json.JsonArray parts = (Json.JsonArray) item;
        changes.add(
            new Change(
                ((Json.JsonString) parts.get(0)).value(),
                ((Json.JsonString) parts.get(1)).value(),
                parts.get(2) instanceof Json.JsonObject object ? object : null));
      }
    } catch (JsonException | ClassCastException | IndexOutOfBoundsException e) {
      throw new Failure.Corrupted("the journal " + file + " holds a record of another kind", e);
    }
    return changes;
  }

  private void apply(List<Change> changes) {
    for (Change change : changes) {
      Json.JsonObject value = change.value();
      Map<String, Json.JsonObject> table =
          tables.computeIfAbsent(change.table(), t -> new LinkedHashMap<>());
      if (value == null) {
        table.remove(change.key());
      } else {
        table.put(change.key(), value);
      }
    }
  }

  private static int crc(byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  /// The record under `key`; do not change it.
  public Optional<Json.JsonObject> get(String table, String key) {
    synchronized (writing) {
      return Optional.ofNullable(tables.getOrDefault(table, Map.of()).get(key));
    }
  }

  /// A snapshot of a table in the order in which its keys were first put; do not change the
  /// records.
  public Map<String, Json.JsonObject> table(String table) {
    synchronized (writing) {
      return new LinkedHashMap<>(tables.getOrDefault(table, Map.of()));
    }
  }

  /// Applies the changes together; they survive the end of this process from here on.
  public void note(Change... changes) {
    write(List.of(changes));
  }

  /// Applies the changes together and returns when they are on the disk. No changes need no disk.
  public void commit(Change... changes) {
    if (changes.length > 0) {
      sync(write(List.of(changes)));
    }
  }

  /// Returns when everything noted so far is on the disk.
  public void flush() {
    long end;
    synchronized (writing) {
      end = written;
    }
    sync(end);
  }

  private long write(List<Change> changes) {
    Json.JsonArray record = Json.array();
    for (Change change : changes) {
      Json.JsonObject value = change.value();
      record.add(
          Json.array()
              .add(change.table())
              .add(change.key())
              .add(value == null ? Json.NULL : value));
    }
    ByteBuffer bytes = encode(record);
    synchronized (writing) {
      try {
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        written += bytes.limit();
        apply(changes);
        if (written > sizeAfterCompaction) {
          compact();
        }
        return written;
      } catch (IOException e) {
        throw new Failure.Internal(
            "could not write the journal " + file + ": " + e.getMessage(), e);
      }
    }
  }

  private static ByteBuffer encode(Json.JsonArray record) {
    byte[] text = record.text().getBytes(StandardCharsets.UTF_8);
    if (text.length > MAX_RECORD) {
      throw new Failure.TooLarge("a record of " + text.length + " bytes is over 64 MiB");
    }
    ByteBuffer bytes = ByteBuffer.allocate(HEADER + text.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(text.length).putInt(crc(text, 0, text.length)).put(text).flip();
    return bytes;
  }

  /// Waiters pile up here while one sync runs; the next one serves them all.
  private void sync(long end) {
    synchronized (syncing) {
      if (synced >= end) {
        return;
      }
      long reached;
      FileChannel target;
      synchronized (writing) {
        reached = written;
        target = channel;
      }
      try {
        target.force(false);
      } catch (IOException e) {
        throw new Failure.Internal("could not sync the journal " + file + ": " + e.getMessage(), e);
      }
      synced = Math.max(synced, reached);
    }
  }

  /// Writes the present state into a new file that takes the old one's place at once.
  private void compact() throws IOException {
    Path fresh = file.resolveSibling("journal.new");
    FileChannel next =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    for (Map.Entry<String, Map<String, Json.JsonObject>> table : tables.entrySet()) {
      for (Map.Entry<String, Json.JsonObject> entry : table.getValue().entrySet()) {
        ByteBuffer bytes =
            encode(
                Json.array()
                    .add(
                        Json.array()
                            .add(table.getKey())
                            .add(entry.getKey())
                            .add(entry.getValue())));
        while (bytes.hasRemaining()) {
          next.write(bytes);
        }
      }
    }
    next.force(false);
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    try (FileChannel folder = FileChannel.open(file.toAbsolutePath().getParent())) {
      folder.force(true);
    }
    channel.close();
    channel = next;
    // positions only ever grow: a waiter may hold one of before
    sizeAfterCompaction = written + Math.max(COMPACT_SIZE, 2 * next.size());
  }

  @Override
  public void close() {
    try {
      flush();
      channel.close();
      lock.release();
      lockFile.close();
    } catch (IOException e) {
      throw new Failure.Internal("could not close the journal " + file, e);
    }
  }
}
