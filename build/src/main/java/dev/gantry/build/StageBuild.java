package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.images.LayerCache;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import dev.gantry.store.ContentStore;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Carries out the instructions of one stage, one after the other.
final class StageBuild {
  private static final Set<String> PROXIES =
      Set.of("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY");
  private static final String PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private static final long MOST_SAID = 8 << 20;
  private static final int MOST_LAYERS = 490; // overlayfs takes 500, a container needs its own
  private static final long ITEM = 32; // what one more thing in a list takes beside its text

  private final BuildRun run;
  private final BuildProgress progress;
  private final Builder.Base base;
  private final int firstStep;
  private final List<Images.Layer> layers = new ArrayList<>();
  private final Map<String, String> variables = new LinkedHashMap<>();
  private final Set<String> declared = new LinkedHashSet<>();
  private Json.JsonObject document = Json.object();
  private ImageConfig config = new ImageConfig(Json.object());
  private Json.JsonArray history = Json.array();
  private Instant created = Instant.EPOCH;
  private long newest;
  private List<String> shell = List.of("/bin/sh", "-c");
  private Optional<Image> unchanged = Optional.empty();
  private int baseLayers;
  private long said; // about the bytes of the configuration
  private @Nullable Expansion current; // of the instruction that is carried out

  StageBuild(BuildRun run, Builder.Base base, int firstStep, BuildProgress progress) {
    this.run = run;
    this.progress = progress;
    this.base = base;
    this.firstStep = firstStep;
  }

  /// Arguments that everybody may give without an ARG.
  static boolean isPredefined(String name) {
    return PROXIES.contains(name.toUpperCase(Locale.ROOT))
        || name.startsWith("BUILDKIT_")
        || name.equals("SOURCE_DATE_EPOCH");
  }

  Stage build() throws BuildFailure {
    step(firstStep, base.stage().from().origin(), step -> from());
    int number = firstStep + 1;
    for (Instruction instruction : base.stage().instructions()) {
      run.check();
      step(number++, instruction.origin(), step -> carryOut(instruction, step));
    }
    return stage();
  }

  private Stage stage() {
    document.put("config", config.json()).put("history", history);
    return new Stage(layers, baseLayers, document, created, unchanged, variables, declared, said);
  }

  @FunctionalInterface
  private interface Work {
    void run(BuildProgress.Step step)
        throws BuildFailure, ParseFailure, IOException, InterruptedException;
  }

  private void step(int number, Origin origin, Work work) throws BuildFailure {
    BuildProgress.Step step = progress.begin(number);
    try {
      work.run(step);
      step.done(layers.isEmpty() ? "scratch" : layers.getLast().diffId().shortHex());
    } catch (BuildFailure e) {
      run.failedAfter(stage());
      step.failed(e.text());
      throw e.origin() == null ? new BuildFailure(e.text(), e.code(), origin) : e;
    } catch (ParseFailure e) {
      step.failed(e.text());
      throw BuildRun.at(e, origin);
    } catch (Failure e) {
      step.failed(e.text());
      throw new BuildFailure(e.text(), origin);
    } catch (IOException e) {
      step.failed(String.valueOf(e.getMessage()));
      throw new BuildFailure(String.valueOf(e.getMessage()), origin);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Builder.cancelled();
    }
  }

  // ---- FROM

  private void from() throws BuildFailure, ParseFailure, IOException, InterruptedException {
    Dockerfile.Stage parent = base.parent();
    if (parent != null) {
      Stage below = run.stage(parent.index());
      count(below.said());
      start(below.document(), below.layers(), below.created());
      variables.putAll(below.variables());
      declared.addAll(below.declared());
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
      config.workdir("/");
      return;
    }
    Image image = run.base(base.from(), base.platform());
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
    count(image.document().text().length());
    start(
        image.document(),
        run.builder().engine().images().layersOf(image, run.lease()),
        image.created());
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
    for (String trigger : config.takeTriggers()) {
      carryOut(Dockerfile.instruction(trigger), Silent.PROGRESS);
    }
  }

