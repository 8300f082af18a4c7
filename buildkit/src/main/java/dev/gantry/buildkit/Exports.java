package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.Built;
import dev.gantry.engine.Engine;
import dev.gantry.engine.LayerFiles;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.images.Image;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.ImageReference;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// Takes a build's result where the client wants it: into the engine's images, or to a folder or an
/// archive of the client.
final class Exports {
  private static final String SEND = "/moby.filesync.v1.FileSend/DiffCopy";

  private final Engine engine;
  private final OneBuild build;
  private final Session session;
  private final Map<String, String> response = new LinkedHashMap<>();

  Exports(Engine engine, OneBuild build, Session session) {
    this.engine = engine;
    this.build = build;
    this.session = session;
  }

  /// Exports to all places.
  ///
  /// @return what the client is told of it
  Map<String, String> run(Built built) throws GrpcException, IOException {
    List<SolveRequest.Exporter> all = build.request().exporters();
    for (int i = 0; i < all.size(); i++) {
      SolveRequest.Exporter exporter = all.get(i);
      switch (exporter.type()) {
        case "moby", "image" -> image(built, exporter);
        case "local" -> folder(built, i);
        case "tar" -> tarball(built, i);
        default ->
            throw new GrpcException(
                GrpcException.UNKNOWN, "exporter \"" + exporter.type() + "\" could not be found");
      }
    }
    return response;
  }

  // ---- images

  private void image(Built built, SolveRequest.Exporter exporter) throws GrpcException {
    List<ImageReference> names = new ArrayList<>();
    Progress.Vertex vertex = build.progress().vertex("exporting to image").start();
    try {
      for (String name : exporter.attributes().getOrDefault("name", "").split(",")) {
        if (!name.isBlank()) {
          names.add(ImageReference.parse(name.strip()).withDefaultTag());
        }
      }
      Progress.Counter layers = vertex.counter("exporting layers", "exporting layers");
      Image image = built.image(names);
      layers.done();
      String id = image.id().toString();
      vertex.note("writing image " + id);
      engine.publishImage("build", id, Map.of("name", id));
      for (ImageReference name : names) {
        vertex.note("naming to " + name);
        engine.publishImage("tag", id, Map.of("name", name.familiar()));
      }
      response.put("containerimage.digest", id);
      response.put("containerimage.config.digest", id);
      if (!names.isEmpty()) {
        response.put(
            "image.name",
            names.stream().map(ImageReference::toString).collect(Collectors.joining(",")));
      }
      vertex.done();
    } catch (Failure e) {
      vertex.failed(e.text());
      throw new GrpcException(GrpcException.UNKNOWN, e.text());
    }
  }

  // ---- files

  private Call send(int exporter) throws IOException {
    return session.call(
        SEND, Map.of("buildkit-attachable-exporter-id", List.of(Integer.toString(exporter))));
  }

  private void folder(Built built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client directory").start();
    Progress.Counter counter = vertex.counter("copying files", "copying files");
    try (Call call = send(exporter);
        Tree tree = built.files()) {
      new FileSend(call, tree, counter::add).run();
      counter.done();
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private void tarball(Built built, int exporter) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("exporting to client tarball").start();
    Progress.Counter counter = vertex.counter("sending tarball", "sending tarball");
    try (Call call = send(exporter);
        Tree tree = built.files()) {
      try (OutputStream out =
          new BufferedOutputStream(new MessageOutput(call, 32 << 10), 32 << 10)) {
        LayerFiles.pack(tree, out);
      }
      byte[] end = call.receive();
      if (end != null) {
        throw new IOException("the client answered an archive");
      }
      counter.done();
      vertex.done();
    } catch (GrpcException | IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }
}
