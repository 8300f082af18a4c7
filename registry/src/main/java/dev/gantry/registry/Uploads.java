package dev.gantry.registry;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Pushes of blobs at work. What has arrived is in the storage, so a push goes on after the
/// registry was ended or killed; only the running digest is lost then and is made again at the end.
final class Uploads {
  private static final int BUFFER = 256 * 1024;
  private static final int MOST = 10_000;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Storage storage;
  private final Blobs blobs;
  private final Quotas quotas;
  private final InstantSource clock;
  private final LongConsumer received;
  private final Map<String, Upload> open = new ConcurrentHashMap<>();

  /// @param received hears how many bytes have come
  Uploads(Storage storage, Blobs blobs, Quotas quotas, InstantSource clock, LongConsumer received) {
    this.storage = storage;
    this.blobs = blobs;
    this.quotas = quotas;
    this.clock = clock;
    this.received = received;
  }

  int count() {
    return open.size();
  }

  /// Begins a push; `algorithm` is that of the digest that the client will name, if it said so.
  Upload begin(RepositoryName name, String algorithm) throws IOException {
    if (open.size() >= MOST) {
      throw new RegistryError(
          ErrorCode.TOOMANYREQUESTS, "more than " + MOST + " uploads are open; try again later");
    }
    MessageDigest hasher = ContentDigest.hasher(algorithm);
    byte[] random = new byte[16];
    new java.security.SecureRandom().nextBytes(random);
    String id = HexFormat.of().formatHex(random);
    Json.JsonObject session =
        Json.object()
            .put("repository", name.value())
            .put("algorithm", algorithm)
            .put("started", clock.instant().toString());
    Upload upload = new Upload(id, name, algorithm, 0, hasher, clock.instant());
    open.put(id, upload); // before its files: what is not open and has none looks forgotten
    try {
      storage.note(Keys.session(id), session.text().getBytes(StandardCharsets.UTF_8));
      storage.append(Keys.data(id), 0).close();
    } catch (IOException e) {
      open.remove(id);
      throw e;
    }
    return upload;
  }

  /// The push `id` of this repository.
  Upload require(RepositoryName name, String id) throws IOException {
    Upload upload = open.get(id);
    if (upload == null && id.matches("[0-9a-f]{32}")) {
      upload = restored(id).orElse(null);
    }
    if (upload == null || !upload.name.equals(name)) {
      throw new RegistryError(
          ErrorCode.BLOB_UPLOAD_UNKNOWN, "no upload " + id.replaceAll("[^0-9a-zA-Z-]", "?"));
    }
    return upload;
  }

  /// One that was begun before the registry was started anew.
  private Optional<Upload> restored(String id) throws IOException {
    Optional<byte[]> session = storage.read(Keys.session(id));
    Optional<Storage.Stat> data = storage.stat(Keys.data(id));
    if (session.isEmpty() || data.isEmpty()) {
      return Optional.empty();
    }
    try {
      Json.JsonObject said = Json.parseObject(new String(session.get(), StandardCharsets.UTF_8));
      Upload upload =
          new Upload(
              id,
              new RepositoryName(said.string("repository", "")),
              said.string("algorithm", ContentDigest.SHA256),
              data.get().size(),
              null,
              data.get().changed());
      Upload raced = open.putIfAbsent(id, upload);
      return Optional.of(raced == null ? upload : raced);
    } catch (JsonException e) {
      return Optional.empty();
    }
  }

  /// What has arrived of a push so far; its end moves on while this is read.
  Optional<Storage.Content> arrived(String id) throws IOException {
    return storage.open(Keys.data(id));
  }

  /// Removes pushes in which nothing has happened for `limit`.
  int expire(Duration limit) throws IOException {
    Instant before = clock.instant().minus(limit);
    int removed = 0;
    for (String id : storage.list(Keys.UPLOADS)) {
      Upload upload = open.get(id);
      if (upload != null) {
        removed += upload.expire(before) ? 1 : 0;
      } else {
        Instant changed =
            storage
                .stat(Keys.data(id))
                .or(() -> statOf(Keys.session(id)))
                .map(Storage.Stat::changed)
                .orElse(Instant.MIN);
        if (changed.isBefore(before)) {
          storage.removeAll(Keys.UPLOADS + "/" + id);
          removed++;
        }
      }
    }
    return removed;
  }

