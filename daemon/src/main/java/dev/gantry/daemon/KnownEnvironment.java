package dev.gantry.daemon;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// dockerd's variables of the environment. Those that this engine has no use for are named in its
/// log when they are set.
final class KnownEnvironment {
  /// Read where they are needed: certificates and TLS by [Listeners], proxies by [RegistryFlags].
  private static final List<String> HONOURED =
      List.of(
          "DOCKER_CERT_PATH",
          "DOCKER_TLS_VERIFY",
          "DOCKER_DRIVER",
          "HTTP_PROXY",
          "HTTPS_PROXY",
          "NO_PROXY");

  private static final Map<String, String> WITHOUT_EFFECT = new LinkedHashMap<>();

  static {
    WITHOUT_EFFECT.put("DOCKER_RAMDISK", "containers' roots are entered in one way everywhere");
    WITHOUT_EFFECT.put("DOCKER_TMPDIR", "what is under way lies in the data root");
    WITHOUT_EFFECT.put("MOBY_DISABLE_PIGZ", "no other program decompresses layers");
    WITHOUT_EFFECT.put("DOCKER_MIN_API_VERSION", "versions from 1.24 on are always served");
  }

  private KnownEnvironment() {}

  static boolean isHonoured(String name) {
    return HONOURED.contains(name);
  }

  /// Why a variable of dockerd's does nothing here.
  static Optional<String> reason(String name) {
    return Optional.ofNullable(WITHOUT_EFFECT.get(name));
  }

  /// A line about each variable that is set in vain.
  static List<String> notes(Map<String, String> environment) {
    return WITHOUT_EFFECT.entrySet().stream()
        .filter(each -> !environment.getOrDefault(each.getKey(), "").isEmpty())
        .map(each -> each.getKey() + " has no effect on this engine: " + each.getValue())
        .toList();
  }
}
