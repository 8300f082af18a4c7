package dev.gantry.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Proportional memory of processes, in MB (smaps_rollup: what shared pages cost is divided).
final class Memory {
  private static final Path PROC = Path.of("/proc");

  private Memory() {}

  /// The sum over all processes whose command line `wanted` accepts.
  static double of(Predicate<String> wanted) throws IOException {
    try (Stream<Path> all = Files.list(PROC)) {
      return all.filter(p -> p.getFileName().toString().chars().allMatch(Character::isDigit))
              .filter(p -> wanted.test(commandLine(p)))
              .mapToLong(Memory::pss)
              .sum()
          / 1024.0;
    }
  }

  private static String commandLine(Path process) {
    try {
      return Files.readString(process.resolve("cmdline")).replace('\0', ' ');
    } catch (IOException e) {
      return ""; // it has ended
    }
  }

  private static long pss(Path process) {
    try (Stream<String> lines = Files.lines(process.resolve("smaps_rollup"))) {
      return lines
          .filter(line -> line.startsWith("Pss:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .sum();
    } catch (IOException e) {
      return 0;
    }
  }
}
