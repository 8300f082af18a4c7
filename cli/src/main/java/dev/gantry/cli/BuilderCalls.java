package dev.gantry.cli;

import dev.gantry.client.EngineClient;
import dev.gantry.client.Hijacked;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// A connection to the engine's builder, by BuildKit's protocol: what it knows of builds. Any
/// engine with a builder of that protocol answers.
final class BuilderCalls implements AutoCloseable {
  private static final String CONTROL = "/moby.buildkit.v1.Control/";
  private static final String CONTENT = "/containerd.services.content.v1.Content/";
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int MOST_CONTENT = 256 << 20;

  private final Hijacked wire;
  private final Connection connection;

  BuilderCalls(EngineClient engine) {
    wire = engine.upgrade("/grpc", List.of());
    connection = Connection.client(wire.in(), wire.out());
    Thread _ = Thread.ofVirtual().name("builder").start(this::run);
  }

  private void run() {
    try {
      connection.run();
    } catch (IOException e) {
      connection.close(); // calls that wait learn of it
    }
  }

  /// Calls, and hears every answer.
  private void each(String method, Message request, Consumer<Message> answers) {
    try (Call call = connection.call(method, Map.of())) {
      call.send(request);
      call.half();
      for (byte[] m = call.receive(PATIENCE); m != null; m = call.receive(PATIENCE)) {
        answers.accept(Message.decode(m));
      }
    } catch (GrpcException e) {
      throw new Exit(1, "Error response from builder: " + e.text());
    } catch (IOException e) {
      throw new Exit(1, "the builder is gone: " + e.getMessage());
    }
  }

  /// Records (`BuildHistoryRecord`) of builds, the one that began last at the beginning.
  void records(String ref, List<String> filters, long limit, Consumer<Message> records) {
    Message request = new Message().text(2, ref).flag(3, true).texts(4, filters).number(5, limit);
    each(
        CONTROL + "ListenBuildHistory",
        request,
        event -> {
          try {
            event.message(2).ifPresent(records);
          } catch (GrpcException e) {
            throw new Exit(1, e.text());
          }
        });
  }

  /// All that a build said (`StatusResponse`), and if it is under way will say.
  void status(String ref, Consumer<Message> statuses) {
    each(CONTROL + "Status", new Message().text(1, ref), statuses);
  }

  void forget(String ref) {
    each(CONTROL + "UpdateBuildHistory", new Message().text(1, ref).flag(3, true), answer -> {});
  }

  void pin(String ref, boolean pinned) {
    each(CONTROL + "UpdateBuildHistory", new Message().text(1, ref).flag(2, pinned), answer -> {});
  }

  /// What a record names by its digest.
  byte[] content(String digest) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    each(
        CONTENT + "Read",
        new Message().text(1, digest),
        piece -> {
          if (bytes.size() > MOST_CONTENT) {
            throw new Exit(1, "the content " + digest + " is larger than 256 MiB");
          }
          bytes.writeBytes(piece.bytes(2));
        });
    return bytes.toByteArray();
  }

  @Override
  public void close() {
    connection.close();
    wire.close();
  }
}
