package dev.gantry.cli;

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

  private Rehearsal() {}

  /// @param global the words before the command, such as `-H ADDRESS`
  static int run(List<String> global) {
    for (String line : LINES) {
      List<String> words = new java.util.ArrayList<>(global);
      words.addAll(List.of(line.split(" ")));
      Gantry.run(words);
    }
    return 0;
  }
}
