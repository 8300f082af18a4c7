package dev.gantry.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonRecords;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Every resource of the specification, on v1 and on v2.
class CgroupLimitsTest {
  private static final CgroupLayout V1 =
      new CgroupLayout(
          Map.of(
              "memory", Path.of("/v1/memory"),
              "cpu", Path.of("/v1/cpu"),
              "cpuset", Path.of("/v1/cpuset"),
              "pids", Path.of("/v1/pids"),
              "blkio", Path.of("/v1/blkio"),
              "hugetlb", Path.of("/v1/hugetlb"),
              "net_cls", Path.of("/v1/net"),
              "net_prio", Path.of("/v1/net")),
          null,
          Set.of());
  private static final CgroupLayout V2 =
      new CgroupLayout(
          Map.of(),
          Path.of("/v2"),
          Set.of("memory", "cpu", "cpuset", "pids", "io", "hugetlb", "rdma"));

  private static String settings(CgroupLayout layout, String resources) {
    StringBuilder text = new StringBuilder();
    for (CgroupLimits.Setting s :
        CgroupLimits.of(
            layout,
            "/g/c",
            JsonRecords.read(Json.parseObject(resources), RuntimeSpec.Resources.class))) {
      text.append(s.files().getFirst()).append(s.required() ? " " : "? ").append(s.value());
      text.append('\n');
    }
    return text.toString();
  }

  private static void refuses(
      Class<? extends Failure> kind, CgroupLayout layout, String resources, String words) {
    Failure failure = assertThrows(kind, () -> settings(layout, resources));
    assertTrue(failure.text().contains(words), failure.text());
  }

  @Test
  void memory() {
    String limits = "{\"memory\":{\"limit\":1000,\"swap\":1500,\"reservation\":500}}";
    assertEquals(
        """
        /v1/memory/g/c/memory.limit_in_bytes 1000
        /v1/memory/g/c/memory.memsw.limit_in_bytes? 1500
        /v1/memory/g/c/memory.soft_limit_in_bytes 500
        """,
        settings(V1, limits));
    assertEquals(
        """
        /v2/g/c/memory.max 1000
        /v2/g/c/memory.swap.max? 500
        /v2/g/c/memory.low 500
        """,
        settings(V2, limits));
    assertEquals(
        """
        /v2/g/c/memory.max max
        /v2/g/c/memory.swap.max? max
        """,
        settings(V2, "{\"memory\":{\"limit\":-1,\"swap\":-1}}"));
    String old = "{\"memory\":{\"swappiness\":0,\"disableOOMKiller\":true,\"kernelTCP\":7}}";
    assertEquals(
        """
        /v1/memory/g/c/memory.kmem.tcp.limit_in_bytes 7
        /v1/memory/g/c/memory.swappiness 0
        /v1/memory/g/c/memory.oom_control 1
        """,
        settings(V1, old));
    refuses(Failure.Unsupported.class, V2, old, "cgroup v1 only");
    refuses(
        Failure.InvalidRequest.class, V1, "{\"memory\":{\"limit\":9,\"swap\":8}}", "larger than");
  }

  @Test
  void processor() {
    String limits =
        "{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"burst\":10,\"idle\":1,"
            + "\"cpus\":\"0-1\",\"mems\":\"0\"}}";
    assertEquals(
        """
        /v1/cpu/g/c/cpu.shares 1024
        /v1/cpu/g/c/cpu.idle 1
        /v1/cpu/g/c/cpu.cfs_period_us 100000
        /v1/cpu/g/c/cpu.cfs_quota_us 50000
        /v1/cpu/g/c/cpu.cfs_burst_us 10
        /v1/cpuset/g/c/cpuset.cpus 0-1
        /v1/cpuset/g/c/cpuset.mems 0
        """,
        settings(V1, limits));
    assertEquals(
        """
        /v2/g/c/cpu.weight 39
        /v2/g/c/cpu.idle 1
        /v2/g/c/cpu.max 50000 100000
        /v2/g/c/cpu.max.burst 10
        /v2/g/c/cpuset.cpus 0-1
        /v2/g/c/cpuset.mems 0
        """,
        settings(V2, limits));
    String realtime = "{\"cpu\":{\"realtimePeriod\":1000,\"realtimeRuntime\":500}}";
    assertEquals(
        """
        /v1/cpu/g/c/cpu.rt_period_us 1000
        /v1/cpu/g/c/cpu.rt_runtime_us 500
        """,
        settings(V1, realtime));
    refuses(Failure.Unsupported.class, V2, realtime, "cgroup v1 only");
    assertEquals(1, CgroupLimits.weight(2));
    assertEquals(10_000, CgroupLimits.weight(262_144));
  }

