package dev.gantry.store;

import dev.gantry.base.Failure;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Content by digest, one file each (image-layout.md#blobs): `blobs/ALGORITHM/HEX`. A blob appears
/// whole and synced or not at all. Thread-safe; two writers of one blob do no harm.
///
/// Whoever works with blobs that no record names yet holds a [Lease] on them: neither [#remove] nor
/// a [Sweep] takes a leased blob. Leases live in memory; what a crash leaves unnamed is collected
/// at the next start.
public final class ContentStore {
  private static final List<String> ALGORITHMS = List.of("sha256", "sha512");
  private static final String PARTIAL = ".part";
  private static final Duration PARTIAL_LIFE = Duration.ofDays(1);

  private final Path blobs;
  private final Path incoming;
  private final Map<Digest, Integer> leased = new HashMap<>();
  private final List<Sweep> sweeps = new ArrayList<>();
  private final Set<Digest> partials = new HashSet<>();

  private ContentStore(Path blobs, Path incoming) {
    this.blobs = blobs;
    this.incoming = incoming;
  }

  /// Opens the store in `folder`; what a crash left half-written is removed, but for downloads of
  /// the last day, which [#partial] continues.
  public static ContentStore open(Path folder) {
    ContentStore store = new ContentStore(folder.resolve("blobs"), folder.resolve("incoming"));
    try {
      for (String algorithm : ALGORITHMS) {
        Files.createDirectories(store.blobs.resolve(algorithm));
      }
      Files.createDirectories(store.incoming);
      store.tidy(PARTIAL_LIFE, true);
    } catch (IOException e) {
      throw new Failure.Internal("could not open the content store in " + folder, e);
    }
    return store;
  }

  /// Removes interrupted downloads older than `life`; the bytes that were freed.
  public long removePartials(Duration life) {
    return tidy(life, false);
  }

  private long tidy(Duration life, boolean others) {
    Instant oldest = Instant.now().minus(life);
    long freed = 0;
    try (var left = Files.list(incoming)) {
      for (Path file : left.toList()) {
        String name = file.getFileName().toString();
        boolean old =
            name.endsWith(PARTIAL)
                ? Files.getLastModifiedTime(file).toInstant().isBefore(oldest) && !isOpen(name)
                : others;
        if (old) {
          freed += Files.size(file);
          Files.deleteIfExists(file);
        }
      }
    } catch (NoSuchFileException e) {
      return freed; // its writer was faster
    } catch (IOException e) {
      throw new Failure.Internal("could not tidy " + incoming + ": " + e.getMessage(), e);
    }
    return freed;
  }

  private boolean isOpen(String name) {
    synchronized (partials) {
      return partials.stream().anyMatch(d -> partialName(d).equals(name));
    }
  }

  private static String partialName(Digest digest) {
    return digest.algorithm() + "-" + digest.hex() + PARTIAL;
  }

  // ---- writing

  /// A blob being written. Without [#commit] it leaves nothing.
  public final class Ingest implements AutoCloseable {
    private final Path file;
    private final MessageDigest hasher;
    private final OutputStream out;

    private Ingest(MessageDigest hasher) throws IOException {
      this.hasher = hasher;
      file = Files.createTempFile(incoming, "", "");
      out = new DigestOutputStream(Files.newOutputStream(file), hasher);
    }

    public OutputStream out() {
      return out;
    }

    /// Makes what was written visible under its digest.
    public Digest commit() throws IOException {
      out.close();
      Digest digest = Digest.of(hasher);
      settle(file, digest);
      return digest;
    }

    @Override
    public void close() throws IOException {
      out.close();
      Files.deleteIfExists(file);
    }
  }

  /// A new blob of unknown digest.
  public Ingest ingest() throws IOException {
    return new Ingest(Digest.hasher());
  }

  /// Takes over a finished `file` of this file system as the blob `digest`, whose digest the caller
  /// has checked; the file is moved.
  public void adopt(Path file, Digest digest) throws IOException {
    settle(file, digest);
  }

  private void settle(Path file, Digest digest) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(false);
    }
    Files.move(file, path(digest), StandardCopyOption.ATOMIC_MOVE);
  }

  /// A blob being loaded whose digest is known. Closed without [#commit], it keeps what has come
  /// for the next try. Used by one thread; [#file] may be read by others meanwhile.
  public final class Partial implements AutoCloseable {
    private final Digest digest;
    private final Path file;
    private final MessageDigest hasher;
    private final FileChannel channel;
    private long size;

    private Partial(Digest digest) throws IOException {
      this.digest = digest;
      this.file = incoming.resolve(partialName(digest));
      this.hasher = digest.newHasher();
      this.channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      hashWhatIsThere();
    }

    private void hashWhatIsThere() throws IOException {
      java.nio.ByteBuffer buffer = java.nio.ByteBuffer.allocate(128 * 1024);
      while (channel.read(buffer) >= 0) {
        size += buffer.position();
        hasher.update(buffer.flip());
        buffer.clear();
      }
    }

    /// Bytes that are here.
    public long size() {
      return size;
    }

    /// The growing file; it keeps its content when the blob is committed.
    public Path file() {
      return file;
    }

    public void write(byte[] bytes, int offset, int length) throws IOException {
      java.nio.ByteBuffer buffer = java.nio.ByteBuffer.wrap(bytes, offset, length);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      hasher.update(bytes, offset, length);
      size += length;
    }

    /// Forgets what has come, to begin anew.
    public void restart() throws IOException {
      channel.truncate(0);
      channel.position(0);
      hasher.reset();
      size = 0;
    }

    /// Makes the blob visible, on the disk for sure.
    ///
    /// @throws Failure.Corrupted if the content is not what the digest says; it is removed then
    public void commit() throws IOException {
      check();
      channel.force(false);
      Files.move(file, path(digest), StandardCopyOption.ATOMIC_MOVE);
    }

    /// Makes the blob visible, and leaves it to the caller to sync the file system before it counts
    /// on it: many large blobs are written at the disk's own pace so.
    ///
    /// @throws Failure.Corrupted as [#commit]
    public void commitUnsynced() throws IOException {
      check();
      Files.move(file, path(digest), StandardCopyOption.ATOMIC_MOVE);
    }

    private void check() throws IOException {
      Digest actual = Digest.of(hasher);
      if (!actual.equals(digest)) {
        restart();
        Files.deleteIfExists(file);
        throw new Failure.Corrupted(
            "the content that came for " + digest + " has another digest: " + actual);
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
      synchronized (partials) {
        partials.remove(digest);
      }
      if (size == 0) {
        Files.deleteIfExists(file);
      }
    }
  }

  /// Begins or continues the loading of a blob.
  ///
  /// @throws Failure.Conflict if another thread is loading it
  public Partial partial(Digest digest) throws IOException {
    synchronized (partials) {
      if (!partials.add(digest)) {
        throw new Failure.Conflict(digest + " is being loaded already");
      }
    }
    try {
      return new Partial(digest);
    } catch (IOException e) {
      synchronized (partials) {
        partials.remove(digest);
      }
      throw e;
    }
  }

  /// Stores a small document, also in the place of a damaged one.
  public Digest put(byte[] content) {
    Digest digest = Digest.of(content);
    if (contains(digest) && isIntact(digest)) {
      return digest;
    }
    try (Ingest ingest = ingest()) {
      ingest.out().write(content);
      return ingest.commit();
    } catch (IOException e) {
      throw new Failure.Internal("could not store " + digest + ": " + e.getMessage(), e);
    }
  }

  // ---- reading

  public boolean contains(Digest digest) {
    return Files.exists(path(digest));
  }

  /// The folder with all blobs: what is free on its disk is what can come.
  public Path folder() {
    return blobs;
  }

  /// The file of a blob, whether it exists or not.
  public Path path(Digest digest) {
    return blobs.resolve(digest.algorithm()).resolve(digest.hex());
  }

  /// A small document; its digest is checked.
  public Optional<byte[]> read(Digest digest) {
    try (InputStream in = Files.newInputStream(path(digest))) {
      byte[] content = in.readAllBytes();
      if (!digest.names(content)) {
        throw new Failure.Corrupted("the content of " + path(digest) + " is damaged");
      }
      return Optional.of(content);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new Failure.Internal("could not read " + path(digest) + ": " + e.getMessage(), e);
    }
  }

  /// Bytes of a blob; 0 if it is not here.
  public long size(Digest digest) {
    try {
      return Files.size(path(digest));
    } catch (IOException e) {
      return 0;
    }
  }

  /// Reads a whole blob and says whether it still is what its name says.
  public boolean isIntact(Digest digest) {
    try (InputStream in = Files.newInputStream(path(digest))) {
      return digest.names(in);
    } catch (IOException e) {
      return false;
    }
  }

  /// Every blob that is here.
  public List<Digest> list() {
    List<Digest> all = new ArrayList<>();
    for (String algorithm : ALGORITHMS) {
      try (var files = Files.list(blobs.resolve(algorithm))) {
        int length = algorithm.equals("sha256") ? 64 : 128;
        files
            .map(f -> f.getFileName().toString())
            .filter(n -> n.length() == length && n.matches("[0-9a-f]+"))
            .forEach(n -> all.add(new Digest(algorithm, n)));
      } catch (IOException e) {
        throw new Failure.Internal("could not list the content store", e);
      }
    }
    return all;
  }

  // ---- leases and removal

  /// Keeps blobs from being removed until it is closed, and whatever else goes by a digest and is
  /// removed by a [Sweep]: unpacked layers. Thread-safe.
  public final class Lease implements AutoCloseable {
    private final Set<Digest> held = new HashSet<>();
    private boolean closed;

    private Lease() {}

    /// Holds `digest`, which may come later; says whether it is here.
    public boolean hold(Digest digest) {
      synchronized (leased) {
        if (!closed && held.add(digest)) {
          leased.merge(digest, 1, Integer::sum);
          sweeps.forEach(s -> s.held.add(digest));
        }
        return contains(digest);
      }
    }

    /// Lets go of everything; nothing is removed by that.
    @Override
    public void close() {
      synchronized (leased) {
        closed = true;
        for (Digest digest : held) {
          leased.computeIfPresent(digest, (d, count) -> count == 1 ? null : count - 1);
        }
        held.clear();
      }
    }
  }

  public Lease lease() {
    return new Lease();
  }

  /// Removes a blob unless a lease holds it; the bytes that were freed.
  public long remove(Digest digest) {
    synchronized (leased) {
      if (leased.containsKey(digest)) {
        return 0;
      }
      try {
        long size = size(digest);
        return Files.deleteIfExists(path(digest)) ? size : 0;
      } catch (IOException e) {
        throw new Failure.Internal("could not remove " + path(digest) + ": " + e.getMessage(), e);
      }
    }
  }

  /// Removes a blob that is not what its name says, whoever holds it.
  public void discardDamaged(Digest digest) {
    try {
      Files.deleteIfExists(path(digest));
    } catch (IOException e) {
      throw new Failure.Internal("could not remove " + path(digest) + ": " + e.getMessage(), e);
    }
  }

  /// A removal at work, begun before anybody looks which content records name: what a lease holds
  /// then or later stays, also when that lease has ended since, as a record may name it that was
  /// not there at the look.
  public final class Sweep implements AutoCloseable {
    private final Set<Digest> held = new HashSet<>();

    private Sweep() {}

    /// Removes blobs; the bytes that were freed.
    public long remove(Collection<Digest> blobs) {
      long freed = 0;
      for (Digest digest : blobs) {
        long[] size = {0};
        boolean ignored = run(digest, () -> size[0] = ContentStore.this.remove(digest));
        freed += size[0];
      }
      return freed;
    }

    /// Runs `removal`, of whatever goes by `digest`, unless that is held; says whether it ran.
    /// Nobody takes a hold meanwhile.
    public boolean run(Digest digest, Runnable removal) {
      synchronized (leased) {
        if (held.contains(digest)) {
          return false;
        }
        removal.run();
        return true;
      }
    }

    @Override
    public void close() {
      synchronized (leased) {
        sweeps.remove(this);
      }
    }
  }

  public Sweep sweep() {
    Sweep sweep = new Sweep();
    synchronized (leased) {
      sweep.held.addAll(leased.keySet());
      sweeps.add(sweep);
    }
    return sweep;
  }
}
