package dev.gantry.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Runs usual commands one after the other in this process, so that the cache recorded from it
/// holds the classes of all of them. Called when the distribution is built, on an engine made for
/// it.
final class Rehearsal {
  private static final List<String> LINES =
      List.of(
          "version",
          "info",
          "run --rm -e A=1 -l a=b hello-world",
          "run -d --name rehearsal hello-world",
          "wait rehearsal",
          "ps -a",
          "ps -aq",
          "ps -a --format json",
          "images",
          "image ls --format {{.Repository}}:{{.Tag}}",
          "logs rehearsal",
          "inspect rehearsal",
          "inspect -f {{.State.Status}}{{range.Mounts}}{{.Source}}{{end}} rehearsal",
          "exec rehearsal true",
          "start rehearsal",
          "stop rehearsal",
          "kill rehearsal",
          "rm -f rehearsal",
          "network ls",
          "network create rehearsal",
          "network rm rehearsal",
          "volume ls",
          "volume create rehearsal",
          "volume rm rehearsal",
          "system df",
          "events --since 1m --until 0s",
          "tag hello-world rehearsal",
          "rmi rehearsal",
          "pull nosuch.invalid/rehearsal",
          "run nosuch.invalid/rehearsal");

  /// A build with all that usual ones do, twice: the second time everything is in the cache.
  private static final String DOCKERFILE =
      """
      FROM hello-world AS base
      ARG WORD=1
      ENV WORD=$WORD
      WORKDIR /work
      COPY Dockerfile ./
      RUN ["/hello"]
      FROM hello-world
      COPY --from=base /work/Dockerfile /work/
      LABEL a=b
      """;

  /// So many that the engine's profiles, which its cache keeps, are those of an engine at work.
  private static final int RUNS = 150;

  private Rehearsal() {}

  /// @param global the words before the command, such as `-H ADDRESS`
  static int run(List<String> global) throws IOException {
    LINES.forEach(line -> run(global, line));
    Path context = Files.createTempDirectory("gantry-rehearsal-");
    Path file = Files.writeString(context.resolve("Dockerfile"), DOCKERFILE);
    run(global, "build -q " + context);
    run(global, "build -t rehearsal " + context);
    Files.delete(file);
    Files.delete(context);
    for (int i = 0; i < RUNS; i++) {
      run(global, "run --rm hello-world");
    }
    return 0;
  }

  private static void run(List<String> global, String line) {
    List<String> words = new ArrayList<>(global);
    words.addAll(List.of(line.split(" ")));
    Gantry.run(words);
  }
}
