package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.dockerfile.Similar;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.json.Json;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.HostMounts;
import dev.gantry.kernel.TreeRemoval;
import dev.gantry.oci.Platform;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Builds images on an engine. Thread-safe.
public final class Builder {
  static final String LABEL = "dev.gantry.build";
  private static final Set<String> KEPT = Set.of("caches", "contexts", "history");
  private static final int MOST_FINGERPRINTS = 10_000;
  private static final int MOST_DOWNLOADS = 6;

  /// Finds the image that a FROM names, pulling it if it is not here or `pull` says so. Whoever
  /// implements it has the client's credentials for registries.
  @FunctionalInterface
  public interface BaseImages {
    /// @param cancellation of the build: waiting for a registry belongs in one of its stretches
    /// @throws Failure.NotFound if there is none
    Image find(String name, Platform platform, boolean pull, Cancellation cancellation);

    /// What an image was made of that another build has just made; empty for any other.
    default Optional<List<Material>> materials(String name) {
      return Optional.empty();
    }
  }

  /// Makes a container's wish from a body of `POST /containers/create` without an image.
  @FunctionalInterface
  public interface Specs extends Function<Json.JsonObject, ContainerSpec> {}

  private final Engine engine;
  private final Specs specs;
  private final Path folder;
  private final CacheMounts mounts;
  private final BuildDisk disk;
  private @Nullable KeptContexts contexts; // made when the first is wanted
  private final Map<String, Fingerprint.Result> fingerprints =
      java.util.Collections.synchronizedMap(
          new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Fingerprint.Result> eldest) {
              return size() > MOST_FINGERPRINTS;
            }
          });

  private final Working working = new Working();
  private final Semaphore downloads = new Semaphore(MOST_DOWNLOADS);

  /// The steps that builds carry out.
  Working working() {
    return working;
  }

  /// A download of a build, which may be interrupted.
  final class Download implements AutoCloseable {
    private final Cancellation.Waiting waiting;

    private Download(Cancellation.Waiting waiting) {
      this.waiting = waiting;
    }

    @Override
    public void close() {
      downloads.release();
      waiting.close();
    }
  }

  /// Begins a download as soon as there are not too many.
  Download downloading(Cancellation cancellation) throws InterruptedException {
    Cancellation.Waiting waiting = cancellation.waiting();
    try {
      downloads.acquire();
      return new Download(waiting);
    } catch (InterruptedException e) {
      waiting.close();
      throw e;
    }
  }

  /// What builds keep on the disk.
  public BuildDisk disk() {
    return disk;
  }

  CacheMounts mounts() {
    return mounts;
  }

  /// Folders of clients that are kept for their next build.
  public synchronized KeptContexts contexts() {
    if (contexts == null) {
      Path kept = folder.resolve("contexts");
      try {
        contexts = new KeptContexts(java.nio.file.Files.createDirectories(kept));
      } catch (java.io.IOException e) {
        throw new Failure.Internal("could not open " + kept + ": " + e.getMessage(), e);
      }
    }
    return contexts;
  }

  /// @param folder for caches and what is made on the way
  public Builder(Engine engine, Specs specs, Path folder) {
    this.engine = engine;
    this.specs = specs;
    this.folder = folder;
    this.mounts = new CacheMounts(folder.resolve("caches"));
    this.disk = new BuildDisk(this);
  }

  /// Removes the containers of builds that a crash has cut off. What builds had in work goes too;
  /// caches stay.
  public void sweep() {
    for (Container c : engine.list()) {
      if (c.spec().labels().containsKey(LABEL)) {
        engine.remove(c.id(), true, true);
      }
    }
    try (var all = java.nio.file.Files.list(folder)) {
      List<Path> left = all.filter(p -> !KEPT.contains(p.getFileName().toString())).toList();
      if (!left.isEmpty()) {
        GitSource.sweep(folder);
      }
      for (Path path : left) {
        HostMounts.unmountBelow(path);
        remove(path);
      }
    } catch (java.io.IOException e) {
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not tidy " + folder, e);
    }
  }

  /// Removes a folder or file of a build.
  public static void remove(Path path) {
    try {
      TreeRemoval.remove(path);
    } catch (Errno e) {
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not remove " + path, e);
    }
  }

  /// What [Fingerprint] said of files in layers, which never change, and in folders that have names
  /// for what is in them.
  Map<String, Fingerprint.Result> fingerprints() {
    return fingerprints;
  }

  /// The names of the variables that an image sets; empty if it is not here.
  public static Optional<Set<String>> variables(Images images, String name) {
    try {
      return images
          .find(name)
          .map(i -> new ImageConfig((Json.JsonObject) i.config().copy()).environment().keySet());
    } catch (Failure e) {
      return Optional.empty(); // no name of any image: the build says so
    }
  }

  Engine engine() {
    return engine;
  }

  ContainerSpec spec(Json.JsonObject body) {
    return specs.apply(body);
  }

  Path folder() {
    return folder;
  }

  /// Plans a build; [BuildRun#build] carries it out.
  public BuildRun plan(BuildRequest request, BaseImages bases) throws BuildFailure {
    try {
      return new BuildRun(this, request, bases, needs(request));
    } catch (ParseFailure e) {
      Origin at = new Origin(e.line(), e.last(), "", List.of());
      throw new BuildFailure(e.text(), e.line() > 0 ? at : null);
    }
  }

  /// Plans builds of the same for several platforms.
  ///
  /// @param requests one for each platform
  public PlatformBuild plan(List<BuildRequest> requests, BaseImages bases) throws BuildFailure {
    List<BuildRun> runs = new ArrayList<>();
    try {
      for (BuildRequest request : requests) {
        runs.add(plan(request, bases));
      }
      PlatformBuild build = new PlatformBuild(runs);
      runs = List.of();
      return build;
    } finally {
      runs.forEach(BuildRun::close);
    }
  }

  // ---- what is needed

  /// The stages that the target needs.
  ///
  /// @param arguments the values that stand before the first FROM
  /// @param needed in the order of the Dockerfile
  /// @param all every stage
  record Plan(
      Map<String, String> arguments, Dockerfile.Stage target, List<Base> needed, List<Base> all) {
    Base base(int stage) {
      return needed.stream().filter(b -> b.stage().index() == stage).findFirst().orElseThrow();
    }
  }

  /// What a stage stands on.
  ///
  /// @param from its FROM, variables replaced
  /// @param platform what the image shall run on
  /// @param parent the stage that it names; null if it names an image
  record Base(
      Dockerfile.Stage stage, String from, Platform platform, Dockerfile.@Nullable Stage parent) {}

  private static Platform platform(String text, Instruction.From from) throws ParseFailure {
    try {
      return Platform.parse(text);
    } catch (Failure e) {
      throw from.origin().failure("failed to parse platform " + text + ": " + e.text());
    }
  }

  private static Plan needs(BuildRequest request) throws ParseFailure, BuildFailure {
    Dockerfile file = request.file();
    Map<String, String> platform = platformArguments(request);
    Map<String, String> arguments = new LinkedHashMap<>();
    Expansion expansion = expansion(file, platform, arguments); // one bound for all
    for (Instruction.Arg arg : file.arguments()) {
      for (Instruction.Argument a : arg.arguments()) {
        String given = request.arguments().get(a.name());
        if (given != null) {
          arguments.put(a.name(), given);
        } else if (a.value().isPresent()) {
          arguments.put(a.name(), word(expansion, a.value().get(), arg.origin()));
        }
      }
    }
    Dockerfile.Stage target = target(file, request.target());
    List<Base> bases = new ArrayList<>();
    for (Dockerfile.Stage stage : file.stages()) {
      String from = word(expansion, stage.from().image(), stage.from().origin());
      String wanted = word(expansion, stage.from().platform(), stage.from().origin());
      if (from.isEmpty()) {
        throw stage
            .from()
            .origin()
            .failure("base name (" + stage.from().image() + ") should not be blank");
      }
      Dockerfile.Stage parent =
          from.matches("[0-9]+") ? null : request.stage(from, stage.index()).orElse(null);
      bases.add(
          new Base(
              stage,
              from,
              wanted.isEmpty() ? request.platform() : platform(wanted, stage.from()),
              parent));
    }
    Set<Integer> wanted = new TreeSet<>();
    need(request, bases, target.index(), wanted);
    for (int stage : wanted) {
      for (Instruction instruction : bases.get(stage).stage().instructions()) {
        check(request, instruction, bases.get(stage).stage());
      }
    }
    return new Plan(
        arguments, target, wanted.stream().map(bases::get).toList(), List.copyOf(bases));
  }

  /// What can be seen to be wrong before anything is done.
  private static void check(BuildRequest request, Instruction instruction, Dockerfile.Stage stage)
      throws ParseFailure, BuildFailure {
    switch (instruction) {
      case Instruction.Copy copy when !copy.add() -> {
        String from = copy.flags().from();
        if (from.indexOf('$') >= 0) {
          throw new BuildFailure(
              "variable expansion is not supported for --from, define a new stage with FROM using"
                  + " ARG from global scope as a workaround",
              null);
        }
        if (!from.isEmpty() && from.equalsIgnoreCase(stage.from().name())) {
          throw new BuildFailure("circular dependency detected on stage: " + from, copy.origin());
        }
        if (from.matches("[0-9]{1,9}")
            && request.stage(from, stage.index()).isEmpty()
            && !request.contexts().containsKey(from)
            && !request.images().containsKey(from)) {
          throw new BuildFailure("invalid stage index " + from, copy.origin());
        }
        if (from.isEmpty() && copy.sources().stream().anyMatch(RemoteFile::isUrl)) {
          throw new BuildFailure("source can't be a URL for COPY", copy.origin());
        }
      }
      case Instruction.Run run -> {
        for (String mount : run.mounts()) {
          if (mount.indexOf('$') < 0) {
            RunMount ignored = mount(mount, run);
          }
        }
      }
      default -> {}
    }
  }

  private static RunMount mount(String text, Instruction.Run run) throws ParseFailure {
    try {
      return RunMount.parse(text);
    } catch (ParseFailure e) {
      throw run.origin().failure(e.text());
    }
  }

  private static String word(Expansion expansion, String text, Origin origin) throws ParseFailure {
    try {
      return expansion.word(text);
    } catch (ParseFailure e) {
      throw origin.failure(e.text());
    }
  }

  private static Expansion expansion(
      Dockerfile file, Map<String, String> platform, Map<String, String> arguments) {
    return new Expansion(
        file.directives().escape(),
        name -> {
          String value = arguments.get(name);
          return value == null ? platform.get(name) : value;
        });
  }

  private static Dockerfile.Stage target(Dockerfile file, String wanted) throws BuildFailure {
    if (wanted.isEmpty()) {
      return file.stages().getLast();
    }
    Optional<Dockerfile.Stage> stage = file.stage(wanted, file.stages().size());
    if (stage.isEmpty()) {
      List<String> names = file.stages().stream().map(s -> s.from().name()).toList();
      throw new BuildFailure(
          "target stage \""
              + wanted
              + "\" could not be found"
              + Similar.nearest(wanted, names.stream().filter(n -> !n.isEmpty()).toList())
                  .map(n -> " (did you mean " + n + "?)")
                  .orElse(""),
          null);
    }
    return stage.get();
  }

  private static void need(BuildRequest request, List<Base> bases, int stage, Set<Integer> wanted) {
    if (!wanted.add(stage)) {
      return;
    }
    Base base = bases.get(stage);
    if (base.parent() != null) {
      need(request, bases, base.parent().index(), wanted);
    }
    Set<String> from = new LinkedHashSet<>();
    for (Instruction instruction : base.stage().instructions()) {
      if (instruction instanceof Instruction.Copy copy) {
        from.add(copy.flags().from());
      } else if (instruction instanceof Instruction.Run run) {
        for (String mount : run.mounts()) {
          for (String field : mount.split(",")) {
            if (field.startsWith("from=")) {
              from.add(field.substring(5));
            }
          }
        }
      }
    }
    for (String name : from) {
      request.stage(name, stage).ifPresent(s -> need(request, bases, s.index(), wanted));
    }
  }

  /// What every build knows of the platform.
  static Map<String, String> platformArguments(BuildRequest request) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String kind : List.of("TARGET", "BUILD")) {
      Platform platform = kind.equals("TARGET") ? request.platform() : Platform.here();
      all.put(kind + "PLATFORM", platform.toString());
      all.put(kind + "OS", platform.os());
      all.put(kind + "OSVERSION", "");
      all.put(kind + "ARCH", platform.architecture());
      all.put(kind + "VARIANT", platform.variant());
    }
    String last = request.file().stages().getLast().from().name();
    String target = request.target().isEmpty() ? last : request.target();
    all.put("TARGETSTAGE", target.isEmpty() ? "default" : target);
    return all;
  }

  static Failure.Cancelled cancelled() {
    return new Failure.Cancelled("the build was cancelled");
  }
}
