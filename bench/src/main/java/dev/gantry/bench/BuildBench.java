package dev.gantry.bench;

import dev.gantry.testkit.Busybox;
import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;
import dev.gantry.testkit.Needs;
import dev.gantry.testkit.ResidentProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Builds of one Dockerfile with four stages and twelve steps: with nothing in the cache, with all
/// of it, and after a change of one source file; and of a context of 100,000 files. Ours by `gantry
/// build`, cold and by a resident program, and by Buildx, dockerd's by Buildx, and buildah.
final class BuildBench {
  // a run does not meet what the last one has not yet removed
  private static final String NAME = "buildbench" + ProcessHandle.current().pid();
  private static final int FILES = 100_000;

  /// How often a build is tried that finds all in its cache, as in a day's work.
  private static final int CACHED = 20;

  private static final Duration LONG = Duration.ofMinutes(10);

  private final int rounds;
  private final String peers;
  private final Path folder;

  BuildBench(int rounds, Path tree) throws IOException {
    this.rounds = rounds;
    this.peers = tree.resolve("tools/real-peers").toString();
    this.folder = Files.createTempDirectory(Path.of("/var/tmp"), "gantry-buildbench-");
  }

  /// @param build the words before the context
  /// @param forget the words that empty the cache
  private record Maker(String name, List<String> build, List<List<String>> forget) {}

  void run() throws Exception {
    // each engine has a disk of its own: ext4 goes round the inodes that another has just freed
    try (FreshDisks disks = disks();
        Engine engine = Engine.start("--data-root", disks.path("gantry").toString());
        ResidentProgram resident = new ResidentProgram().start()) {
      List<Maker> makers = makers(engine, resident, disks);
      steps(makers);
      large(makers);
    } finally {
      Command.of(peers, "stop", NAME).within(LONG).run();
      Path data = Needs.peers().resolveSibling("run").resolve(NAME);
      Command.of("rm", "-rf", folder.toString(), data.toString()).within(LONG).run();
    }
  }

  private void steps(List<Maker> makers) throws Exception {
    Path context = context();
    Row cold = new Row("build, 4 stages and 12 steps, nothing cached", "faster than the others");
    Row cached = new Row("  all cached", "at least 5x faster than the others");
    Row changed = new Row("  one source file changed", "");
    for (int round = 0; round < rounds; round++) {
      for (Maker maker : List.copyOf(makers)) {
        measured(
            makers,
            maker,
            () -> {
              maker.forget().forEach(words -> Command.of(words).within(LONG).run().succeeded());
              cold.value(maker.name(), seconds(maker, context));
              for (int again = 0; again < CACHED; again++) {
                cached.value(maker.name(), seconds(maker, context));
              }
              Files.writeString(
                  context.resolve("src/main.txt"), "source " + System.nanoTime() + "\n");
              changed.value(maker.name(), seconds(maker, context));
            });
      }
    }
    show(cold, cached, changed);
  }

  private void large(List<Maker> makers) throws Exception {
    Row many = new Row("build, a context of 100,000 files, copied", "");
    Row again = new Row("  all cached", "");
    Row one = new Row("  one of the files changed", "");
    Path large = many();
    for (Maker maker : List.copyOf(makers)) {
      measured(
          makers,
          maker,
          () -> {
            // what another maker has left in a cache is no good to this one
            Files.writeString(large.resolve("files/8/f8008"), maker.name() + "\n");
            many.value(maker.name(), seconds(maker, large));
            again.value(maker.name(), seconds(maker, large));
            Files.writeString(large.resolve("files/7/f7007"), maker.name() + "\n");
            one.value(maker.name(), seconds(maker, large));
          });
    }
    show(many, again, one);
  }

  private static void show(Row... rows) {
    for (Row row : rows) {
      row.lines("s").forEach(System.out::println);
    }
  }

  /// Runs the work; whose fails is left out of what follows, and named.
  private static void measured(List<Maker> makers, Maker maker, Row.Work work) throws Exception {
    try {
      work.run();
    } catch (AssertionError e) {
      makers.remove(maker);
      System.out.println(maker.name() + " is left out: " + e.getMessage());
    }
  }

  private static double seconds(Maker maker, Path context) {
    List<String> words = new ArrayList<>(maker.build());
    words.add(context.toString());
    long start = System.nanoTime();
    Command.of(words).within(LONG).run().succeeded();
    return (System.nanoTime() - start) / 1e9;
  }

  private FreshDisks disks() throws IOException {
    FreshDisks disks = new FreshDisks(folder);
    for (String name : List.of("gantry", "dockerd", "buildah")) {
      disks.add(name); // before the peers start: their namespace does not see later mounts
    }
    return disks;
  }

