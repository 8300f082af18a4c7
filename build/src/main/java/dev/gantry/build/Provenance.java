package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.Platform;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Says how an image was built, as a predicate of an in-toto statement: SLSA provenance 0.2 or 1.
/// In mode `min` what people may want to hide stays away: the values of arguments, the Dockerfile.
/// Secrets are in neither.
public final class Provenance {
  private static final String BUILD_TYPE = "https://mobyproject.org/buildkit@v1";
  private static final String BUILD_TYPE_1 =
      "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";
  private static final Set<String> FIELDS =
      Set.of(
          "mode", "version", "builder-id", "disabled", "inline-only", "filename", "reproducible");

  /// What depends on the machine that builds, and what is told elsewhere.
  private static final Set<String> OF_MACHINE =
      Set.of("cgroup-parent", "filename", "image-resolve-mode", "platform");

  private Provenance() {}

  /// What a client wants to have said.
  ///
  /// @param full whether with arguments, the Dockerfile and the steps
  /// @param version `v0.2` or `v1`
  /// @param builder who built it, as a URI; may be empty
  /// @param reproducible what the client says of the build
  public record Wish(boolean full, String version, String builder, boolean reproducible) {
    static Wish of(Map<String, String> fields) {
      for (String key : fields.keySet()) {
        if (!FIELDS.contains(key)) {
          throw new Failure.InvalidRequest("unknown field " + key + " of provenance");
        }
      }
      String mode = fields.getOrDefault("mode", "min");
      String version = fields.getOrDefault("version", "v0.2");
      if (!Set.of("min", "max").contains(mode)) {
        throw new Failure.InvalidRequest("invalid provenance mode " + mode + ": min or max");
      }
      if (!Set.of("v0.2", "v1").contains(version)) {
        throw new Failure.InvalidRequest("invalid SLSA version " + version + ": v0.2 or v1");
      }
      return new Wish(
          mode.equals("max"),
          version,
          fields.getOrDefault("builder-id", ""),
          fields.getOrDefault("reproducible", "false").equals("true"));
    }

    /// What kind of predicate it is.
    public String predicateType() {
      return version.equals("v1")
          ? "https://slsa.dev/provenance/v1"
          : "https://slsa.dev/provenance/v0.2";
    }
  }

  /// How a build was asked for.
  ///
  /// @param id names the build
  /// @param dockerfile its path in the context
  /// @param context a URL with the context in it; empty for a client's folder
  /// @param attributes what else the client said, as BuildKit's clients name it (`target`,
  ///   `label:KEY`, `build-arg:NAME`, …)
  public record Invocation(
      String id,
      String dockerfile,
      String context,
      Map<String, String> attributes,
      Instant began,
      Instant ended) {
    public Invocation {
      context = Redaction.urls(context);
      attributes =
          attributes.entrySet().stream()
              .collect(
                  Collectors.toUnmodifiableMap(
                      Map.Entry::getKey, e -> Redaction.urls(e.getValue())));
    }
  }

  /// The predicate about what `built` is.
  public static Json.JsonObject of(Wish wish, Invocation invocation, Built built) {
    return wish.version().equals("v1")
        ? newer(wish, invocation, built)
        : older(wish, invocation, built);
  }

  /// The same about a build whose result nobody has, as the history lists it.
  private static Json.JsonObject older(Wish wish, Invocation invocation, Built built) {
    Json.JsonObject source = Json.object();
    if (!invocation.context().isEmpty()) {
      source.put("uri", invocation.context());
      built.materials().stream()
          .filter(m -> m.uri().equals(invocation.context()))
          .findFirst()
          .ifPresent(m -> source.put("digest", digest(m)));
    }
    source.put("entryPoint", invocation.dockerfile());
    Json.JsonObject metadata =
        Json.object()
            .put("buildInvocationID", invocation.id())
            .put("buildStartedOn", invocation.began().toString())
            .put("buildFinishedOn", invocation.ended().toString())
            .put(
                "completeness",
                Json.object()
                    .put("parameters", tellsAll(wish, invocation))
                    .put("environment", true)
                    .put("materials", invocation.context().isEmpty() ? false : true))
            .put("reproducible", wish.reproducible());
    metadata.put("https://mobyproject.org/buildkit@v1#metadata", source(wish, built));
    Json.JsonObject predicate =
        Json.object()
            .put("builder", Json.object().put("id", wish.builder()))
            .put("buildType", BUILD_TYPE)
            .put("materials", materials(built))
            .put(
                "invocation",
                Json.object()
                    .put("configSource", source)
                    .put("parameters", parameters(wish, invocation))
                    .put("environment", Json.object().put("platform", Platform.here().toString())));
    if (wish.full()) {
      predicate.put("buildConfig", steps(built));
    }
    return predicate.put("metadata", metadata);
  }

