package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.engine.LayerFiles;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/// Contexts that are a file somewhere else: an archive, or a Dockerfile alone.
final class Remote {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int MAX_DOCKERFILE = 1 << 20;
  private static final int TAR_MAGIC = 257;

  private Remote() {}

  /// Begins to fetch a URL; closing what comes back ends it.
  static InputStream open(String url) throws IOException {
    HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(PATIENCE)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build();
    try {
      HttpResponse<InputStream> answer =
          client.send(
              HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE).build(),
              HttpResponse.BodyHandlers.ofInputStream());
      if (answer.statusCode() != 200) {
        answer.body().close();
        throw new IOException("invalid response status " + answer.statusCode() + " from " + url);
      }
      return answer.body();
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest("invalid URL " + url, null, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while fetching " + url);
    } finally {
      client.shutdown();
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
