package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.BuildFailure;
import dev.gantry.build.BuildProgress;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.grpc.GrpcException;
import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The record of a build that did not come by BuildKit's protocol (`POST /build`). Used by one
/// thread; its progress is told by several.
public final class Recording implements AutoCloseable {
  private final Builds builds;
  private final History history;
  private final String id = OneBuild.newId();
  private final java.util.Queue<byte[]> secrets =
      new java.util.concurrent.ConcurrentLinkedQueue<>();
  private boolean begun;
  private @Nullable OneBuild build;
  private @Nullable SourceErrors errors;
  private @Nullable StepProgress steps;

  Recording(Builds builds, History history) {
    this.builds = builds;
    this.history = history;
  }

  /// Names the build.
  public String id() {
    return id;
  }

  /// A secret of the build, which its record must not show.
  public void hide(byte[] secret) {
    secrets.add(secret);
  }

  /// `client`, whose secrets the record must not show.
  public BuildClient client(BuildClient client) {
    return OneBuild.noting(client, this::hide);
  }

  /// The build is about to begin: it is in the history from now on.
  ///
  /// @param attributes how it was asked for, as BuildKit's clients name it
  /// @param names of the image
  /// @param name,text of the Dockerfile
  /// @param shown hears the progress too
  /// @return what hears the progress
  public BuildProgress begin(
      Map<String, String> attributes,
      List<String> names,
      String name,
      String text,
      Dockerfile file,
      Map<String, String> arguments,
      BuildProgress shown) {
    OneBuild started = add(attributes, names);
    build = started;
    errors = new SourceErrors(name, text.getBytes(StandardCharsets.UTF_8));
    StepProgress recorded =
        StepProgress.of(started.progress(), file, arguments, image -> "", warning -> false);
    steps = recorded;
    return new Both(shown, recorded);
  }

  /// It could not even begin: the Dockerfile cannot be read, or there is no such target. Nothing
  /// happens if it has begun.
  ///
  /// @param why a [BuildFailure] or [Failure], as the client is told
  public void refused(
      Map<String, String> attributes, List<String> names, String name, String text, Exception why) {
    if (begun) {
      return;
    }
    OneBuild refused = add(attributes, names);
    build = refused;
    refused.progress().vertex("[internal] load build definition from " + name).start().done();
    SourceErrors source = new SourceErrors(name, text.getBytes(StandardCharsets.UTF_8));
    if (why instanceof BuildFailure e) {
      end(Map.of(), source.of(e));
    } else if (why.getCause() instanceof ParseFailure e) {
      end(Map.of(), source.of(e));
    } else {
      String said = why instanceof Failure e ? e.text() : String.valueOf(why.getMessage());
      end(Map.of(), new GrpcException(GrpcException.UNKNOWN, said));
    }
  }

  private OneBuild add(Map<String, String> attributes, List<String> names) {
    SolveRequest.Exporter exporter =
        new SolveRequest.Exporter(
            "moby", names.isEmpty() ? Map.of() : Map.of("name", String.join(",", names)));
    OneBuild added =
        new OneBuild(
            new SolveRequest(
                id,
                "",
                attributes,
                List.of(exporter),
                Set.of(),
                List.of(),
                List.of(),
                false,
                SourcePolicy.NONE));
    try {
      builds.add(added);
    } catch (GrpcException e) {
      throw new Failure.Conflict(e.text());
    }
    begun = true;
    return added;
  }

  /// It has succeeded.
  ///
  /// @param response as BuildKit's clients are told: `containerimage.digest`, …
  /// @param provenance the predicate (SLSA 0.2)
  public void done(Map<String, String> response, Json provenance) {
    if (build != null) {
      build.provenance(provenance.text().getBytes(StandardCharsets.UTF_8));
    }
    end(response, null);
  }

  public void failed(BuildFailure failure) {
    end(Map.of(), errors == null ? null : errors.of(failure));
  }

  public void failed(Failure failure) {
    end(Map.of(), new GrpcException(GrpcException.UNKNOWN, failure.text()));
  }

  private void end(Map<String, String> response, @Nullable GrpcException why) {
    OneBuild ending = build;
    if (ending == null) {
      return;
    }
    build = null;
    if (steps != null) {
      steps.abandon();
    }
    secrets.forEach(ending::hide);
    ending.ended(response, why);
    history.keep(ending);
    ending.close();
  }

  /// Ends the record, if nothing was said of its end, as one of a build that was given up.
  @Override
  public void close() {
    end(Map.of(), new GrpcException(GrpcException.CANCELLED, "context canceled"));
  }

  /// Tells two.
  private record Both(BuildProgress one, BuildProgress other) implements BuildProgress {
    @Override
    public void plan(List<Planned> planned) {
      one.plan(planned);
      other.plan(planned);
    }

    @Override
    public Step begin(int number) {
      return new BothSteps(one.begin(number), other.begin(number));
    }

    @Override
    public Step begin(int number, String text) {
      return new BothSteps(one.begin(number, text), other.begin(number, text));
    }

    @Override
    public void warning(String text) {
      one.warning(text);
      other.warning(text);
    }
  }

  private record BothSteps(BuildProgress.Step one, BuildProgress.Step other)
      implements BuildProgress.Step {
    @Override
    public void cached() {
      one.cached();
      other.cached();
    }

    @Override
    public void running(String containerId) {
      one.running(containerId);
      other.running(containerId);
    }

    @Override
    public void output(String stream, byte[] bytes) {
      one.output(stream, bytes);
      other.output(stream, bytes);
    }

    @Override
    public void done(String result) {
      one.done(result);
      other.done(result);
    }

    @Override
    public void failed(String message) {
      one.failed(message);
      other.failed(message);
    }
  }
}
