package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.images.Attachments;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageIndex;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Manifest;
import dev.gantry.oci.ManifestDocument;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes images of what was built: one alone, or one for each platform under an index, with
/// annotations and attestations. An attestation is an entry of the index beside its image: a
/// manifest with a statement (in-toto) for each thing said.
///
///     index
///      ├─ manifest linux/amd64 ── configuration, layers
///      ├─ manifest unknown/unknown, about the first ── statement, statement
///      └─ …
public final class Assembly {
  private static final String STATEMENT = "https://in-toto.io/Statement/v0.1";
  private static final String IN_TOTO = "application/vnd.in-toto+json";
  private static final String ARTIFACT = "application/vnd.docker.attestation.manifest.v1+json";

  private final Images images;
  private final Packaging packaging;
  private final List<ImageReference> names;
  private final ContentStore.Lease lease;

  private Assembly(
      Images images, Packaging packaging, List<ImageReference> names, ContentStore.Lease lease) {
    this.images = images;
    this.packaging = packaging;
    this.names = names;
    this.lease = lease;
  }

  /// What became of a build.
  ///
  /// @param image this machine's, or the first
  /// @param images one for each platform
  /// @param root the document that a registry would know it by; empty where none was needed: the
  ///   image is known by its id alone then
  public record Assembled(Image image, List<Image> images, Optional<Descriptor> root) {
    public Assembled {
      images = List.copyOf(images);
    }

    /// The digest that clients are told.
    public Digest digest() {
      return root.map(Descriptor::digest).orElse(image.id());
    }
  }

  /// Makes the image, or the images, of a build under `names`, which may be none.
  ///
  /// @param built one for each platform
  /// @param invocation for the provenance
  public static Assembled of(
      List<Built> built,
      Packaging packaging,
      Provenance.Invocation invocation,
      List<ImageReference> names)
      throws IOException {
    Images images = built.getFirst().images();
    if (built.size() == 1 && packaging.isPlain()) {
      Image image = built.getFirst().image(names, packaging.inlineCache());
      return new Assembled(image, List.of(image), Optional.empty());
    }
    try (ContentStore.Lease lease = images.content().lease()) {
      return new Assembly(images, packaging, names, lease).make(built, invocation);
    }
  }

  private Assembled make(List<Built> built, Provenance.Invocation invocation) throws IOException {
    List<Image> members = new ArrayList<>();
    List<Digest> manifests = new ArrayList<>();
    List<Descriptor> entries = new ArrayList<>();
    List<Descriptor> attestations = new ArrayList<>();
    for (Built one : built) {
      Image image = one.image(List.of(), packaging.inlineCache());
      Descriptor manifest = manifest(image);
      members.add(image);
      manifests.add(manifest.digest());
      entries.add(manifest);
      List<Statement> statements = statements(one, packaging, invocation, names);
      if (!statements.isEmpty()) {
        attestations.add(attestation(manifest, image.platform(), statements));
      }
    }
    if (entries.size() == 1 && attestations.isEmpty() && !packaging.index()) {
      names.forEach(name -> images.tag(members.getFirst().id(), name));
      Image image = images.byId(members.getFirst().id()).orElseThrow();
      return new Assembled(image, List.of(image), Optional.of(entries.getFirst()));
    }
    entries.addAll(attestations);
    String type = packaging.isDockers() ? MediaTypes.DOCKER_LIST : MediaTypes.INDEX;
    ImageIndex index =
        new ImageIndex(
            type,
            "",
            entries,
            null,
            Annotation.at(packaging.annotations(), Annotation.Place.INDEX, Optional.empty()));
    byte[] bytes = bytes(index.json());
    Image first = images.addIndex(members, manifests, bytes, names, lease);
    Descriptor root =
        new Descriptor(type, Digest.of(bytes), bytes.length)
            .withAnnotations(
                Annotation.at(
                    packaging.annotations(), Annotation.Place.INDEX_DESCRIPTOR, Optional.empty()));
    return new Assembled(first, members, Optional.of(root));
  }

