package dev.gantry.engine.logs;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/// A container's log on the disk: the present file and the older ones, `NAME.1` or `NAME.1.gz` the
/// newest of them. Readers know a file by its number, which grows by one with each rotation and
/// does not change when files are renamed.
///
/// Thread-safe; appending is for one writer at a time.
public final class LogFile implements AutoCloseable {
  private static final long KEEPER_MILLIS = 100;
  private static final Duration CLOCK_STEP = Duration.ofSeconds(10);
  // all logs' compression shares one processor: containers' work comes first
  private static final Semaphore COMPRESSING = new Semaphore(1);

  private final Path file;
  private final LogFormat format;
  private volatile LogOptions options;
  private FileChannel channel;
  private long size;
  private long number;
  private int older; // the number of the oldest file on the disk, as in NAME.1
  private long changes;
  private boolean compressing;
  private boolean closed;
  private Instant last;
  private @Nullable Keeper keeper;

  /// Somebody for whose sake older files stay.
  @FunctionalInterface
  public interface Keeper {
    /// Whether file `number` must stay for now. Is asked again ten times a second.
    boolean needs(long number);
  }

  private LogFile(Path file, LogFormat format, LogOptions options, FileChannel channel)
      throws IOException {
    this.file = file;
    this.format = format;
    this.options = options;
    this.channel = channel;
    this.size = channel.size();
    this.older = Math.min(oldestOnDisk(file), options.maxFiles() - 1);
    this.last = size > 0 ? lastTime(channel).orElse(Instant.EPOCH) : Instant.EPOCH;
  }

  /// Opens the log, which is made where it is missing. What the end of the machine left half-done
  /// is tidied up.
  public static LogFile open(Path file, LogFormat format, LogOptions options) {
    try {
      FileChannel channel = append(file);
      endLine(channel);
      LogFile log = new LogFile(file, format, options, channel);
      log.compressInBackground();
      return log;
    } catch (IOException e) {
      throw new Failure.Internal("could not open the log " + file + ": " + e.getMessage(), e);
    }
  }

  private static FileChannel append(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    channel.position(channel.size());
    return channel;
  }

  private static int oldestOnDisk(Path file) throws IOException {
    String prefix = file.getFileName() + ".";
    try (var siblings = Files.list(file.toAbsolutePath().getParent())) {
      return siblings
          .map(p -> p.getFileName().toString())
          .filter(name -> name.startsWith(prefix))
          .map(name -> name.substring(prefix.length()).replaceFirst("\\.gz$", ""))
          .filter(age -> age.matches("[0-9]{1,9}"))
          .mapToInt(Integer::parseInt)
          .max()
          .orElse(0);
    }
  }

  /// A last line that was cut off must not spoil the next one.
  private static void endLine(FileChannel channel) throws IOException {
    long size = channel.size();
    ByteBuffer one = ByteBuffer.allocate(1);
    if (size > 0 && channel.read(one, size - 1) == 1 && one.get(0) != '\n') {
      channel.write(ByteBuffer.wrap(new byte[] {'\n'}));
    }
  }

  private static Optional<Instant> lastTime(FileChannel channel) throws IOException {
    BackwardLines lines = new BackwardLines(channel, channel.size());
    while (lines.next()) {
      Optional<LogEntry> entry = LogLine.decode(lines.bytes(), lines.start(), lines.length());
      if (entry.isPresent()) {
        return entry.map(LogEntry::time);
      }
    }
    return Optional.empty();
  }

  // ---- writing

  /// How new entries are written.
  LogFormat format() {
    return format;
  }

  /// The size of the present file in bytes.
  synchronized long size() {
    return size;
  }

  /// The time to put on the next entries: now, and never earlier than those before, so that the
  /// file can be searched by time. A clock set back by more than seconds is believed.
  synchronized Instant stamp() {
    Instant now = Instant.now();
    if (now.isBefore(last) && last.minus(CLOCK_STEP).isBefore(now)) {
      return last;
    }
    last = now;
    return now;
  }

  /// Cuts the present file back to `newSize` if it is longer: what follows was written, but not
  /// noted as written, and will come again.
  synchronized void cutTo(long newSize) throws IOException {
    if (newSize < size) {
      channel.truncate(newSize);
      channel.position(newSize);
      size = newSize;
    }
  }

  /// Begins a new file if the present one has no room for `count` more bytes; true if it did.
  synchronized boolean rotateFor(int count) throws IOException {
    if (options.maxSize() < 0 || size == 0 || size + count <= options.maxSize()) {
      return false;
    }
    awaitKeeper();
    channel.close();
    if (options.maxFiles() > 1) {
      shift();
    } else {
      Files.delete(file);
    }
    channel = append(file);
    size = 0;
    number++;
    changes++;
    notifyAll();
    if (options.maxFiles() > 1) {
      compressInBackground();
    }
    return true;
  }

