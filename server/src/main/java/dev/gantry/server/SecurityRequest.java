package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.json.Json;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.DockerDefaults;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a create request says of rights: privileges, security options, devices.
final class SecurityRequest {
  private static final long ANY = -1;

  private SecurityRequest() {}

  static ContainerSpec.Security read(Json.JsonObject host, boolean privileged) {
    String seccomp = "default";
    boolean noNewPrivileges = false;
    boolean unconfinedPaths = false;
    for (String option : host.strings("SecurityOpt")) {
      String[] pair = option.split("[=:]", 2);
      switch (pair[0]) {
        case "no-new-privileges" ->
            noNewPrivileges = pair.length == 1 || Boolean.parseBoolean(pair[1]);
        case "seccomp" -> {
          String value = pair.length == 1 ? "" : pair[1];
          seccomp = value.isEmpty() || value.equals("builtin") ? "default" : value;
        }
        case "label", "apparmor" -> {}
        case "systempaths" -> unconfinedPaths = pair.length == 2 && pair[1].equals("unconfined");
        default ->
            throw new Failure.InvalidRequest(
                "invalid --security-opt " + pair.length + ": \"" + option + "\"");
      }
    }
    List<ContainerSpec.Device> devices = new ArrayList<>();
    for (Json.JsonObject d : host.objects("Devices")) {
      String source = d.string("PathOnHost", "");
      String target = d.string("PathInContainer", "");
      String access = d.string("CgroupPermissions", "");
      devices.add(
          new ContainerSpec.Device(
              source, target.isEmpty() ? source : target, access.isEmpty() ? "rwm" : access));
    }
    List<RuntimeSpec.DeviceRule> rules = new ArrayList<>();
    for (String rule : host.strings("DeviceCgroupRules")) {
      rules.add(deviceRule(rule));
    }
    return new ContainerSpec.Security(
        privileged,
        host.strings("CapAdd"),
        host.strings("CapDrop"),
        noNewPrivileges,
        seccomp,
        unconfinedPaths
            ? List.of()
            : host.get("MaskedPaths") instanceof Json.JsonArray
                ? host.strings("MaskedPaths")
                : DockerDefaults.MASKED_PATHS,
        unconfinedPaths
            ? List.of()
            : host.get("ReadonlyPaths") instanceof Json.JsonArray
                ? host.strings("ReadonlyPaths")
                : DockerDefaults.READONLY_PATHS,
        devices,
        rules);
  }

  private static RuntimeSpec.DeviceRule deviceRule(String text) {
    Matcher m = Pattern.compile("^([acb]) ([0-9]+|\\*):([0-9]+|\\*) ([rwm]{1,3})$").matcher(text);
    if (!m.matches()) {
      throw new Failure.InvalidRequest("invalid device cgroup rule format: '" + text + "'");
    }
    return new RuntimeSpec.DeviceRule(
        true,
        m.group(1),
        m.group(2).equals("*") ? (Long) ANY : Long.valueOf(m.group(2)),
        m.group(3).equals("*") ? (Long) ANY : Long.valueOf(m.group(3)),
        m.group(4));
  }
}
