package dev.gantry.bench;

import java.nio.file.Path;
import java.util.List;

/// `./dev bench start [ROUNDS]`.
public final class Bench {
  private Bench() {}

  /// Arguments: the source tree, the benchmark's name, how many rounds (40).
  public static void main(String[] arguments) throws Exception {
    List<String> words = List.of(arguments);
    if (words.size() < 2 || !words.get(1).equals("start")) {
      System.err.println("usage: ./dev bench start [ROUNDS]");
      System.exit(2);
      return;
    }
    int rounds = words.size() > 2 ? Integer.parseInt(words.get(2)) : 40;
    System.out.println("medians of " + rounds + " interleaved runs; ratios to the first line");
    System.out.println();
    new StartBench(rounds, Path.of(words.getFirst())).run();
  }
}
