package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.Annotation;
import dev.gantry.build.Assembly;
import dev.gantry.build.BuildRequest;
import dev.gantry.build.Built;
import dev.gantry.build.FilesTar;
import dev.gantry.build.Form;
import dev.gantry.build.Packaging;
import dev.gantry.build.Provenance;
import dev.gantry.engine.Engine;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.images.Image;
import dev.gantry.images.ImageExport;
import dev.gantry.images.TransferProgress;
import dev.gantry.images.Transfers;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.registryclient.Credentials;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// Takes a build's result where the client wants it: into the engine's images and to registries, or
/// to folders and archives of the client.
final class Exports {
  /// Attributes that are true or false.
  private static final List<String> SWITCHES =
      List.of(
          "attestation-inline",
          "force-compression",
          "name-canonical",
          "oci-mediatypes",
          "platform-split",
          "push",
          "push-by-digest",
          "registry.insecure",
          "rewrite-timestamp",
          "store",
          "tar",
          "unpack");

  private static final String SEND = "/moby.filesync.v1.FileSend/DiffCopy";

  private final Engine engine;
  private final Transfers transfers;
  private final OneBuild build;
  private final Session session;
  private final Options options;
  private final Map<String, String> response = new LinkedHashMap<>();

  Exports(Engine engine, Transfers transfers, OneBuild build, Session session) {
    this.engine = engine;
    this.transfers = transfers;
    this.build = build;
    this.session = session;
    this.options = build.options();
  }

  /// Builds and exports to all places.
  ///
  /// @return what the client is told of it
  Map<String, String> run(Result result) throws GrpcException, IOException {
    List<SolveRequest.Exporter> all = build.request().exporters();
    for (SolveRequest.Exporter exporter : all) {
      check(exporter);
    }
    Caching.check(build.request());
    List<Built> built = result.build();
    for (int i = 0; i < all.size(); i++) {
      SolveRequest.Exporter exporter = all.get(i);
      switch (exporter.type()) {
        case "local" -> folder(built, i);
        case "tar" -> tarball(built, i);
        case "oci", "docker" -> archive(built, exporter, i);
        default -> {
          result.keepImages();
          image(built, exporter);
        }
      }
    }
    new Caching(engine.images(), transfers).export(build, built, session, response);
    if (!build.request().internal()) {
      Provenance.Wish wish = new Provenance.Wish(true, "v0.2", "", false);
      build.provenance(
          Provenance.of(wish, invocation(), built.getFirst())
              .text()
              .getBytes(StandardCharsets.UTF_8));
    }
    return response;
  }

  /// What cannot be is said before anything is built.
  private static void check(SolveRequest.Exporter exporter) throws GrpcException {
    String type = exporter.type();
    Map<String, String> attributes = exporter.attributes();
    if (!List.of("moby", "image", "local", "tar", "oci", "docker").contains(type)) {
      throw new GrpcException(
          GrpcException.UNKNOWN, "exporter \"" + type + "\" could not be found");
    }
    for (String name : SWITCHES) {
      String value = attributes.getOrDefault(name, "");
      if (!value.isEmpty() && !value.matches("1|t|T|true|TRUE|True|0|f|F|false|FALSE|False")) {
        throw new GrpcException(
            GrpcException.UNKNOWN,
            "non-bool value specified for "
                + name
                + ": strconv.ParseBool: parsing \""
                + value
                + "\": invalid syntax");
      }
    }
    if (isOn(attributes, "push-by-digest") && !isOn(attributes, "push")) {
      throw new GrpcException(GrpcException.UNKNOWN, "push-by-digest needs push=true");
    }
    // `rewrite-timestamp` asks for what is always so: no file of a new layer is younger than the
    // build's date (SOURCE_DATE_EPOCH, or that of what it was made from)
    Form ignored = form(attributes);
  }

  private static boolean isOn(Map<String, String> attributes, String name) {
    return BuildRequest.isOn(attributes.getOrDefault(name, ""));
  }

  /// How an image's layers and documents go out.
  private static Form form(Map<String, String> attributes) throws GrpcException {
    try {
      return Form.of(attributes);
    } catch (Failure e) {
      throw new GrpcException(GrpcException.UNKNOWN, e.text());
    }
  }

  // ---- images

  private static List<ImageReference> names(SolveRequest.Exporter exporter) {
    List<ImageReference> names = new ArrayList<>();
    for (String name : exporter.attributes().getOrDefault("name", "").split(",")) {
      if (!name.isBlank()) {
        names.add(ImageReference.parse(name.strip()).withDefaultTag());
      }
    }
    return names;
  }

  private Provenance.Invocation invocation() {
    return new Provenance.Invocation(
        build.request().ref(),
        options.filename(),
        options.text("context"),
        options.all(),
        build.created(),
        Instant.now());
  }

