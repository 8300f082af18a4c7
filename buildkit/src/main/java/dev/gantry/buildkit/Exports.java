package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.Annotation;
import dev.gantry.build.Assembly;
import dev.gantry.build.Built;
import dev.gantry.build.Packaging;
import dev.gantry.build.Provenance;
import dev.gantry.engine.Engine;
import dev.gantry.engine.LayerFiles;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.images.Image;
import dev.gantry.images.ImageExport;
import dev.gantry.images.TransferProgress;
import dev.gantry.images.Transfers;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.ImageReference;
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
import java.util.stream.Collectors;

/// Takes a build's result where the client wants it: into the engine's images and to registries, or
/// to folders and archives of the client.
final class Exports {
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
    List<Built> built = result.build();
    for (int i = 0; i < all.size(); i++) {
      SolveRequest.Exporter exporter = all.get(i);
      switch (exporter.type()) {
        case "local" -> folder(built, i);
        case "tar" -> tarball(built, i);
        case "oci", "docker" -> archive(built, exporter, i);
        default -> image(built, exporter);
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
    if (attributes.getOrDefault("tar", "true").equals("false")) {
      throw new GrpcException(
          GrpcException.UNKNOWN,
          "an image's layout goes out as an archive alone: leave out tar=false and unpack it");
    }
    for (String absent : List.of("push-by-digest", "rewrite-timestamp")) {
      if (attributes.getOrDefault(absent, "false").equals("true")) {
        throw new GrpcException(
            GrpcException.UNKNOWN, "the attribute " + absent + " of outputs is not supported");
      }
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
      List<Built> built, SolveRequest.Exporter exporter, List<ImageReference> names)
      throws IOException {
    Packaging packaging =
        Packaging.of(
            Annotation.of(exporter.attributes()),
            options.attestations(),
            Caching.isInline(build.request(), options));
    Assembly.Assembled made = Assembly.of(built, packaging, invocation(), names);
    response.put("containerimage.digest", made.digest().toString());
    response.put("containerimage.config.digest", made.image().id().toString());
    if (made.root().isPresent()) {
      Descriptor root = made.root().get();
      byte[] json = root.json().text().getBytes(StandardCharsets.UTF_8);
      response.put("containerimage.descriptor", Base64.getEncoder().encodeToString(json));
    }
    if (!names.isEmpty()) {
      response.put(
          "image.name",
          names.stream().map(ImageReference::toString).collect(Collectors.joining(",")));
    }
    return made;
  }

  private void image(List<Built> built, SolveRequest.Exporter exporter)
      throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to image").start();
    try {
      List<ImageReference> names = names(exporter);
      Progress.Counter layers = vertex.counter("exporting layers", "exporting layers");
      Assembly.Assembled made = assembled(built, exporter, names);
      layers.done();
      Image image = made.image();
      String id = image.id().toString();
      if (made.root().isPresent()) {
        vertex.note("exporting manifest " + made.digest());
      }
      vertex.note("writing image " + id);
      engine.publishImage("build", id, Map.of("name", id));
      for (ImageReference name : names) {
        vertex.note("naming to " + name);
        engine.publishImage("tag", id, Map.of("name", name.familiar()));
      }
      if (exporter.attributes().getOrDefault("push", "").equals("true")) {
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
      transfers.pushAll(image, name, session.credentials(name), TransferProgress.NONE);
      counter.done();
    }
  }

  private void archive(List<Built> built, SolveRequest.Exporter exporter, int number)
      throws GrpcException, IOException {
    Progress.Vertex vertex =
        build.progress().vertex("exporting to " + exporter.type() + " image format").start();
    try {
      List<ImageReference> names = names(exporter);
      Assembly.Assembled made = assembled(built, exporter, List.of());
      Image image = made.image();
      stream(
          number,
          vertex,
          out -> ImageExport.write(engine.images(), image, made.root(), names, out));
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
    void write(OutputStream out) throws IOException;
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

  private void folder(List<Built> built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client directory").start();
    Progress.Counter counter = vertex.counter("copying files", "copying files");
    List<FileSend.Part> parts = new ArrayList<>();
    try (Call call = send(exporter)) {
      for (Built one : built) {
        String prefix = built.size() > 1 ? one.platform().toString().replace('/', '_') : "";
        parts.add(new FileSend.Part(prefix, one.files()));
      }
      new FileSend(call, parts, counter::add).run();
      counter.done();
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    } finally {
      parts.forEach(part -> part.tree().close());
    }
  }

  private void tarball(List<Built> built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client tarball").start();
    try {
      if (built.size() > 1) {
        throw new GrpcException(
            GrpcException.UNKNOWN,
            "a tar has the files of one platform: use type=local or type=oci for several");
      }
      try (Tree tree = built.getFirst().files()) {
        stream(exporter, vertex, out -> LayerFiles.pack(tree, out));
      }
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }
}
