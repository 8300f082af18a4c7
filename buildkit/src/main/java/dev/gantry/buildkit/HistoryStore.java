package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/// Builds that have ended, on the disk: they outlive the engine. Thread-safe.
///
/// Each has one file: `GBR1`, the length and the CRC-32 of a head (4 bytes each, big-endian), the
/// head, and the content that its record names, each piece packed with gzip. The head is a message:
/// 1 the record as clients get it (`BuildHistoryRecord`), 2 for each piece its digest (1), packed
/// length (2) and length (3), 3 whether it is pinned. A file is written beside its place and then
/// renamed, so that a crash leaves whole ones only; one that is not whole all the same (a disk that
/// lost power) is removed when the engine finds it.
final class HistoryStore {
  private static final byte[] MAGIC = "GBR1".getBytes(StandardCharsets.US_ASCII);
  private static final int MOST_HEAD = 8 << 20;
  private static final String ENDING = ".build";
  private static final System.Logger LOG = System.getLogger("gantryd");

  /// How much is kept; pinned builds stay beyond the age, not beyond the number.
  ///
  /// @param bytes on the disk
  record Limits(int builds, long bytes, Duration age) {
    static final Limits STANDARD = new Limits(200, 128L << 20, Duration.ofDays(30));
  }

  /// Where a piece of content lies in its file.
  private record Piece(long at, int packed, long size) {}

  /// A build that has ended.
  ///
  /// @param bytes of its file
  record Kept(
      String ref,
      Message record,
      Instant created,
      Instant completed,
      boolean pinned,
      Path file,
      long bytes,
      Map<String, Long> sizes) {}

  private final Path folder;
  private final Limits limits;
  private final ReentrantLock lock = new ReentrantLock();

  /// Guarded by the lock.
  private final Map<String, Kept> all = new LinkedHashMap<>();

  private final Map<String, Map<String, Piece>> pieces = new HashMap<>();

