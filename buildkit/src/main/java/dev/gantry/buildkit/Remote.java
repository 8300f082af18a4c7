package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.GitSource;
import dev.gantry.build.RemoteFile;
import dev.gantry.engine.LayerFiles;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Contexts that are a file somewhere else: an archive, or a Dockerfile alone.
public final class Remote {
  private static final int MAX_DOCKERFILE = 1 << 20;
  private static final int TAR_MAGIC = 257;

  private Remote() {}

  /// Fetches a context.
  ///
  /// @param url of a git repository, an archive, or a Dockerfile
  /// @param place an empty folder
  /// @param name what to call a Dockerfile
  /// @return where its files are
  public static Path checkout(String url, BuildClient client, Path place, String name)
      throws IOException {
    return checkout(url, client, place, name, false);
  }

  /// As above.
  ///
  /// @param keep whether a repository's folder `.git` stays
  static Path checkout(String url, BuildClient client, Path place, String name, boolean keep)
      throws IOException {
    if (!GitSource.isGit(url)) {
      fetch(url, client, place, name);
      return place;
    }
    try {
      return GitSource.parse(url).keeping(keep).checkout(place, client).folder();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while fetching " + url);
    }
  }

  /// Puts what is behind a URL into a folder.
  ///
  /// @param name what to call a Dockerfile
  static void fetch(String url, BuildClient client, Path folder, String name) throws IOException {
    Path file = Files.createTempFile(folder.resolveSibling("."), "passing-", ".remote");
    try {
      RemoteFile.Answer ignored = RemoteFile.fetch(url, client, file);
      try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
        put(in, folder, name);
      }
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("invalid URL " + url + ": " + e.getMessage(), null, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while fetching " + url);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  /// Puts an archive's files, or a Dockerfile, into a folder.
  ///
  /// @param in with marks
  /// @param name what to call a Dockerfile
  static void put(InputStream in, Path folder, String name) throws IOException {
    in.mark(1024);
    byte[] start = in.readNBytes(512);
    in.reset();
    if (isArchive(start)) {
      LayerFiles.unpack(in, folder);
      return;
    }
    byte[] text = in.readNBytes(MAX_DOCKERFILE + 1);
    if (text.length > MAX_DOCKERFILE) {
      throw new Failure.TooLarge("the Dockerfile is larger than 1 MiB");
    }
    if (name.contains("/") || name.equals("..")) {
      throw new Failure.InvalidRequest("invalid name of a Dockerfile: " + name);
    }
    Path ignored = Files.write(folder.resolve(name), text);
  }

  /// tar, or one that is packed with gzip, bzip2, xz or zstd.
  static boolean isArchive(byte[] start) {
    int[][] heads = {
      {0x1f, 0x8b}, {'B', 'Z', 'h'}, {0xfd, '7', 'z', 'X', 'Z'}, {0x28, 0xb5, 0x2f, 0xfd}
    };
    for (int[] head : heads) {
      boolean same = start.length >= head.length;
      for (int i = 0; same && i < head.length; i++) {
        same = (start[i] & 0xff) == head[i];
      }
      if (same) {
        return true;
      }
    }
    return start.length >= TAR_MAGIC + 5
        && new String(start, TAR_MAGIC, 5, java.nio.charset.StandardCharsets.ISO_8859_1)
            .equals("ustar");
  }
}
