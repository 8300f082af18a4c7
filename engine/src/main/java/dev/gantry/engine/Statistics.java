package dev.gantry.engine;

import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Fd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringTokenizer;

/// What a container uses: read from its control groups (v1 and v2) and its network namespace.
public final class Statistics {
  /// One reading.
  ///
  /// @param pids processes and threads; `pidsLimit` is absent without a limit
  /// @param cpuPerCpu empty on v2
  /// @param io nanoseconds and bytes by device; empty where the kernel counts none
  /// @param network by interface name; empty without a network namespace of its own
  public record Sample(
      Instant read,
      long pids,
      Optional<Long> pidsLimit,
      Cpu cpu,
      long systemCpu,
      int onlineCpus,
      Memory memory,
      List<Io> io,
      List<Io> ioOperations,
      Map<String, Traffic> network) {}

  /// Nanoseconds of processor time, and how often the quota stopped the container.
  public record Cpu(
      long total,
      List<Long> perCpu,
      long kernel,
      long user,
      long periods,
      long throttledPeriods,
      long throttledNanos) {}

  /// Bytes.
  ///
  /// @param most the most ever in use; absent on v2
  /// @param failures how often the limit was met; 0 on v2
  /// @param limit the container's, or the machine's memory
  /// @param details the kernel's own counters
  public record Memory(
      long usage, Optional<Long> most, long failures, long limit, Map<String, Long> details) {}

  /// Bytes or operations of one kind on one device.
  public record Io(long major, long minor, String operation, long value) {}

  /// What went through one interface.
  public record Traffic(
      long rxBytes,
      long rxPackets,
      long rxErrors,
      long rxDropped,
      long txBytes,
      long txPackets,
      long txErrors,
      long txDropped) {}

  /// A run's last figures; the memory's without details.
  record Last(Memory memory, long pids, Optional<Long> pidsLimit) {}

  private static final long NANOS_PER_TICK = 10_000_000L; // USER_HZ is 100 on every architecture
  private static final int SYSTEM_FIELDS = 8;
  private static final int BUFFER = 4096;

  private final CgroupLayout layout;
  private final String group;
  private byte[] buffer = new byte[BUFFER];

  Statistics(CgroupLayout layout, String group) {
    this.layout = layout;
    this.group = group;
  }

  /// Reads everything now; empty when nothing runs.
  static Optional<Sample> of(Engine engine, Container c) {
    if (!(c.state() instanceof ContainerState.Live live)) {
      return Optional.empty();
    }
    String mode = c.spec().modes().network();
    boolean own = !mode.equals("host") && !mode.equals("none") && !mode.startsWith("container:");
    return Optional.of(
        new Statistics(engine.cgroups(), engine.cgroup(c))
            .read(own ? Path.of("/proc/" + live.pid() + "/net/dev") : null));
  }

  Sample read(@org.jspecify.annotations.Nullable Path interfaces) {
    List<String> system = lines(Path.of("/proc/stat"));
    return new Sample(
        Instant.now(),
        number("pids", "pids.current").orElse(0L),
        number("pids", "pids.max"),
        cpu(),
        system.isEmpty() ? 0 : systemCpu(system.getFirst()),
        (int) system.stream().filter(Statistics::isOneCpu).count(),
        memory(fields(lines("memory", "memory.stat"))),
        io("bytes"),
        io("operations"),
        interfaces == null ? Map.of() : traffic(interfaces));
  }

  /// What the group of a run that has just ended used; a part of [#read], on the path of every end.
  Last readLast() {
    return new Last(
        memory(Map.of()), number("pids", "pids.current").orElse(0L), number("pids", "pids.max"));
  }

  /// `cpu0 …`, not `cpu …` of all together.
  private static boolean isOneCpu(String line) {
    return line.startsWith("cpu") && line.length() > 3 && Character.isDigit(line.charAt(3));
  }

  /// The first line of /proc/stat in nanoseconds, without the guests' part, which is in the users'.
  static long systemCpu(String line) {
    List<String> fields = words(line);
    long ticks = 0;
    for (int i = 1; i < Math.min(fields.size(), SYSTEM_FIELDS); i++) {
      ticks += Long.parseLong(fields.get(i));
    }
    return ticks * NANOS_PER_TICK;
  }