  private static byte[] bytes(Json.JsonObject json) {
    return JsonWriter.plain(json).getBytes(StandardCharsets.UTF_8);
  }

  // ---- documents

  /// Stores the image's manifest in the form that is wanted, with the annotations for it.
  private Descriptor manifest(Image image) throws IOException {
    Manifest own = (Manifest) ManifestDocument.parse(images.packed(image, lease), "");
    Optional<Platform> platform = Optional.of(image.platform());
    Map<String, String> annotations = new LinkedHashMap<>(own.annotations());
    annotations.putAll(Annotation.at(packaging.annotations(), Annotation.Place.MANIFEST, platform));
    Form form = packaging.form();
    List<Descriptor> layers =
        form.compression().isEmpty()
            ? own.layers()
            : images.packed(image, form.compression().get(), form.level(), form.all(), lease);
    boolean docker = packaging.isDockers();
    String type = docker ? MediaTypes.DOCKER_MANIFEST : MediaTypes.MANIFEST;
    Manifest manifest =
        new Manifest(
            type,
            own.artifactType(),
            typed(own.config(), docker ? MediaTypes.DOCKER_CONFIG : MediaTypes.CONFIG),
            layers.stream().map(l -> typed(l, layerType(l.mediaType(), docker))).toList(),
            null,
            annotations);
    byte[] bytes = bytes(manifest.json());
    lease.hold(Digest.of(bytes));
    Digest digest = images.keepManifest(image, bytes);
    return new Descriptor(type, digest, bytes.length)
        .withPlatform(image.platform())
        .withAnnotations(
            Annotation.at(packaging.annotations(), Annotation.Place.MANIFEST_DESCRIPTOR, platform));
  }

  private static Descriptor typed(Descriptor d, String type) {
    return new Descriptor(
        type,
        d.digest(),
        d.size(),
        d.urls(),
        d.annotations(),
        d.platform(),
        d.artifactType(),
        d.data());
  }

  private static String layerType(String type, boolean docker) {
    return switch (type) {
      case MediaTypes.DOCKER_LAYER_GZIP, MediaTypes.LAYER_GZIP ->
          docker ? MediaTypes.DOCKER_LAYER_GZIP : MediaTypes.LAYER_GZIP;
      case MediaTypes.LAYER -> docker ? MediaTypes.DOCKER_LAYER : type;
      default -> type;
    };
  }

  // ---- attestations

  /// Something that is said about an image.
  private record Statement(String predicateType, Json.JsonObject predicate) {
    Json.JsonObject json(Json.JsonArray subjects) {
      return Json.object()
          .put("_type", STATEMENT)
          .put("predicateType", predicateType)
          .put("subject", subjects)
          .put("predicate", predicate);
    }
  }

  /// What a client wants to have said of the files of `built`, as files to lie beside them.
  ///
  /// @param prefix of the files' names
  /// @param mark stands before their endings
  /// @return statements (in-toto) by the names of the files
  public static Map<String, byte[]> statements(
      Built built,
      Packaging packaging,
      Provenance.Invocation invocation,
      String prefix,
      String mark)
      throws IOException {
    if (!packaging.attests()) {
      return Map.of();
    }
    Json.JsonArray subjects = Json.array();
    try (Tree tree = built.files()) {
      new Walk(tree, IgnoreFile.NONE, "/")
          .from(
              "/",
              (path, below, status) -> {
                if (status.isRegular()) {
                  subjects.add(
                      Json.object()
                          .put("name", below.substring(1))
                          .put("digest", sha256(tree, path)));
                }
              });
    }
    Map<String, byte[]> all = new LinkedHashMap<>();
    for (Statement statement : statements(built, packaging, invocation, List.of())) {
      boolean sbom = statement.predicateType().equals(Sbom.PREDICATE_TYPE);
      String base = prefix + (sbom ? "sbom" : "provenance");
      String end = mark + (sbom ? ".spdx.json" : ".json");
      String name = base + end;
      for (int n = 1; all.containsKey(name); n++) { // of stages and the context
        name = base + "-" + n + end;
      }
      all.put(name, bytes(statement.json((Json.JsonArray) subjects.copy())));
    }
    return all;
  }

