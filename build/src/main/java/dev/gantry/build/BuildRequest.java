package dev.gantry.build;

import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// What shall be built.
///
/// @param contexts named contexts by name
/// @param target stage to stop at; empty for the last one
/// @param arguments build arguments
/// @param labels more labels of the image
/// @param tags its names
/// @param host what RUN's containers get, as `HostConfig` of the Docker API: limits, network mode,
///   hosts
/// @param sourceDate seconds since the epoch that no time in the image shall be after
public record BuildRequest(
    Dockerfile file,
    BuildContext context,
    Map<String, Source> contexts,
    String target,
    Map<String, String> arguments,
    Map<String, String> labels,
    List<ImageReference> tags,
    boolean noCache,
    boolean pull,
    Json.JsonObject host,
    OptionalLong sourceDate) {}
