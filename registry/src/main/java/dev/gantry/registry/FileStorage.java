package dev.gantry.registry;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// A folder of files: a key is a path below it. Documents are written beside and renamed into
/// place, synced with their folder. One process at a time, by a lock on the file `lock`.
///
/// An engine's content store has the same layout, so blobs that both have can be one file with two
/// names (hard links). Each side removes its own name when it no longer needs it, and neither has
/// to know of the other: blobs are only ever replaced, never written to.
final class FileStorage implements Storage {
  private static final String BESIDE = "incoming";

  private final Path root;
  private final Optional<Path> engine;
  private final FileChannel lockFile;
  private final AtomicLong counter = new AtomicLong();

  private FileStorage(Path root, Optional<Path> engine, FileChannel lockFile) {
    this.root = root;
    this.engine = engine;
    this.lockFile = lockFile;
  }

  /// Opens `folder`, which is made where it is missing; what a crash left half-written is removed.
  ///
  /// @param engine the data root of an engine to share blobs with
  static FileStorage open(Path folder, Optional<Path> engine) throws IOException {
    Files.createDirectories(folder.resolve(BESIDE));
    FileChannel lockFile =
        FileChannel.open(
            folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (lock(lockFile) == null) {
      lockFile.close();
      throw new Failure.Conflict(
          "another registry uses " + folder, "give each registry its own --data", null);
    }
    FileStorage storage = new FileStorage(folder, engine.map(e -> e.resolve("content")), lockFile);
    storage.removeAll(BESIDE);
    Files.createDirectories(folder.resolve(BESIDE));
    return storage;
  }

  private static @Nullable FileLock lock(FileChannel file) throws IOException {
    try {
      return file.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
  }

  /// Keys are made of validated names; this is the second fence.
  private Path path(String key) {
    Path path = root.resolve(key).normalize();
    if (!path.startsWith(root.normalize()) || key.startsWith("/") || key.contains("..")) {
      throw new Failure.InvalidRequest("not a key: " + key);
    }
    return path;
  }

  private static Path parent(Path path) {
    Path parent = path.getParent();
    if (parent == null) {
      throw new IllegalArgumentException("a key without a folder");
    }
    return parent;
  }

  @Override
  public Optional<byte[]> read(String key) throws IOException {
    try {
      return Optional.of(Files.readAllBytes(path(key)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  @Override
  public void write(String key, byte[] document) throws IOException {
    put(path(key), document, true);
  }

  @Override
  public void note(String key, byte[] document) throws IOException {
    put(path(key), document, false);
  }

  private void put(Path target, byte[] document, boolean synced) throws IOException {
    Path beside = root.resolve(BESIDE).resolve("d" + counter.incrementAndGet());
    try {
      try (FileChannel channel =
          FileChannel.open(beside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(document);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        if (synced) {
          channel.force(false);
        }
      }
      if (synced) {
        makeFolders(parent(target));
      } else {
        Files.createDirectories(parent(target));
      }
      Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.deleteIfExists(beside);
      throw e;
    }
    if (synced) {
      sync(parent(target));
    }
  }

  /// Makes missing folders and syncs what they stand in, from the top.
  private static void makeFolders(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    makeFolders(parent(folder));
    try {
      Files.createDirectory(folder);
      sync(parent(folder));
    } catch (FileAlreadyExistsException e) {
      return; // another thread was faster
    }
  }

  private static void sync(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder)) {
      channel.force(true);
    }
  }

  @Override
  public void mark(String key) throws IOException {
    Path target = path(key);
    try {
      Files.createFile(target);
    } catch (NoSuchFileException e) {
      makeFolders(parent(target));
      mark(key);
    } catch (FileAlreadyExistsException e) {
      try {
        Files.setLastModifiedTime(target, FileTime.from(Instant.now()));
      } catch (NoSuchFileException gone) {
        mark(key);
      }
    }
  }

  @Override
  public boolean remove(String key) throws IOException {
    return Files.deleteIfExists(path(key));
  }

  @Override
  public void removeAll(String folder) throws IOException {
    Path path = path(folder);
    while (Files.exists(path)) {
      try {
        removeTree(path);
      } catch (NoSuchFileException e) {
        continue; // another thread removes it too
      }
    }
  }

  private static void removeTree(Path path) throws IOException {
    List<Path> found;
    try (var walk = Files.walk(path)) {
      found = new ArrayList<>(walk.toList());
    } catch (java.io.UncheckedIOException e) {
      throw e.getCause();
    }
    Collections.reverse(found);
    for (Path each : found) {
      Files.deleteIfExists(each);
    }
  }

  @Override
  public List<String> list(String folder, String after, int limit) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path(folder))) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (name.compareTo(after) > 0) {
          names.add(name);
        }
      }
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (java.nio.file.DirectoryIteratorException e) {
      throw e.getCause();
    }
    Collections.sort(names);
    return names.size() <= limit ? names : List.copyOf(names.subList(0, limit));
  }

  @Override
  public Optional<Stat> stat(String key) throws IOException {
    try {
      BasicFileAttributes file = Files.readAttributes(path(key), BasicFileAttributes.class);
      return file.isDirectory()
          ? Optional.empty()
          : Optional.of(new Stat(file.size(), file.lastModifiedTime().toInstant()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (java.nio.file.FileSystemException e) {
      if (e.getMessage() != null && e.getMessage().endsWith("Not a directory")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private record File(FileChannel channel, long size) implements Content {
    @Override
    public InputStream from(long offset) throws IOException {
      channel.position(offset);
      return Channels.newInputStream(channel);
    }

    @Override
    public Optional<FileChannel> file() {
      return Optional.of(channel);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  @Override
  public Optional<Content> open(String key) throws IOException {
    try {
      FileChannel channel = FileChannel.open(path(key), StandardOpenOption.READ);
      return Optional.of(new File(channel, channel.size()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  @Override
  public OutputStream append(String key, long length) throws IOException {
    Path file = path(key);
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (channel.size() < length) {
      channel.close();
      throw new IOException(key + " has lost bytes: " + channel.size() + " of " + length);
    }
    channel.truncate(length);
    channel.position(length);
    return new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int count) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, count);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  @Override
  public void publish(String from, String to) throws IOException {
    Path source = path(from);
    Path target = path(to);
    try (FileChannel channel = FileChannel.open(source, StandardOpenOption.WRITE)) {
      channel.force(false);
    }
    makeFolders(parent(target));
    Files.move(source, target, StandardCopyOption.ATOMIC_MOVE);
    shareFresh(target, to);
  }

  // ---- one file for us and the engine

  /// Content that was just checked takes the place of the engine's copy of it.
  private void shareFresh(Path target, String key) {
    if (engine.isEmpty()) {
      return;
    }
    try {
      Path theirs = engine.get().resolve(key);
      if (isSameContent(target, theirs)) {
        link(target, theirs);
      }
    } catch (IOException e) {
      unshared(key, e); // two copies are as good
    }
  }

  /// Makes one file of each blob that both have by now, after reading ours whole.
  void share() throws IOException {
    if (engine.isEmpty()) {
      return;
    }
    for (String algorithm : list(Keys.BLOBS)) {
      for (String hex : list(Keys.BLOBS + "/" + algorithm)) {
        String key = Keys.BLOBS + "/" + algorithm + "/" + hex;
        Path theirs = engine.get().resolve(key);
        try {
          if (isSameContent(path(key), theirs) && isIntact(key, algorithm, hex)) {
            link(path(key), theirs);
          }
        } catch (IOException e) {
          unshared(key, e);
        }
      }
    }
  }

  private static void unshared(String key, IOException e) {
    System.getLogger("gantry-registry")
        .log(System.Logger.Level.WARNING, "could not share " + key + " with the engine: " + e);
  }

  /// Two files of one size; their names are the digest already.
  private static boolean isSameContent(Path ours, Path theirs) throws IOException {
    try {
      return Files.size(ours) == Files.size(theirs) && !Files.isSameFile(ours, theirs);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private boolean isIntact(String key, String algorithm, String hex) throws IOException {
    Optional<Content> content = open(key);
    if (content.isEmpty()) {
      return false;
    }
    var hasher = ContentDigest.hasher(algorithm);
    try (Content opened = content.get();
        InputStream in = opened.from(0)) {
      byte[] buffer = new byte[128 * 1024];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        hasher.update(buffer, 0, n);
      }
    }
    return ContentDigest.reached(algorithm, hasher.digest()).hex().equals(hex);
  }

  /// Where the engine takes its copy away meanwhile, this one is without a record there, and its
  /// next collection takes it.
  private void link(Path ours, Path theirs) throws IOException {
    Path beside =
        engine.orElseThrow().resolve("incoming").resolve("registry-" + counter.incrementAndGet());
    Files.deleteIfExists(beside);
    Files.createLink(beside, ours);
    Files.move(beside, theirs, StandardCopyOption.ATOMIC_MOVE);
  }

  @Override
  public void close() throws IOException {
    lockFile.close();
  }
}
