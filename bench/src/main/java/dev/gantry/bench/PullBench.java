package dev.gantry.bench;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Pulls from one registry on the loopback address, and loads: our engine beside dockerd and
/// podman, with time, processor time and the memory's peak. Every image is pulled once by each, has
/// content of its own, and lands on a file system made for it: what a file system does about files
/// removed a moment ago (ext4 goes round their inodes) is not measured.
final class PullBench {
  private static final String NAME = "pullbench";
  private static final String REGISTRY = "127.0.0.1:5000";
  private static final long LARGE = 1_550L << 20;
  private static final int MANY = 20;
  private static final Duration LONG = Duration.ofMinutes(10);

  private final int rounds;
  private final String only;
  private final String peers;
  private final Path folder;

  /// @param only the beginning of what is measured; empty for all
  PullBench(int rounds, Path tree, String only) throws IOException {
    this.rounds = rounds;
    this.only = only;
    this.peers = tree.resolve("tools/real-peers").toString();
    this.folder = Files.createTempDirectory(Path.of("/var/tmp"), "gantry-pullbench-");
  }

  /// An engine under test.
  ///
  /// @param pull the words before an image's name
  /// @param load the words before an archive's name
  /// @param pid of the engine; 0 if every call is its own process
  private record Puller(String name, List<String> pull, List<String> load, long pid, Usage usage) {}

  void run() throws Exception {
    BenchImages images = new BenchImages(folder);
    try {
      if (wanted("one")) {
        List<BenchImages.Layer> one = List.of(images.layer(0, LARGE, "gzip"));
        measure("pull, one gzip layer of %s", "at least 1.5x", one, images, false);
      }
      if (wanted("many")) {
        List<BenchImages.Layer> slices = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
          slices.add(images.layer(i * (LARGE / MANY), LARGE / MANY, "gzip"));
        }
        measure("pull, 20 gzip layers of %s", "at least 2x", slices, images, false);
      }
      if (wanted("zstd")) {
        List<BenchImages.Layer> zstd = List.of(images.layer(0, LARGE, "zstd"));
        measure("pull, one zstd layer of %s", "", zstd, images, false);
      }
      if (wanted("load")) {
        List<BenchImages.Layer> plain = List.of(images.layer(0, LARGE, "gzip").plain());
        measure("load, one layer of %s", "", plain, images, true);
      }
    } finally {
      Command.of("rm", "-rf", folder.toString()).within(LONG).run();
    }
  }

  private boolean wanted(String part) {
    return only.isEmpty() || only.equals(part);
  }

  private void measure(
      String title, String budget, List<BenchImages.Layer> layers, BenchImages images, boolean load)
      throws Exception {
    String what = String.format(Locale.ROOT, title, images.megabytes(layers) + " MB");
    Row time = new Row(what, budget.isEmpty() ? "" : budget + " faster than dockerd");
    Row cpu = new Row("  processor time of the engine", "");
    Row memory = new Row("  peak of the engine's resident memory", "below 300 MB");
    try (FreshDisks disks = new FreshDisks(folder);
        Engine engine = start(disks)) {
      List<Puller> pullers = pullers(engine, disks);
      for (int round = 0; round < rounds; round++) {
        String image = REGISTRY + "/bench/" + layers.size() + "-" + System.nanoTime() + ":1";
        Path archive = folder.resolve("archive.tar");
        if (load) {
          images.archive(layers, image, archive);
        } else {
          push(images.layout(layers), image);
        }
        Command.of("sync").within(LONG).run();
        for (Puller puller : pullers) {
          List<String> words = new ArrayList<>(load ? puller.load() : puller.pull());
          words.add(load ? archive.toString() : image);
          one(puller, words, time, cpu, memory);
          Command.of("sync").within(LONG).run();
        }
        Files.deleteIfExists(archive);
      }
      engine.stop();
    } finally {
      Command.of(peers, "stop", NAME).within(LONG).run();
      forgetRegistry();
    }
    for (Row row : List.of(time, cpu)) {
      row.lines("s").forEach(System.out::println);
    }
    memory.lines("MB").forEach(System.out::println);
    System.out.println();
  }

  private static void one(Puller puller, List<String> words, Row time, Row cpu, Row memory)
      throws Exception {
    long before = puller.usage().nanos();
    long start = System.nanoTime();
    double peak = puller.usage().run(words, puller.pid());
    time.value(puller.name(), (System.nanoTime() - start) / 1e9);
    cpu.value(puller.name(), (puller.usage().nanos() - before) / 1e9);
    memory.value(puller.name(), peak);
  }

  // ---- the engines

  private Engine start(FreshDisks disks) throws IOException {
    // the file systems come first: the peers' namespace does not see later mounts
    disks.add("gantry");
    disks.add("dockerd");
    disks.add("podman");
    Command.of(peers, "dockerd", NAME, "--data-root", disks.path("dockerd").toString())
        .within(LONG)
        .run()
        .succeeded();
    Command.of(peers, "registry", NAME).run().succeeded();
    long namespace = Long.parseLong(Files.readString(peer("ns")).strip());
    return Engine.startIn(namespace, "--data-root", disks.path("gantry").toString());
  }

  /// A file that tools/real-peers keeps about what it has started.
  private static Path peer(String suffix) {
    return Needs.peers().resolveSibling("run").resolve(NAME + "." + suffix);
  }

  private static void forgetRegistry() {
    Path data = Needs.peers().resolveSibling("run").resolve(NAME).resolve("registry");
    Command.of("rm", "-rf", data.toString()).within(LONG).run();
  }

  private List<Puller> pullers(Engine engine, FreshDisks disks) throws IOException {
    long dockerd = Long.parseLong(Files.readString(peer("pid")).strip());
    String podman = disks.path("podman").toString();
    String policy = folder.resolve("policy.json").toString();
    Files.writeString(Path.of(policy), "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}");
    List<String> client =
        List.of(peers, "in", NAME, peers, "podman", "--root", podman, "--runroot", podman + ".run");
    return List.of(
        docker("gantry", engine.socket(), engine.pid()),
        docker("dockerd", peer("sock"), dockerd),
        new Puller(
            "podman",
            with(client, "pull", "-q", "--tls-verify=false", "--signature-policy", policy),
            with(client, "load", "-q", "--signature-policy", policy, "-i"),
            0,
            Usage.group("podman")));
  }

  private static Puller docker(String name, Path socket, long pid) throws IOException {
    List<String> client = List.of(Needs.dockerClient().toString(), "-H", "unix://" + socket);
    Usage usage = Usage.group(name);
    usage.take(pid);
    return new Puller(
        name, with(client, "pull", "-q"), with(client, "load", "-q", "-i"), pid, usage);
  }

  private static List<String> with(List<String> words, String... more) {
    List<String> all = new ArrayList<>(words);
    all.addAll(List.of(more));
    return all;
  }

  private void push(Path layout, String image) {
    Command.of(
            peers,
            "in",
            NAME,
            Needs.peers().resolve("skopeo").toString(),
            "--insecure-policy",
            "copy",
            "-q",
            "--dest-tls-verify=false",
            "oci:" + layout + ":1",
            "docker://" + image)
        .within(LONG)
        .run()
        .succeeded();
    Command.of("rm", "-rf", layout.toString()).within(LONG).run();
  }
}
