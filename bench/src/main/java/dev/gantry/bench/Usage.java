package dev.gantry.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the processes of an engine use, its children included: a cgroup counts their processor
/// time, procfs tells the peak of their resident memory.
final class Usage {
  private static final Path V1 = Path.of("/sys/fs/cgroup/cpuacct");
  private static final Path V2 = Path.of("/sys/fs/cgroup");

  private final Path group;
  private final Path log;

  private Usage(Path group) throws IOException {
    this.group = group;
    this.log = Files.createTempFile("gantry-bench-", ".log");
    log.toFile().deleteOnExit();
  }

  static Usage group(String name) throws IOException {
    Path above = Files.isDirectory(V1) ? V1 : V2;
    return new Usage(Files.createDirectories(above.resolve("gantry-bench-" + name)));
  }

  /// Counts `pid`, and what it starts, from now on.
  void take(long pid) throws IOException {
    Files.writeString(group.resolve("cgroup.procs"), Long.toString(pid));
  }

  /// Processor time, user and system, until now.
  long nanos() throws IOException {
    Path v1 = group.resolve("cpuacct.usage");
    if (Files.exists(v1)) {
      return Long.parseLong(Files.readString(v1).strip());
    }
    return Files.readAllLines(group.resolve("cpu.stat")).stream()
        .filter(line -> line.startsWith("usage_usec "))
        .mapToLong(line -> Long.parseLong(line.substring(11)) * 1000)
        .sum();
  }

  /// Runs a client of the engine `pid`, or, if that is 0, an engine that is its own client; the
  /// peak of the engine's resident memory meanwhile, in MB.
  double run(List<String> words, long pid) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(words);
    if (pid == 0) {
      all.addAll(
          0,
          List.of("sh", "-c", "echo $$ >\"$0\"; exec \"$@\"", group.resolve("cgroup.procs") + ""));
    } else {
      Files.writeString(Path.of("/proc/" + pid + "/clear_refs"), "5"); // the peak begins anew
    }
    Process client =
        new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    double peak = 0;
    while (client.isAlive()) {
      if (pid == 0) {
        peak = Math.max(peak, peaks());
      }
      Thread.sleep(10);
    }
    if (client.exitValue() != 0) {
      throw new IOException(String.join(" ", words) + ": " + Files.readString(log));
    }
    return pid == 0 ? peak : peak(Long.toString(pid));
  }

  /// The largest of the group's processes.
  private double peaks() throws IOException {
    double peak = 0;
    for (String pid : Files.readAllLines(group.resolve("cgroup.procs"))) {
      peak = Math.max(peak, peak(pid));
    }
    return peak;
  }

  private static double peak(String pid) {
    try {
      return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
              .filter(line -> line.startsWith("VmHWM:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .sum()
          / 1024.0;
    } catch (IOException e) {
      return 0; // it has ended
    }
  }
}
