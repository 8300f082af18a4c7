package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.Builder;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Warning;
import dev.gantry.engine.Engine;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.images.Transfers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A builder for BuildKit's clients: what the engine does with connections to `/grpc` and
/// `/session`. Thread-safe; made when the first of these comes.
public final class BuildKit {
  private final Sessions sessions = new Sessions();
  private final Builds builds = new Builds();
  private final History history;
  private final Control control;

  /// @param builder that builds
  /// @param transfers that pulls base images
  /// @param id of the engine
  /// @param version of the engine
  public BuildKit(Engine engine, Builder builder, Transfers transfers, String id, String version) {
    try {
      Workers workers = new Workers(id, version, () -> gateway(engine));
      Path kept = engine.folder("build-history");
      this.history = new History(builds, new HistoryStore(kept, HistoryStore.Limits.STANDARD));
      this.control =
          new Control(
              engine, builder, transfers, sessions, builder.contexts(), workers, builds, history);
    } catch (IOException e) {
      throw new Failure.Internal("could not open the builder's folder: " + e.getMessage(), e);
    }
  }

  /// What is known of a Dockerfile without building it.
  ///
  /// @param json for programs
  /// @param text for people
  public record Answer(String json, String text) {}

  /// Answers a question about a Dockerfile.
  ///
  /// @param request `lint`, `outline` or `targets`
  /// @param name,text of the Dockerfile
  /// @param target empty for the last stage
  /// @throws Failure.InvalidRequest for other requests and targets
  public static Answer ask(
      String request,
      String name,
      String text,
      Dockerfile file,
      List<Warning> warnings,
      String target,
      Map<String, String> arguments) {
    try {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      Message answer =
          new Subrequests(name, bytes, file, warnings)
              .answer("frontend." + request, target, arguments);
      Map<String, byte[]> said = answer.message(3).orElseGet(Message::new).entries(10);
      return new Answer(said(said, "result.json"), said(said, "result.txt"));
    } catch (GrpcException e) {
      throw new Failure.InvalidRequest(e.text(), null, e);
    }
  }

  private static String said(Map<String, byte[]> said, String name) {
    return new String(said.getOrDefault(name, new byte[0]), StandardCharsets.UTF_8);
  }

  /// For a build that comes another way: it is in the history too.
  public Recording recording() {
    return new Recording(builds, history);
  }

  /// What the client of a session gives, for a build that comes another way.
  ///
  /// @throws Failure.NotFound if there is no such session within a few seconds
  public BuildClient client(String session) {
    try {
      return sessions.await(session);
    } catch (GrpcException e) {
      throw new Failure.NotFound(e.text());
    }
  }

  private static String gateway(Engine engine) {
    return engine.networks().hostGateways().stream().findFirst().orElse("");
  }

  /// Serves a connection on which the client calls us, until its end.
  public void control(InputStream in, OutputStream out) throws IOException {
    Connection.server(in, out, control).run();
  }

  /// Serves a connection on which we call the client, until its end.
  ///
  /// @param id names the session in builds
  /// @param sharedKey tells the client's folders apart
  /// @param methods that the client answers
  public void session(
      String id, String sharedKey, Set<String> methods, InputStream in, OutputStream out)
      throws IOException {
    Session session = new Session(id, sharedKey, Set.copyOf(methods), Connection.client(in, out));
    sessions.add(session);
    try {
      session.connection().run();
    } finally {
      sessions.remove(session);
    }
  }
}
