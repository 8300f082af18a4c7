package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildRequest;
import dev.gantry.grpc.GrpcException;
import dev.gantry.json.Json;
import dev.gantry.oci.Platform;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The Dockerfile frontend's options, as `docker buildx build` makes them of its flags.
///
/// @param all by name: `filename`, `build-arg:A`, `context:x`, …
record Options(Map<String, String> all) {
  String text(String name) {
    return all.getOrDefault(name, "");
  }

  boolean has(String name) {
    return all.containsKey(name);
  }

  /// All with a prefix, which is taken off.
  Map<String, String> below(String prefix) {
    Map<String, String> found = new LinkedHashMap<>();
    all.forEach(
        (name, value) -> {
          if (name.startsWith(prefix)) {
            found.put(name.substring(prefix.length()), value);
          }
        });
    return found;
  }

  String filename() {
    String name = text("filename");
    return name.isEmpty() ? "Dockerfile" : name;
  }

  /// The session that has the folder `name`, where it is not the build's own.
  String session(String name, String own) {
    String other = text("local-sessionid:" + name);
    return other.isEmpty() ? own : other;
  }

  /// What the image shall run on, one or several.
  List<Platform> platforms() throws GrpcException {
    if (text("platform").isEmpty()) {
      return List.of(Platform.here());
    }
    try {
      return split(text("platform")).stream().map(Platform::parse).distinct().toList();
    } catch (Failure e) {
      throw new GrpcException(GrpcException.UNKNOWN, e.text());
    }
  }

  /// The attestations that somebody asked for. What clients add to every build by themselves
  /// (`inline-only`) would make an image another one at each build.
  ///
  /// @param everything also those
  Map<String, String> attestations(boolean everything) {
    Map<String, String> all = new LinkedHashMap<>(below("attest:"));
    all.values().removeIf(v -> !everything && List.of(v.split(",")).contains("inline-only=true"));
    all.replaceAll((kind, fields) -> fields.replaceFirst("(^|,)type=" + kind + "(,|$)", "$1"));
    return all;
  }

  boolean noCache() {
    return has("no-cache") && text("no-cache").isEmpty();
  }

  List<String> noCacheStages() {
    return split(text("no-cache"));
  }

  private static List<String> split(String text) {
    return text.isEmpty() ? List.of() : List.of(text.split(","));
  }

  /// Build arguments. The host name of steps has an option of its own, too.
  Map<String, String> arguments() {
    Map<String, String> all = below("build-arg:");
    if (!text("hostname").isEmpty()) {
      all.putIfAbsent(BuildRequest.HOST_NAME, text("hostname"));
    }
    return all;
  }

  /// Whether a context from a git repository has the folder `.git`.
  boolean keepsGitFolder() {
    return BuildRequest.isOn(text("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR"));
  }

  /// Whether the result is one of several platforms though it has one.
  boolean multiPlatform() {
    return BuildRequest.isOn(text("multi-platform"))
        || BuildRequest.isOn(text("build-arg:BUILDKIT_MULTI_PLATFORM"));
  }

  /// What RUN's containers get, as `HostConfig` of the Docker API.
  Json.JsonObject host() throws GrpcException {
    Json.JsonObject host = Json.object();
    String network = text("force-network-mode");
    if (!network.isEmpty()) {
      host.put("NetworkMode", network.equals("sandbox") ? "default" : network);
    }
    Json.JsonArray hosts = Json.array();
    for (String entry : split(text("add-hosts"))) {
      hosts.add(entry.replaceFirst("=", ":"));
    }
    host.put("ExtraHosts", hosts);
    if (!text("shm-size").isEmpty()) {
      host.put("ShmSize", number("shm-size", text("shm-size")));
    }
    if (!text("cgroup-parent").isEmpty()) {
      host.put("CgroupParent", text("cgroup-parent"));
    }
    Json.JsonArray limits = Json.array();
    for (String entry : split(text("ulimit"))) {
      String[] parts = entry.split("[=:]");
      if (parts.length < 2 || parts.length > 3) {
        throw new GrpcException(GrpcException.INVALID_ARGUMENT, "invalid ulimit " + entry);
      }
      long soft = number("ulimit", parts[1]);
      limits.add(
          Json.object()
              .put("Name", parts[0])
              .put("Soft", soft)
              .put("Hard", parts.length == 3 ? number("ulimit", parts[2]) : soft));
    }
    if (limits.size() > 0) {
      host.put("Ulimits", limits);
    }
    return host;
  }

  private static long number(String option, String text) throws GrpcException {
    if (!text.matches("-?[0-9]{1,18}")) {
      throw new GrpcException(
          GrpcException.INVALID_ARGUMENT, "invalid " + option + ": " + text + " is no number");
    }
    return Long.parseLong(text);
  }
}
