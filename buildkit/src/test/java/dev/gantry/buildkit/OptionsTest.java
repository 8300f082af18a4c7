package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.grpc.GrpcException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OptionsTest {
  @Test
  void readsWhatRunGets() throws Exception {
    Options options =
        new Options(
            Map.of(
                "add-hosts", "foo=1.2.3.4,gw=::1",
                "shm-size", "134217728",
                "ulimit", "nofile=100:200,nproc=7",
                "force-network-mode", "host",
                "cgroup-parent", "/foo"));
    assertEquals(
        "{\"NetworkMode\":\"host\",\"ExtraHosts\":[\"foo:1.2.3.4\",\"gw:::1\"],"
            + "\"ShmSize\":134217728,\"CgroupParent\":\"/foo\","
            + "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200},"
            + "{\"Name\":\"nproc\",\"Soft\":7,\"Hard\":7}]}",
        options.host().text());
  }

  @Test
  void theHostNameOfStepsHasTwoNames() {
    String argument = "BUILDKIT_SANDBOX_HOSTNAME";
    assertEquals(Map.of(argument, "a"), new Options(Map.of("hostname", "a")).arguments());
    Map<String, String> both = Map.of("hostname", "a", "build-arg:" + argument, "b");
    assertEquals(Map.of(argument, "b"), new Options(both).arguments());
  }

  @Test
  void refusesWhatIsNoNumber() {
    assertThrows(GrpcException.class, () -> new Options(Map.of("shm-size", "1g")).host());
    assertThrows(GrpcException.class, () -> new Options(Map.of("ulimit", "nofile")).host());
    assertThrows(GrpcException.class, () -> new Options(Map.of("platform", "a//b")).platforms());
  }

  @Test
  void attestationsAreThoseThatSomebodyAskedFor() {
    Options options =
        new Options(
            Map.of(
                "attest:provenance", "mode=min,inline-only=true",
                "attest:sbom", "generator=x"));
    assertEquals(Map.of("sbom", "generator=x"), options.attestations(false));
    Options asked = new Options(Map.of("attest:provenance", "type=provenance,mode=max"));
    assertEquals(Map.of("provenance", "mode=max"), asked.attestations(false));
  }

  @Test
  void anEmptyNoCacheMeansAllStages() {
    assertTrue(new Options(Map.of("no-cache", "")).noCache());
    Options some = new Options(Map.of("no-cache", "a,b"));
    assertFalse(some.noCache());
    assertEquals(List.of("a", "b"), some.noCacheStages());
    assertFalse(new Options(Map.of()).noCache());
  }

  @Test
  void aFolderMayBeInAnotherSession() {
    Options options = new Options(Map.of("local-sessionid:context", "shared"));
    assertEquals("shared", options.session("context", "own"));
    assertEquals("own", options.session("dockerfile", "own"));
    assertEquals("Dockerfile", options.filename());
  }
}
