package dev.gantry.bench;

import java.nio.file.Path;
import java.util.List;

/// `./dev bench start|registry|network|pull|scale|logs|build [ROUNDS]`.
public final class Bench {
  private Bench() {}

  /// Arguments: the source tree, the benchmark's name, how many rounds (40; of the others 5, of
  /// pulls and logs 3; of scale seconds, 20), and of pulls which part: one, many, zstd, load.
  public static void main(String[] arguments) throws Exception {
    List<String> words = List.of(arguments);
    String name = words.size() < 2 ? "" : words.get(1);
    int rounds = words.size() > 2 ? Integer.parseInt(words.get(2)) : 0;
    switch (name) {
      case "start" -> {
        title(rounds > 0 ? rounds : 40);
        new StartBench(rounds > 0 ? rounds : 40, Path.of(words.getFirst())).run();
      }
      case "network" -> {
        title(rounds > 0 ? rounds : 5);
        new NetworkBench(rounds > 0 ? rounds : 5, Path.of(words.getFirst())).run();
      }
      case "registry" -> {
        title(rounds > 0 ? rounds : 5);
        new RegistryBench(rounds > 0 ? rounds : 5).run();
      }
      case "pull" -> {
        title(rounds > 0 ? rounds : 3);
        String only = words.size() > 3 ? words.get(3) : "";
        new PullBench(rounds > 0 ? rounds : 3, Path.of(words.getFirst()), only).run();
      }
      case "scale" -> new ScaleBench(rounds > 0 ? rounds : 20).run();
      case "logs" -> {
        title(rounds > 0 ? rounds : 3);
        new LogsBench(rounds > 0 ? rounds : 3, Path.of(words.getFirst())).run();
      }
      case "build" -> {
        title(rounds > 0 ? rounds : 5);
        new BuildBench(rounds > 0 ? rounds : 5, Path.of(words.getFirst())).run();
      }
      default -> {
        System.err.println(
            "usage: ./dev bench start|registry|network|pull|scale|logs|build [ROUNDS]");
        System.exit(2);
      }
    }
  }

  private static void title(int rounds) {
    System.out.println("medians of " + rounds + " interleaved runs; ratios to the first line");
    System.out.println();
  }
}
