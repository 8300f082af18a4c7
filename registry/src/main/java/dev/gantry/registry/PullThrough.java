package dev.gantry.registry;

import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// A cache of other registries: what was pulled once is served from here, also when the upstream is
/// gone. A tag is asked for upstream each time; if that cannot answer, what it last was counts.
///
/// One upstream may stand for all names. Others stand for a name space: `NS/NAME` here is `NAME`
/// there, and so is `NAME` with the query `ns=NS` that containerd sends to its mirrors.
final class PullThrough {
  private record Origin(Upstream upstream, String repository) {}

  private final Map<String, Upstream> upstreams;
  private final Manifests manifests;
  private final Blobs blobs;
  private final Uploads uploads;
  private final Metrics metrics;
  private final Map<String, BlobFetch> fetches = new ConcurrentHashMap<>();

  /// @param upstreams by name space; the empty one is for all other names
  PullThrough(
      Map<String, Upstream> upstreams,
      Manifests manifests,
      Blobs blobs,
      Uploads uploads,
      Metrics metrics) {
    this.upstreams = Map.copyOf(upstreams);
    this.manifests = manifests;
    this.blobs = blobs;
    this.uploads = uploads;
    this.metrics = metrics;
  }

  /// The name here of what the request asks for.
  RepositoryName local(Request request, Response response, RepositoryName name) {
    Optional<String> space = request.parameter("ns").map(s -> s.replace(':', '-'));
    if (space.isEmpty() || !upstreams.containsKey(space.get())) {
      return name;
    }
    response.header("OCI-Namespace", request.parameter("ns").orElse(""));
    return new RepositoryName(space.get() + "/" + name);
  }

  private Optional<Origin> origin(RepositoryName name) {
    int slash = name.value().indexOf('/');
    if (slash > 0) {
      Upstream upstream = upstreams.get(name.value().substring(0, slash));
      if (upstream != null) {
        return Optional.of(new Origin(upstream, name.value().substring(slash + 1)));
      }
    }
    return Optional.ofNullable(upstreams.get("")).map(u -> new Origin(u, name.value()));
  }

  /// True where the repository is another registry's.
  boolean covers(RepositoryName name) {
    return origin(name).isPresent();
  }

  private Origin require(RepositoryName name) {
    return origin(name).orElseThrow();
  }

  Manifests.Stored manifest(RepositoryName name, Reference reference) throws IOException {
    return switch (reference) {
      case Reference.ByDigest d -> {
        Optional<Manifests.Stored> here = manifests.get(name, d.digest());
        metrics.cache(here.isPresent());
        yield here.isPresent() ? here.get() : fetch(name, reference, Optional.empty());
      }
      case Reference.Tag tag -> byTag(name, tag);
    };
  }

  private Manifests.Stored byTag(RepositoryName name, Reference.Tag tag) throws IOException {
    Optional<ContentDigest> last = manifests.resolve(name, tag);
    Optional<Manifests.Stored> here =
        last.isEmpty() ? Optional.empty() : manifests.get(name, last.get());
    Optional<ContentDigest> now;
    try {
      Origin origin = require(name);
      now = origin.upstream().resolve(origin.repository(), tag.value());
    } catch (IOException e) {
      metrics.cache(here.isPresent());
      return here.orElseThrow(() -> unavailable(name, e));
    }
    if (now.isEmpty()) {
      throw ManifestRoutes.unknown(name, tag);
    }
    boolean same = here.isPresent() && now.get().equals(here.get().digest());
    metrics.cache(same);
    return same ? here.get() : fetch(name, tag, here);
  }

  private Manifests.Stored fetch(
      RepositoryName name, Reference reference, Optional<Manifests.Stored> otherwise)
      throws IOException {
    Upstream.Found found;
    try {
      Origin origin = require(name);
      found =
          origin
              .upstream()
              .manifest(origin.repository(), reference.toString())
              .orElseThrow(() -> ManifestRoutes.unknown(name, reference));
    } catch (IOException e) {
      return otherwise.orElseThrow(() -> unavailable(name, e));
    }
    Manifest manifest = Manifest.parse(found.mediaType(), found.bytes());
    manifests.put(
        name,
        manifest,
        found.digest(),
        reference instanceof Reference.Tag tag ? java.util.List.of(tag) : java.util.List.of(),
        (n, t) -> false,
        Manifests.Demand.PARTIAL);
    return new Manifests.Stored(found.mediaType(), found.digest(), found.bytes());
  }

  private static RegistryError unavailable(RepositoryName name, IOException e) {
    return new RegistryError(
        ErrorCode.UNAVAILABLE,
        503,
        "the upstream registry of " + name + " cannot be asked",
        Json.of(String.valueOf(e.getMessage())));
  }

  Optional<Json.JsonObject> tags(RepositoryName name, Request request) {
    try {
      Origin origin = require(name);
      int mark = request.target().indexOf('?');
      return origin
          .upstream()
          .tags(origin.repository(), mark < 0 ? "" : request.target().substring(mark))
          .map(t -> t.put("name", name.value()));
    } catch (IOException e) {
      return Optional.empty(); // those that are here, then
    }
  }

  /// Serves a blob that is not here: fetches it once for all who want it now, and passes it on
  /// while it comes. The last bytes are held back until its digest is known to be right. False
  /// where it has come meanwhile and nothing was answered.
  boolean blob(Call call, RepositoryName name, ContentDigest digest) throws IOException {
    metrics.cache(false);
    Origin origin = require(name);
    if (call.response().isHead()) {
      long size;
      try {
        size =
            origin
                .upstream()
                .size(origin.repository(), digest)
                .orElseThrow(() -> BlobRoutes.unknown(name, digest));
      } catch (IOException e) {
        throw unavailable(name, e);
      }
      BlobRoutes.describe(call.response(), digest);
      call.response().sized(200, size).close();
      return true;
    }
    String key = Keys.link(name, digest);
    BlobFetch fetch =
        fetches.computeIfAbsent(
            key,
            k ->
                BlobFetch.start(
                    () -> blobs.size(name, digest).isPresent(),
                    origin.upstream(),
                    origin.repository(),
                    name,
                    digest,
                    uploads,
                    () -> fetches.remove(k)));
    try (BlobFetch.Reader reader = fetch.reader()) {
      BlobRoutes.describe(call.response(), digest);
      BlobRoutes.Part part = BlobRoutes.part(call, reader.size());
      try (OutputStream out = call.response().sized(part.status(), part.length());
          InputStream in = reader.from(part.offset())) {
        byte[] buffer = new byte[64 * 1024];
        long left = part.length();
        while (left > 0) {
          int n = in.read(buffer, 0, (int) Math.min(buffer.length, left));
          if (n < 0) {
            throw new IOException("the fetch ended early");
          }
          out.write(buffer, 0, n);
          left -= n;
        }
      }
      return true;
    } catch (BlobFetch.Missing e) {
      if (blobs.size(name, digest).isPresent()) {
        return false;
      }
      throw BlobRoutes.unknown(name, digest);
    } catch (BlobFetch.Failed e) {
      if (call.response().isStarted()) {
        throw e;
      }
      throw unavailable(name, e);
    }
  }
}
