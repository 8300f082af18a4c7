package dev.gantry.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Whole plans, as the printer shows them, compared with the files in `plans`: what a container's
/// start does is a matter of review. Each file NAME.json holds what its configuration has beside
/// Docker's default one, as a merge patch (RFC 7396); lists are replaced.
///
/// After a change that is meant, run this test with `-Dgantry.plans=write` and read the difference.
class LaunchPlanTest {
  private static final Machine V1 =
      new Machine(new CgroupLayout(hierarchies(), null, Set.of()), 0x1ffffffffffL, 0x1ffffffffffL);
  private static final Machine V2 =
      new Machine(
          new CgroupLayout(
              Map.of(),
              Path.of("/cgroups"),
              Set.of("memory", "cpu", "cpuset", "pids", "io", "hugetlb", "rdma")),
          0x1ffffffffffL,
          0x1ffffffffffL);

  private static Map<String, Path> hierarchies() {
    Map<String, Path> map = new LinkedHashMap<>();
    for (String name : List.of("cpu", "cpuset", "memory", "devices", "freezer", "pids", "blkio")) {
      map.put(name, Path.of("/cgroups", name));
    }
    return map;
  }

  static Json.JsonObject patch(Json.JsonObject target, Json.JsonObject patch) {
    patch
        .members()
        .forEach(
            (key, value) -> {
              if (value instanceof Json.JsonObject object) {
                Json old = target.get(key);
                target.put(
                    key, patch(old instanceof Json.JsonObject o ? o : Json.object(), object));
              } else if (value instanceof Json.JsonNull) {
                target.remove(key);
              } else {
                target.put(key, value);
              }
            });
    return target;
  }

  private static RuntimeSpec spec(String patch) {
    Json.JsonObject base = Json.parseObject(OciFeatures.template().toJson());
    patch(
        base,
        Json.parseObject(
            """
            {"process":{"terminal":false,"noNewPrivileges":false,"args":["/bin/true"]},"root":{"readonly":false},
             "linux":{"cgroupsPath":"/gantry/box"}}
            """));
    return RuntimeSpec.parse(patch(base, Json.parseObject(patch)).text());
  }

  private static String print(String patch, Machine machine) {
    Launch launch =
        new Launch(
            "box",
            spec(patch),
            new Rootfs.Overlay(
                List.of(Path.of("/layers/2"), Path.of("/layers/1")),
                Path.of("/box/upper"),
                Path.of("/box/work"),
                Path.of("/box/merged"),
                false),
            Path.of("/run/box"),
            NetlinkSetup.NONE,
            false);
    LaunchPlan plan = PlanCompiler.compile(launch, machine);
    assertTrue(plan.encode().length > plan.steps().size() * 64);
    return plan.print();
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = LaunchPlanTest.class.getResourceAsStream("plans/" + name)) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  static Stream<String> plans() {
    return Stream.of(
        "docker-v1",
        "docker-v2",
        "privileged",
        "read-only-tmpfs",
        "user-capabilities",
        "user-namespace",
        "host-namespaces",
        "joined-namespaces",
        "hooks",
        "limits-v1",
        "limits-v2",
        "terminal",
        "mounts");
  }

  @ParameterizedTest
  @MethodSource("plans")
  void isAsRecorded(String name) throws IOException {
    Assumptions.assumeTrue(
        System.getProperty("os.arch").equals("amd64"), "the plans are those of x86-64");
    String plan = print(resource(name + ".json"), name.endsWith("v2") ? V2 : V1);
    if ("write".equals(System.getProperty("gantry.plans"))) {
      Files.writeString(
          Path.of("src/test/resources/dev/gantry/runtime/plans", name + ".plan"), plan);
      return;
    }
    assertEquals(resource(name + ".plan"), plan);
  }

