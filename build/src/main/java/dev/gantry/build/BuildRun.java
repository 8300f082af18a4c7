package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.images.Images;
import dev.gantry.oci.Digest;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// One build: the stages that are needed, each on a thread of its own, waiting for one another
/// where they copy from one another. The first failure ends all of it.
public final class BuildRun implements AutoCloseable {
  private static final long MOST_SAID = 48 << 20;

  private final Builder builder;
  private final BuildRequest request;
  private final Builder.Plan plan;
  private final Sources sources;
  private final Cancellation cancellation = new Cancellation();
  private final Queue<Thread> threads = new ConcurrentLinkedQueue<>();
  private final Map<Integer, FutureTask<Stage>> stages = new ConcurrentHashMap<>();
  private final Set<String> containers = ConcurrentHashMap.newKeySet();
  private final Set<String> usedArguments = ConcurrentHashMap.newKeySet();
  private final List<ContentStore.Lease> kept = new ArrayList<>();
  private final ContentStore.Lease lease;
  private final Set<Material> materials = new ConcurrentSkipListSet<>();
  private final Map<Digest, CacheManifest.Made> made = new ConcurrentHashMap<>();
  private final ImportedCache imported;
  private final AtomicLong said = new AtomicLong();
  private @Nullable BuildFailure failure; // the first; guarded by this
  private @Nullable Stage beforeFailure; // guarded by this

  BuildRun(Builder builder, BuildRequest request, Builder.BaseImages bases, Builder.Plan plan) {
    this.builder = builder;
    this.request = request;
    this.plan = plan;
    this.sources = new Sources(this, bases);
    this.lease = builder.engine().images().content().lease();
    this.imported =
        new ImportedCache(request.cacheFrom(), List.of(request.platform()), cancellation);
  }

  // ---- from beginning to end

  /// Builds; what comes back can be used until [#close].
  public Built build(BuildProgress progress) throws BuildFailure {
    progress.plan(planned());
    return carryOut(progress);
  }

  /// The instructions that will be carried out, in the order of the Dockerfile.
  List<BuildProgress.Planned> planned() {
    List<BuildProgress.Planned> steps = new ArrayList<>();
    for (Builder.Base base : plan.needed()) {
      Dockerfile.Stage stage = base.stage();
      int of = stage.instructions().size() + 1;
      steps.add(new BuildProgress.Planned(stage.label(), 1, of, stage.from().origin().text()));
      for (int i = 0; i < stage.instructions().size(); i++) {
        steps.add(
            new BuildProgress.Planned(
                stage.label(), i + 2, of, stage.instructions().get(i).origin().text()));
      }
    }
    return steps;
  }

  private Built carryOut(BuildProgress progress) throws BuildFailure {
    int first = 0;
    for (Builder.Base base : plan.needed()) {
      int number = first;
      FutureTask<Stage> task =
          new FutureTask<>(() -> new StageBuild(this, base, number, progress).build());
      stages.put(base.stage().index(), task);
      first += base.stage().instructions().size() + 1;
    }
    for (Builder.Base base : plan.needed()) {
      start("build-" + base.stage().label(), task(base.stage().index()));
    }
    try {
      return finish(stage(plan.target().index()), progress);
    } catch (BuildFailure e) {
      fail(e, null);
      throw firstFailure(e);
    } catch (RuntimeException e) {
      cancel();
      throw e;
    } finally {
      join();
    }
  }

  private synchronized BuildFailure firstFailure(BuildFailure other) {
    return failure == null ? other : failure;
  }

  /// Starts a thread of this build, which ends before [#build] does.
  void start(String name, Runnable work) {
    threads.add(Thread.ofVirtual().name(name).start(work));
  }

  /// Lets go of the layers; those that no image or cache holds may be removed then.
  @Override
  public synchronized void close() {
    kept.forEach(ContentStore.Lease::close);
    kept.clear();
    lease.close();
    builder.disk().settle(cancellation.isCancelled());
  }

  /// The work on a stage; one that nobody has planned (a base image's trigger names it) is begun.
  private FutureTask<Stage> task(int index) {
    return stages.computeIfAbsent(
        index,
        i -> {
          FutureTask<Stage> late =
              new FutureTask<>(
                  () -> new StageBuild(this, plan.all().get(i), 0, Silent.PROGRESS).build());
          start("build-" + i, late);
          return late;
        });
  }

