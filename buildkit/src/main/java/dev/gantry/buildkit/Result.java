package dev.gantry.buildkit;

import dev.gantry.build.BuildFailure;
import dev.gantry.build.Built;
import dev.gantry.build.Material;
import dev.gantry.build.PlatformBuild;
import dev.gantry.grpc.GrpcException;
import dev.gantry.images.Image;
import dev.gantry.oci.Platform;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What a Dockerfile will come to: planned when the client asks the frontend, carried out when
/// somebody needs it, once.
final class Result implements AutoCloseable {
  private final String id;
  private final PlatformBuild run;
  private final StepProgress steps;
  private final Function<BuildFailure, GrpcException> errors;
  private final AutoCloseable contexts;
  private final ReentrantLock once = new ReentrantLock();
  private volatile boolean cancelled;
  private @Nullable List<Built> built;
  private @Nullable GrpcException failure;
  private final Map<Platform, Image> images = new HashMap<>();
  private final PassingImages passing;
  private boolean closed;

  /// Its own build, and those that stand on it.
  private int holders = 1;

  /// @param errors what the client is told of a failure
  /// @param passing takes images that others stand on
  /// @param contexts closed when the build no longer reads them
  Result(
      String id,
      PlatformBuild run,
      StepProgress steps,
      Function<BuildFailure, GrpcException> errors,
      PassingImages passing,
      AutoCloseable contexts) {
    this.passing = passing;
    this.id = id;
    this.run = run;
    this.steps = steps;
    this.errors = errors;
    this.contexts = contexts;
  }

  String id() {
    return id;
  }

  /// Builds, or waits for who does.
  ///
  /// @return one for each platform
  List<Built> build() throws GrpcException {
    once.lock();
    try {
      if (failure != null) {
        throw failure;
      }
      if (built == null) {
        built = run();
      }
      return built;
    } catch (GrpcException e) {
      failure = e;
      throw e;
    } finally {
      once.unlock();
    }
  }

  private List<Built> run() throws GrpcException {
    if (cancelled || closed) {
      throw cancelledFailure();
    }
    try {
      return run.build(steps);
    } catch (BuildFailure e) {
      throw cancelled ? cancelledFailure() : errors.apply(e);
    } catch (dev.gantry.base.Failure e) {
      throw cancelled
          ? cancelledFailure()
          : new GrpcException(GrpcException.UNKNOWN, SourceErrors.message(e.text()));
    } finally {
      steps.abandon();
    }
  }

  private static GrpcException cancelledFailure() {
    return new GrpcException(GrpcException.CANCELLED, "context canceled");
  }

  /// Builds, with images that other builds can stand on.
  void evaluate() throws GrpcException {
    for (Built one : build()) {
      Image ignored = image(one.platform());
    }
  }

  /// As an image without a name, for a build that stands on this one.
  Image image(Platform platform) throws GrpcException {
    List<Built> all = build();
    Built one =
        all.stream().max(Comparator.comparingInt(b -> platform.match(b.platform()))).orElseThrow();
    once.lock();
    try {
      Image image = images.get(one.platform());
      if (image == null) {
        image = passing.add(() -> one.image(List.of()));
        images.put(one.platform(), image);
      }
      return image;
    } finally {
      once.unlock();
    }
  }

  /// What it was made of; empty before it is built.
  List<Material> materials() {
    once.lock();
    try {
      return built == null
          ? List.of()
          : built.stream().flatMap(b -> b.materials().stream()).distinct().toList();
    } finally {
      once.unlock();
    }
  }

  // ---- how long its images stay

  /// Another build stands on it and needs its images, until it says [#release].
  ///
  /// @return false if they are gone
  boolean hold() {
    once.lock();
    try {
      if (holders == 0) {
        return false;
      }
      holders++;
      return true;
    } finally {
      once.unlock();
    }
  }

  void release() {
    once.lock();
    try {
      if (--holders == 0) {
        passing.close();
        images.clear();
      }
    } finally {
      once.unlock();
    }
  }

  /// Its image is what the client wanted, also without a name.
  void keepImages() {
    passing.keep();
  }

  /// Ends the work that is under way.
  void cancel() {
    cancelled = true;
    run.cancel();
  }

  @Override
  public void close() {
    once.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      run.close();
      contexts.close();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      once.unlock();
    }
    release();
  }
}