  private List<Maker> makers(Engine engine, ResidentProgram resident, FreshDisks disks) {
    String dockerd =
        "unix://"
            + Command.of(peers, "dockerd", NAME, "--data-root", disks.path("dockerd").toString())
                .within(LONG)
                .run()
                .succeeded()
                .line();
    String docker = Needs.dockerClient().toString();
    String gantry = Needs.tree().resolve("gantry").toString();
    String ours = "unix://" + engine.socket();
    for (String host : List.of(ours, dockerd)) {
      Command.of(docker, "-H", host, "import", "-", "box:1")
          .input(Busybox.tar())
          .within(LONG)
          .run()
          .succeeded();
    }
    List<Maker> makers = new ArrayList<>();
    makers.add(
        new Maker(
            "gantry",
            List.of(gantry, "-H", ours, "build", "-q"),
            List.of(List.of(gantry, "-H", ours, "builder", "prune", "-af"))));
    // as on a terminal, where the command line stays warm
    List<String> warm =
        words(List.of("env"), "GANTRY_RESIDENT=on", resident.variable(), gantry, "-H", ours);
    makers.add(
        new Maker(
            "gantry (resident)",
            words(warm, "build", "-q"),
            List.of(words(warm, "builder", "prune", "-af"))));
    makers.add(buildx("gantry by Buildx", docker, ours));
    makers.add(buildx("dockerd by Buildx", docker, dockerd));
    makers.add(buildah(docker, ours, disks.path("buildah").toString()));
    return makers;
  }

  /// buildah cannot import a bare archive of files: it takes the base image from ours. It would
  /// raise limits that a machine may not let it raise: it gets those that are.
  private Maker buildah(String docker, String ours, String root) {
    String archive = folder.resolve("box.tar").toString();
    Command.of(docker, "-H", ours, "save", "-o", archive, "box:1").run().succeeded();
    List<String> limits =
        Command.of("bash", "-c", "ulimit -Hn; ulimit -Hu")
            .run()
            .succeeded()
            .out()
            .replace("unlimited", "-1")
            .lines()
            .toList();
    List<String> buildah =
        List.of(peers, "buildah", NAME, "--root", root, "--runroot", root + ".run");
    return new Maker(
        "buildah",
        words(
            buildah,
            "build",
            "--layers",
            "--pull=never",
            "-q",
            "--ulimit",
            "nofile=" + limits.getFirst(),
            "--ulimit",
            "nproc=" + limits.getLast()),
        List.of(
            words(buildah, "prune", "-af"),
            words(buildah, "pull", "-q", "docker-archive:" + archive)));
  }

  private static List<String> words(List<String> first, String... more) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(more));
    return all;
  }

  private Maker buildx(String name, String docker, String host) {
    String buildx =
        Needs.dockerClient().resolve("../../plugins/docker-buildx").normalize().toString();
    return new Maker(
        name,
        List.of(
            "env",
            "DOCKER_HOST=" + host,
            "BUILDX_CONFIG=" + folder.resolve("buildx"),
            buildx,
            "build",
            "--load",
            "--provenance=false",
            "-q"),
        List.of(List.of(docker, "-H", host, "builder", "prune", "-af")));
  }

  private Path context() throws IOException {
    Path context = Files.createDirectories(folder.resolve("small"));
    Files.createDirectories(context.resolve("src"));
    Files.writeString(context.resolve("src/main.txt"), "source\n");
    Files.writeString(context.resolve("lock.txt"), "dependencies\n");
    Files.writeString(
        context.resolve("Dockerfile"),
        """
        FROM box:1 AS base
        RUN mkdir -p /opt/base && echo base > /opt/base/f
        RUN for i in 1 2 3 4 5 6 7 8 9; do head -c 200000 /dev/urandom > /opt/base/$i; done
        FROM base AS dependencies
        COPY lock.txt /work/
        RUN for i in 1 2 3 4 5 6 7 8 9; do head -c 200000 /dev/urandom > /work/$i; done
        RUN cat /work/lock.txt > /work/resolved
        FROM dependencies AS built
        COPY src /work/src
        RUN cat /work/src/main.txt /work/resolved > /work/program
        RUN wc -c < /work/program > /work/size
        FROM base
        COPY --from=dependencies /work/resolved /app/
        COPY --from=built /work/program /app/
        RUN chmod 755 /app/program
        RUN ls -l /app > /app/list
        CMD ["/app/program"]
        """);
    return context;
  }

  private Path many() throws IOException {
    Path context = Files.createDirectories(folder.resolve("many"));
    for (int i = 0; i < FILES; i++) {
      Path part = context.resolve("files/" + i / 1000);
      if (i % 1000 == 0) {
        Files.createDirectories(part);
      }
      Files.writeString(part.resolve("f" + i), "file " + i + "\n");
    }
    Files.writeString(context.resolve("Dockerfile"), "FROM box:1\nCOPY files /files\n");
    return context;
  }
}
