package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// One build: the stages that are needed, each on a thread of its own, waiting for one another
/// where they copy from one another.
public final class BuildRun implements AutoCloseable {
  private static final long MOST_SAID = 48 << 20;

  private final Builder builder;
  private final BuildRequest request;
  private final Builder.BaseImages bases;
  private final Builder.Plan plan;
  private final Map<Integer, FutureTask<Stage>> stages = new ConcurrentHashMap<>();
  private final Set<String> containers = ConcurrentHashMap.newKeySet();
  private final Set<String> usedArguments = ConcurrentHashMap.newKeySet();
  private final List<ContentStore.Lease> kept = new ArrayList<>();
  private final ContentStore.Lease lease;
  private final Set<Material> materials = new ConcurrentSkipListSet<>();
  private final Map<Digest, CacheManifest.Made> made = new ConcurrentHashMap<>();
  private final ImportedCache imported;
  private final AtomicLong said = new AtomicLong();
  private volatile boolean cancelled;
  private volatile @Nullable Stage beforeFailure;

  BuildRun(Builder builder, BuildRequest request, Builder.BaseImages bases, Builder.Plan plan) {
    this.bases = bases;
    this.builder = builder;
    this.request = request;
    this.plan = plan;
    this.lease = builder.engine().images().content().lease();
    this.imported = new ImportedCache(request.cacheFrom(), List.of(request.platform()));
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
    List<Thread> threads = new ArrayList<>();
    for (Builder.Base base : plan.needed()) {
      threads.add(
          Thread.ofVirtual()
              .name("build-" + base.stage().label())
              .start(task(base.stage().index())));
    }
    try {
      return finish(stage(plan.target().index()), progress);
    } catch (BuildFailure | RuntimeException e) {
      cancel();
      throw e;
    } finally {
      join(threads);
    }
  }

  /// Lets go of the layers; those that no image or cache holds may be removed then.
  @Override
  public synchronized void close() {
    kept.forEach(ContentStore.Lease::close);
    kept.clear();
    lease.close();
    builder.disk().settle();
  }

  /// The work on a stage; one that nobody has planned (a base image's trigger names it) is begun.
  private FutureTask<Stage> task(int index) {
    return stages.computeIfAbsent(
        index,
        i -> {
          FutureTask<Stage> late =
              new FutureTask<>(
                  () -> new StageBuild(this, plan.all().get(i), 0, Silent.PROGRESS).build());
          Thread ignored = Thread.ofVirtual().name("build-" + i).start(late);
          return late;
        });
  }

