package dev.gantry.registry;

import dev.gantry.json.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/// Manifests: reading them by tag or digest, pushing and removing them.
final class ManifestRoutes {
  private static final int MOST_TAGS = 100;

  private final Manifests manifests;
  private final Guard guard;
  private final Supplier<Policy> policy;
  private final Optional<PullThrough> cache;
  private final Events events;
  // each may hold 4 MiB twice
  private final Semaphore pushes = new Semaphore(16);

  ManifestRoutes(
      Manifests manifests,
      Guard guard,
      Supplier<Policy> policy,
      Optional<PullThrough> cache,
      Events events) {
    this.manifests = manifests;
    this.guard = guard;
    this.policy = policy;
    this.cache = cache;
    this.events = events;
  }

  void answer(Call call, RepositoryName name, Reference reference) throws IOException {
    switch (call.request().method()) {
      case "GET", "HEAD" -> get(call, name, reference);
      case "PUT" -> {
        pushes.acquireUninterruptibly();
        try {
          put(call, name, reference);
        } finally {
          pushes.release();
        }
      }
      case "DELETE" -> delete(call, name, reference);
      default -> throw Registry.unsupported(call);
    }
  }

  private void get(Call call, RepositoryName name, Reference reference) throws IOException {
    guard.require(call, name, Right.PULL);
    Manifests.Stored found = find(name, reference);
    found = acceptable(call, name, reference, found);
    call.response()
        .header("Content-Type", found.mediaType())
        .header("Docker-Content-Digest", found.digest().toString())
        .header("ETag", "\"" + found.digest() + "\"");
    if (call.isCached(found.digest())) {
      call.response().empty(304);
      return;
    }
    if (call.isGet()) {
      events.happened("pull", call, name, found.digest().toString(), tag(reference));
    }
    call.response().send(200, found.bytes());
  }

  private static Optional<String> tag(Reference reference) {
    return reference instanceof Reference.Tag tag ? Optional.of(tag.value()) : Optional.empty();
  }

  private Manifests.Stored find(RepositoryName name, Reference reference) throws IOException {
    if (cache.isPresent() && cache.get().covers(name)) {
      return cache.get().manifest(name, reference);
    }
    Optional<ContentDigest> digest =
        switch (reference) {
          case Reference.ByDigest d -> Optional.of(d.digest());
          case Reference.Tag t -> manifests.resolve(name, t);
        };
    Optional<Manifests.Stored> stored =
        digest.isEmpty() ? Optional.empty() : manifests.get(name, digest.get());
    return stored.orElseThrow(() -> unknown(name, reference));
  }

  static RegistryError unknown(RepositoryName name, Reference reference) {
    return new RegistryError(
        ErrorCode.MANIFEST_UNKNOWN,
        404,
        "manifest unknown",
        Json.object().put("name", name.value()).put("reference", reference.toString()));
  }

  /// Content negotiation. A client that takes images but no indexes gets, by tag, the image for
  /// linux/amd64; that is what old Docker clients expect.
  private Manifests.Stored acceptable(
      Call call, RepositoryName name, Reference reference, Manifests.Stored found)
      throws IOException {
    String accept = call.request().header("Accept").orElse("*/*");
    if (accepts(accept, found.mediaType())) {
      return found;
    }
    if (MediaTypes.isIndex(found.mediaType()) && reference instanceof Reference.Tag) {
      for (Manifest.Descriptor child :
          Manifest.parse(found.mediaType(), found.bytes()).manifests()) {
        Json.JsonObject platform = child.json().object("platform").orElseGet(Json::object);
        if (accepts(accept, child.mediaType())
            && platform.string("os", "").equals("linux")
            && platform.string("architecture", "").equals("amd64")) {
          return find(name, new Reference.ByDigest(child.digest()));
        }
      }
    }
    throw new RegistryError(
        ErrorCode.MANIFEST_UNKNOWN,
        "the manifest is of type " + found.mediaType() + ", which the request does not accept");
  }

  static boolean accepts(String accept, String type) {
    for (String each : accept.split(",")) {
      String plain = MediaTypes.plain(each);
      if (plain.equals("*/*") || plain.equals("application/*") || plain.equals(type)) {
        return true;
      }
    }
    return false;
  }

  private void put(Call call, RepositoryName name, Reference reference) throws IOException {
    guard.require(call, name, Right.PUSH);
    byte[] bytes = body(call);
    String type = MediaTypes.plain(call.request().header("Content-Type").orElse(""));
    Manifest manifest = Manifest.parse(type, bytes);
    ContentDigest digest =
        switch (reference) {
          case Reference.ByDigest d -> ContentDigest.of(d.digest().algorithm(), bytes);
          case Reference.Tag t -> ContentDigest.of(bytes);
        };
    if (reference instanceof Reference.ByDigest said && !said.digest().equals(digest)) {
      throw new RegistryError(
          ErrorCode.DIGEST_INVALID,
          400,
          "provided digest did not match uploaded content",
          Json.object().put("content", digest.toString()));
    }
    List<Reference.Tag> tags = tags(call, reference);
    manifests.put(name, manifest, digest, tags, policy.get()::isFixed, Manifests.Demand.COMPLETE);
    manifest.subject().ifPresent(s -> call.response().header("OCI-Subject", s.digest().toString()));
    if (reference instanceof Reference.ByDigest) {
      tags.forEach(t -> call.response().addHeader("OCI-Tag", t.value()));
    }
    call.response()
        .header("Location", "/v2/" + name + "/manifests/" + digest)
        .header("Docker-Content-Digest", digest.toString());
    call.response().empty(201);
    events.happened("push", call, name, digest.toString(), tag(reference));
  }

  private static byte[] body(Call call) throws IOException {
    long said = call.request().header("Content-Length").map(Long::parseLong).orElse(0L);
    byte[] bytes =
        said > Manifest.MOST_BYTES
            ? new byte[0]
            : call.request().body().readNBytes(Manifest.MOST_BYTES + 1);
    if (said > Manifest.MOST_BYTES || bytes.length > Manifest.MOST_BYTES) {
      throw new RegistryError(ErrorCode.SIZE_INVALID, 413, "a manifest may have 4 MiB", Json.NULL);
    }
    return bytes;
  }

  private static List<Reference.Tag> tags(Call call, Reference reference) {
    return switch (reference) {
      case Reference.Tag tag -> List.of(tag);
      case Reference.ByDigest d -> {
        List<Reference.Tag> tags = new ArrayList<>();
        for (String text : call.request().parameters("tag")) {
          tags.add(new Reference.Tag(text));
        }
        if (tags.size() > MOST_TAGS) {
          throw new RegistryError(
              ErrorCode.MANIFEST_INVALID, 414, "more than " + MOST_TAGS + " tags", Json.NULL);
        }
        yield tags;
      }
    };
  }

  private void delete(Call call, RepositoryName name, Reference reference) throws IOException {
    guard.require(call, name, Right.DELETE);
    boolean removed =
        switch (reference) {
          case Reference.Tag tag -> manifests.removeTag(name, tag, policy.get()::isFixed);
          case Reference.ByDigest d -> manifests.remove(name, d.digest(), policy.get()::isFixed);
        };
    if (!removed) {
      throw unknown(name, reference);
    }
    call.response().empty(202);
    events.happened("delete", call, name, reference.toString(), tag(reference));
  }
}
