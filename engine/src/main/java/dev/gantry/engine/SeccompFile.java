package dev.gantry.engine;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonRecords;
import dev.gantry.oci.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;

/// Reads a seccomp profile in Docker's form, which adds to the OCI section: one `name` in the place
/// of `names`, and `includes` and `excludes` by capability and architecture.
final class SeccompFile {
  private SeccompFile() {}

  static RuntimeSpec.Seccomp parse(String text, List<String> capabilities) {
    try {
      Json.JsonObject profile = Json.parseObject(text);
      List<RuntimeSpec.SeccompSyscall> calls = new ArrayList<>();
      for (Json.JsonObject call : profile.objects("syscalls")) {
        if (!applies(call, capabilities)) {
          continue;
        }
        List<String> names = new ArrayList<>(call.strings("names"));
        call.string("name").ifPresent(names::add);
        List<RuntimeSpec.SeccompArgument> arguments = new ArrayList<>();
        for (Json.JsonObject a : call.objects("args")) {
          arguments.add(JsonRecords.read(a, RuntimeSpec.SeccompArgument.class));
        }
        calls.add(
            new RuntimeSpec.SeccompSyscall(
                names, call.string("action", ""), errno(call, "errnoRet"), arguments));
      }
      List<String> architectures = new ArrayList<>(profile.strings("architectures"));
      for (Json.JsonObject map : profile.objects("archMap")) {
        map.string("architecture").ifPresent(architectures::add);
        architectures.addAll(map.strings("subArchitectures"));
      }
      return new RuntimeSpec.Seccomp(
          profile.string("defaultAction", ""),
          errno(profile, "defaultErrnoRet"),
          architectures,
          profile.strings("flags"),
          null,
          null,
          calls);
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("Decoding seccomp profile failed: " + e.text(), null, e);
    }
  }

  private static @org.jspecify.annotations.Nullable Integer errno(Json.JsonObject o, String key) {
    return o.get(key) instanceof Json.JsonNumber n ? (Integer) (int) n.longValue() : null;
  }

  private static boolean applies(Json.JsonObject call, List<String> capabilities) {
    Json.JsonObject includes = call.object("includes").orElseGet(Json::object);
    Json.JsonObject excludes = call.object("excludes").orElseGet(Json::object);
    String arch = System.getProperty("os.arch", "amd64").equals("aarch64") ? "arm64" : "amd64";
    List<String> arches = includes.strings("arches");
    return capabilities.containsAll(includes.strings("caps"))
        && (arches.isEmpty() || arches.contains(arch))
        && excludes.strings("caps").stream().noneMatch(capabilities::contains)
        && !excludes.strings("arches").contains(arch);
  }
}
