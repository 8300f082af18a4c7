package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildDisk;
import dev.gantry.build.Builder;
import dev.gantry.build.Cancellation;
import dev.gantry.build.KeptContexts;
import dev.gantry.engine.Engine;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.images.Image;
import dev.gantry.images.TransferProgress;
import dev.gantry.images.Transfers;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Credentials;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Answers the calls of BuildKit's clients: those of the builder (`Control`) and those that belong
/// to one build (`LLBBridge`).
final class Control implements Connection.Handler {
  private static final String CONTROL = "/moby.buildkit.v1.Control/";
  private static final String BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/";
  private static final String CONTENT = "/containerd.services.content.v1.Content/";
  private static final String BUILD = "buildkit-controlapi-buildid";

  private final Engine engine;
  private final Transfers transfers;
  private final Sessions sessions;
  private final Workers workers;
  private final Frontend.Needs needs;
  private final CacheRecords cache;
  private final Builds builds;
  private final History history;

  Control(
      Engine engine,
      Builder builder,
      Transfers transfers,
      Sessions sessions,
      KeptContexts contexts,
      Workers workers,
      Builds builds,
      History history) {
    this.builds = builds;
    this.history = history;
    this.engine = engine;
    this.transfers = transfers;
    this.sessions = sessions;
    this.workers = workers;
    this.cache = new CacheRecords(engine, builder.disk());
    this.needs =
        new Frontend.Needs(
            builder,
            contexts,
            sessions,
            new Caching(engine.images(), transfers),
            this::base,
            builds::result,
            engine.images());
  }

  @Override
  public void serve(String method, Call call) throws GrpcException, IOException {
    if (method.startsWith(BRIDGE)) {
      bridge(method.substring(BRIDGE.length()), call);
    } else if (method.startsWith(CONTROL)) {
      control(method.substring(CONTROL.length()), call);
    } else if (method.equals("/opentelemetry.proto.collector.trace.v1.TraceService/Export")) {
      Message ignored = call.request();
      call.send(new Message());
    } else if (method.equals(CONTENT + "Info")) {
      call.send(history.info(call.request()));
    } else if (method.equals(CONTENT + "Read")) {
      history.read(call.request(), call);
    } else if (method.equals("/grpc.health.v1.Health/Check")) {
      Message ignored = call.request();
      call.send(new Message().number(1, 1));
    } else {
      throw unknown(method);
    }
  }

  private static GrpcException unknown(String method) {
    return new GrpcException(GrpcException.UNIMPLEMENTED, "unknown method " + method);
  }

  // ---- the builder

  private void control(String method, Call call) throws GrpcException, IOException {
    switch (method) {
      case "ListWorkers" -> {
        Message ignored = call.request();
        call.send(workers.list());
      }
      case "Info" -> {
        Message ignored = call.request();
        call.send(workers.info());
      }
      case "Solve" -> call.send(solve(SolveRequest.read(call.request()), call));
      case "Status" -> history.status(call.request().text(1), call);
      case "Session" -> tunnel(call);
      case "DiskUsage" ->
          call.send(
              new Message()
                  .messages(
                      1,
                      cache.list(call.request().texts(1)).stream()
                          .map(CacheRecords::message)
                          .toList()));
      case "Prune" -> {
        for (BuildDisk.Entry gone : cache.prune(call.request())) {
          call.send(CacheRecords.message(gone));
        }
      }
      case "ListenBuildHistory" -> history.listen(call.request(), call);
      case "UpdateBuildHistory" -> {
        history.update(call.request());
        call.send(new Message());
      }
      default -> throw unknown(CONTROL + method);
    }
  }

  /// A session in messages of a call instead of a connection of its own.
  private void tunnel(Call call) throws IOException {
    try (InputStream in = new MessageInput(call);
        OutputStream out = new MessageOutput(call, 32 << 10)) {
      Session session =
          new Session(
              call.metadata("x-docker-expose-session-uuid").orElse(""),
              call.metadata("x-docker-expose-session-sharedkey").orElse(""),
              new HashSet<>(call.all("x-docker-expose-session-grpc-method")),
              Connection.client(in, out));
      sessions.add(session);
      try {
        session.connection().run();
      } finally {
        sessions.remove(session);
      }
    }
  }