  HistoryStore(Path folder, Limits limits) throws IOException {
    this.folder = folder;
    this.limits = limits;
    List<Kept> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        load(file).ifPresent(found::add);
      }
    }
    found.sort(Comparator.comparing(Kept::completed));
    found.forEach(kept -> all.put(kept.ref(), kept));
    prune();
  }

  // ---- files

  private Optional<Kept> load(Path file) throws IOException {
    try {
      if (file.getFileName().toString().endsWith(ENDING)) {
        return Optional.of(read(file));
      }
    } catch (IOException | GrpcException e) {
      LOG.log(System.Logger.Level.WARNING, "removes a record of a build that is not whole", e);
    }
    Files.deleteIfExists(file); // it is no record, or what a crash has left of one
    return Optional.empty();
  }

  private Kept read(Path file) throws IOException, GrpcException {
    long bytes = Files.size(file);
    byte[] head;
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      if (!new String(in.readNBytes(4), StandardCharsets.US_ASCII).equals("GBR1")) {
        throw new IOException("no record: " + file);
      }
      int length = in.readInt();
      int sum = in.readInt();
      if (length < 0 || length > MOST_HEAD) {
        throw new IOException("a head of " + length + " bytes: " + file);
      }
      head = in.readNBytes(length);
      if (head.length < length || sum(head) != sum) {
        throw new IOException("a damaged head: " + file);
      }
    }
    Message message = Message.decode(head);
    Map<String, Piece> own = new LinkedHashMap<>();
    long at = 12L + head.length;
    for (Message piece : message.messages(2)) {
      own.put(piece.text(1), new Piece(at, (int) piece.number(2), piece.number(3)));
      at += piece.number(2);
    }
    if (at != bytes) {
      throw new IOException("cut off: " + file);
    }
    return kept(message, own, file, bytes);
  }

  private Kept kept(Message head, Map<String, Piece> own, Path file, long bytes)
      throws GrpcException {
    Message record = head.message(1).orElseGet(Message::new);
    Map<String, Long> sizes = new LinkedHashMap<>();
    own.forEach((digest, piece) -> sizes.put(digest, piece.size()));
    lock.lock();
    try {
      pieces.put(record.text(1), own);
    } finally {
      lock.unlock();
    }
    boolean pinned = head.flag(3);
    return new Kept(
        record.text(1),
        pinned ? record.flag(14, true) : record,
        time(record, 6),
        time(record, 7),
        pinned,
        file,
        bytes,
        Map.copyOf(sizes));
  }

  static Instant time(Message record, int field) throws GrpcException {
    Message time = record.message(field).orElseGet(Message::new);
    return Instant.ofEpochSecond(time.number(1), time.number(2));
  }

  private static int sum(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  private static byte[] packed(byte[] content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(content);
    }
    return bytes.toByteArray();
  }

  // ---- keeping

  /// Keeps a build; it is on the disk when this returns.
  ///
  /// @param record as clients get it
  /// @param contents what it names, by digest
  void put(Message record, Map<String, byte[]> contents) throws IOException {
    Map<String, byte[]> packed = new LinkedHashMap<>();
    List<Message> table = new ArrayList<>();
    for (Map.Entry<String, byte[]> content : contents.entrySet()) {
      byte[] bytes = packed(content.getValue());
      packed.put(content.getKey(), bytes);
      table.add(
          new Message()
              .text(1, content.getKey())
              .number(2, bytes.length)
              .number(3, content.getValue().length));
    }
    Message head = new Message().message(1, record).messages(2, table);
    String name = Digest.of(record.text(1).getBytes(StandardCharsets.UTF_8)).hex() + ENDING;
    keep(folder.resolve(name), head, new ArrayList<>(packed.values()));
  }

  private void keep(Path file, Message head, List<byte[]> packed) throws IOException {
    byte[] bytes = head.encode();
    Path beside = file.resolveSibling(file.getFileName() + ".new");
    try (OutputStream out = Files.newOutputStream(beside)) {
      out.write(MAGIC);
      out.write(ByteBuffer.allocate(8).putInt(bytes.length).putInt(sum(bytes)).array());
      out.write(bytes);
      for (byte[] piece : packed) {
        out.write(piece);
      }
    } catch (IOException e) {
      Files.deleteIfExists(beside);
      throw e;
    }
    lock.lock();
    try {
      Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Kept kept = read(file);
      all.put(kept.ref(), kept);
      prune();
    } catch (GrpcException e) {
      throw new IOException(e.text(), e);
    } finally {
      lock.unlock();
    }
  }

  /// Keeps a build whatever its age, or no longer.
  ///
  /// @throws GrpcException if there is none, or too many are kept like that
  void pin(String ref, boolean pinned) throws GrpcException, IOException {
    lock.lock();
    try {
      Kept kept = find(ref).orElseThrow(() -> none(ref));
      if (kept.pinned() == pinned) {
        return;
      }
      if (pinned && all.values().stream().filter(Kept::pinned).count() >= limits.builds() / 2) {
        throw new GrpcException(
            GrpcException.RESOURCE_EXHAUSTED,
            "half of the history is pinned already (" + limits.builds() / 2 + " builds)");
      }
      byte[] whole = Files.readAllBytes(kept.file());
      int length = ByteBuffer.wrap(whole, 4, 4).getInt();
      Message old = Message.decode(java.util.Arrays.copyOfRange(whole, 12, 12 + length));
      Message head =
          new Message()
              .message(1, old.message(1).orElseGet(Message::new))
              .messages(2, old.messages(2))
              .flag(3, pinned);
      keep(
          kept.file(),
          head,
          List.of(java.util.Arrays.copyOfRange(whole, 12 + length, whole.length)));
    } finally {
      lock.unlock();
    }
  }

  private static GrpcException none(String ref) {
    return new GrpcException(GrpcException.NOT_FOUND, "no build record " + ref + " that has ended");
  }

  /// Forgets a build; false if there is none.
  boolean remove(String ref) throws IOException {
    lock.lock();
    try {
      Kept kept = all.remove(ref);
      pieces.remove(ref);
      return kept != null && Files.deleteIfExists(kept.file());
    } finally {
      lock.unlock();
    }
  }

  /// Forgets what is too old or too much, the oldest first.
  private void prune() throws IOException {
    lock.lock();
    try {
      long bytes = all.values().stream().mapToLong(Kept::bytes).sum();
      Instant oldest = Instant.now().minus(limits.age());
      for (Kept kept : List.copyOf(all.values())) {
        boolean much = all.size() > limits.builds() || bytes > limits.bytes();
        boolean last = all.size() == 1;
        if (!last && !kept.pinned() && (much || kept.completed().isBefore(oldest))) {
          bytes -= kept.bytes();
          boolean ignored = remove(kept.ref());
        }
      }
    } finally {
      lock.unlock();
    }
  }

  // ---- looking

  /// All, the one that ended first at the beginning.
  List<Kept> list() {
    lock.lock();
    try {
      return List.copyOf(all.values());
    } finally {
      lock.unlock();
    }
  }

  Optional<Kept> find(String ref) {
    lock.lock();
    try {
      return Optional.ofNullable(all.get(ref));
    } finally {
      lock.unlock();
    }
  }

  /// How long the content is; empty if no record names it.
  Optional<Long> size(String digest) {
    return list().stream()
        .filter(kept -> kept.sizes().containsKey(digest))
        .map(kept -> kept.sizes().getOrDefault(digest, 0L))
        .findFirst();
  }

  /// Content that a record names.
  ///
  /// @throws GrpcException `NOT_FOUND` if none does
  byte[] content(String digest) throws GrpcException, IOException {
    Path file;
    Piece piece;
    lock.lock();
    try {
      Kept kept =
          all.values().stream()
              .filter(k -> k.sizes().containsKey(digest))
              .findFirst()
              .orElseThrow(() -> missing(digest));
      file = kept.file();
      piece =
          java.util.Objects.requireNonNull(pieces.getOrDefault(kept.ref(), Map.of()).get(digest));
    } finally {
      lock.unlock();
    }
    ByteBuffer packed = ByteBuffer.allocate(piece.packed());
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      for (long at = piece.at(); packed.hasRemaining(); ) {
        int n = in.read(packed, at);
        if (n < 0) {
          throw missing(digest);
        }
        at += n;
      }
    } catch (java.nio.file.NoSuchFileException e) {
      throw missing(digest); // forgotten meanwhile
    }
    byte[] content;
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.array()))) {
      content = in.readNBytes((int) Math.min(piece.size() + 1, Integer.MAX_VALUE - 8));
    }
    if (!Digest.of(content).toString().equals(digest)) {
      throw new GrpcException(GrpcException.INTERNAL, "the record's content is damaged: " + digest);
    }
    return content;
  }

  private static GrpcException missing(String digest) {
    return new GrpcException(GrpcException.NOT_FOUND, "content " + digest + ": not found");
  }
}
