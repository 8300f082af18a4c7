package dev.gantry.bench;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.ResidentProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.opentest4j.TestAbortedException;

/// Start latency, rate and memory of our engine beside dockerd, podman, crun and runc.
final class StartBench {
  private static final String DOCKERD = "dockerd";
  private static final String PEER = "bench";
  private static final int IDLE_CONTAINERS = 20;

  private final int rounds;
  private final Path tree;
  private final byte[] image = Busybox.tar();
  private final Optional<Path> peers = peers();

  StartBench(int rounds, Path tree) {
    this.rounds = rounds;
    this.tree = tree;
  }

  private static Optional<Path> peers() {
    try {
      return Optional.of(Needs.peers());
    } catch (TestAbortedException e) {
      System.out.println("no peers to compare with: tools/real-peers prepare fetches them");
      return Optional.empty();
    }
  }

  void run() throws Exception {
    runtimeAlone();
    Dockerd peer = new Dockerd(tree, PEER);
    Optional<Path> dockerd = peers.flatMap(folder -> peer.start());
    try (Engine engine = Engine.start()) {
      engines(engine, dockerd);
    } finally {
      dockerd.ifPresent(socket -> peer.stop());
    }
  }

  private void runtimeAlone() throws Exception {
    Path shim = Needs.distribution().resolve("lib/gantry-shim");
    Row row =
        new Row(
            "runtime alone: Docker's profile, own network namespace, true", "4x faster than crun");
    try (RuntimeAlone bundle = new RuntimeAlone(shim, image)) {
      row.candidate("gantry, in the engine's process", bundle::ours);
      for (String name : List.of("crun", "runc")) {
        Optional<Path> program = peers.map(p -> p.resolve(name)).filter(Files::isExecutable);
        if (program.isPresent()) {
          Path folder = bundle.bundle(name);
          row.candidate(name + " run", () -> bundle.peer(program.get().toString(), folder));
        }
      }
      row.measure(20, rounds);
      print(row, "ms");
    }
  }

  private void engines(Engine engine, Optional<Path> dockerd) throws Exception {
    engine.busybox();
    Api ours = new Api(engine.socket());
    Optional<Api> theirs = dockerd.map(Api::new);
    if (theirs.isPresent()) {
      theirs.get().importImage(image);
    }
    Row api = new Row("API: create, start, wait, remove of true, bridge", "<= 15 ms, 15x");
    api.candidate("gantry", ours::runTrue);
    theirs.ifPresent(peer -> api.candidate(DOCKERD, peer::runTrue));
    api.measure(10, rounds);
    print(api, "ms");

    Row docker = new Row("docker run --rm busybox true, Docker's own client", "6x");
    docker.candidate(
        "docker on gantry", () -> engine.docker("run", "--rm", "busybox", "true").succeeded());
    dockerd.ifPresent(socket -> docker.candidate("docker on dockerd", () -> dockerRun(socket)));
    podman().ifPresent(work -> docker.candidate("podman run", work));
    docker.measure(3, rounds);
    print(docker, "ms");

    Row own = new Row("gantry run --rm busybox true, our command line", "4x");
    own.candidate(
        "gantry on gantry", () -> engine.gantry("run", "--rm", "busybox", "true").succeeded());
    dockerd.ifPresent(socket -> own.candidate("docker on dockerd", () -> dockerRun(socket)));
    try (ResidentProgram resident = new ResidentProgram().start()) {
      Command warm =
          Command.of(
              "env",
              "GANTRY_RESIDENT=on",
              resident.variable(),
              "DOCKER_HOST=unix://" + engine.socket(),
              Needs.tree().resolve("gantry").toString(),
              "run",
              "--rm",
              "busybox",
              "true");
      own.candidate("gantry (resident)", () -> warm.run().succeeded());
      own.measure(3, rounds);
    }
    print(own, "ms");

    exec(ours, theirs);
    Row rate = new Row("runs and removes per second, 4 at once", ">= 100/s");
    rate.value("gantry", rate(ours));
    if (theirs.isPresent()) {
      rate.value(DOCKERD, rate(theirs.get()));
    }
    print(rate, "/s");
    memory(engine, ours, theirs);
  }

