package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Puts files of ours into an archive: files, folders and symbolic links; others are left out.
final class Packing {
  private static final int TYPE = 0170_000;
  private final AtomicReference<Optional<IOException>> failure =
      new AtomicReference<>(Optional.empty());
  private final Predicate<String> skipped;
  private final boolean skipsAllBelow;
  private volatile long bytes;

  Packing() {
    this(name -> false, true);
  }

  /// @param skipped names that are left out
  /// @param skipsAllBelow nothing below such a folder is wanted either
  Packing(Predicate<String> skipped, boolean skipsAllBelow) {
    this.skipped = skipped;
    this.skipsAllBelow = skipsAllBelow;
  }

  /// Adds what is in `folder`, each under its own name.
  void content(TarWriter tar, Path folder) throws IOException {
    try (Stream<Path> children = Files.list(folder)) {
      for (Path child : children.sorted().toList()) {
        add(tar, child, String.valueOf(child.getFileName()));
      }
    }
  }

  /// Adds `file` and what is in it under `name`.
  void add(TarWriter tar, Path file, String name) throws IOException {
    boolean left = skipped.test(name);
    if (left && (skipsAllBelow || !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))) {
      return;
    }
    Map<String, Object> attributes =
        Files.readAttributes(
            file, "unix:mode,uid,gid,size,lastModifiedTime", LinkOption.NOFOLLOW_LINKS);
    int mode = (Integer) attributes.getOrDefault("mode", 0);
    long size = (Long) attributes.getOrDefault("size", 0L);
    long user = ((Number) attributes.getOrDefault("uid", 0)).longValue();
    long group = ((Number) attributes.getOrDefault("gid", 0)).longValue();
    long seconds =
        ((FileTime) attributes.getOrDefault("lastModifiedTime", FileTime.fromMillis(0))).toMillis()
            / 1000;
    switch (mode & TYPE) {
      case 0100_000 -> {
        try (InputStream content = Files.newInputStream(file)) {
          tar.add(new Entry(name, '0', mode, user, group, size, seconds, ""), content);
        }
        bytes += size;
      }
      case 0120_000 ->
          tar.add(
              new Entry(
                  name,
                  '2',
                  mode,
                  user,
                  group,
                  0,
                  seconds,
                  Files.readSymbolicLink(file).toString()),
              InputStream.nullInputStream());
      case 0040_000 -> {
        if (!left) {
          tar.add(
              new Entry(name + "/", '5', mode, user, group, 0, seconds, ""),
              InputStream.nullInputStream());
        }
        try (Stream<Path> children = Files.list(file)) {
          for (Path child : children.sorted().toList()) {
            add(tar, child, name + "/" + child.getFileName());
          }
        }
      }
      default -> {}
    }
  }

  long bytes() {
    return bytes;
  }

  void failed(IOException problem) {
    failure.set(Optional.of(problem));
  }

  void check() {
    failure
        .get()
        .ifPresent(
            e -> {
              throw new Exit(1, "the copy is not complete: " + FileProblems.text(e));
            });
  }
}
