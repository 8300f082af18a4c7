package dev.gantry.bench;

import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.NetlinkSetup;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.BuiltInRuntime;
import dev.gantry.runtime.DockerDefaults;
import dev.gantry.runtime.Launch;
import dev.gantry.runtime.Rootfs;
import dev.gantry.runtime.RunningProcess;
import dev.gantry.testkit.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/// The runtimes without an engine: one bundle with Docker's default profile, run to its end.
final class RuntimeAlone implements AutoCloseable {
  private final Path folder;
  private final CgroupLayout cgroups = CgroupLayout.detected();
  private final BuiltInRuntime runtime;
  private final AtomicInteger count = new AtomicInteger();

  RuntimeAlone(Path shim, byte[] image) throws IOException {
    folder = Files.createTempDirectory(Path.of("/run"), "gantry-bench-");
    runtime = BuiltInRuntime.open(shim, cgroups);
    Path root = Files.createDirectories(folder.resolve("rootfs"));
    Command.of("tar", "-C", root.toString(), "-xf", "-").input(image).run().succeeded();
    for (String mountPoint : List.of("proc", "dev", "sys")) {
      Files.createDirectories(root.resolve(mountPoint));
    }
  }

  /// A bundle for the peer `name`: a group of its own, so that one that fails spoils no other.
  Path bundle(String name) throws IOException {
    Path bundle = Files.createDirectories(folder.resolve(name));
    Files.writeString(bundle.resolve("config.json"), spec("gantry-bench/" + name).toJson());
    return bundle;
  }

  private RuntimeSpec spec(String cgroup) {
    List<RuntimeSpec.Namespace> namespaces = new ArrayList<>();
    for (String kind : List.of("mount", "pid", "ipc", "uts", "network")) {
      namespaces.add(new RuntimeSpec.Namespace(kind, null));
    }
    RuntimeSpec.Process process =
        new RuntimeSpec.Process(
            false,
            null,
            new RuntimeSpec.User(0, 0, null, List.of()),
            List.of("true"),
            List.of("PATH=/bin"),
            "/",
            RuntimeSpec.Capabilities.of(DockerDefaults.CAPABILITIES),
            List.of(),
            false,
            null,
            null,
            null,
            null,
            null,
            null);
    RuntimeSpec.Linux linux =
        new RuntimeSpec.Linux(
            namespaces,
            List.of(),
            List.of(),
            DockerDefaults.DEVICES,
            Map.of(),
            "/" + cgroup,
            RuntimeSpec.Resources.of(DockerDefaults.DEVICE_RULES),
            null,
            DockerDefaults.seccomp(DockerDefaults.CAPABILITIES),
            Map.of(),
            DockerDefaults.MASKED_PATHS,
            DockerDefaults.READONLY_PATHS,
            null,
            null,
            null,
            null,
            Map.of());
    return new RuntimeSpec(
        RuntimeSpec.VERSION,
        new RuntimeSpec.Root(folder.resolve("rootfs").toString(), false),
        process,
        "bench",
        null,
        DockerDefaults.mounts(false),
        null,
        Map.of(),
        linux);
  }

  void ours() throws Exception {
    String id = "b" + count.incrementAndGet();
    Path state = Files.createDirectory(folder.resolve(id));
    RunningProcess process =
        runtime.launch(
            new Launch(
                id,
                spec("gantry-bench/" + id),
                new Rootfs.Directory(folder.resolve("rootfs")),
                state,
                NetlinkSetup.NONE,
                false));
    try {
      int code = process.awaitExit().code();
      if (code != 0) {
        throw new IllegalStateException("exit code " + code);
      }
    } finally {
      process.release();
    }
  }

  void peer(String program, Path bundle) {
    String id = "peer" + count.incrementAndGet();
    Command.of(
            program,
            "--root",
            folder.resolve("peers").toString(),
            "run",
            "--bundle",
            bundle.toString(),
            id)
        .run()
        .succeeded();
  }

  @Override
  public void close() throws IOException {
    for (int i = 1; i <= count.get(); i++) {
      cgroups.remove("/gantry-bench/b" + i);
    }
    cgroups.remove("/gantry-bench");
    Command.of("rm", "-rf", folder.toString()).run();
  }
}