  private Assembly.Assembled assembled(
      List<Built> built,
      SolveRequest.Exporter exporter,
      List<ImageReference> names,
      boolean manifest)
      throws GrpcException, IOException {
    Form form = form(exporter.attributes());
    Packaging packaging =
        Packaging.of(
                Annotation.of(exporter.attributes()),
                options.attestations(isOn(exporter.attributes(), "attestation-inline")),
                Caching.isInline(build.request(), options))
            .asIndex(options.multiPlatform())
            .with(manifest ? form.withManifest() : form);
    Assembly.Assembled made;
    try (var _ = build.cancellation().waiting()) {
      made = Assembly.of(built, packaging, invocation(), names);
    }
    response.put("containerimage.digest", made.digest().toString());
    response.put("containerimage.config.digest", made.image().id().toString());
    if (made.root().isPresent()) {
      Descriptor root = made.root().get();
      byte[] json = root.json().text().getBytes(StandardCharsets.UTF_8);
      response.put("containerimage.descriptor", Base64.getEncoder().encodeToString(json));
    }
    if (!names.isEmpty()) {
      response.put("image.name", names(names));
    }
    return made;
  }

  private static String names(List<ImageReference> names) {
    return names.stream().map(ImageReference::toString).collect(Collectors.joining(","));
  }

  /// Removes images that were made only to go out, unless they were here before.
  private void forget(Assembly.Assembled made, Set<Digest> before) {
    try (PassingImages passing = new PassingImages(engine.images())) {
      made.images().forEach(one -> passing.add(one, before));
    }
  }

  /// `dangling-name-prefix`: an image without a name gets one of its digest.
  private void dangling(
      Map<String, String> attributes, List<ImageReference> names, Assembly.Assembled made) {
    String prefix = attributes.getOrDefault("dangling-name-prefix", "");
    if (names.isEmpty() && !prefix.isEmpty()) {
      ImageReference name = ImageReference.parse(prefix);
      ImageReference full = byDigest(name, made.digest());
      engine.images().tag(made.image().id(), full);
      response.put("image.name", full.toString());
    }
  }

  private static ImageReference byDigest(ImageReference name, Digest digest) {
    return new ImageReference(name.domain(), name.path(), null, digest);
  }

  /// Pushes what no name of this engine stands for.
  ///
  /// @param byDigest whether no tag in the registry shall stand for it either
  private void pushUntagged(
      Assembly.Assembled made,
      List<ImageReference> names,
      boolean byDigest,
      boolean insecure,
      Progress.Vertex vertex) {
    if (names.isEmpty()) {
      throw new Failure.InvalidRequest("tag is needed when pushing to registry");
    }
    for (ImageReference name : names) {
      Progress.Counter counter = vertex.counter("pushing " + name, "pushing");
      Credentials credentials = session.credentials(name);
      try (var _ = build.cancellation().waiting()) {
        transfers.pushMade(
            made.image(),
            made.root().orElseThrow(),
            name,
            byDigest ? Optional.empty() : name.tagIfAny().or(() -> Optional.of("latest")),
            insecure
                ? transfers.registries().toWriteInsecurely(name, credentials)
                : transfers.registries().toWrite(name, credentials));
      }
      counter.done();
    }
  }