  /// Waits while the file that a rotation removes is needed: whoever prints waits too.
  private void awaitKeeper() throws IOException {
    try {
      while (isFull() && keeper != null && keeper.needs(oldest())) {
        wait(KEEPER_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while the log waits for a reader");
    }
  }

  /// Whether a rotation removes an older file.
  private boolean isFull() {
    return !closed && options.maxFiles() > 1 && older == options.maxFiles() - 1;
  }

  /// Has rotations wait for `newKeeper`, or for nobody.
  public synchronized void keepFor(@Nullable Keeper newKeeper) {
    keeper = newKeeper;
  }

  private void shift() throws IOException {
    if (older == options.maxFiles() - 1) {
      Files.deleteIfExists(compressed(older));
      Files.deleteIfExists(plain(older));
      older--;
    }
    for (int i = older; i >= 1; i--) {
      move(compressed(i), compressed(i + 1));
      move(plain(i), plain(i + 1));
    }
    older++;
    Files.move(file, plain(1), StandardCopyOption.REPLACE_EXISTING);
  }

  private static void move(Path from, Path to) throws IOException {
    if (Files.exists(from)) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /// Appends whole lines; the file's size after them. After a failure nothing of them is left.
  synchronized long append(byte[] lines, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(lines, 0, count);
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      channel.truncate(size);
      channel.position(size);
      throw e;
    }
    size += count;
    changes++;
    notifyAll();
    return size;
  }

  // ---- compression

  /// Older files are compressed one after the other. Writing does not wait for that: of a container
  /// that prints faster than can be compressed, some files go before it is their turn.
  private synchronized void compressInBackground() {
    if (options.compress() && !compressing && nextToCompress() > 0) {
      compressing = true;
      Thread.ofPlatform().daemon().name("log-compress").start(this::compress);
    }
  }

  /// The age of the newest older file that is not compressed, which stays longest; 0 if all are.
  private int nextToCompress() {
    for (int i = 1; i <= older; i++) {
      if (Files.exists(plain(i))) {
        return i;
      }
    }
    return 0;
  }

  private void compress() {
    Path fresh = file.resolveSibling(file.getFileName() + ".gz.new");
    try {
      COMPRESSING.acquire();
      try {
        while (compressOne(fresh)) {
          continue;
        }
      } finally {
        COMPRESSING.release();
      }
    } catch (IOException e) {
      drop(fresh); // no room, or the container was removed: the files stay as they are
      giveUp();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      giveUp();
    }
  }

  private synchronized void giveUp() {
    compressing = false;
  }

  private boolean compressOne(Path fresh) throws IOException {
    long which;
    InputStream in;
    FileTime modified;
    synchronized (this) {
      int age = nextToCompress();
      if (age == 0 || closed) {
        compressing = false; // in this same moment: a rotation after it starts the next one
        return false;
      }
      which = number - age;
      modified = Files.getLastModifiedTime(plain(age));
      in = Files.newInputStream(plain(age));
    }
    try (in) {
      write(in, fresh);
    }
    // readers pass over files that end before the time they begin at
    Files.setLastModifiedTime(fresh, modified);
    finish(fresh, which);
    return true;
  }

  private static void write(InputStream in, Path to) throws IOException {
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(to), 64 * 1024)) {
      in.transferTo(out);
    }
  }

  /// Puts the compressed file in its place, which is another one if the log was rotated meanwhile.
  private synchronized void finish(Path fresh, long which) throws IOException {
    int age = (int) (number - which);
    if (age >= options.maxFiles() || closed) {
      Files.delete(fresh);
      return;
    }
    Files.move(fresh, compressed(age), StandardCopyOption.REPLACE_EXISTING);
    Files.delete(plain(age));
  }

  private static void drop(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      return; // goes with the container's folder
    }
  }

  // ---- reading

  private Path plain(int i) {
    return file.resolveSibling(file.getFileName() + "." + i);
  }

  private Path compressed(int i) {
    return file.resolveSibling(file.getFileName() + "." + i + ".gz");
  }

  /// The number of the present file.
  synchronized long newest() {
    return number;
  }

  /// The number of the oldest file that may be there.
  synchronized long oldest() {
    return number - older;
  }

  /// A file of the log, opened: it can be read to its end whatever it is renamed to.
  ///
  /// @param plain for files that are not compressed
  /// @param stream for those that are
  record Part(@Nullable FileChannel plain, @Nullable InputStream stream, Instant modified)
      implements AutoCloseable {
    @Override
    public void close() throws IOException {
      if (plain != null) {
        plain.close();
      }
      if (stream != null) {
        stream.close();
      }
    }
  }

  /// Opens file `wanted`; empty if it is gone.
  synchronized Optional<Part> open(long wanted) throws IOException {
    long age = number - wanted;
    if (age < 0 || age >= Integer.MAX_VALUE) {
      return Optional.empty();
    }
    Path path = age == 0 ? file : plain((int) age);
    try {
      FileChannel plain = FileChannel.open(path, StandardOpenOption.READ);
      return Optional.of(new Part(plain, null, Instant.MAX));
    } catch (NoSuchFileException e) {
      return age == 0 ? Optional.empty() : openCompressed(compressed((int) age));
    }
  }

  private static Optional<Part> openCompressed(Path path) throws IOException {
    try {
      FileTime modified = Files.getLastModifiedTime(path);
      InputStream file = Files.newInputStream(path);
      try {
        return Optional.of(
            new Part(null, new GZIPInputStream(file, 64 * 1024), modified.toInstant()));
      } catch (IOException e) {
        file.close();
        throw e;
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /// Rotates by other options from now on.
  public synchronized void change(LogOptions newOptions) {
    options = newOptions;
  }

  /// Counts what happened to the log; see [#awaitChange].
  synchronized long changes() {
    return changes;
  }

  /// Waits until [#changes()] is no longer `seen`, or for `millis`.
  synchronized void awaitChange(long seen, long millis) throws InterruptedException {
    long deadline = System.nanoTime() + millis * 1_000_000;
    for (long left = millis; changes == seen && left > 0; ) {
      wait(left);
      left = (deadline - System.nanoTime()) / 1_000_000;
    }
  }

  /// Wakes those who wait for more, to see that the container has ended.
  public synchronized void wake() {
    changes++;
    notifyAll();
  }

  @Override
  public synchronized void close() {
    closed = true;
    wake();
    try {
      channel.close();
    } catch (IOException e) {
      throw new Failure.Internal("could not close the log " + file, e);
    }
  }
}