  private Optional<Storage.Stat> statOf(String key) {
    try {
      return storage.stat(key);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Which bytes a chunk is said to hold, the last one included.
  record Range(long first, long last) {}

  /// One push of a blob. Requests on it come one after the other; a second one waits for a while.
  final class Upload {
    private final String id;
    private final RepositoryName name;
    private final String algorithm;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile long offset;
    private volatile Instant used;
    private volatile boolean ended;
    // null once bytes were written that it has not seen
    private @Nullable MessageDigest hasher;

    private Upload(
        String id,
        RepositoryName name,
        String algorithm,
        long offset,
        @Nullable MessageDigest hasher,
        Instant used) {
      this.id = id;
      this.name = name;
      this.algorithm = algorithm;
      this.offset = offset;
      this.hasher = hasher;
      this.used = used;
    }

    String id() {
      return id;
    }

    RepositoryName name() {
      return name;
    }

    /// How many bytes have arrived.
    long offset() {
      return offset;
    }

    private void enter() {
      try {
        if (!lock.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new RegistryError(
              ErrorCode.BLOB_UPLOAD_INVALID, "another request is writing to this upload");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RegistryError(ErrorCode.UNAVAILABLE, "the registry is being stopped");
      }
      if (ended) {
        lock.unlock();
        throw new RegistryError(ErrorCode.BLOB_UPLOAD_UNKNOWN, "no upload " + id);
      }
      used = clock.instant();
    }

    /// Takes a piece of the blob. With a range it must begin where the last one ended and be as
    /// long as it says, or nothing of it is kept. If the client leaves in the middle, what has
    /// arrived is kept: it can ask how much that is and go on. A full disk ends the upload.
    ///
    /// @param length announced length, or -1
    void append(InputStream body, long length, Optional<Range> range) throws IOException {
      enter();
      try {
        write(body, length, range);
      } finally {
        used = clock.instant();
        lock.unlock();
      }
    }

    private void write(InputStream body, long length, Optional<Range> range) throws IOException {
      try {
        receive(body, length, range);
      } catch (IOException e) {
        if (Registry.isFull(e)) {
          end(); // what cannot be finished must not keep the disk full until it expires
        }
        throw e;
      }
    }

    private void receive(InputStream body, long length, Optional<Range> range) throws IOException {
      long start = offset;
      long wanted = range.map(r -> r.last() - r.first() + 1).orElse(length);
      if (range.isPresent() && range.get().first() != start) {
        throw new RegistryError(
            ErrorCode.RANGE_INVALID,
            "the chunk begins at " + range.get().first() + ", the upload has " + start + " bytes");
      }
      if (range.isPresent() && (wanted <= 0 || (length >= 0 && length != wanted))) {
        throw new RegistryError(ErrorCode.SIZE_INVALID, "the chunk's range and its length differ");
      }
      quotas.check(name, start + Math.max(length, 0));
      byte[] buffer = new byte[(int) Math.min(BUFFER, length < 0 ? BUFFER : Math.max(length, 1))];
      long got = 0;
      try (OutputStream out = storage.append(Keys.data(id), start)) {
        for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
          got += n;
          if (wanted >= 0 && got > wanted) {
            break;
          }
          take(out, buffer, n);
          if (length < 0) {
            quotas.check(name, offset);
          }
        }
      }
      received.accept(got);
      if (wanted >= 0 && got != wanted) {
        offset = start;
        hasher = null;
        throw new RegistryError(
            ErrorCode.SIZE_INVALID, "got " + got + " bytes instead of " + wanted);
      }
    }

    private void take(OutputStream out, byte[] buffer, int n) throws IOException {
      try {
        out.write(buffer, 0, n);
      } catch (IOException e) {
        hasher = null; // the next piece begins at `offset` again
        throw e;
      }
      MessageDigest running = hasher;
      if (running != null) {
        running.update(buffer, 0, n);
      }
      offset += n;
    }

    /// Takes the last piece and makes the whole a blob of the repository; in any case but that of a
    /// client that left the upload is over then.
    void finish(InputStream body, long length, Optional<Range> range, ContentDigest digest)
        throws IOException {
      enter();
      try {
        write(body, length, range);
        ContentDigest found = reached(digest.algorithm());
        if (!found.equals(digest)) {
          end();
          throw new RegistryError(
              ErrorCode.DIGEST_INVALID,
              400,
              "provided digest did not match uploaded content",
              Json.object().put("provided", digest.toString()).put("content", found.toString()));
        }
        try {
          blobs.publish(Keys.data(id), name, digest, offset);
        } finally {
          end();
        }
      } finally {
        lock.unlock();
      }
    }

    private ContentDigest reached(String wanted) throws IOException {
      MessageDigest running = hasher;
      if (running != null && algorithm.equals(wanted)) {
        hasher = null;
        return ContentDigest.reached(wanted, running.digest());
      }
      MessageDigest again = ContentDigest.hasher(wanted);
      try (Storage.Content content =
              storage.open(Keys.data(id)).orElseThrow(() -> new IOException("upload is gone"));
          InputStream in = content.from(0)) {
        byte[] buffer = new byte[BUFFER];
        long left = offset;
        while (left > 0) {
          int n = in.read(buffer, 0, (int) Math.min(buffer.length, left));
          if (n < 0) {
            throw new IOException("upload " + id + " has lost bytes");
          }
          again.update(buffer, 0, n);
          left -= n;
        }
      }
      return ContentDigest.reached(wanted, again.digest());
    }

    void cancel() throws IOException {
      enter();
      try {
        end();
      } finally {
        lock.unlock();
      }
    }

    private boolean expire(Instant before) throws IOException {
      if (!used.isBefore(before) || !lock.tryLock()) {
        return false;
      }
      try {
        end();
        return true;
      } finally {
        lock.unlock();
      }
    }

    private void end() throws IOException {
      ended = true;
      try {
        storage.removeAll(Keys.UPLOADS + "/" + id);
      } finally {
        open.remove(id);
      }
    }
  }
}