  // ---- what is refused

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"linux":{"namespaces":[{"type":"pid"}]}} | needs a mount namespace
          {"linux":{"namespaces":[{"type":"mount"},{"type":"mount"}]}} | is named twice
          {"linux":{"namespaces":[{"type":"mount"},{"type":"moon"}]}} | unknown namespace type moon
          {"linux":{"namespaces":[{"type":"mount"},{"type":"user"}]}} | needs linux.uidMappings and linux.gidMappings
          {"linux":{"uidMappings":[{"containerID":0,"hostID":1,"size":1}]}} | user namespace isn't enabled
          {"linux":{"timeOffsets":{"boottime":{"secs":1}}}} | time offsets need a time namespace
          {"linux":{"rootfsPropagation":"sideways"}} | unknown rootfsPropagation sideways
          {"linux":{"sysctl":{"kernel.core_pattern":"x"}}} | is not in a separate kernel namespace
          {"linux":{"sysctl":{"kernel.hostname":"x"}}} | conflicts with the OCI "hostname" field
          {"linux":{"sysctl":{"net/../kernel/core_pattern":"x"}}} | is no name of a kernel parameter
          {"linux":{"namespaces":[{"type":"mount"}],"sysctl":{"net.ipv4.ip_forward":"1"}}} | not allowed in host network namespace
          {"linux":{"namespaces":[{"type":"mount"}],"netDevices":{"lo":{}}}} | needs a network namespace
          {"linux":{"netDevices":{"no-such-device":{}}}} | there is no network device no-such-device
          {"linux":{"netDevices":{"../../etc":{}}}} | invalid name "../../etc"
          {"linux":{"intelRdt":{"closID":"x"}}} | linux.intelRdt is not supported
          {"linux":{"mountLabel":"x"}} | needs SELinux, which is not supported
          {"process":{"selinuxLabel":"x"}} | needs SELinux, which is not supported
          {"linux":{"personality":{"domain":"OTHER"}}} | unknown personality OTHER
          {"linux":{"personality":{"domain":"LINUX","flags":["X"]}}} | knows no flags of linux.personality
          {"linux":{"memoryPolicy":{"mode":"MPOL_OTHER"}}} | unknown memory policy MPOL_OTHER
          {"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"3-1"}}} | is no list such as 0-3,7
          {"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["X"]}}} | unknown flag X of a memory policy
          {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_NOTIFY"}}} | cannot be used as default action
          {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["write"],"action":"SCMP_ACT_NOTIFY"}],"listenerPath":"/x"}}} | cannot be used for the write syscall
          {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}}} | needs a listenerPath
          {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_MAYBE"}}} | unknown action SCMP_ACT_MAYBE
          {"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","architectures":["PDP11"]}}} | unknown architecture PDP11
          {"linux":{"devices":[{"path":"/dev/x","type":"z","major":1,"minor":1}]}} | unknown type z
          {"hooks":{"createContainer":[{"path":"hook"}]}} | is not absolute
          {"hooks":{"startContainer":[{"path":"/hook","timeout":0}]}} | must be above zero
          {"mounts":[{"destination":"/x","source":"/no/such","type":"bind"}]} | bind source path does not exist: /no/such
          {"mounts":[{"destination":"/x","source":"x"}]} | has no type and is no bind mount
          {"mounts":[{"destination":"/x","type":"tmpfs","source":"x","options":["idmap"]}]} | cannot be idmapped
          {"mounts":[{"destination":"/x","type":"bind","source":"/","options":["idmap"]}]} | nothing says how
          {"mounts":[{"destination":"/x","type":"bind","source":"/","uidMappings":[{"containerID":0,"hostID":1,"size":1}]}]} | needs both uidMappings and gidMappings
          {"process":{"args":[]}} | names no program to run
          {"process":{"cwd":"tmp"}} | needs to be an absolute path
          {"process":{"rlimits":[{"type":"RLIMIT_X","soft":1,"hard":1}]}} | unknown resource limit RLIMIT_X
          {"process":{"scheduler":{"policy":"SCHED_X"}}} | unknown scheduling policy SCHED_X
          {"process":{"scheduler":{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_X"]}}} | unknown scheduling flag
          {"process":{"ioPriority":{"class":"IOPRIO_CLASS_X","priority":1}}} | unknown I/O priority class
          {"process":{"env":["A=\\u0000"]}} | NUL character is not allowed
          """)
  void refusesWhatCannotBeMeant(String patch, String words) {
    Failure failure = assertThrows(Failure.class, () -> print(patch, V1));
    assertTrue(failure.text().contains(words), failure.text());
  }

  @Test
  void refusesAnIdMapping() {
    for (String mapping :
        List.of(
            "{\"containerID\":0,\"hostID\":0,\"size\":0}",
            "{\"containerID\":-1,\"hostID\":0,\"size\":1}",
            "{\"containerID\":0,\"hostID\":4294967295,\"size\":2}")) {
      String patch =
          """
          {"linux":{"namespaces":[{"type":"mount"},{"type":"user"}],
           "uidMappings":[%1$s],"gidMappings":[%1$s]}}
          """
              .formatted(mapping);
      Failure failure = assertThrows(Failure.InvalidRequest.class, () -> print(patch, V1));
      assertTrue(failure.text().contains("an id mapping needs ids"), failure.text());
    }
  }

  // ---- rules that hold for every plan

  @ParameterizedTest
  @MethodSource("plans")
  void keepsTheRules(String name) throws IOException {
    String plan = print(resource(name + ".json"), name.endsWith("v2") ? V2 : V1);
    List<String> lines = plan.lines().toList();
    // before anything else: nobody looks in, nothing is open that was not given (CVE-2016-9962)
    assertTrue(lines.get(0).contains("prctl(4, 0"), lines.get(0));
    assertTrue(lines.get(1).contains("close_range("), lines.get(1));
    // nothing of ours in the program (CVE-2024-21626), and that is the last thing before it
    assertTrue(lines.get(lines.size() - 2).contains("close_range(3, "), lines.toString());
    assertTrue(lines.getLast().contains("EXECUTE("), lines.getLast());
    // mounts go by descriptors; the root alone is named by its path (CVE-2021-30465)
    assertEquals(
        0, lines.stream().filter(l -> l.contains(" move_mount(") && !l.contains("# ")).count());
    // who waits for RCU waits for ten milliseconds
    assertFalse(plan.contains("cgroup.procs"), plan);
    // nothing syncs
    assertFalse(plan.matches("(?s).*\\b(fsync|syncfs|sync)\\(.*"), plan);
  }
}
