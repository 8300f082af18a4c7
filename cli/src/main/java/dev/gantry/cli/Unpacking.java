package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// Takes an archive that a container gave apart into a folder of ours, and never writes outside of
/// it: the container may be hostile.
final class Unpacking {
  private final Path folder;
  private final String rename;
  private final boolean owners;
  private final Deque<Runnable> atEnd = new ArrayDeque<>();
  private long bytes;

  /// @param rename what the first part of each name becomes; `.` to drop it, `*` to keep it
  Unpacking(Path folder, String rename, boolean owners) {
    this.folder = folder;
    this.rename = rename;
    this.owners = owners;
  }

  /// How many bytes of files were written.
  long all(InputStream archive) throws IOException {
    TarReader tar = new TarReader(archive);
    try {
      for (Optional<Entry> entry = tar.next(); entry.isPresent(); entry = tar.next()) {
        one(tar, entry.get());
      }
      // folders last, so that a read-only one does not keep its files out
      atEnd.forEach(Runnable::run);
      return bytes;
    } catch (InvalidPathException e) {
      throw new IOException("the archive has a name that cannot be: " + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private Path target(String name) throws IOException {
    String[] parts = name.replaceFirst("/+$", "").split("/");
    Path target = folder;
    for (int i = 0; i < parts.length; i++) {
      String part = i == 0 && !rename.equals("*") ? rename : parts[i];
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      if (part.equals("..")) {
        throw new IOException("the archive leads out of its folder: " + name);
      }
      if (!target.equals(folder) && Files.isSymbolicLink(target)) {
        throw new IOException("the archive leads through a symbolic link: " + name);
      }
      target = target.resolve(part);
    }
    return target;
  }

  private void one(TarReader tar, Entry entry) throws IOException {
    Path target = target(entry.name());
    boolean there = Files.exists(target, LinkOption.NOFOLLOW_LINKS);
    boolean folderThere = Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS);
    switch (entry.type()) {
      case '5' -> {
        if (!folderThere && !target.equals(folder)) {
          if (there) {
            throw new FileAlreadyExistsException(target.toString());
          }
          Files.createDirectory(target);
          atEnd.push(() -> attributesOfFolder(target, entry));
        }
      }
      case '0' -> {
        makeRoom(target, folderThere);
        bytes += Files.copy(tar.content(), target, StandardCopyOption.REPLACE_EXISTING);
        attributes(target, entry);
      }
      case '2' -> {
        makeRoom(target, folderThere);
        Files.createSymbolicLink(target, Path.of(entry.link()));
      }
      case '1' -> {
        makeRoom(target, folderThere);
        Files.createLink(target, target(entry.link()));
      }
      default -> {} // devices and pipes stay where they are
    }
  }

  private static void makeRoom(Path target, boolean folderThere) throws IOException {
    if (folderThere) {
      throw new IOException("cannot overwrite the directory " + target + " by a file");
    }
    Files.deleteIfExists(target);
  }

  /// Nothing of a link that has come in its place: it would be followed.
  private void attributesOfFolder(Path target, Entry entry) {
    if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      attributes(target, entry);
    }
  }

  private void attributes(Path target, Entry entry) {
    try {
      if (owners) {
        Files.setAttribute(target, "unix:uid", (int) entry.user(), LinkOption.NOFOLLOW_LINKS);
        Files.setAttribute(target, "unix:gid", (int) entry.group(), LinkOption.NOFOLLOW_LINKS);
      }
      // set-id bits too, and after the owner, whose change takes them away
      Files.setAttribute(target, "unix:mode", entry.mode() & 07777, LinkOption.NOFOLLOW_LINKS);
      Files.setLastModifiedTime(target, FileTime.fromMillis(entry.seconds() * 1000));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