  private static Json.JsonObject newer(Wish wish, Invocation invocation, Built built) {
    Json.JsonObject source = Json.object();
    if (!invocation.context().isEmpty()) {
      source.put("uri", invocation.context());
    }
    source.put("path", invocation.dockerfile());
    Json.JsonObject internal = Json.object().put("builderPlatform", Platform.here().toString());
    if (wish.full()) {
      internal.put("buildConfig", steps(built));
    }
    Json.JsonArray dependencies = Json.array();
    built
        .materials()
        .forEach(m -> dependencies.add(Json.object().put("uri", m.uri()).put("digest", digest(m))));
    Json.JsonObject metadata =
        Json.object()
            .put("invocationId", invocation.id())
            .put("startedOn", invocation.began().toString())
            .put("finishedOn", invocation.ended().toString());
    metadata.put("buildkit_metadata", source(wish, built));
    if (wish.reproducible()) {
      metadata.put("buildkit_reproducible", true);
    }
    metadata.put(
        "buildkit_completeness",
        Json.object()
            .put("request", tellsAll(wish, invocation))
            .put("resolvedDependencies", !invocation.context().isEmpty()));
    return Json.object()
        .put(
            "buildDefinition",
            Json.object()
                .put("buildType", BUILD_TYPE_1)
                .put(
                    "externalParameters",
                    Json.object()
                        .put("configSource", source)
                        .put("request", parameters(wish, invocation)))
                .put("internalParameters", internal)
                .put("resolvedDependencies", dependencies))
        .put(
            "runDetails",
            Json.object()
                .put("builder", Json.object().put("id", wish.builder()))
                .put("metadata", metadata));
  }

  private static Json.JsonObject digest(Material m) {
    return Json.object().put(m.algorithm(), m.digest());
  }

  private static Json.JsonArray materials(Built built) {
    Json.JsonArray all = Json.array();
    for (Material m : built.materials()) {
      all.add(Json.object().put("uri", m.uri()).put("digest", digest(m)));
    }
    return all;
  }

  /// Arguments may hold what is nobody's business: only the full form has their values.
  private static Json.JsonObject parameters(Wish wish, Invocation invocation) {
    Json.JsonObject arguments = Json.object();
    new TreeMap<>(invocation.attributes())
        .forEach(
            (name, value) -> {
              if (!name.startsWith("attest:")
                  && !OF_MACHINE.contains(name)
                  && (wish.full() || !isHidden(name))) {
                arguments.put(name, value);
              }
            });
    Json.JsonArray locals = Json.array();
    if (invocation.context().isEmpty()) {
      for (String local : List.of("context", "dockerfile")) {
        locals.add(Json.object().put("name", local));
      }
    }
    Json.JsonObject all = Json.object().put("frontend", "dockerfile.v0");
    if (!arguments.isEmpty()) {
      all.put("args", arguments);
    }
    return all.put("locals", locals);
  }

  private static boolean isHidden(String argument) {
    return argument.startsWith("build-arg:") || argument.startsWith("label:");
  }

  /// Whether all that the client has said is told.
  private static boolean tellsAll(Wish wish, Invocation invocation) {
    return wish.full() || invocation.attributes().keySet().stream().noneMatch(Provenance::isHidden);
  }

  private static Json.JsonObject source(Wish wish, Built built) {
    Json.JsonObject metadata = Json.object();
    if (wish.full()) {
      metadata.put("source", Json.object().put("infos", Json.array().add(dockerfile(built))));
    }
    return metadata;
  }

  private static Json.JsonObject dockerfile(Built built) {
    byte[] text = built.dockerfile().getBytes(java.nio.charset.StandardCharsets.UTF_8);
    return Json.object()
        .put("filename", "Dockerfile")
        .put("language", "Dockerfile")
        .put("data", java.util.Base64.getEncoder().encodeToString(text))
        .put("digest", Digest.of(text).toString());
  }

  /// The instructions of the stages that were needed, with the layers that the last stage got.
  private static Json.JsonObject steps(Built built) {
    Json.JsonArray all = Json.array();
    int number = 0;
    for (BuildProgress.Planned step : built.steps()) {
      all.add(
          Json.object()
              .put("id", "step" + number++)
              .put("stage", step.stage())
              .put("instruction", step.text()));
    }
    Json.JsonArray layers = Json.array();
    built.diffIds().forEach(d -> layers.add(d.toString()));
    return Json.object().put("steps", all).put("layers", layers);
  }
}
