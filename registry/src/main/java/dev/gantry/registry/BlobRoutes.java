package dev.gantry.registry;

import dev.gantry.http.Response;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Blobs: reading them, whole or in part, and taking them from a repository.
final class BlobRoutes {
  private static final Pattern RANGE = Pattern.compile("bytes=([0-9]{0,18})-([0-9]{0,18})");

  private final Blobs blobs;
  private final Manifests manifests;
  private final Guard guard;
  private final Optional<PullThrough> cache;

  BlobRoutes(Blobs blobs, Manifests manifests, Guard guard, Optional<PullThrough> cache) {
    this.blobs = blobs;
    this.manifests = manifests;
    this.guard = guard;
    this.cache = cache;
  }

  void answer(Call call, RepositoryName name, ContentDigest digest) throws IOException {
    switch (call.request().method()) {
      case "GET", "HEAD" -> get(call, name, digest);
      case "DELETE" -> delete(call, name, digest);
      default -> throw Registry.unsupported(call);
    }
  }

  private void get(Call call, RepositoryName name, ContentDigest digest) throws IOException {
    guard.require(call, name, Right.PULL);
    if (call.response().isHead() && guard.may(call.identity(), name, Right.PUSH)) {
      blobs.sizeAndKeep(name, digest);
    }
    Optional<Storage.Content> found = blobs.open(name, digest);
    if (found.isEmpty() && cache.isPresent() && cache.get().covers(name)) {
      if (cache.get().blob(call, name, digest)) {
        return;
      }
      found = blobs.open(name, digest);
    }
    if (found.isEmpty()) {
      throw unknown(name, digest);
    }
    try (Storage.Content content = found.get()) {
      describe(call.response(), digest);
      if (call.isCached(digest)) {
        call.response().empty(304);
        return;
      }
      Part part = part(call, content.size());
      send(call.response(), content, part);
    }
  }

  static RegistryError unknown(RepositoryName name, ContentDigest digest) {
    return new RegistryError(
        ErrorCode.BLOB_UNKNOWN,
        404,
        "blob unknown to registry",
        dev.gantry.json.Json.object().put("name", name.value()).put("digest", digest.toString()));
  }

  static void describe(Response response, ContentDigest digest) {
    response
        .header("Content-Type", "application/octet-stream")
        .header("Docker-Content-Digest", digest.toString())
        .header("ETag", "\"" + digest + "\"")
        .header("Accept-Ranges", "bytes")
        .header("Cache-Control", "max-age=31536000");
  }

  /// What of a content is wanted.
  record Part(int status, long offset, long length) {}

  /// Reads the Range header (RFC 9110 14.2). Several ranges at once, or a form that we do not know,
  /// are answered with the whole; a range behind the end is an error.
  static Part part(Call call, long size) {
    String header = call.request().header("Range").orElse("");
    Matcher range = RANGE.matcher(header.strip());
    if (!range.matches() || (range.group(1).isEmpty() && range.group(2).isEmpty())) {
      return new Part(200, 0, size);
    }
    long first;
    long last = size - 1;
    if (range.group(1).isEmpty()) {
      first = Math.max(0, size - Long.parseLong(range.group(2)));
    } else {
      first = Long.parseLong(range.group(1));
      if (!range.group(2).isEmpty()) {
        long said = Long.parseLong(range.group(2));
        if (said < first) {
          return new Part(200, 0, size);
        }
        last = Math.min(last, said);
      }
    }
    if (first > last) {
      call.response().header("Content-Range", "bytes */" + size);
      throw new RegistryError(
          ErrorCode.RANGE_INVALID, "range " + header + " of a blob with " + size + " bytes");
    }
    call.response().header("Content-Range", "bytes " + first + "-" + last + "/" + size);
    return new Part(206, first, last - first + 1);
  }

  private static void send(Response response, Storage.Content content, Part part)
      throws IOException {
    Optional<FileChannel> file = content.file();
    if (file.isPresent()) {
      response.file(part.status(), file.get(), part.offset(), part.length());
      return;
    }
    try (InputStream in = content.from(part.offset());
        OutputStream out = response.sized(part.status(), part.length())) {
      byte[] buffer = new byte[64 * 1024];
      long left = response.isHead() ? 0 : part.length();
      while (left > 0) {
        int n = in.read(buffer, 0, (int) Math.min(buffer.length, left));
        if (n < 0) {
          throw new IOException("the content is shorter than its size");
        }
        out.write(buffer, 0, n);
        left -= n;
      }
    }
  }

  private void delete(Call call, RepositoryName name, ContentDigest digest) throws IOException {
    guard.require(call, name, Right.DELETE);
    if (!manifests.removeBlob(name, digest)) {
      throw unknown(name, digest);
    }
    call.response().header("Docker-Content-Digest", digest.toString());
    call.response().empty(202);
  }
}
