package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import dev.gantry.client.Query;
import dev.gantry.dockerfile.ContextEntry;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.json.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A large context as a list of its files: what the engine still has of the last build stays here.
final class ContextListing {
  /// Fewer files are sent faster than they are compared.
  static final int LEAST = 500;

  /// What was changed that short a time ago may be changed again without its time telling.
  private static final long FRESH = TimeUnit.SECONDS.toNanos(2);

  private final Path folder;
  private final List<ContextEntry> entries = new ArrayList<>();
  private final long now;
  private boolean listable = true;

  /// Lists `folder` without what is ignored.
  ContextListing(Path folder, IgnoreFile ignored) throws IOException {
    this.folder = folder;
    Instant time = Instant.now();
    this.now = TimeUnit.SECONDS.toNanos(time.getEpochSecond()) + time.getNano();
    list(folder, "", ignored);
  }

  /// Whether it is worth comparing.
  boolean isLarge() {
    return listable && entries.size() >= LEAST;
  }

  private void list(Path at, String prefix, IgnoreFile ignored) throws IOException {
    List<Path> children;
    try (Stream<Path> all = Files.list(at)) {
      children = all.sorted().toList();
    }
    for (Path child : children) {
      String name = prefix + child.getFileName();
      boolean left = ignored.ignores(name);
      if (left && (ignored.isFinal() || !Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS))) {
        continue;
      }
      Map<String, Object> a =
          Files.readAttributes(
              child, "unix:mode,size,ino,lastModifiedTime,ctime", LinkOption.NOFOLLOW_LINKS);
      int mode = (Integer) a.getOrDefault("mode", 0);
      switch (mode & 0170000) {
        case 0100000 -> entries.add(entry(name, mode, (Long) a.getOrDefault("size", 0L), a, ""));
        case 0120000 ->
            entries.add(entry(name, mode, 0, a, Files.readSymbolicLink(child).toString()));
        case 0040000 -> {
          if (!left) {
            entries.add(new ContextEntry(name, mode, 0, nanos(a, "lastModifiedTime"), 0, 0, ""));
          }
          list(child, name + "/", ignored);
        }
        default -> {} // sockets, devices and pipes are no part of a context
      }
      // a name that is no text would come back as another
      listable &= name.indexOf('\ufffd') < 0 && name.length() < 4096;
    }
  }

  private static ContextEntry entry(
      String name, int mode, long size, Map<String, Object> a, String target) {
    return new ContextEntry(
        name,
        mode,
        size,
        nanos(a, "lastModifiedTime"),
        nanos(a, "ctime"),
        ((Number) a.getOrDefault("ino", 0L)).longValue(),
        target);
  }

  private static long nanos(Map<String, Object> attributes, String key) {
    return ((FileTime) attributes.getOrDefault(key, FileTime.fromMillis(0)))
        .to(TimeUnit.NANOSECONDS);
  }

  /// Names the folder: the same for the next build of it, another for every other machine's.
  String name() throws IOException {
    Path real = Surroundings.real(folder);
    StringBuilder text = new StringBuilder();
    for (String file : List.of("/etc/machine-id", "/etc/hostname")) {
      if (Files.isReadable(Path.of(file))) {
        text.append(Files.readString(Path.of(file)).strip()).append('\n');
      }
    }
    text.append(Files.getAttribute(real, "unix:dev")).append('\n');
    text.append(Files.getAttribute(real, "unix:ino")).append('\n').append(real);
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256")
                  .digest(text.toString().getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  /// Asks the engine which files it lacks. One that keeps nothing lacks all.
  BitSet missing(Session session) throws IOException {
    BitSet missing = new BitSet(entries.size());
    ByteArrayOutputStream list = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(list)) {
      ContextEntry.write(
          out, entries.stream().map(e -> new ContextEntry.Listed(e, false)).toList());
    }
    Query query = Query.of("/build/context").with("name", name());
    try (InputStream answer =
        session.engine().upload(query, new ByteArrayInputStream(list.toByteArray()))) {
      String ranges =
          Json.parseObject(new String(answer.readAllBytes(), StandardCharsets.UTF_8))
              .string("Missing", "");
      for (String range : ranges.isEmpty() ? new String[0] : ranges.split(",")) {
        String[] ends = range.split("-");
        missing.set(Integer.parseInt(ends[0]), Integer.parseInt(ends[1]) + 1);
      }
    }
    for (int i = 0; i < entries.size(); i++) {
      ContextEntry e = entries.get(i);
      if (!e.isFolder() && Math.max(e.modified(), e.changed()) > now - FRESH) {
        missing.set(i);
      }
    }
    return missing;
  }

  /// All of them.
  BitSet all() {
    BitSet all = new BitSet(entries.size());
    all.set(0, entries.size());
    return all;
  }

  /// Writes a build's body: the list, the files for the builder itself, an archive of the others.
  ///
  /// @param sent which files are in the archive
  /// @param own content by name
  void write(OutputStream stream, BitSet sent, Map<String, byte[]> own) throws IOException {
    DataOutputStream out = new DataOutputStream(stream);
    List<ContextEntry.Listed> listed = new ArrayList<>(entries.size());
    for (int i = 0; i < entries.size(); i++) {
      listed.add(new ContextEntry.Listed(entries.get(i), sent.get(i)));
    }
    ContextEntry.write(out, listed);
    out.writeInt(own.size());
    for (Map.Entry<String, byte[]> file : own.entrySet()) {
      out.writeUTF(file.getKey());
      out.writeInt(file.getValue().length);
      out.write(file.getValue());
    }
    try (TarWriter tar = new TarWriter(out)) {
      for (int i = sent.nextSetBit(0); i >= 0; i = sent.nextSetBit(i + 1)) {
        pack(tar, entries.get(i));
      }
    }
  }

  private void pack(TarWriter tar, ContextEntry e) throws IOException {
    long seconds = Math.floorDiv(e.modified(), 1_000_000_000L);
    if (e.isFolder() || e.isLink()) {
      tar.add(
          new Entry(
              e.isFolder() ? e.path() + "/" : e.path(),
              e.isFolder() ? '5' : '2',
              e.mode(),
              0,
              0,
              0,
              seconds,
              e.target()),
          InputStream.nullInputStream());
      return;
    }
    try (InputStream content = Files.newInputStream(folder.resolve(e.path()))) {
      tar.add(new Entry(e.path(), '0', e.mode(), 0, 0, e.size(), seconds, ""), content);
    }
  }
}
