package dev.gantry.build;

import dev.gantry.base.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// One Dockerfile built for several platforms at once; for one, this is that build alone.
public final class PlatformBuild implements AutoCloseable {
  private final List<BuildRun> runs;
  private final AtomicReference<@Nullable BuildFailure> failure = new AtomicReference<>();

  PlatformBuild(List<BuildRun> runs) {
    this.runs = List.copyOf(runs);
  }

  /// What is built, one for each platform in the order of the requests. The first failure ends the
  /// others.
  public List<Built> build(BuildProgress progress) throws BuildFailure {
    if (runs.size() == 1) {
      return List.of(runs.getFirst().build(progress));
    }
    List<BuildProgress.Planned> all = new ArrayList<>();
    List<FutureTask<Built>> tasks = new ArrayList<>();
    for (BuildRun run : runs) {
      int first = all.size();
      String platform = run.request().platform().toString();
      for (BuildProgress.Planned p : run.planned()) {
        all.add(
            new BuildProgress.Planned(platform + " " + p.stage(), p.number(), p.of(), p.text()));
      }
      tasks.add(new FutureTask<>(() -> build(run, new Part(progress, first))));
    }
    progress.plan(all);
    for (FutureTask<Built> task : tasks) {
      Thread ignored = Thread.ofVirtual().name("build-platform").start(task);
    }
    return await(tasks);
  }

  private Built build(BuildRun run, Part progress) throws BuildFailure {
    try {
      return run.build(progress);
    } catch (BuildFailure e) {
      boolean ignored = failure.compareAndSet(null, e);
      cancel();
      throw e;
    } catch (RuntimeException e) {
      cancel();
      throw e;
    }
  }

  private List<Built> await(List<FutureTask<Built>> tasks) throws BuildFailure {
    List<Built> built = new ArrayList<>();
    try {
      for (FutureTask<Built> task : tasks) {
        built.add(task.get());
      }
      return built;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Builder.cancelled();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case BuildFailure other -> {
          BuildFailure first = failure.get();
          throw first == null ? other : first;
        }
        case Failure other -> throw other;
        case null, default -> throw new Failure.Internal("a build failed: " + e.getCause(), e);
      }
    } finally {
      if (built.size() < tasks.size()) {
        cancel();
        tasks.forEach(PlatformBuild::end);
      }
    }
  }

  private static void end(FutureTask<Built> task) {
    try {
      Built ignored = task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      return; // it was told already, or is the end of a cancelled one
    }
  }

  /// Ends the build: programs that run are killed, who waits is woken.
  public void cancel() {
    runs.forEach(BuildRun::cancel);
  }

  /// How it was before the step that failed, if one did.
  public java.util.Optional<Built> beforeFailure() {
    return runs.stream().flatMap(r -> r.beforeFailure().stream()).findFirst();
  }

  @Override
  public void close() {
    runs.forEach(BuildRun::close);
  }

  /// The steps of one platform among all.
  private record Part(BuildProgress whole, int first) implements BuildProgress {
    @Override
    public void plan(List<Planned> steps) {
      // the whole plan was told before
    }

    @Override
    public Step begin(int number) {
      return whole.begin(first + number);
    }

    @Override
    public Step begin(int number, String text) {
      return whole.begin(first + number, text);
    }

    @Override
    public void warning(String text) {
      whole.warning(text);
    }
  }
}
