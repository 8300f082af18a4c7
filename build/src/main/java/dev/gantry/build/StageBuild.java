package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.engine.LayerFiles;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.images.LayerCache;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Carries out the instructions of one stage, one after the other. What does not need those before
/// was begun [Ahead].
final class StageBuild {
  private static final int MOST_LAYERS = 490; // overlayfs takes 500, a container needs its own

  private final BuildRun run;
  private final BuildProgress progress;
  private final Builder.Base base;
  private final int firstStep;
  private final StageState state;
  private final Map<Integer, BuildProgress.Step> begun = new ConcurrentHashMap<>();
  private final List<Images.Layer> layers = new ArrayList<>();
  private Json.JsonArray history = Json.array();
  private Instant created = Instant.EPOCH;
  private long newest;
  private Optional<Image> unchanged = Optional.empty();
  private int baseLayers;

  StageBuild(BuildRun run, Builder.Base base, int firstStep, BuildProgress progress) {
    this.run = run;
    this.progress = progress;
    this.base = base;
    this.firstStep = firstStep;
    this.state = new StageState(run);
  }

  Stage build() throws BuildFailure {
    step(firstStep, base.stage().from().origin(), step -> from());
    List<Instruction> all = base.stage().instructions();
    try (Ahead ahead = new Ahead(this, all, diffIds())) {
      ahead.begin(state.copy());
      for (int i = 0; i < all.size(); i++) {
        run.check();
        int number = i;
        Instruction instruction = all.get(i);
        step(
            firstStep + 1 + i,
            instruction.origin(),
            step -> carryOut(instruction, step, () -> ahead.take(number)));
      }
    }
    return stage();
  }

  private Stage stage() {
    Json.JsonObject document = state.document();
    document.put("config", state.config().json()).put("history", history);
    return new Stage(
        layers,
        baseLayers,
        document,
        created,
        unchanged,
        state.variables(),
        state.declared(),
        state.said());
  }

  // ---- steps

  @FunctionalInterface
  private interface Work {
    void run(BuildProgress.Step step)
        throws BuildFailure, ParseFailure, IOException, InterruptedException;
  }

  /// What was begun for a step.
  @FunctionalInterface
  private interface Taking {
    Optional<Ahead.Begun> take() throws BuildFailure, IOException, InterruptedException;
  }

  private BuildProgress.Step told(int number, String text) {
    return begun.computeIfAbsent(number, n -> new ToldOnce(progress.begin(n, text)));
  }

  /// Tells that the instruction `number` is being carried out, if that was not told yet.
  ///
  /// @param text the instruction as people are shown it
  BuildProgress.Step begin(int number, String text) {
    return told(firstStep + 1 + number, text);
  }

  private void step(int number, Origin origin, Work work) throws BuildFailure {
    BuildProgress.Step step = told(number, state.shown(origin.text()));
    try {
      work.run(step);
      step.done(layers.isEmpty() ? "scratch" : layers.getLast().diffId().shortHex());
    } catch (BuildFailure
        | ParseFailure
        | IOException
        | InterruptedException
        | RuntimeException e) {
      BuildFailure failure = failure(e, origin);
      step.failed(e instanceof ParseFailure p ? p.text() : failure.text());
      run.fail(failure, stage());
      throw failure;
    }
  }

  /// An instruction whose turn has not come cannot be carried out.
  void failedAhead(int number, Exception e) {
    if (run.request().debug() || run.cancellation().isCancelled()) {
      return; // its turn says it
    }
    Origin origin = base.stage().instructions().get(number).origin();
    BuildFailure failure = failure(e, origin);
    begin(number, origin.text()).failed(failure.text());
    run.fail(failure, null);
  }

  private static BuildFailure failure(Exception e, Origin origin) {
    return switch (e) {
      case BuildFailure b when b.origin() != null -> b;
      case BuildFailure b -> new BuildFailure(b.text(), b.code(), origin);
      case ParseFailure p -> BuildRun.at(p, origin);
      case Failure f -> new BuildFailure(f.text(), origin);
      case InterruptedException i -> new BuildFailure(Builder.cancelled().text(), origin);
      case IOException i -> new BuildFailure(String.valueOf(i.getMessage()), origin);
      default -> throw new IllegalStateException(e);
    };
  }

  // ---- FROM