  private void start(Json.JsonObject from, List<Images.Layer> below, Instant when)
      throws ParseFailure {
    document = (Json.JsonObject) from.copy();
    for (String old :
        List.of(
            "comment",
            "container",
            "container_config",
            "docker_version",
            "id",
            "parent",
            "rootfs")) {
      document.remove(old);
    }
    config = new ImageConfig(document.object("config").orElseGet(Json::object));
    history = document.get("history") instanceof Json.JsonArray h ? h : Json.array();
    layers.addAll(below);
    created = when;
    newest = when.getEpochSecond();
    if (below.isEmpty() && times().asTheyAre()) {
      created = now();
    }
    run.keep(diffIds());
    config.shell().ifPresent(s -> shell = s);
    if (!config.environment().containsKey("PATH")) {
      config.addEnvironment(PATH);
    }
    variables.putAll(config.environment());
  }

  // ---- instructions

  private void carryOut(Instruction instruction, BuildProgress.Step step)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    unchanged = Optional.empty();
    current = null;
    switch (instruction) {
      case Instruction.From f -> throw f.origin().failure("FROM begins a stage");
      case Instruction.Run r -> new RunStep(this, r, step).run();
      case Instruction.Copy c -> new CopyStep(this, c, step).run();
      case Instruction.Workdir w -> workdir(w, step);
      case Instruction.Arg a -> arg(a);
      case Instruction.Env e -> {
        Expansion expansion = expansion();
        List<String> shown = new ArrayList<>();
        for (Instruction.Pair pair : e.variables()) {
          String entry = expansion.word(pair.name()) + "=" + expansion.word(pair.value());
          config.addEnvironment(entry);
          variables.put(expansion.word(pair.name()), expansion.word(pair.value()));
          shown.add(entry);
        }
        count(e.variables().size() * ITEM);
        note("ENV " + String.join(" ", shown));
      }
      case Instruction.Label l -> {
        Expansion expansion = expansion();
        List<String> shown = new ArrayList<>();
        for (Instruction.Pair pair : l.labels()) {
          String name = expansion.word(pair.name());
          String value = expansion.word(pair.value());
          config.label(name, value);
          shown.add(name + "=" + value);
        }
        count(l.labels().size() * ITEM);
        note("LABEL " + String.join(" ", shown));
      }
      case Instruction.Maintainer m -> {
        document.put("author", m.name());
        note("MAINTAINER " + m.name());
      }
      case Instruction.Cmd c -> {
        List<String> words = program(c.program());
        config.command(words);
        note("CMD " + Shown.quoted(words));
      }
      case Instruction.Entrypoint e -> {
        List<String> words = program(e.program());
        config.entrypoint(words);
        note("ENTRYPOINT " + Shown.quoted(words));
      }
      case Instruction.Expose e -> {
        List<String> ports = new ArrayList<>();
        for (String word : e.ports().stream().sorted().toList()) {
          ports.addAll(expansion().words(word));
        }
        count(ports.size() * ITEM);
        note("EXPOSE " + config.expose(ports, e.origin()));
      }
      case Instruction.Volume v -> {
        List<String> paths = new ArrayList<>();
        for (String path : v.paths()) {
          paths.add(expansion().word(path));
        }
        count(paths.size() * ITEM);
        config.volumes(paths);
        note("VOLUME " + Shown.plain(paths));
      }
      case Instruction.User u -> {
        String user = expansion().word(u.user());
        config.user(user);
        note("USER " + user);
      }
      case Instruction.StopSignal s -> {
        String signal = expansion().word(s.signal());
        config.stopSignal(signal, s.origin());
        note("STOPSIGNAL " + signal);
      }
      case Instruction.Onbuild o -> {
        count(o.instruction().length() + ITEM);
        config.trigger(o.instruction());
      }
      case Instruction.Shell s -> {
        shell = s.words();
        config.shell(s.words());
        note("SHELL " + Shown.plain(s.words()));
      }
      case Instruction.Healthcheck h -> note("HEALTHCHECK " + config.healthcheck(h));
    }
  }

  private List<String> program(Instruction.Program program) {
    if (!program.shell() || program.words().isEmpty()) {
      return program.words();
    }
    List<String> words = new ArrayList<>(shell);
    words.addAll(program.words());
    return words;
  }

  private void arg(Instruction.Arg arg) throws ParseFailure {
    List<String> shown = new ArrayList<>();
    for (Instruction.Argument a : arg.arguments()) {
      run.usesArgument(a.name());
      String given = run.request().arguments().get(a.name());
      String value = given;
      if (value == null && a.value().isPresent()) {
        value = expansion().word(a.value().get());
      }
      if (value == null) {
        value = run.globalArguments().get(a.name());
      }
      if (value == null) {
        value = Builder.platformArguments(run.request()).get(a.name());
      }
      declared.add(a.name());
      if (declared.size() > ImageConfig.MOST_VARIABLES) {
        throw new ParseFailure(0, "more than " + ImageConfig.MOST_VARIABLES + " variables");
      }
      if (value != null) {
        variables.put(a.name(), value);
      }
      shown.add(a.name() + (value == null ? "" : "=" + value));
    }
    note("ARG " + String.join(" ", shown));
  }

  private void workdir(Instruction.Workdir w, BuildProgress.Step step)
      throws BuildFailure, ParseFailure, IOException {
    String wanted = expansion().word(w.path());
    String path = config.resolve(wanted);
    config.workdir(wanted.startsWith("/") ? wanted : path); // Docker takes an absolute one as it is
    String text = "WORKDIR " + config.workdir();
    try (Tree tree = files()) {
      String real = dev.gantry.engine.LayerFiles.resolve(tree, path);
      Optional<Tree.Status> there = tree.status(real);
      String file = CopyStep.fileOnTheWay(tree, real, false);
      if (!file.isEmpty()) {
        throw new BuildFailure("mkdir " + file + ": not a directory", w.origin());
      }
      if (there.isPresent()) {
        if (!there.get().isDirectory()) {
          throw new BuildFailure("mkdir " + path + ": not a directory", w.origin());
        }
        note(text);
        return;
      }
      CopyStep.makeFolder(this, step, real, text);
    }
  }

  // ---- what steps work with

  BuildRun run() {
    return run;
  }

  ImageConfig config() {
    return config;
  }

  List<String> shell() {
    return shell;
  }

  int index() {
    return base.stage().index();
  }

  /// What the image is for.
  Platform platform() {
    return Platform.read(document);
  }

  List<Digest> diffIds() {
    return layers.stream().map(Images.Layer::diffId).toList();
  }

  /// The files as they are after the last step; the caller closes the tree.
  Tree files() throws Errno {
    return run.builder().engine().layerFiles().open(diffIds());
  }

  /// Variables of ENV and ARG: the last one counts.
  Expansion expansion() {
    Expansion known = current;
    if (known == null) { // one value of each, and one bound, for a whole instruction
      Map<String, String> now = new LinkedHashMap<>(variables);
      known = new Expansion(run.request().file().directives().escape(), now::get);
      current = known;
    }
    return known;
  }

  /// What RUN finds in its environment and instructions can use: of ENV and ARG, the last one.
  Map<String, String> variables() {
    return variables;
  }

  /// Names that an ARG of this stage or one below it has declared.
  Set<String> declared() {
    return declared;
  }

  /// Proxies given as build arguments: RUN sees them, but they are no part of its result.
  Map<String, String> proxies() {
    return run.request().arguments().entrySet().stream()
        .filter(e -> PROXIES.contains(e.getKey().toUpperCase(Locale.ROOT)))
        .filter(e -> !declared.contains(e.getKey()))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  /// An instruction that changes the configuration alone.
  void note(String text) throws ParseFailure {
    count(text.length());
    history.add(
        Json.object()
            .put("created", created.toString())
            .put("created_by", text)
            .put("comment", "buildkit.dockerfile.v0")
            .put("empty_layer", true));
  }

  /// The configuration has become larger: fails if it is too large, or all stages' are.
  private void count(long bytes) throws ParseFailure {
    said += bytes;
    if (said > MOST_SAID) {
      throw new ParseFailure(
          0, "the instructions come to more than " + (MOST_SAID >> 20) + " MiB of configuration");
    }
    run.count(bytes);
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

  private static Instant now() {
    return Instant.now().truncatedTo(java.time.temporal.ChronoUnit.SECONDS);
  }

  /// The next layer is made from something of that time (seconds since the epoch).
  void madeFrom(long seconds) {
    newest = Math.max(newest, Math.min(seconds, now().getEpochSecond()));
  }

  /// The time of the layer that is made, and of the files in it that are made with it: that of the
  /// newest thing that it is made from, unless the client has said another.
  long date() {
    return date(newest);
  }

  /// The same for a layer that is made from something of the time `made` alone.
  long date(long made) {
    return times().asTheyAre()
        ? now().getEpochSecond()
        : times().date().orElse(Math.min(made, now().getEpochSecond()));
  }

  /// No file of a layer of the time `date` is younger.
  long limit(long date) {
    return times().asTheyAre() ? Long.MAX_VALUE : date;
  }

  long limit() {
    return limit(date());
  }

  /// What decides what a layer is.
  ///
  /// @param ingredients all of it, beside the layers below
  /// @param date the layer's time, in seconds since the epoch
  /// @param alone whether the layers below decide nothing: it is the same on others
  /// @param told whether its text in the history says all of it that the layers below do not
  record Recipe(List<String> ingredients, long date, boolean alone, boolean told) {}

  /// Puts a layer on top: the one that was made from the same before, or a new one.
  void addLayer(Recipe recipe, String text, BuildProgress.Step step, LayerWriter writer)
      throws BuildFailure, ParseFailure, IOException, InterruptedException {
    run.check();
    count(text.length());
    List<Digest> below = diffIds();
    if (below.size() == MOST_LAYERS) {
      throw new BuildFailure("max depth exceeded: more than " + MOST_LAYERS + " layers", null);
    }
    Json.JsonArray all = Json.array();
    if (recipe.alone()) {
      all.add("alone");
    } else {
      all.add(below.isEmpty() ? "" : Images.chains(below).getLast().toString());
    }
    recipe.ingredients().forEach(all::add);
    times().date().ifPresent(d -> all.add("date " + d));
    if (times().asTheyAre()) {
      all.add("times");
    }
    Digest key = Digest.of(all.text().getBytes(StandardCharsets.UTF_8));
    Images images = run.builder().engine().images();
    Optional<LayerCache.Entry> known = takesNothing() ? Optional.empty() : images.cache().use(key);
    if (known.isPresent()) {
      Optional<Images.Layer> layer = images.cachedLayer(known.get(), below, run.lease());
      if (layer.isPresent()) {
        put(key, layer.get(), known.get().created(), text);
        step.cached();
        return;
      }
      images.cache().remove(key);
    }
    if (!takesNothing()) {
      Optional<LayerCache.Entry> elsewhere =
          run.imported().use(key, below, images, run.lease(), progress);
      if (elsewhere.isEmpty() && recipe.told()) {
        List<PastImage.Step> before =
            PastImage.steps(Json.object().put("all", history).objects("all"));
        elsewhere = run.imported().past(key, before, text, below, images, run.lease());
      }
      if (elsewhere.isPresent()) {
        Images.Layer layer = images.cachedLayer(elsewhere.get(), below, run.lease()).orElseThrow();
        put(key, layer, elsewhere.get().created(), text);
        step.cached();
        return;
      }
    }
    Images.Layer layer;
    try (ContentStore.Ingest tar = images.newLayer()) {
      try (OutputStream out = LayerOutput.of(tar.out(), images.content().folder(), run::check)) {
        writer.write(out);
      }
      run.check();
      layer = images.addLayer(tar, below, run.lease());
    }
    Instant now = Instant.ofEpochSecond(recipe.date());
    put(key, layer, now, text);
    images
        .cache()
        .put(
            key,
            new LayerCache.Entry(
                Images.chains(diffIds()).getLast(),
                layer.diffId(),
                layer.blob(),
                layer.size(),
                text,
                now,
                Instant.now(),
                0));
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
