package dev.gantry.server;

import dev.gantry.build.CachePolicy;
import dev.gantry.json.Json;
import dev.gantry.registryclient.RegistryOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the engine's operator has set and the API shows or applies. It may change while the server
/// runs.
///
/// @param labels `key=value`
/// @param containers what a container gets that does not say otherwise
/// @param registries how registries are reached
/// @param liveRestore whether containers go on when the engine is stopped
/// @param buildCache how much of the disk builds may keep
public record ServerSettings(
    String version,
    Path dataRoot,
    boolean debug,
    List<String> labels,
    Defaults containers,
    RegistryOptions registries,
    boolean liveRestore,
    CachePolicy buildCache) {
  /// The release of Docker that speaks our API. Clients compare it with the oldest that they can
  /// use (Testcontainers: 1.6.0), so it stands before our own version.
  private static final String DOCKER = "28.5.2";

  /// The version as clients of Docker read it.
  public String release() {
    return DOCKER + "+gantry" + version;
  }

  /// What a container gets that does not say otherwise. Empty texts and 0 for Docker's own
  /// defaults.
  ///
  /// @param shmSize bytes
  /// @param stopTimeout seconds
  /// @param ulimits `{"Name":…,"Soft":…,"Hard":…}`
  /// @param securityOptions as `SecurityOpt`
  public record Defaults(
      boolean init,
      String cgroupnsMode,
      String ipcMode,
      long shmSize,
      int stopTimeout,
      Json.JsonArray ulimits,
      List<String> securityOptions,
      String logDriver,
      Json.JsonObject logOptions) {

    /// The body of POST /containers/create with what it leaves open.
    public Json.JsonObject complete(Json.JsonObject body) {
      Json.JsonObject full = copy(body);
      Json.JsonObject host = copy(body.object("HostConfig").orElseGet(Json::object));
      if (init && isOpen(host.get("Init"))) {
        host.put("Init", true);
      }
      if (!cgroupnsMode.isEmpty() && host.string("CgroupnsMode", "").isEmpty()) {
        host.put("CgroupnsMode", cgroupnsMode);
      }
      if (!ipcMode.isEmpty() && host.string("IpcMode", "").isEmpty()) {
        host.put("IpcMode", ipcMode);
      }
      if (shmSize > 0 && host.number("ShmSize", 0) == 0) {
        host.put("ShmSize", shmSize);
      }
      if (stopTimeout > 0 && isOpen(body.get("StopTimeout"))) {
        full.put("StopTimeout", stopTimeout);
      }
      if (!ulimits.items().isEmpty()) {
        host.put("Ulimits", ulimits(host));
      }
      if (!securityOptions.isEmpty() && !host.bool("Privileged", false)) {
        host.put("SecurityOpt", Json.strings(security(host)));
      }
      log(host);
      return full.put("HostConfig", host);
    }

    private Json.JsonArray ulimits(Json.JsonObject host) {
      Json.JsonArray all = Json.array();
      List<Json.JsonObject> own = host.objects("Ulimits");
      own.forEach(all::add);
      for (Json limit : ulimits.items()) {
        if (limit instanceof Json.JsonObject l
            && own.stream().noneMatch(o -> o.string("Name", "").equals(l.string("Name", "")))) {
          all.add(l);
        }
      }
      return all;
    }

    private List<String> security(Json.JsonObject host) {
      List<String> all = new ArrayList<>(host.strings("SecurityOpt"));
      for (String option : securityOptions) {
        String kind = option.split("[=:]", 2)[0];
        if (all.stream().noneMatch(o -> o.split("[=:]", 2)[0].equals(kind))) {
          all.add(option);
        }
      }
      return all;
    }

    /// The default driver's options are for that driver alone.
    private void log(Json.JsonObject host) {
      Json.JsonObject own = host.object("LogConfig").orElseGet(Json::object);
      String driver = own.string("Type", "");
      if (!driver.isEmpty() && !driver.equals(logDriver)) {
        return;
      }
      Json.JsonObject options = copy(logOptions);
      own.object("Config").ifPresent(c -> c.members().forEach(options::put));
      host.put("LogConfig", Json.object().put("Type", logDriver).put("Config", options));
    }

    private static boolean isOpen(@org.jspecify.annotations.Nullable Json value) {
      return value == null || value == Json.NULL;
    }

    private static Json.JsonObject copy(Json.JsonObject o) {
      Json.JsonObject copy = Json.object();
      o.members().forEach(copy::put);
      return copy;
    }
  }
}