  @Test
  void processesAndHugePages() {
    assertEquals("/v1/pids/g/c/pids.max 12\n", settings(V1, "{\"pids\":{\"limit\":12}}"));
    assertEquals("/v2/g/c/pids.max max\n", settings(V2, "{\"pids\":{\"limit\":-1}}"));
    String pages = "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4096}]}";
    assertEquals(
        """
        /v1/hugetlb/g/c/hugetlb.2MB.limit_in_bytes 4096
        /v1/hugetlb/g/c/hugetlb.2MB.rsvd.limit_in_bytes? 4096
        """,
        settings(V1, pages));
    assertEquals(
        """
        /v2/g/c/hugetlb.2MB.max 4096
        /v2/g/c/hugetlb.2MB.rsvd.max? 4096
        """,
        settings(V2, pages));
    refuses(
        Failure.InvalidRequest.class,
        V2,
        "{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}",
        "page size");
  }

  @Test
  void blockDevices() {
    String limits =
        "{\"blockIO\":{\"weight\":500,"
            + "\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":100}],"
            + "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1000},"
            + "{\"major\":8,\"minor\":16,\"rate\":2000}],"
            + "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":30}]}}";
    assertEquals(
        """
        /v1/blkio/g/c/blkio.bfq.weight? 500
        /v1/blkio/g/c/blkio.bfq.weight_device? 8:0 100
        /v1/blkio/g/c/blkio.throttle.read_bps_device 8:0 1000
        /v1/blkio/g/c/blkio.throttle.read_bps_device 8:16 2000
        /v1/blkio/g/c/blkio.throttle.write_iops_device 8:0 30
        """,
        settings(V1, limits));
    assertEquals(
        """
        /v2/g/c/io.weight? default 4950
        /v2/g/c/io.weight? 8:0 910
        /v2/g/c/io.max 8:0 rbps=1000
        /v2/g/c/io.max 8:16 rbps=2000
        /v2/g/c/io.max 8:0 wiops=30
        """,
        settings(V2, limits));
    refuses(Failure.InvalidRequest.class, V1, "{\"blockIO\":{\"weight\":5}}", "10 and 1000");
    String leaf = "{\"blockIO\":{\"leafWeight\":500}}";
    assertEquals("/v1/blkio/g/c/blkio.leaf_weight 500\n", settings(V1, leaf));
    refuses(Failure.Unsupported.class, V2, leaf, "leaf weight");
  }

  @Test
  void networkRdmaAndUnified() {
    String network =
        "{\"network\":{\"classID\":65537,\"priorities\":[{\"name\":\"eth0\",\"priority\":5}]}}";
    assertEquals(
        """
        /v1/net/g/c/net_cls.classid 65537
        /v1/net/g/c/net_prio.ifpriomap eth0 5
        """,
        settings(V1, network));
    refuses(Failure.Unsupported.class, V2, network, "cgroup v1 only");
    String rdma = "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3}}}";
    assertEquals("/v2/g/c/rdma.max mlx5_1 hca_handle=3 hca_object=max\n", settings(V2, rdma));
    refuses(Failure.Unsupported.class, V1, rdma, "controller rdma");
    String unified = "{\"unified\":{\"memory.high\":\"4096\"}}";
    assertEquals("/v2/g/c/memory.high 4096\n", settings(V2, unified));
    refuses(Failure.Unsupported.class, V1, unified, "v1");
    refuses(Failure.Unsupported.class, V2, "{\"unified\":{\"misc.max\":\"1\"}}", "not available");
    for (String bad : List.of("../memory.max", "cgroup.procs", "memory", "memory.max/..")) {
      refuses(
          Failure.InvalidRequest.class, V2, "{\"unified\":{\"" + bad + "\":\"1\"}}", "no limit");
    }
  }
}
