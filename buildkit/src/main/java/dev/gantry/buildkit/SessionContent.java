package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.store.ContentStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Content by digest in a folder of the client, over its session.
///
/// @param store which of its folders: `local:PATH` for a cache, `oci:ID` for an image's layout
record SessionContent(Session session, String store) implements LayoutImage.Blobs {
  private static final String SERVICE = "/containerd.services.content.v1.Content/";
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int PIECE = 256 << 10;
  private static final int WRITE = 1;
  private static final int COMMIT = 2;

  private Call call(String method) throws IOException {
    return session.call(SERVICE + method, Map.of("buildkit-attachable-store-id", List.of(store)));
  }

  // ---- reading

  /// Takes content piece by piece.
  @FunctionalInterface
  private interface Sink {
    void take(byte[] bytes) throws IOException;
  }

  private void read(Digest digest, long most, Sink sink) throws IOException {
    try (Call call = call("Read")) {
      call.send(new Message().text(1, digest.toString()));
      call.half();
      long length = 0;
      for (byte[] m = call.receive(PATIENCE); m != null; m = call.receive(PATIENCE)) {
        byte[] piece = Message.decode(m).bytes(2);
        length += piece.length;
        if (length > most) {
          throw new Failure.TooLarge("the client's " + digest + " is larger than it should be");
        }
        sink.take(piece);
      }
    } catch (GrpcException e) {
      throw new IOException("the client's " + digest + ": " + e.text(), e);
    }
  }

  /// A document.
  ///
  /// @param most the longest that is read, in bytes
  /// @throws Failure if it is not there or not what its digest says
  @Override
  public byte[] document(Digest digest, int most) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      read(digest, most, bytes::writeBytes);
    } catch (IOException e) {
      throw new Failure.Unavailable(String.valueOf(e.getMessage()), e);
    }
    if (!Digest.of(bytes.toByteArray()).equals(digest)) {
      throw new Failure.Corrupted("the client's " + digest + " is not what its name says");
    }
    return bytes.toByteArray();
  }

  @Override
  public void copy(Descriptor blob, OutputStream out) throws IOException {
    read(blob.digest(), blob.size(), out::write);
  }

  /// Brings content to the store, held by `lease`.
  void fetch(Descriptor blob, ContentStore content, ContentStore.Lease lease) throws IOException {
    lease.hold(blob.digest());
    if (content.contains(blob.digest())) {
      return;
    }
    try (ContentStore.Partial partial = content.partial(blob.digest())) {
      partial.restart();
      read(blob.digest(), blob.size(), bytes -> partial.write(bytes, 0, bytes.length));
      partial.commit();
    }
  }

  // ---- writing

  private boolean has(Digest digest) throws IOException {
    try {
      Message ignored = call("Info").ask(new Message().text(1, digest.toString()), PATIENCE);
      return true;
    } catch (GrpcException e) {
      return false; // not found, or the client cannot say
    }
  }

  /// Sends content, if the client has it not.
  void write(Descriptor blob, InputStream in) throws GrpcException, IOException {
    if (has(blob.digest())) {
      return;
    }
    String ref = "gantry-" + blob.digest();
    try (Call call = call("Write")) {
      byte[] buffer = new byte[PIECE];
      long offset = 0;
      for (int n = in.readNBytes(buffer, 0, PIECE); n > 0; n = in.readNBytes(buffer, 0, PIECE)) {
        Message piece = message(WRITE, ref, blob).bytes(6, Arrays.copyOf(buffer, n));
        send(call, piece.number(5, offset));
        offset += n;
      }
      try {
        send(call, message(COMMIT, ref, blob).number(5, offset));
      } catch (GrpcException e) {
        if (e.code() != GrpcException.ALREADY_EXISTS) {
          throw e;
        }
      }
    }
  }

  private static Message message(int action, String ref, Descriptor blob) {
    return new Message()
        .number(1, action)
        .text(2, ref)
        .number(3, blob.size())
        .text(4, blob.digest().toString());
  }

  private static void send(Call call, Message message) throws GrpcException, IOException {
    call.send(message);
    if (call.receive(PATIENCE) == null) {
      throw new IOException("the client ended a transfer too early");
    }
  }
}
