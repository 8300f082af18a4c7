package dev.gantry.store;

import dev.gantry.base.Failure;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.List;
import java.util.Optional;

/// Content by digest, one file each (image-layout.md#blobs): `blobs/sha256/HEX`. A blob appears
/// whole and synced or not at all. Thread-safe; two writers of one blob do no harm.
public final class ContentStore {
  private final Path blobs;
  private final Path incoming;

  private ContentStore(Path blobs, Path incoming) {
    this.blobs = blobs;
    this.incoming = incoming;
  }

  /// Opens the store in `folder`; what a crash left half-written is removed.
  public static ContentStore open(Path folder) {
    ContentStore store =
        new ContentStore(folder.resolve("blobs/sha256"), folder.resolve("incoming"));
    try {
      Files.createDirectories(store.blobs);
      Files.createDirectories(store.incoming);
      try (var left = Files.list(store.incoming)) {
        for (Path file : left.toList()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not open the content store in " + folder, e);
    }
    return store;
  }

  /// A blob being written. Without [#commit] it leaves nothing.
  public final class Ingest implements AutoCloseable {
    private final Path file;
    private final MessageDigest hasher = Digest.hasher();
    private final OutputStream out;

    private Ingest() throws IOException {
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
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.force(false);
      }
      Files.move(file, path(digest), StandardCopyOption.ATOMIC_MOVE);
      return digest;
    }

    @Override
    public void close() throws IOException {
      out.close();
      Files.deleteIfExists(file);
    }
  }

  public Ingest ingest() throws IOException {
    return new Ingest();
  }

  /// Stores a small document.
  public Digest put(byte[] content) {
    Digest digest = Digest.of(content);
    if (contains(digest)) {
      return digest;
    }
    try (Ingest ingest = ingest()) {
      ingest.out().write(content);
      return ingest.commit();
    } catch (IOException e) {
      throw new Failure.Internal("could not store " + digest + ": " + e.getMessage(), e);
    }
  }

  public boolean contains(Digest digest) {
    return Files.exists(path(digest));
  }

  /// The file of a blob, whether it exists or not.
  public Path path(Digest digest) {
    return blobs.resolve(digest.hex());
  }

  /// A small document; its digest is checked.
  public Optional<byte[]> read(Digest digest) {
    try (InputStream in = Files.newInputStream(path(digest))) {
      byte[] content = in.readAllBytes();
      if (!Digest.of(content).equals(digest)) {
        throw new Failure.Corrupted("the content of " + path(digest) + " is damaged");
      }
      return Optional.of(content);
    } catch (java.nio.file.NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new Failure.Internal("could not read " + path(digest) + ": " + e.getMessage(), e);
    }
  }

  public long size(Digest digest) {
    try {
      return Files.size(path(digest));
    } catch (IOException e) {
      return 0;
    }
  }

  public void remove(Digest digest) {
    try {
      Files.deleteIfExists(path(digest));
    } catch (IOException e) {
      throw new Failure.Internal("could not remove " + path(digest) + ": " + e.getMessage(), e);
    }
  }

  /// Every blob that is here.
  public List<Digest> list() {
    try (var files = Files.list(blobs)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(n -> n.matches("[0-9a-f]{64}"))
          .map(Digest::new)
          .toList();
    } catch (IOException e) {
      throw new Failure.Internal("could not list the content store", e);
    }
  }
}