  private static void dockerRun(Path socket) {
    Command.of(
            Needs.dockerClient().toString(),
            "-H",
            "unix://" + socket,
            "run",
            "--rm",
            "busybox",
            "true")
        .run()
        .succeeded();
  }

  private Optional<Row.Work> podman() {
    if (peers.filter(p -> Files.isExecutable(p.resolve("podman"))).isEmpty()) {
      return Optional.empty();
    }
    String name = "localhost/busybox";
    podman("import", "-", name).input(image).run();
    return Optional.of(() -> podman("run", "--rm", name, "true").run().succeeded());
  }

  /// In the namespaces of the dockerd beside it, so that its firewall rules stay off the machine.
  private Command podman(String... words) {
    String script = tree.resolve("tools/real-peers").toString();
    List<String> all = new ArrayList<>(List.of(script, "in", PEER, script, "podman"));
    all.addAll(List.of(words));
    return Command.of(all);
  }

  private void exec(Api ours, Optional<Api> theirs) throws IOException {
    Row row = new Row("API: exec of true in a running container", "<= 8 ms");
    String box = ours.create("sleep", "1000");
    ours.start(box);
    row.candidate("gantry", () -> ours.execTrue(box));
    String other = theirs.isPresent() ? theirs.get().create("sleep", "1000") : "";
    if (theirs.isPresent()) {
      theirs.get().start(other);
      row.candidate(DOCKERD, () -> theirs.get().execTrue(other));
    }
    row.measure(10, rounds);
    print(row, "ms");
    ours.remove(box);
    if (theirs.isPresent()) {
      theirs.get().remove(other);
    }
  }

  private static double rate(Api api) throws InterruptedException {
    AtomicInteger runs = new AtomicInteger();
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(8);
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 4; i++) {
        threads.execute(
            () -> {
              while (System.nanoTime() < end) {
                try {
                  api.runTrue();
                } catch (IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
                runs.incrementAndGet();
              }
            });
      }
      threads.shutdown();
      boolean ignored = threads.awaitTermination(1, TimeUnit.MINUTES);
    }
    return runs.get() / ((System.nanoTime() - start) / 1e9);
  }

  private static void memory(Engine engine, Api ours, Optional<Api> theirs) throws IOException {
    Predicate<String> gantryd =
        line -> line.contains(engine.folder().toString()) && line.contains("java");
    Predicate<String> gantryShim =
        line -> line.contains("gantry-shim") || line.contains("gantry-monitor");
    Row idle = new Row("engine's memory after all this", "less than dockerd with containerd");
    idle.value("gantryd", Memory.of(gantryd));
    if (theirs.isPresent()) {
      Path socket = theirs.get().socket();
      String name = socket.getFileName().toString().replace(".sock", "");
      idle.value(
          "dockerd and containerd",
          Memory.of(
              line ->
                  line.contains("/" + name + "/")
                      && (line.startsWith("dockerd") || line.startsWith("containerd --"))));
    }
    print(idle, "MB");
    Row each = new Row("monitor's memory per container, without the kernel's", "<= 0.25 MB");
    each.value("gantry-shim", perContainer(ours, gantryShim));
    if (theirs.isPresent()) {
      each.value("containerd-shim", perContainer(theirs.get(), l -> l.contains("containerd-shim")));
    }
    print(each, "MB");
  }

  private static double perContainer(Api api, Predicate<String> monitors) throws IOException {
    double before = Memory.of(monitors);
    List<String> containers = new ArrayList<>();
    for (int i = 0; i < IDLE_CONTAINERS; i++) {
      String id = api.create("sleep", "1000");
      api.start(id);
      containers.add(id);
    }
    double after = Memory.of(monitors);
    for (String id : containers) {
      api.remove(id);
    }
    return (after - before) / IDLE_CONTAINERS;
  }

  private static void print(Row row, String unit) {
    row.lines(unit).forEach(System.out::println);
    System.out.println();
  }
}
