package dev.gantry.build;

import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.json.Json;
import dev.gantry.oci.Platform;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// What shall be built. Made by [#of] and a [Draft].
///
/// @param contexts named contexts by name: what `FROM` and `--from` find under it before they look
///   for a stage or an image
/// @param images named contexts that are images: what the name stands for
/// @param target stage to stop at; empty for the last one
/// @param platform what the image shall run on
/// @param arguments build arguments
/// @param labels more labels of the image
/// @param noCache nothing is taken from the cache
/// @param noCacheStages stages (names in lower case, or numbers) that take nothing from the cache
/// @param pull ask registries for newer base images
/// @param host what RUN's containers get, as `HostConfig` of the Docker API: limits, network mode,
///   hosts
/// @param entitlements what `--allow` allows: `network.host`, `security.insecure`
/// @param times which times the image's files get
/// @param client gives secrets and ssh agents
/// @param text the Dockerfile as it was written
/// @param cacheFrom caches of other builders
/// @param squash whether all layers above the base image's become one
/// @param debug whether the state before a step that fails shall be whole: a step that was begun
///   ahead then fails when it is its turn
public record BuildRequest(
    Dockerfile file,
    Source context,
    Map<String, Source> contexts,
    Map<String, String> images,
    String target,
    Platform platform,
    Map<String, String> arguments,
    Map<String, String> labels,
    boolean noCache,
    Set<String> noCacheStages,
    boolean pull,
    Json.JsonObject host,
    Set<String> entitlements,
    Times times,
    BuildClient client,
    String text,
    List<CacheSource> cacheFrom,
    boolean squash,
    boolean debug) {
  /// The build argument that says the host name of steps.
  public static final String HOST_NAME = "BUILDKIT_SANDBOX_HOSTNAME";

  /// Whether the value of an argument means yes.
  public static boolean isOn(String value) {
    return value.equals("1") || value.equalsIgnoreCase("true") || value.equalsIgnoreCase("t");
  }

  /// Which times files and the image get.
  ///
  /// @param date nothing is younger (seconds since the epoch); absent for a date for each layer:
  ///   that of the newest thing that it was made from
  /// @param asTheyAre times stay as programs and the context have them, and the image is of now
  public record Times(OptionalLong date, boolean asTheyAre) {
    /// Each layer is as old as what it was made from.
    public static final Times OF_INPUTS = new Times(OptionalLong.empty(), false);

    private static long now() {
      return java.time.Instant.now().getEpochSecond();
    }

    /// The time of a layer, and of the files in it that are made with it (seconds since the epoch).
    ///
    /// @param made that of the newest thing that it is made from
    long date(long made) {
      return asTheyAre ? now() : date.orElse(Math.min(made, now()));
    }

    /// No file of a layer of the time `of` is younger.
    long limit(long of) {
      return asTheyAre ? Long.MAX_VALUE : of;
    }

    /// Reads the build argument SOURCE_DATE_EPOCH: a date, or empty for times as they are.
    public static Times of(Map<String, String> arguments) {
      String date = arguments.get("SOURCE_DATE_EPOCH");
      if (date == null) {
        return OF_INPUTS;
      }
      return date.matches("[0-9]{1,12}")
          ? new Times(OptionalLong.of(Long.parseLong(date)), false)
          : new Times(OptionalLong.empty(), true);
    }
  }

  /// The same for another platform.
  public BuildRequest withPlatform(Platform other) {
    return new BuildRequest(
        file,
        context,
        contexts,
        images,
        target,
        other,
        arguments,
        labels,
        noCache,
        noCacheStages,
        pull,
        host,
        entitlements,
        times,
        client,
        text,
        cacheFrom,
        squash,
        debug);
  }

  /// The stage that a FROM or `--from` before stage `before` means; none where a named context has
  /// taken the name.
  Optional<Dockerfile.Stage> stage(String name, int before) {
    return contexts.containsKey(name) || images.containsKey(name)
        ? Optional.empty()
        : file.stage(name, before);
  }

  /// A request to build `file` with `context` and nothing else said.
  public static Draft of(Dockerfile file, Source context) {
    return new Draft(file, context);
  }

  /// A request in the making.
  public static final class Draft {
    private final Dockerfile file;
    private final Source context;
    private Map<String, Source> contexts = Map.of();
    private Map<String, String> images = Map.of();
    private String target = "";
    private Platform platform = Platform.here();
    private Map<String, String> arguments = Map.of();
    private Map<String, String> labels = Map.of();
    private boolean noCache;
    private Set<String> noCacheStages = Set.of();
    private boolean pull;
    private Json.JsonObject host = Json.object();
    private Set<String> entitlements = Set.of();
    private BuildClient client = BuildClient.NONE;
    private String text = "";
    private List<CacheSource> cacheFrom = List.of();
    private boolean squash;
    private boolean debug;

    private Draft(Dockerfile file, Source context) {
      this.file = file;
      this.context = context;
    }

    public Draft contexts(Map<String, Source> all) {
      contexts = Map.copyOf(all);
      return this;
    }

    public Draft images(Map<String, String> all) {
      images = Map.copyOf(all);
      return this;
    }

    public Draft target(String stage) {
      target = stage;
      return this;
    }

    public Draft platform(Platform wanted) {
      platform = wanted;
      return this;
    }

    public Draft arguments(Map<String, String> all) {
      arguments = Map.copyOf(all);
      return this;
    }

    public Draft labels(Map<String, String> all) {
      labels = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(all));
      return this;
    }

    public Draft noCache(boolean nothing, List<String> stages) {
      noCache = nothing;
      noCacheStages = Set.copyOf(stages);
      return this;
    }

    public Draft pull(boolean always) {
      pull = always;
      return this;
    }

    public Draft host(Json.JsonObject config) {
      host = config;
      return this;
    }

    public Draft entitlements(Set<String> allowed) {
      entitlements = Set.copyOf(allowed);
      return this;
    }

    public Draft client(BuildClient giving) {
      client = giving;
      return this;
    }

    public Draft text(String dockerfile) {
      text = dockerfile;
      return this;
    }

    public Draft cacheFrom(List<CacheSource> sources) {
      cacheFrom = List.copyOf(sources);
      return this;
    }

    public Draft squash(boolean together) {
      squash = together;
      return this;
    }

    public Draft debug(boolean entered) {
      debug = entered;
      return this;
    }

    public BuildRequest done() {
      return new BuildRequest(
          file,
          context,
          contexts,
          images,
          target,
          platform,
          arguments,
          labels,
          noCache,
          noCacheStages,
          pull,
          host,
          entitlements,
          Times.of(arguments),
          client,
          text,
          cacheFrom,
          squash,
          debug);
    }
  }
}