  /// A build from beginning to end: registered, planned by the gateway's calls meanwhile, then
  /// carried out and exported.
  private Message solve(SolveRequest request, Call call) throws GrpcException, IOException {
    OneBuild build = new OneBuild(request);
    builds.add(build);
    GrpcException failure = null;
    Map<String, String> response = Map.of();
    call.whenCancelled(build::cancel);
    try {
      Optional<Result> result = build.await();
      if (result.isPresent()) {
        Session session = sessions.await(request.session());
        session.connection().whenClosed(build::cancel);
        response = new Exports(engine, transfers, build, session).run(result.get());
      }
      return new Message().map(1, response);
    } catch (GrpcException e) {
      failure = e;
      throw e;
    } catch (Failure e) {
      failure = new GrpcException(GrpcException.UNKNOWN, e.text());
      throw failure;
    } catch (IOException e) {
      failure = new GrpcException(GrpcException.UNKNOWN, String.valueOf(e.getMessage()));
      throw failure;
    } finally {
      build.ended(response, failure);
      history.keep(build);
      build.close();
    }
  }

  // ---- calls that belong to a build

  private void bridge(String method, Call call) throws GrpcException, IOException {
    OneBuild build = builds.await(call.metadata(BUILD).orElse(""));
    Message request = call.request();
    switch (method) {
      case "Ping" -> call.send(workers.pong());
      case "Solve" -> call.send(plan(build, request));
      case "Evaluate" -> {
        Result result =
            build
                .result(request.text(1))
                .orElseThrow(() -> new GrpcException(GrpcException.UNKNOWN, "no such result"));
        result.evaluate();
        call.send(new Message());
      }
      case "Return" -> {
        build.returned(request);
        call.send(new Message());
      }
      default -> throw unknown(BRIDGE + method);
    }
  }

  private Message plan(OneBuild build, Message request) throws GrpcException, IOException {
    String frontend = request.text(2);
    // `gateway.v0` is what runs a frontend's image, which is looked at with the rest of the options
    if (!frontend.equals("dockerfile.v0") && !frontend.equals("gateway.v0")) {
      throw new GrpcException(
          GrpcException.UNIMPLEMENTED,
          frontend.isEmpty()
              ? "this builder takes no definitions (LLB), only Dockerfiles: give the files that you"
                  + " wanted it to fetch from here, or use a builder of BuildKit's own (docker"
                  + " buildx create)"
              : "frontend " + frontend + " is not supported, only dockerfile.v0");
    }
    Map<String, String> inputs = new LinkedHashMap<>();
    for (Map.Entry<String, byte[]> e : request.entries(13).entrySet()) {
      Definitions.id(Message.decode(e.getValue())).ifPresent(id -> inputs.put(e.getKey(), id));
    }
    return new Frontend(needs, build, new Options(request.map(3)), inputs)
        .solve(
            result -> {
              build.add(result);
              builds.remember(result);
            });
  }

  // ---- base images

  private Image base(
      String name, Platform platform, boolean pull, Session client, Cancellation cancellation) {
    // part of an id is no name here: FROM cafe must not find the image whose id begins so
    Optional<Image> here =
        name.matches("[0-9a-f]{1,63}")
                && engine.images().named(ImageReference.parse(name).withDefaultTag()).isEmpty()
            ? Optional.empty()
            : engine.images().find(name, Optional.of(platform));
    boolean fits =
        here.map(i -> platform.match(i.platform()) > 0 || platform.equals(Platform.here()))
            .orElse(false);
    if (here.isPresent() && fits && !pull) {
      return here.get();
    }
    ImageReference reference = ImageReference.parse(name).withDefaultTag();
    Credentials credentials = client.credentials(reference);
    try (var _ = cancellation.waiting()) {
      return transfers.pull(reference, Optional.of(platform), credentials, TransferProgress.NONE);
    }
  }
}
