package dev.gantry.registry;

import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Pushing blobs (distribution-spec spec.md#pushing-blobs): in one request, in two, in chunks, or
/// by mounting what another repository has.
final class UploadRoutes {
  private static final Pattern RANGE =
      Pattern.compile("(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?");
  private static final String LEAST_CHUNK = "65536";
  private static final int MOST_SEARCHED = 1000;

  private final Uploads uploads;
  private final Blobs blobs;
  private final Catalog catalog;
  private final Guard guard;
  private final Events events;

  UploadRoutes(Uploads uploads, Blobs blobs, Catalog catalog, Guard guard, Events events) {
    this.uploads = uploads;
    this.blobs = blobs;
    this.catalog = catalog;
    this.guard = guard;
    this.events = events;
  }

  void begin(Call call, RepositoryName name) throws IOException {
    if (!call.request().method().equals("POST")) {
      throw Registry.unsupported(call);
    }
    guard.require(call, name, Right.PUSH);
    Optional<String> mount = call.request().parameter("mount");
    if (mount.isPresent() && mounted(call, name, ContentDigest.parse(mount.get()))) {
      return;
    }
    Optional<ContentDigest> digest = call.request().parameter("digest").map(ContentDigest::parse);
    String algorithm =
        digest
            .map(ContentDigest::algorithm)
            .or(() -> call.request().parameter("digest-algorithm"))
            .orElse(ContentDigest.SHA256);
    Uploads.Upload upload = uploads.begin(name, algorithm);
    if (digest.isPresent()) {
      upload.finish(body(call), length(call), Optional.empty(), digest.get());
      created(call, name, digest.get());
    } else {
      call.response().header("OCI-Chunk-Min-Length", LEAST_CHUNK);
      progress(call, upload, 202);
    }
  }

  /// The origin may be left out: then any repository that the client may read is good.
  private boolean mounted(Call call, RepositoryName name, ContentDigest digest) throws IOException {
    Optional<String> from = call.request().parameter("from").filter(f -> !f.isEmpty());
    boolean found = false;
    if (from.isPresent()) {
      found = isReadable(call, new RepositoryName(from.get()), digest);
    } else {
      int searched = 0;
      for (RepositoryName other : catalog.all()) {
        if (found || searched++ >= MOST_SEARCHED) {
          break;
        }
        found = isReadable(call, other, digest);
      }
    }
    if (!found || !blobs.mount(name, digest)) {
      return false;
    }
    created(call, name, digest);
    events.happened("mount", call, name, digest.toString(), Optional.empty());
    return true;
  }

  private boolean isReadable(Call call, RepositoryName name, ContentDigest digest)
      throws IOException {
    return guard.may(call.identity(), name, Right.PULL)
        && blobs.sizeAndKeep(name, digest).isPresent();
  }

  void goOn(Call call, RepositoryName name, String id) throws IOException {
    guard.require(call, name, Right.PUSH);
    Uploads.Upload upload = uploads.require(name, id);
    switch (call.request().method()) {
      case "GET", "HEAD" -> progress(call, upload, 204);
      case "PATCH" -> append(call, upload);
      case "PUT" -> finish(call, upload);
      case "DELETE" -> {
        upload.cancel();
        call.response().empty(204);
      }
      default -> throw Registry.unsupported(call);
    }
  }

  private void append(Call call, Uploads.Upload upload) throws IOException {
    try {
      upload.append(body(call), length(call), range(call));
    } catch (RegistryError e) {
      if (e.code() == ErrorCode.RANGE_INVALID) {
        place(call, upload);
      }
      throw e;
    }
    progress(call, upload, 202);
  }

  private void finish(Call call, Uploads.Upload upload) throws IOException {
    ContentDigest digest =
        ContentDigest.parse(
            call.request()
                .parameter("digest")
                .orElseThrow(
                    () -> new RegistryError(ErrorCode.DIGEST_INVALID, "digest is missing")));
    try {
      upload.finish(body(call), length(call), range(call), digest);
    } catch (RegistryError e) {
      if (e.code() == ErrorCode.RANGE_INVALID) {
        place(call, upload);
      }
      throw e;
    }
    created(call, upload.name(), digest);
    events.happened("push", call, upload.name(), digest.toString(), Optional.empty());
  }

  private static InputStream body(Call call) {
    return call.request().body();
  }

  private static long length(Call call) {
    if (!call.request().hasBody()) {
      return 0;
    }
    return call.request().header("Content-Length").map(Long::parseLong).orElse(-1L);
  }

  private static Optional<Uploads.Range> range(Call call) {
    Optional<String> header = call.request().header("Content-Range");
    if (header.isEmpty()) {
      return Optional.empty();
    }
    Matcher range = RANGE.matcher(header.get().strip());
    if (!range.matches()) {
      throw new RegistryError(
          ErrorCode.BLOB_UPLOAD_INVALID, "Content-Range is not FIRST-LAST: " + header.get());
    }
    return Optional.of(
        new Uploads.Range(Long.parseLong(range.group(1)), Long.parseLong(range.group(2))));
  }

  private static void place(Call call, Uploads.Upload upload) {
    call.response()
        .header("Location", "/v2/" + upload.name() + "/blobs/uploads/" + upload.id())
        .header("Docker-Upload-UUID", upload.id())
        .header("Range", "0-" + Math.max(0, upload.offset() - 1));
  }

  private static void progress(Call call, Uploads.Upload upload, int status) throws IOException {
    place(call, upload);
    call.response().empty(status);
  }

  private static void created(Call call, RepositoryName name, ContentDigest digest)
      throws IOException {
    call.response()
        .header("Location", "/v2/" + name + "/blobs/" + digest)
        .header("Docker-Content-Digest", digest.toString());
    call.response().empty(201);
  }
}