  private static Json.JsonObject sha256(Tree tree, String path) throws IOException {
    Digest digest = Fingerprint.content(tree, path);
    return Json.object().put(digest.algorithm(), digest.hex());
  }

  private static List<Statement> statements(
      Built built,
      Packaging packaging,
      Provenance.Invocation invocation,
      List<ImageReference> names)
      throws IOException {
    List<Statement> all = new ArrayList<>();
    if (packaging.sbom()) {
      String name = names.isEmpty() ? "image" : names.getFirst().familiar();
      for (Built.Scan scan : built.scans()) {
        try (Tree tree = scan.source().open()) {
          String what = scan.what().isEmpty() ? name : name + " " + scan.what();
          all.add(new Statement(Sbom.PREDICATE_TYPE, Sbom.of(tree, what, invocation.began())));
        }
      }
    }
    packaging
        .provenance()
        .ifPresent(
            wish ->
                all.add(
                    new Statement(wish.predicateType(), Provenance.of(wish, invocation, built))));
    return all;
  }

  private Descriptor attestation(Descriptor about, Platform platform, List<Statement> statements) {
    Json.JsonArray subjects = subjects(about, platform);
    List<Descriptor> layers = new ArrayList<>();
    Json.JsonArray diffIds = Json.array();
    for (Statement statement : statements) {
      Descriptor blob = store(IN_TOTO, statement.json(subjects));
      layers.add(
          blob.withAnnotations(Map.of("in-toto.io/predicate-type", statement.predicateType())));
      diffIds.add(blob.digest().toString());
    }
    if (packaging.form().artifacts()) {
      Descriptor nothing = store(MediaTypes.EMPTY, Json.object());
      Descriptor subject = new Descriptor(about.mediaType(), about.digest(), about.size());
      return attested(
          about, new Manifest(MediaTypes.MANIFEST, ARTIFACT, nothing, layers, subject, Map.of()));
    }
    Descriptor config =
        store(
            MediaTypes.CONFIG,
            Json.object()
                .put("architecture", "unknown")
                .put("os", "unknown")
                .put("config", Json.object())
                .put("rootfs", Json.object().put("type", "layers").put("diff_ids", diffIds)));
    return attested(about, new Manifest(MediaTypes.MANIFEST, "", config, layers, null, Map.of()));
  }

  private Descriptor attested(Descriptor about, Manifest manifest) {
    return store(MediaTypes.MANIFEST, manifest.json())
        .withPlatform(new Platform("unknown", "unknown", ""))
        .withAnnotations(
            Map.of(
                "vnd.docker.reference.digest",
                about.digest().toString(),
                Attachments.TYPE,
                Attachments.ATTESTATION));
  }

  private Json.JsonArray subjects(Descriptor about, Platform platform) {
    Json.JsonObject digest = Json.object().put(about.digest().algorithm(), about.digest().hex());
    Json.JsonArray all = Json.array();
    for (ImageReference name : names) {
      all.add(
          Json.object()
              .put("name", Material.purl(name.familiar(), platform))
              .put("digest", digest.copy()));
    }
    if (names.isEmpty()) {
      all.add(Json.object().put("name", "_").put("digest", digest));
    }
    return all;
  }

  private Descriptor store(String type, Json.JsonObject json) {
    byte[] bytes = bytes(json);
    lease.hold(Digest.of(bytes));
    Digest digest = images.content().put(bytes);
    return new Descriptor(type, digest, bytes.length);
  }
}
