package dev.gantry.runtime;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import dev.gantry.oci.RuntimeSpec;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A container's kernel parameters must be its own: others would change the host.
class SysctlsTest {
  private static RuntimeSpec spec(String name, String namespaces) {
    Json.JsonArray list = Json.array();
    for (String type : namespaces.split(" ")) {
      list.add(Json.object().put("type", type));
    }
    Json.JsonObject linux =
        Json.object().put("namespaces", list).put("sysctl", Json.object().put(name, "1"));
    return JsonRecords.read(
        Json.object().put("ociVersion", "1.2.0").put("linux", linux), RuntimeSpec.class);
  }

  @ParameterizedTest
  @CsvSource({
    "net.ipv4.ip_forward, network",
    "net/ipv4/ip_forward, network",
    "kernel.msgmax, ipc",
    "fs.mqueue.msg_max, ipc",
    "kernel.domainname, uts"
  })
  void ownParameterIsSet(String name, String namespaces) {
    assertDoesNotThrow(() -> Sysctls.check(spec(name, namespaces)));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "net.ipv4.ip_forward, mount ipc, not allowed in host network namespace",
        "net/ipv4/ip_forward, mount ipc, not allowed in host network namespace",
        "kernel.msgmax, network, is not allowed in the hosts ipc namespace",
        "fs.mqueue.msg_max, network, is not allowed in the hosts ipc namespace",
        "vm.swappiness, network ipc uts, is not in a separate kernel namespace",
        "kernel.core_pattern, network ipc uts, is not in a separate kernel namespace",
        "fs.protected_symlinks, network ipc uts, is not in a separate kernel namespace"
      })
  void parameterOfTheHostIsRefused(String name, String namespaces, String why) {
    Failure failure =
        assertThrows(Failure.InvalidRequest.class, () -> Sysctls.check(spec(name, namespaces)));
    assertEquals("sysctl \"" + name + "\" " + why, failure.text());
  }
}
