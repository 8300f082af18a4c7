package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// `Control.Solve`'s message: a build that a client begins.
///
/// @param ref names the build in the calls that belong to it
/// @param session id of the client's session
/// @param entitlements what steps may do beyond the ordinary: `network.host`, `security.insecure`
/// @param internal not to be remembered
record SolveRequest(
    String ref,
    String session,
    Map<String, String> attributes,
    List<Exporter> exporters,
    Set<String> entitlements,
    boolean internal) {
  /// Where the result goes.
  ///
  /// @param type `moby`, `local`, `tar`, …
  record Exporter(String type, Map<String, String> attributes) {}

  static SolveRequest read(Message message) throws GrpcException {
    if (!message.text(6).isEmpty() || message.has(2) && message.bytes(2).length > 0) {
      throw new GrpcException(
          GrpcException.UNIMPLEMENTED,
          "this builder takes builds by its Dockerfile frontend alone: no definition, no other"
              + " frontend");
    }
    List<Exporter> exporters = new ArrayList<>();
    for (Message exporter : message.messages(13)) {
      exporters.add(new Exporter(exporter.text(1), exporter.map(2)));
    }
    if (exporters.isEmpty() && !message.text(3).isEmpty()) {
      exporters.add(new Exporter(message.text(3), message.map(4)));
    }
    return new SolveRequest(
        message.text(1),
        message.text(5),
        message.map(7),
        exporters,
        Set.copyOf(message.texts(9)),
        message.flag(11));
  }
}
