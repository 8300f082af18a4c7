package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildRequest;
import dev.gantry.build.Built;
import dev.gantry.build.CacheManifest;
import dev.gantry.build.CacheSource;
import dev.gantry.grpc.GrpcException;
import dev.gantry.images.Images;
import dev.gantry.images.LooseContent;
import dev.gantry.images.Transfers;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Credentials;
import dev.gantry.store.ContentStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// `--cache-from` and `--cache-to`: caches in registries, and in folders of the client.
final class Caching {
  private final Images images;
  private final Transfers transfers;

  Caching(Images images, Transfers transfers) {
    this.images = images;
    this.transfers = transfers;
  }

  // ---- taking from

  /// The caches that a build names, in its request or to its frontend (`cache-imports`, JSON).
  List<CacheSource> sources(SolveRequest request, Options options, Session client)
      throws GrpcException {
    List<SolveRequest.Cache> wanted = new ArrayList<>(request.imports());
    String more = options.text("cache-imports");
    try {
      for (Json.JsonObject one :
          more.isEmpty()
              ? List.<Json.JsonObject>of()
              : Json.object().put("all", Json.parse(more)).objects("all")) {
        wanted.add(new SolveRequest.Cache(one.string("Type", ""), one.stringMap("Attrs")));
      }
    } catch (JsonException e) {
      throw new GrpcException(GrpcException.INVALID_ARGUMENT, "invalid cache-imports: " + e.text());
    }
    List<CacheSource> all = new ArrayList<>();
    for (SolveRequest.Cache one : wanted.stream().distinct().toList()) {
      all.add(source(one, client));
    }
    return all;
  }

  private CacheSource source(SolveRequest.Cache wanted, Session client) throws GrpcException {
    Map<String, String> attributes = wanted.attributes();
    return switch (wanted.type()) {
      case "registry" -> {
        String name = attributes.getOrDefault("ref", "");
        ImageReference reference = ImageReference.parse(name).withDefaultTag();
        yield images
            .named(reference)
            .map(image -> CacheSource.image(images, image))
            .orElseGet(
                () ->
                    CacheSource.registry(
                        isInsecure(attributes)
                            ? transfers
                                .registries()
                                .toReadInsecurely(reference, client.credentials(reference))
                            : transfers
                                .registries()
                                .toRead(reference, client.credentials(reference)),
                        name,
                        tag(reference)));
      }
      case "local" ->
          new OfClient(
              new SessionContent(client, "local:" + attributes.getOrDefault("src", "")),
              Digest.parse(attributes.getOrDefault("digest", "")));
      default -> throw unknown("importer", wanted.type());
    };
  }

  private static boolean isInsecure(Map<String, String> attributes) {
    return BuildRequest.isOn(attributes.getOrDefault("registry.insecure", ""));
  }

  private static GrpcException unknown(String what, String type) {
    return new GrpcException(
        GrpcException.UNKNOWN,
        "unknown cache " + what + ": \"" + type + "\" (registry, local and inline are supported)");
  }

  private static String tag(ImageReference reference) {
    return reference
        .digestIfAny()
        .map(Object::toString)
        .orElseGet(() -> reference.tagIfAny().orElse("latest"));
  }

  /// A cache in a folder of the client.
  private record OfClient(SessionContent content, Digest top) implements CacheSource {
    @Override
    public String name() {
      return content.store();
    }

    @Override
    public boolean hasOwnConnection() {
      return false; // that of the session
    }

    private byte[] read(Digest digest) {
      return content.document(digest, MOST);
    }

    @Override
    public Map<Digest, CacheManifest.Record> records(List<Platform> platforms) {
      return CacheSource.collect(
          ManifestDocument.parse(read(top), ""),
          platforms,
          d -> read(d.digest()),
          d -> ManifestDocument.parse(read(d.digest()), d.mediaType()));
    }

    @Override
    public void fetch(Descriptor blob, ContentStore store, ContentStore.Lease lease)
        throws IOException {
      content.fetch(blob, store, lease);
    }
  }

  // ---- leaving elsewhere

  /// Whether images shall say which steps made their layers.
  static boolean isInline(SolveRequest request, Options options) {
    return request.exports().stream().anyMatch(e -> e.type().equals("inline"))
        || options.text("build-arg:BUILDKIT_INLINE_CACHE").matches("1|true|t");
  }

  /// What cannot be is said before anything is built.
  static void check(SolveRequest request) throws GrpcException {
    for (SolveRequest.Cache one : request.exports()) {
      if (!List.of("inline", "registry", "local").contains(one.type())) {
        throw unknown("exporter", one.type());
      }
    }
  }

  /// Leaves the caches that the client wants.
  ///
  /// @param response takes what the client is told
  void export(OneBuild build, List<Built> built, Session client, Map<String, String> response)
      throws GrpcException, IOException {
    for (SolveRequest.Cache one : build.request().exports()) {
      switch (one.type()) {
        case "inline" -> {} // it is in the image
        case "registry", "local" -> export(one, build, built, client, response);
        default -> throw unknown("exporter", one.type());
      }
    }
  }

  private void export(
      SolveRequest.Cache wanted,
      OneBuild build,
      List<Built> built,
      Session client,
      Map<String, String> response)
      throws GrpcException, IOException {
    boolean local = wanted.type().equals("local");
    Map<String, String> attributes = wanted.attributes();
    Progress.Vertex vertex =
        build
            .progress()
            .vertex("exporting cache to " + (local ? "client directory" : "registry"))
            .start();
    try (ContentStore.Lease lease = images.content().lease()) {
      vertex.note("preparing build cache for export");
      CacheManifest.Export export;
      try (var _ = build.cancellation().waiting()) {
        export = CacheManifest.of(built, CacheManifest.Wish.of(attributes), lease);
      }
      if (local) {
        send(export, new SessionContent(client, "local:" + attributes.getOrDefault("dest", "")));
        response.put("cache.manifest", export.descriptor().json().text());
      } else {
        push(export, attributes, build, client);
      }
      vertex.note("writing cache image manifest " + export.descriptor().digest());
      vertex.done();
    } catch (GrpcException | IOException | Failure e) {
      String text = String.valueOf(e.getMessage());
      vertex.failed(text);
      if (!attributes.getOrDefault("ignore-error", "false").equals("true")) {
        throw e;
      }
    }
  }

  private void send(CacheManifest.Export export, SessionContent content)
      throws GrpcException, IOException {
    for (Descriptor blob : export.blobs()) {
      try (InputStream in = Files.newInputStream(images.content().path(blob.digest()))) {
        content.write(blob, in);
      }
    }
    content.write(export.descriptor(), new ByteArrayInputStream(export.manifest()));
  }

  private void push(
      CacheManifest.Export export, Map<String, String> attributes, OneBuild build, Session client) {
    ImageReference reference =
        ImageReference.parse(attributes.getOrDefault("ref", "")).withDefaultTag();
    Credentials credentials = client.credentials(reference);
    try (var _ = build.cancellation().waiting()) {
      LooseContent.push(
          isInsecure(attributes)
              ? transfers.registries().toWriteInsecurely(reference, credentials)
              : transfers.registries().toWrite(reference, credentials),
          tag(reference),
          export.blobs(),
          export.mediaType(),
          export.manifest(),
          images.content());
    }
  }
}