  private void from() throws BuildFailure, ParseFailure, IOException, InterruptedException {
    Dockerfile.Stage parent = base.parent();
    if (parent != null) {
      Stage below = run.stage(parent.index());
      state.count(below.said());
      start(below.document(), below.layers(), below.created());
      state.inherit(below);
      unchanged = below.unchanged();
      baseLayers = below.baseLayers();
      triggers();
      return;
    }
    if (base.from().equals("scratch")) {
      Platform platform = base.platform();
      Json.JsonObject empty =
          Json.object().put("architecture", platform.architecture()).put("os", platform.os());
      if (!platform.variant().isEmpty()) {
        empty.put("variant", platform.variant());
      }
      start(empty, List.of(), Instant.EPOCH);
      state.config().workdir("/");
      return;
    }
    Image image = run.sources().image(base.from(), base.platform());
    if (base.platform().match(image.platform()) == 0) {
      progress.warning(
          "InvalidBaseImagePlatform: Base image "
              + base.from()
              + " was pulled with platform \""
              + image.platform()
              + "\", expected \""
              + base.platform()
              + "\" for current build (line "
              + base.stage().from().origin().first()
              + ")");
    }
    state.count(image.document().text().length());
    start(image.document(), run.sources().layersOf(image), image.created());
    baseLayers = layers.size();
    if (new ImageConfig(image.document().object("config").orElseGet(Json::object))
        .environment()
        .containsKey("PATH")) {
      unchanged = Optional.of(image);
    }
    triggers();
  }

  /// What the image or stage below wants done first; it is part of FROM.
  private void triggers() throws BuildFailure, ParseFailure, IOException, InterruptedException {
    for (String trigger : state.config().takeTriggers()) {
      carryOut(Dockerfile.instruction(trigger), Silent.PROGRESS, Optional::empty);
    }
  }

  private void start(Json.JsonObject from, List<Images.Layer> below, Instant when)
      throws ParseFailure {
    state.start(from);
    history = state.document().get("history") instanceof Json.JsonArray h ? h : Json.array();
    layers.addAll(below);
    created = when;
    newest = when.getEpochSecond();
    if (below.isEmpty() && times().asTheyAre()) {
      created = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }
    run.keep(diffIds());
  }

  // ---- instructions