  private static void join(List<Thread> threads) {
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Built finish(Stage stage, BuildProgress progress) {
    Set<String> unused = new TreeSet<>(request.arguments().keySet());
    unused.removeAll(usedArguments);
    unused.removeAll(plan.arguments().keySet());
    unused.removeIf(StageBuild::isPredefined);
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

  /// Ends the build: programs that run are killed. Its [#build] fails.
  public void cancel() {
    cancelled = true;
    for (String id : containers) {
      remove(id);
    }
  }

  /// How it was before the step that failed, if one did.
  public Optional<Built> beforeFailure() {
    return Optional.ofNullable(beforeFailure).map(stage -> new Built(this, stage));
  }

  void failedAfter(Stage stage) {
    beforeFailure = stage;
  }

  // ---- what stages ask for

  Builder builder() {
    return builder;
  }

  BuildRequest request() {
    return request;
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

  /// The image that a FROM names.
  Image base(String name, Platform platform) {
    String alias = request.images().get(name);
    String wanted = alias == null ? name : alias;
    Image image = bases.find(wanted, platform, request.pull());
    Digest digest =
        image.digestReferences().stream()
            .flatMap(r -> r.digestIfAny().stream())
            .findFirst()
            .orElse(image.id());
    Optional<List<Material>> ofOther = bases.materials(wanted);
    if (ofOther.isPresent()) {
      materials.addAll(ofOther.get());
    } else if (isName(wanted)) {
      madeOf(Material.image(wanted, image.platform(), digest));
    }
    return image;
  }

  /// Whether it is an image's name and not a caller's own word for one.
  private static boolean isName(String text) {
    try {
      ImageReference ignored = ImageReference.parse(text);
      return true;
    } catch (Failure.InvalidRequest e) {
      return false;
    }
  }

  /// What files are; that of layers is remembered, and that of folders that know what they are.
  Fingerprint.Result fingerprint(Source source, Tree tree, String path) throws IOException {
    Optional<String> identity =
        source.mountable() instanceof Source.Mountable.Layers layers
            ? Optional.of(
                layers.diffIds().isEmpty()
                    ? ""
                    : Images.chains(layers.diffIds()).getLast().toString())
            : source.identity();
    if (identity.isEmpty()) {
      return Fingerprint.of(tree, path, source);
    }
    String key = identity.get() + " " + path;
    Fingerprint.Result known = builder.fingerprints().get(key);
    if (known == null) {
      known = Fingerprint.of(tree, path, source);
      builder.fingerprints().put(key, known);
    }
    return known;
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
    if (cancelled) {
      throw Builder.cancelled();
    }
  }

  /// The finished stage; waits for it.
  Stage stage(int index) throws BuildFailure {
    try {
      return task(index).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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

  /// What `--from=name` means in stage `before`: an earlier stage, a named context, an image.
  Source source(String name, int before, Origin origin) throws BuildFailure {
    var stage = request.stage(name, before);
    if (stage.isPresent()) {
      return new LayersSource(stage(stage.get().index()).diffIds(), name);
    }
    Source named = request.contexts().get(name);
    if (named != null) {
      return named;
    }
    try {
      Image image = base(name, request.platform());
      return new LayersSource(
          builder.engine().images().layersOf(image, lease).stream()
              .map(Images.Layer::diffId)
              .toList(),
          name);
    } catch (Failure e) {
      throw new BuildFailure("invalid from flag value " + name + ": " + e.text(), origin);
    } catch (IOException e) {
      throw new BuildFailure("could not open " + name + ": " + e.getMessage(), origin);
    }
  }

  Source layers(List<Digest> diffIds, String name) {
    return new LayersSource(diffIds, name);
  }

  /// What a list of packages tells of beside the result; the build is over.
  List<Built.Scan> scans() {
    List<Built.Scan> all = new ArrayList<>();
    try {
      for (Dockerfile.Stage one : ScanTargets.stages(plan, request.file(), request.arguments())) {
        all.add(
            new Built.Scan(
                "stage " + one.label(), layers(stage(one.index()).diffIds(), one.label())));
      }
    } catch (BuildFailure e) {
      throw new Failure.Internal("a stage has failed: " + e.text(), e);
    }
    if (ScanTargets.context(request.file(), request.arguments())) {
      all.add(new Built.Scan("context", request.context()));
    }
    return all;
  }

  /// Files of a stage or an image.
  private final class LayersSource implements Source {
    private final List<Digest> diffIds;
    private final String name;

    LayersSource(List<Digest> diffIds, String name) {
      this.diffIds = diffIds;
      this.name = name;
    }

    @Override
    public Tree open() throws Errno {
      return builder.engine().layerFiles().open(diffIds);
    }

    @Override
    public boolean keepsOwners() {
      return true;
    }

    @Override
    public String failure(String path) {
      return "lstat /" + path + ": no such file or directory in " + name;
    }

    @Override
    public Mountable mountable() {
      return new Mountable.Layers(diffIds);
    }
  }

  /// Keeps layers from being removed until the build ends.
  synchronized void keep(List<Digest> diffIds) {
    kept.add(builder.engine().images().keep(Images.chains(diffIds)));
  }

  void ran(String containerId) {
    containers.add(containerId);
    if (cancelled) {
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
