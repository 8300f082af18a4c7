package dev.gantry.buildkit;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Digest;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Results of builds in the shape that clients pass on as another build's input. To them it is a
/// graph; to us it holds the result's id.
final class Definitions {
  private static final String SCHEME = "gantry-ref://";

  private Definitions() {}

  /// `pb.Definition` of two ops: our reference, and the end that points at it.
  static Message of(String id) {
    byte[] source = new Message().message(3, new Message().text(1, SCHEME + id)).encode();
    String digest = Digest.of(source).toString();
    byte[] end = new Message().message(1, new Message().text(1, digest)).encode();
    return new Message()
        .bytes(1, source)
        .bytes(1, end)
        .entry(2, digest, description())
        .entry(2, Digest.of(end).toString(), description());
  }

  /// `pb.OpMetadata`: it must not be empty.
  private static byte[] description() {
    return new Message().entry(2, "gantry", "result".getBytes(StandardCharsets.UTF_8)).encode();
  }

  /// The id in a definition of ours; empty for one of somebody else.
  static Optional<String> id(Message definition) throws GrpcException {
    for (Message op : definition.messages(1)) {
      String identifier = op.message(3).orElseGet(Message::new).text(1);
      if (identifier.startsWith(SCHEME)) {
        return Optional.of(identifier.substring(SCHEME.length()));
      }
    }
    return Optional.empty();
  }
}