  /// Waits for all threads, and for those that they start meanwhile.
  private void join() {
    boolean interrupted = false;
    for (Thread thread = threads.poll(); thread != null; thread = threads.poll()) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private Built finish(Stage stage, BuildProgress progress) {
    Set<String> unused = new TreeSet<>(request.arguments().keySet());
    unused.removeAll(usedArguments);
    unused.removeAll(plan.arguments().keySet());
    unused.removeIf(StageState::isPredefined);
    if (!unused.isEmpty()) {
      progress.warning("One or more build-args " + unused + " were not consumed");
    }
    try {
      Stage whole = stage.on(request.platform());
      return new Built(this, request.squash() ? whole.squashed(this) : whole);
    } catch (IOException e) {
      throw new Failure.Internal("could not squash the layers: " + e.getMessage(), e);
    }
  }

  /// Ends the build: programs that run are killed, who waits is woken. Its [#build] fails.
  public void cancel() {
    cancellation.cancel();
    containers.forEach(this::remove);
  }

  /// A step has failed: the others are ended. Of several failures the first is the build's.
  ///
  /// @param before how it was before that step; null if that is not known
  void fail(BuildFailure why, @Nullable Stage before) {
    synchronized (this) {
      if (failure == null && !cancellation.isCancelled()) {
        failure = why;
        beforeFailure = before;
      }
    }
    cancel();
  }

  /// How it was before the step that failed, if one did.
  public synchronized Optional<Built> beforeFailure() {
    return Optional.ofNullable(beforeFailure).map(stage -> new Built(this, stage));
  }

  // ---- what stages ask for

  Builder builder() {
    return builder;
  }

  BuildRequest request() {
    return request;
  }

  Sources sources() {
    return sources;
  }

  Cancellation cancellation() {
    return cancellation;
  }

  /// Who wants the build.
  BuildClient client() {
    return cancellation.shield(request.client());
  }

  // ---- what it was made of, and what others can use again

  void madeOf(Material material) {
    materials.add(material);
  }

  List<Material> materials() {
    return List.copyOf(materials);
  }

  void made(CacheManifest.Made step) {
    made.put(step.key(), step);
  }

  /// Layers that steps made or found; lower ones first.
  List<CacheManifest.Made> made() {
    return made.values().stream()
        .sorted(
            Comparator.comparingInt((CacheManifest.Made m) -> m.diffIds().size())
                .thenComparing(m -> m.key().toString()))
        .toList();
  }

  ImportedCache imported() {
    return imported;
  }

  Map<String, String> globalArguments() {
    return plan.arguments();
  }

  ContentStore.Lease lease() {
    return lease;
  }

  /// Fails unless the client has allowed it.
  void needs(String entitlement, Origin origin) throws BuildFailure {
    if (!request.entitlements().contains(entitlement)) {
      throw new BuildFailure(entitlement + " is not allowed", origin);
    }
  }

  /// The configurations of all stages have become larger by about that many bytes.
  void count(long bytes) throws ParseFailure {
    if (said.addAndGet(bytes) > MOST_SAID) {
      throw new ParseFailure(
          0, "the stages come to more than " + (MOST_SAID >> 20) + " MiB of configuration");
    }
  }

  void usesArgument(String name) {
    usedArguments.add(name);
  }

  /// Fails if somebody has cancelled the build.
  void check() {
    cancellation.check();
  }

  /// Writes and unpacks a layer that stands on nothing yet.
  Images.LooseLayer makeLayer(StageBuild.LayerWriter writer)
      throws BuildFailure, IOException, InterruptedException {
    Images images = builder.engine().images();
    try (ContentStore.Ingest tar = images.newLayer()) {
      try (OutputStream out = LayerOutput.of(tar.out(), images.content().folder(), this::check)) {
        writer.write(out);
      }
      try (var _ = cancellation.waiting()) {
        return images.looseLayer(tar, lease);
      }
    }
  }

  /// The finished stage; waits for it.
  Stage stage(int index) throws BuildFailure {
    try {
      return task(index).get();
    } catch (InterruptedException e) {
      throw Builder.cancelled();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      switch (cause) {
        case BuildFailure failure -> throw failure;
        case Failure failure -> throw new BuildFailure(failure.text(), null);
        case null, default -> throw new Failure.Internal("a stage failed: " + cause, e);
      }
    }
  }

  /// What a list of packages tells of beside the result; the build is over.
  List<Built.Scan> scans() {
    List<Built.Scan> all = new ArrayList<>();
    try {
      for (Dockerfile.Stage one : ScanTargets.stages(plan, request.file(), request.arguments())) {
        all.add(
            new Built.Scan(
                "stage " + one.label(), sources.layers(stage(one.index()).diffIds(), one.label())));
      }
    } catch (BuildFailure e) {
      throw new Failure.Internal("a stage has failed: " + e.text(), e);
    }
    if (ScanTargets.context(request.file(), request.arguments())) {
      all.add(new Built.Scan("context", request.context()));
    }
    return all;
  }

  /// Keeps layers from being removed until the build ends.
  synchronized void keep(List<Digest> diffIds) {
    kept.add(builder.engine().images().keep(Images.chains(diffIds)));
  }

  void ran(String containerId) {
    containers.add(containerId);
    if (cancellation.isCancelled()) {
      remove(containerId);
    }
  }

  void removed(String containerId) {
    containers.remove(containerId);
    remove(containerId);
  }

  private void remove(String id) {
    try {
      builder.engine().remove(id, true, true);
    } catch (Failure e) {
      return; // somebody else was quicker
    }
  }

  static BuildFailure at(ParseFailure e, @Nullable Origin origin) {
    return new BuildFailure(e.text(), origin);
  }
}
