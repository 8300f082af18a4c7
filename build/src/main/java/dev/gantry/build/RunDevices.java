package dev.gantry.build;

import dev.gantry.dockerfile.Origin;
import dev.gantry.engine.devices.CdiDevices;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// `RUN --device`: devices that vendors describe on this machine (CDI), for who has allowed the
/// build to use them. `VENDOR/CLASS=NAME` is one, `VENDOR/CLASS` the first of a class and
/// `VENDOR/CLASS=*` all of it. What is not there is passed over unless it is `required`.
final class RunDevices {
  private static final String ENTITLEMENT = "device";

  private final StageBuild stage;
  private final Origin origin;
  private final List<String> known;

  RunDevices(StageBuild stage, Origin origin) {
    this.stage = stage;
    this.origin = origin;
    this.known = CdiDevices.in(stage.run().builder().engine().options().cdiFolders()).names();
  }

  /// The names of the devices that the flags mean.
  ///
  /// @param flags `NAME`, or fields `name=NAME`, `required` or `required=BOOLEAN`
  /// @throws BuildFailure if a required one is not there, or one that is there is not allowed
  List<String> names(List<String> flags) throws BuildFailure {
    Set<String> all = new LinkedHashSet<>();
    for (String flag : flags) {
      String name = "";
      boolean required = false;
      for (String field : flag.split(",")) {
        String text = field.strip();
        if (text.equals("required")) {
          required = true;
        } else if (text.startsWith("required=")) {
          required = BuildRequest.isOn(text.substring("required=".length()));
        } else if (text.startsWith("name=")) {
          name = text.substring("name=".length());
        } else if (name.isEmpty() && text.indexOf('/') > 0) {
          name = text;
        } else {
          throw new BuildFailure("unexpected field '" + text + "' of --device", origin);
        }
      }
      if (name.isEmpty()) {
        throw new BuildFailure("a device needs a name: " + flag, origin);
      }
      List<String> found = find(name);
      if (found.isEmpty() && required) {
        throw new BuildFailure("required device \"" + name + "\" is not registered", origin);
      }
      for (String one : found) {
        allowed(one);
      }
      all.addAll(found);
    }
    return List.copyOf(all);
  }

  private List<String> find(String name) {
    int equals = name.indexOf('=');
    String kind = equals < 0 ? name : name.substring(0, equals);
    String wanted = equals < 0 ? "" : name.substring(equals + 1);
    List<String> kin = known.stream().filter(n -> n.startsWith(kind + "=")).toList();
    return switch (wanted) {
      case "" -> kin.stream().limit(1).toList();
      case "*" -> kin;
      default -> kin.contains(name) ? List.of(name) : List.of();
    };
  }

  /// `--allow device` allows all, `--allow device=NAME` or `device=VENDOR/CLASS` some.
  private void allowed(String name) throws BuildFailure {
    Set<String> given = stage.run().request().entitlements();
    String kind = name.substring(0, name.indexOf('='));
    if (!given.contains(ENTITLEMENT)
        && !given.contains(ENTITLEMENT + "=" + name)
        && !given.contains(ENTITLEMENT + "=" + kind)) {
      throw new BuildFailure(ENTITLEMENT + " " + name + " is not allowed", origin);
    }
  }

  /// As `DeviceRequests` of the Docker API.
  static Json.JsonArray requests(List<String> names) {
    return Json.array()
        .add(
            Json.object()
                .put("Driver", "cdi")
                .put("DeviceIDs", Json.strings(new ArrayList<>(names))));
  }
}
