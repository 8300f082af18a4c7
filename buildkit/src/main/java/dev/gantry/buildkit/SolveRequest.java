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
/// @param imports caches of other builders to take from
/// @param exports caches to leave for others
/// @param internal not to be remembered
/// @param policy what it may be made of
record SolveRequest(
    String ref,
    String session,
    Map<String, String> attributes,
    List<Exporter> exporters,
    Set<String> entitlements,
    List<Cache> imports,
    List<Cache> exports,
    boolean internal,
    SourcePolicy policy) {
  /// Where the result goes.
  ///
  /// @param type `moby`, `local`, `tar`, …
  record Exporter(String type, Map<String, String> attributes) {}

  /// A cache elsewhere.
  ///
  /// @param type `registry`, `local`, `inline`
  record Cache(String type, Map<String, String> attributes) {
    static List<Cache> read(List<Message> messages) throws GrpcException {
      List<Cache> all = new ArrayList<>();
      for (Message message : messages) {
        all.add(new Cache(message.text(1), message.map(2)));
      }
      return all;
    }
  }

  static SolveRequest read(Message message) throws GrpcException {
    if (!message.text(6).isEmpty() || message.has(2) && message.bytes(2).length > 0) {
      throw new GrpcException(
          GrpcException.UNIMPLEMENTED,
          "this builder takes builds by its Dockerfile frontend alone, not as definitions (LLB) and"
              + " not by other frontends: build the same by a Dockerfile, or with a builder of"
              + " BuildKit's own (docker buildx create)");
    }
    List<Exporter> exporters = new ArrayList<>();
    for (Message exporter : message.messages(13)) {
      exporters.add(new Exporter(exporter.text(1), exporter.map(2)));
    }
    if (exporters.isEmpty() && !message.text(3).isEmpty()) {
      exporters.add(new Exporter(message.text(3), message.map(4)));
    }
    Message cache = message.message(8).orElseGet(Message::new);
    return new SolveRequest(
        message.text(1),
        message.text(5),
        message.map(7),
        exporters,
        Set.copyOf(message.texts(9)),
        Cache.read(cache.messages(5)),
        Cache.read(cache.messages(4)),
        message.flag(11),
        message.message(12).isPresent()
            ? SourcePolicy.read(message.message(12).get())
            : SourcePolicy.NONE);
  }
}