  private void image(List<Built> built, SolveRequest.Exporter exporter)
      throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to image").start();
    try {
      Map<String, String> attributes = exporter.attributes();
      boolean byDigest = isOn(attributes, "push-by-digest");
      boolean kept = !byDigest && !attributes.getOrDefault("store", "true").matches("false|0");
      boolean insecure = isOn(attributes, "registry.insecure");
      boolean canonical = isOn(attributes, "name-canonical");
      List<ImageReference> names = names(exporter);
      Progress.Counter layers = vertex.counter("exporting layers", "exporting layers");
      final Set<Digest> before = PassingImages.ids(engine.images());
      Assembly.Assembled made =
          assembled(built, exporter, kept ? names : List.of(), !kept || insecure || canonical);
      layers.done();
      if (!kept) {
        response.put("image.name", names(names));
        try {
          if (isOn(attributes, "push")) {
            pushUntagged(made, names, byDigest, insecure, vertex);
          }
        } finally {
          forget(made, before);
        }
        vertex.done();
        return;
      }
      Image image = made.image();
      dangling(attributes, names, made);
      String id = image.id().toString();
      if (made.root().isPresent()) {
        vertex.note("exporting manifest " + made.digest());
      }
      vertex.note("writing image " + id);
      engine.publishImage("create", id, Map.of("name", id));
      for (ImageReference name : names) {
        vertex.note("naming to " + name);
        engine.publishImage("tag", id, Map.of("name", name.familiar()));
      }
      if (canonical) {
        for (ImageReference name : names) {
          engine.images().tag(image.id(), byDigest(name, made.digest()));
        }
      }
      if (isOn(attributes, "push") && insecure) {
        pushUntagged(made, names, false, true, vertex);
      } else if (isOn(attributes, "push")) {
        push(image, names, vertex);
      }
      vertex.done();
    } catch (Failure e) {
      vertex.failed(e.text());
      throw new GrpcException(GrpcException.UNKNOWN, e.text());
    } catch (IOException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private void push(Image image, List<ImageReference> names, Progress.Vertex vertex) {
    if (names.isEmpty()) {
      throw new Failure.InvalidRequest("tag is needed when pushing to registry");
    }
    for (ImageReference name : names) {
      Progress.Counter counter = vertex.counter("pushing " + name, "pushing");
      Credentials credentials = session.credentials(name);
      try (var _ = build.cancellation().waiting()) {
        transfers.pushAll(image, name, credentials, TransferProgress.NONE);
      } catch (Failure e) {
        throw new Failure.Unavailable("failed to push " + name + ": " + e.text(), e);
      }
      counter.done();
    }
  }

  private void archive(List<Built> built, SolveRequest.Exporter exporter, int number)
      throws GrpcException, IOException {
    Progress.Vertex vertex =
        build.progress().vertex("exporting to " + exporter.type() + " image format").start();
    try {
      List<ImageReference> names = names(exporter);
      boolean layout = exporter.attributes().getOrDefault("tar", "true").matches("false|0");
      boolean oci = exporter.type().equals("oci"); // whose documents are OCI's
      final Set<Digest> before = PassingImages.ids(engine.images());
      Assembly.Assembled made = assembled(built, exporter, List.of(), layout || oci);
      try {
        if (!names.isEmpty()) {
          response.put("image.name", names(names));
        }
        if (layout) {
          new LayoutSend(engine.images().content(), new SessionContent(session, "export"))
              .send(made.root().orElseThrow());
        } else {
          stream(
              number,
              vertex,
              out ->
                  ImageExport.write(engine.images(), made.image(), made.root(), names, !oci, out));
        }
      } finally {
        forget(made, before);
      }
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  // ---- files

  private Call send(int exporter) throws IOException {
    return session.call(
        SEND, Map.of("buildkit-attachable-exporter-id", List.of(Integer.toString(exporter))));
  }

  /// Writes an archive.
  @FunctionalInterface
  private interface Writer {
    void write(OutputStream out) throws GrpcException, IOException;
  }

  private void stream(int exporter, Progress.Vertex vertex, Writer writer)
      throws GrpcException, IOException {
    Progress.Counter counter = vertex.counter("sending tarball", "sending tarball");
    try (Call call = send(exporter)) {
      try (OutputStream out =
          new BufferedOutputStream(new MessageOutput(call, 32 << 10), 32 << 10)) {
        writer.write(out);
      }
      byte[] end = call.receive();
      if (end != null) {
        throw new IOException("the client answered an archive");
      }
    }
    counter.done();
  }

  /// Takes the files of each platform.
  @FunctionalInterface
  private interface Taker {
    void take(List<FilesTar.Part> parts) throws GrpcException, IOException;
  }

  /// The files of what was built: with several platforms each has a folder. What is said of them
  /// lies beside them.
  private void files(List<Built> built, int exporter, Taker taker)
      throws GrpcException, IOException {
    Map<String, String> attributes = build.request().exporters().get(exporter).attributes();
    boolean several = built.size() > 1 || options.multiPlatform();
    boolean split =
        attributes.getOrDefault("platform-split", several ? "true" : "false").matches("true|1");
    Packaging packaging = Packaging.of(List.of(), options.attestations(false), false);
    List<FilesTar.Part> parts = new ArrayList<>();
    try {
      for (Built one : built) {
        String platform = one.platform().toString().replace('/', '_');
        String prefix = attributes.getOrDefault("attestation-prefix", "");
        String mark = built.size() > 1 && !split ? "." + platform : "";
        parts.add(
            new FilesTar.Part(
                split ? platform : "",
                one.files(),
                Assembly.statements(one, packaging, invocation(), prefix, mark)));
      }
      taker.take(parts);
    } finally {
      parts.forEach(part -> part.tree().close());
    }
  }

  private void folder(List<Built> built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client directory").start();
    Progress.Counter counter = vertex.counter("copying files", "copying files");
    try (Call call = send(exporter)) {
      files(built, exporter, parts -> new FileSend(call, parts, counter::add).run());
      counter.done();
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private void tarball(List<Built> built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client tarball").start();
    try {
      stream(exporter, vertex, out -> files(built, exporter, parts -> FilesTar.write(parts, out)));
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }
}