  private void carryOut(Instruction instruction, BuildProgress.Step step, Taking ahead)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    unchanged = Optional.empty();
    state.next();
    switch (instruction) {
      case Instruction.Run r -> new RunStep(this, r, step).run();
      case Instruction.Copy c -> copy(CopyPlan.of(c, state), step, ahead);
      case Instruction.Workdir w -> workdir(w, step);
      default -> {
        String text = state.apply(instruction);
        if (!text.isEmpty()) {
          note(text);
        }
      }
    }
  }

  private void copy(CopyPlan plan, BuildProgress.Step step, Taking ahead)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    Optional<Ahead.Begun> ready = ahead.take();
    try (Ahead.Begun begun =
            ready.isPresent()
                ? ready.get()
                : new Ahead.Begun(CopySources.of(run, index(), plan), Optional.empty());
        Tree below = files()) {
      addCopy(plan, begun, below, step, plan.text());
    }
  }

  private void addCopy(
      CopyPlan plan, Ahead.Begun begun, Tree below, BuildProgress.Step step, String text)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    CopyLayer layer =
        new CopyLayer(
            plan,
            begun.sources(),
            below,
            layers.isEmpty(),
            times(),
            newest,
            warning -> step.output("stderr", warning.getBytes(StandardCharsets.UTF_8)));
    addLayer(layer.recipe(), text, step, layer::write, begun.made());
  }

  private void workdir(Instruction.Workdir w, BuildProgress.Step step)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    String wanted = state.workdir(w);
    String text = "WORKDIR " + state.config().workdir();
    try (Tree below = files()) {
      String path = LayerFiles.resolve(below, wanted);
      String file = CopyLayer.fileOnTheWay(below, path, true);
      if (!file.isEmpty()) {
        throw new BuildFailure(
            (file.equals(path) ? "mkdir " : "lstat ") + path + ": not a directory", w.origin());
      }
      Optional<Tree.Status> there = below.status(path);
      if (there.isEmpty()) {
        CopyPlan plan = CopyPlan.folder(w, path, state.config().user());
        try (Ahead.Begun nothing =
            new Ahead.Begun(CopySources.of(run, index(), plan), Optional.empty())) {
          addCopy(plan, nothing, below, step, text);
        }
      } else {
        note(text);
      }
    }
  }

  // ---- what steps work with

  BuildRun run() {
    return run;
  }

  ImageConfig config() {
    return state.config();
  }

  List<String> shell() {
    return state.shell();
  }

  int index() {
    return base.stage().index();
  }

  /// What the image is for.
  Platform platform() {
    return Platform.read(state.document());
  }

  List<Digest> diffIds() {
    return layers.stream().map(Images.Layer::diffId).toList();
  }

  /// The files as they are after the last step; the caller closes the tree.
  Tree files() throws Errno {
    return files(diffIds());
  }

  /// The files of layers; the caller closes the tree.
  Tree files(List<Digest> diffIds) throws Errno {
    return run.builder().engine().layerFiles().open(diffIds);
  }

  Expansion expansion() {
    return state.expansion();
  }

  Map<String, String> variables() {
    return state.variables();
  }

  Set<String> declared() {
    return state.declared();
  }

  Map<String, String> proxies() {
    return state.proxies();
  }

  /// An instruction that changes the configuration alone.
  private void note(String text) throws ParseFailure {
    state.count(text.length());
    history.add(
        Json.object()
            .put("created", created.toString())
            .put("created_by", text)
            .put("comment", "buildkit.dockerfile.v0")
            .put("empty_layer", true));
  }

  // ---- layers

  /// Writes a layer's tar.
  @FunctionalInterface
  interface LayerWriter {
    void write(OutputStream out) throws BuildFailure, IOException, InterruptedException;
  }

  private BuildRequest.Times times() {
    return run.request().times();
  }

  /// The next layer is made from something of that time (seconds since the epoch).
  void madeFrom(long seconds) {
    newest = Math.max(newest, Math.min(seconds, Instant.now().getEpochSecond()));
  }

  /// The time of the layer that is made, and of the files in it that are made with it: that of the
  /// newest thing that it is made from, unless the client has said another.
  long date() {
    return times().date(newest);
  }

  /// No file of the layer that is made is younger.
  long limit() {
    return times().limit(date());
  }

  /// Puts a layer on top: one that was made ahead, one that was made from the same before, or a new
  /// one.
  void addLayer(
      Recipe recipe,
      String text,
      BuildProgress.Step step,
      LayerWriter writer,
      Optional<Ahead.Made> made)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    run.check();
    state.count(text.length());
    if (layers.size() == MOST_LAYERS) {
      throw new BuildFailure("max depth exceeded: more than " + MOST_LAYERS + " layers", null);
    }
    Digest key = recipe.key(diffIds(), times());
    if (made.isPresent() && made.get().key().equals(key)) {
      add(key, made.get().layer(), recipe, text);
    } else if (takesNothing()) {
      add(key, recipe, text, writer);
    } else {
      try (var _ = run.builder().working().begin(key, run.cancellation())) {
        if (takes(key, recipe, text)) {
          step.cached();
        } else {
          add(key, recipe, text, writer);
        }
      }
    }
  }

  private void add(Digest key, Recipe recipe, String text, LayerWriter writer)
      throws BuildFailure, IOException, InterruptedException {
    try (Images.LooseLayer layer = run.makeLayer(writer)) {
      add(key, layer, recipe, text);
    }
  }

  private void add(Digest key, Images.LooseLayer made, Recipe recipe, String text) {
    Images.Layer layer = made.on(diffIds(), run.lease());
    Instant when = Instant.ofEpochSecond(recipe.date());
    put(key, layer, when, text);
    run.builder()
        .engine()
        .images()
        .cache()
        .put(
            key,
            new LayerCache.Entry(
                Images.chains(diffIds()).getLast(),
                layer.diffId(),
                layer.blob(),
                layer.size(),
                text,
                when,
                Instant.now(),
                0));
  }

  /// Takes the layer from this engine's cache, or from another that the client has named.
  private boolean takes(Digest key, Recipe recipe, String text) throws IOException {
    List<Digest> below = diffIds();
    Images images = run.builder().engine().images();
    Optional<LayerCache.Entry> known = images.cache().use(key);
    if (known.isPresent()) {
      Optional<Images.Layer> layer = images.cachedLayer(known.get(), below, run.lease());
      if (layer.isPresent()) {
        put(key, layer.get(), known.get().created(), text);
        return true;
      }
      images.cache().remove(key);
    }
    Optional<LayerCache.Entry> elsewhere =
        run.imported().use(key, below, images, run.lease(), progress);
    if (elsewhere.isEmpty() && recipe.told()) {
      List<PastImage.Step> before =
          PastImage.steps(Json.object().put("all", history).objects("all"));
      elsewhere = run.imported().past(key, before, text, below, images, run.lease());
    }
    run.check();
    if (elsewhere.isPresent()) {
      Images.Layer layer = images.cachedLayer(elsewhere.get(), below, run.lease()).orElseThrow();
      put(key, layer, elsewhere.get().created(), text);
    }
    return elsewhere.isPresent();
  }

  /// Whether a cache seems to have the layer.
  boolean mayTake(Digest key) {
    if (takesNothing()) {
      return false;
    }
    return run.builder().engine().images().cache().has(key) || run.imported().has(key, progress);
  }

  private boolean takesNothing() {
    Set<String> stages = run.request().noCacheStages();
    return run.request().noCache()
        || stages.contains(base.stage().label().toLowerCase(Locale.ROOT))
        || stages.contains(Integer.toString(index()));
  }

  private void put(Digest key, Images.Layer layer, Instant when, String text) {
    layers.add(layer);
    run.made(new CacheManifest.Made(key, layer, diffIds(), text, when));
    // a layer that stands alone may be older than those below; a date that was given counts as it
    // is
    boolean older = times().date().isEmpty() && created.isAfter(when);
    created = older ? created : when;
    newest = created.getEpochSecond();
    run.keep(diffIds());
    history.add(
        Json.object()
            .put("created", when.toString())
            .put("created_by", text)
            .put("comment", "buildkit.dockerfile.v0"));
  }
}