  /// Words between blanks. This and what is below it run for each container each second: they do
  /// without regular expressions and decoders.
  private static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    StringTokenizer tokens = new StringTokenizer(line);
    while (tokens.hasMoreTokens()) {
      words.add(tokens.nextToken());
    }
    return words;
  }

  private List<String> lines(Path file) {
    try (Fd fd = Fd.open(file.toString(), Fd.O_RDONLY)) {
      byte[] bytes = buffer;
      int count = 0;
      for (int n = fd.read(bytes, 0, bytes.length);
          n > 0;
          n = fd.read(bytes, count, bytes.length - count)) {
        count += n;
        if (count == bytes.length) {
          bytes = Arrays.copyOf(bytes, count * 2);
          buffer = bytes;
        }
      }
      return new String(bytes, 0, count, StandardCharsets.ISO_8859_1).lines().toList();
    } catch (IOException e) {
      return List.of(); // the container has just ended, or it is the other version's file
    }
  }

  private List<String> lines(String controller, String file) {
    return layout
        .folder(controller, group)
        .map(folder -> lines(folder.resolve(file)))
        .orElse(List.of());
  }

  private Optional<Long> number(String controller, String file) {
    List<String> lines = lines(controller, file);
    return lines.isEmpty() || !isNumber(lines.getFirst())
        ? Optional.empty()
        : Optional.of(Long.parseUnsignedLong(lines.getFirst()));
  }

  static Map<String, Long> fields(List<String> lines) {
    Map<String, Long> fields = new LinkedHashMap<>();
    for (String line : lines) {
      int space = line.indexOf(' ');
      String value = line.substring(space + 1);
      if (space > 0 && isNumber(value)) {
        fields.put(line.substring(0, space), Long.parseUnsignedLong(value));
      }
    }
    return fields;
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty()
        && text.length() <= 19
        && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private boolean isUnified(String controller) {
    return !layout.hierarchies().containsKey(controller);
  }

  private Cpu cpu() {
    Map<String, Long> stat = fields(lines("cpu", "cpu.stat"));
    if (isUnified("cpuacct")) {
      return new Cpu(
          stat.getOrDefault("usage_usec", 0L) * 1000,
          List.of(),
          stat.getOrDefault("system_usec", 0L) * 1000,
          stat.getOrDefault("user_usec", 0L) * 1000,
          stat.getOrDefault("nr_periods", 0L),
          stat.getOrDefault("nr_throttled", 0L),
          stat.getOrDefault("throttled_usec", 0L) * 1000);
    }
    List<Long> perCpu = new ArrayList<>();
    for (String line : lines("cpuacct", "cpuacct.usage_percpu")) {
      for (String field : words(line)) {
        perCpu.add(Long.parseLong(field));
      }
    }
    Map<String, Long> split = fields(lines("cpuacct", "cpuacct.stat"));
    return new Cpu(
        number("cpuacct", "cpuacct.usage").orElse(0L),
        perCpu,
        split.getOrDefault("system", 0L) * NANOS_PER_TICK,
        split.getOrDefault("user", 0L) * NANOS_PER_TICK,
        stat.getOrDefault("nr_periods", 0L),
        stat.getOrDefault("nr_throttled", 0L),
        stat.getOrDefault("throttled_time", 0L));
  }

  private Memory memory(Map<String, Long> details) {
    boolean unified = isUnified("memory");
    long machine = Machine.MEMORY;
    String limit = unified ? "memory.max" : "memory.limit_in_bytes";
    return new Memory(
        number("memory", unified ? "memory.current" : "memory.usage_in_bytes").orElse(0L),
        unified ? Optional.empty() : number("memory", "memory.max_usage_in_bytes"),
        unified ? 0 : number("memory", "memory.failcnt").orElse(0L),
        Math.min(number("memory", limit).orElse(machine), machine),
        details);
  }

  /// Read once: each run's end asks.
  private static final class Machine {
    static final long MEMORY = read();

    private static long read() {
      try (var lines = Files.lines(Path.of("/proc/meminfo"))) {
        return lines
            .filter(l -> l.startsWith("MemTotal:"))
            .map(l -> Long.parseLong(l.replaceAll("[^0-9]", "")) * 1024)
            .findFirst()
            .orElse(Long.MAX_VALUE);
      } catch (IOException e) {
        return Long.MAX_VALUE;
      }
    }
  }

  private List<Io> io(String kind) {
    boolean bytes = kind.equals("bytes");
    if (isUnified("blkio")) {
      return unifiedIo(lines("io", "io.stat"), bytes);
    }
    String name = bytes ? "io_service_bytes" : "io_serviced";
    List<String> lines = lines("blkio", "blkio.throttle." + name + "_recursive");
    if (lines.isEmpty()) {
      lines = lines("blkio", "blkio.throttle." + name);
    }
    List<Io> all = new ArrayList<>();
    for (String line : lines) {
      String[] f = line.replace(':', ' ').split(" ");
      if (f.length == 4) {
        all.add(
            new Io(
                Long.parseLong(f[0]),
                Long.parseLong(f[1]),
                f[2].toLowerCase(java.util.Locale.ROOT),
                Long.parseLong(f[3])));
      }
    }
    return all;
  }

  /// Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
  static List<Io> unifiedIo(List<String> lines, boolean bytes) {
    List<Io> all = new ArrayList<>();
    for (String line : lines) {
      String[] words = line.split(" ");
      String[] device = words[0].split(":");
      for (int i = 1; i < words.length && device.length == 2; i++) {
        String[] pair = words[i].split("=");
        String operation =
            switch (pair[0]) {
              case "rbytes" -> bytes ? "read" : "";
              case "wbytes" -> bytes ? "write" : "";
              case "rios" -> bytes ? "" : "read";
              case "wios" -> bytes ? "" : "write";
              default -> "";
            };
        if (!operation.isEmpty()) {
          all.add(
              new Io(
                  Long.parseLong(device[0]),
                  Long.parseLong(device[1]),
                  operation,
                  Long.parseLong(pair[1])));
        }
      }
    }
    return all;
  }

  private Map<String, Traffic> traffic(Path interfaces) {
    Map<String, Traffic> all = new java.util.TreeMap<>();
    for (String line : lines(interfaces)) {
      int colon = line.indexOf(':');
      String name = colon < 0 ? "" : line.substring(0, colon).trim();
      if (name.isEmpty() || name.equals("lo")) {
        continue;
      }
      List<String> f = words(line.substring(colon + 1));
      if (f.size() >= 12) {
        all.put(
            name,
            new Traffic(
                Long.parseLong(f.get(0)),
                Long.parseLong(f.get(1)),
                Long.parseLong(f.get(2)),
                Long.parseLong(f.get(3)),
                Long.parseLong(f.get(8)),
                Long.parseLong(f.get(9)),
                Long.parseLong(f.get(10)),
                Long.parseLong(f.get(11))));
      }
    }
    return all;
  }
}
