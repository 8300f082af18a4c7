package dev.gantry.buildkit;

import dev.gantry.grpc.Message;
import dev.gantry.oci.Platform;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/// What we say of ourselves: one worker, this machine's platform, and what a frontend may ask for.
///
/// The label `…worker.snapshotter` tells clients that they may ask for what needs a store of
/// manifests: several platforms, attestations, annotations, caches elsewhere, archives of images.
/// They leave pushing to us then, too.
final class Workers {
  private static final List<String> FRONTEND =
      List.of(
          "frontend.caps",
          "frontend.inputs",
          "gateway.evaluate",
          "gateway.solve.evaluate",
          "gateway.solve.metadata",
          "importcaches",
          "proto.refarray",
          "readfile",
          "reference.output",
          "resolveimage",
          "return",
          "returnmap",
          "solve.base");

  private static final List<String> GRAPH =
      List.of(
          "exporter.image.annotations",
          "exporter.image.attestations",
          "exporter.multiple",
          "exporter.session",
          "exporter.sourcedateepoch",
          "gc.freespacefilter",
          "history.filter");

  private static final String LABEL = "org.mobyproject.buildkit.worker.";

  private final String id;
  private final String version;
  private final Supplier<String> gateway;

  /// @param id of this engine
  /// @param version of this engine, as clients shall show it
  /// @param gateway gives the address of the host as containers reach it; empty for none
  Workers(String id, String version, Supplier<String> gateway) {
    this.id = id;
    this.version = version;
    this.gateway = gateway;
  }

  private Message version() {
    return new Message().text(1, "github.com/moby/buildkit").text(2, version);
  }

  private Message record() {
    Platform here = Platform.here();
    Message worker = new Message().text(1, id);
    Map<String, String> labels = new TreeMap<>(Map.of(LABEL + "snapshotter", "overlayfs"));
    String host = gateway.get();
    if (!host.isEmpty()) { // clients put it in the place of `host-gateway` themselves
      labels.put(LABEL + "moby.host-gateway-ip", host);
    }
    return worker
        .map(2, labels)
        .message(
            3,
            new Message().text(1, here.architecture()).text(2, here.os()).text(3, here.variant()))
        .message(4, new Message().flag(1, true))
        .message(5, version());
  }

  /// `ListWorkersResponse`.
  Message list() {
    return new Message().message(1, record());
  }

  /// `InfoResponse`.
  Message info() {
    return new Message().message(1, version());
  }

  /// `PongResponse`.
  Message pong() {
    Message pong = new Message();
    FRONTEND.forEach(c -> pong.message(1, new Message().text(1, c).flag(2, true)));
    GRAPH.forEach(c -> pong.message(2, new Message().text(1, c).flag(2, true)));
    return pong.message(3, record());
  }
}
