package dev.gantry.engine;

import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

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
  private final boolean keeps;
  private final Map<Path, Fd> kept = new HashMap<>();
  private final Map<String, Optional<Path>> paths = new HashMap<>();
  private byte[] buffer = new byte[BUFFER];

  Statistics(CgroupLayout layout, String group) {
    this(layout, group, false);
  }

  /// @param keeps whether files stay open from one reading to the next, until [#close]
  private Statistics(CgroupLayout layout, String group, boolean keeps) {
    this.layout = layout;
    this.group = group;
    this.keeps = keeps;
  }

  /// Reads everything now; empty when nothing runs.
  static Optional<Sample> of(Engine engine, Container c) {
    try (Watch watch = new Watch(engine, c, false)) {
      return watch.read();
    }
  }

  /// Reads one container's figures again and again; by one thread at a time.
  public static final class Watch implements AutoCloseable {
    // a watch holds a dozen files: of more watches than this, the later ones open them each time
    private static final int KEEPING = 250;
    private static final AtomicInteger WATCHES = new AtomicInteger();

    private final Engine engine;
    private final Container container;
    private final boolean keeps;
    private @Nullable Statistics statistics;
    private @Nullable Path interfaces;
    private int pid;

    /// @param again whether there will be more than one reading
    Watch(Engine engine, Container container, boolean again) {
      this.engine = engine;
      this.container = container;
      this.keeps = again && WATCHES.incrementAndGet() <= KEEPING;
      if (again && !keeps) {
        WATCHES.decrementAndGet();
      }
    }

    /// Reads everything now; empty when nothing runs.
    public Optional<Sample> read() {
      if (!(container.state() instanceof ContainerState.Live live)) {
        return Optional.empty();
      }
      Statistics own = statistics;
      if (own == null || pid != live.pid()) {
        if (own != null) {
          own.close();
        }
        own = new Statistics(engine.cgroups(), engine.cgroup(container), keeps);
        statistics = own;
        pid = live.pid();
        String mode = container.spec().modes().network();
        boolean alone =
            !mode.equals("host") && !mode.equals("none") && !mode.startsWith("container:");
        interfaces = alone ? Path.of("/proc/" + pid + "/net/dev") : null;
      }
      return Optional.of(own.read(interfaces));
    }

    @Override
    public void close() {
      Statistics own = statistics;
      statistics = null;
      if (own != null) {
        own.close();
      }
      if (keeps) {
        WATCHES.decrementAndGet();
      }
    }
  }

  /// What the machine has worked in all. Read once for all containers' samples of one moment.
  ///
  /// @param at of [System#nanoTime]
  /// @param cpu nanoseconds of all processors
  private record SystemTimes(long at, long cpu, int online) {
    private static final long MOMENT = 10_000_000L;
    private static volatile SystemTimes last = new SystemTimes(System.nanoTime() - MOMENT, 0, 0);

    static SystemTimes now() {
      SystemTimes times = last;
      if (System.nanoTime() - times.at() >= MOMENT) {
        Statistics reader = new Statistics(CgroupLayout.detected(), "/");
        KernelText text = reader.text(Path.of("/proc/stat"));
        long cpu = systemCpu(text);
        int online = 0;
        for (text.endLine(); isOneCpu(text.word(' ')); text.endLine()) {
          online++;
        }
        times = new SystemTimes(System.nanoTime(), cpu, online);
        last = times;
      }
      return times;
    }

    /// `cpu0 …`, not `cpu …` of all together.
    private static boolean isOneCpu(String word) {
      return word.startsWith("cpu") && word.length() > 3 && Character.isDigit(word.charAt(3));
    }
  }

  Sample read(@Nullable Path interfaces) {
    SystemTimes system = SystemTimes.now();
    return new Sample(
        Instant.now(),
        number("pids", "pids.current").orElse(0L),
        number("pids", "pids.max"),
        cpu(),
        system.cpu(),
        system.online(),
        memory(text("memory", "memory.stat").fields()),
        io("bytes"),
        io("operations"),
        interfaces == null ? Map.of() : traffic(interfaces));
  }

  /// What the group of a run that has just ended used; a part of [#read], on the path of every end.
  Last readLast() {
    return new Last(
        memory(Map.of()), number("pids", "pids.current").orElse(0L), number("pids", "pids.max"));
  }

  /// The first line of /proc/stat in nanoseconds, without the guests' part, which is in the users'.
  static long systemCpu(KernelText text) {
    String ignored = text.word(' ');
    long ticks = 0;
    long field = text.number();
    for (int i = 1; i < SYSTEM_FIELDS && field >= 0; i++) {
      ticks += field;
      field = text.number();
    }
    return ticks * NANOS_PER_TICK;
  }

  /// The file's text, which lasts until the next is read; empty if the container has just ended, or
  /// for the other version's file.
  private KernelText text(Path file) {
    Fd open = kept.get(file);
    try {
      Fd fd = open == null ? Fd.open(file.toString(), Fd.O_RDONLY) : open;
      if (keeps && open == null) {
        kept.put(file, fd);
      }
      try {
        return text(fd, !file.startsWith("/proc"));
      } finally {
        if (!keeps) {
          fd.close();
        }
      }
    } catch (IOException e) {
      return KernelText.NONE;
    }
  }

  /// @param whole whether one call reads all that there is room for, as of control groups' files
  private KernelText text(Fd fd, boolean whole) throws IOException {
    int count = 0;
    while (true) {
      int n = fd.readAt(count, buffer, count, buffer.length - count);
      count += Math.max(n, 0);
      if (count == buffer.length) {
        buffer = Arrays.copyOf(buffer, count * 2);
      } else if (n <= 0 || whole) {
        return new KernelText(buffer, count);
      }
    }
  }

  private KernelText text(String controller, String file) {
    Optional<Path> path =
        paths.computeIfAbsent(
            file, f -> layout.folder(controller, group).map(folder -> folder.resolve(f)));
    return path.isPresent() ? text(path.get()) : KernelText.NONE;
  }

  /// Closes the files that have been kept open.
  private void close() {
    kept.values().forEach(Fd::close);
    kept.clear();
  }

  private Optional<Long> number(String controller, String file) {
    long number = text(controller, file).number();
    return number < 0 ? Optional.empty() : Optional.of(number);
  }

  private boolean isUnified(String controller) {
    return !layout.hierarchies().containsKey(controller);
  }

  private Cpu cpu() {
    if (isUnified("cpuacct")) {
      Map<String, Long> stat = text("cpu", "cpu.stat").fields();
      return new Cpu(
          stat.getOrDefault("usage_usec", 0L) * 1000,
          List.of(),
          stat.getOrDefault("system_usec", 0L) * 1000,
          stat.getOrDefault("user_usec", 0L) * 1000,
          stat.getOrDefault("nr_periods", 0L),
          stat.getOrDefault("nr_throttled", 0L),
          stat.getOrDefault("throttled_usec", 0L) * 1000);
    }
    Map<String, Long> quota = text("cpu", "cpu.stat").fields();
    Map<String, Long> split = text("cpuacct", "cpuacct.stat").fields();
    return new Cpu(
        number("cpuacct", "cpuacct.usage").orElse(0L),
        text("cpuacct", "cpuacct.usage_percpu").numbers(),
        split.getOrDefault("system", 0L) * NANOS_PER_TICK,
        split.getOrDefault("user", 0L) * NANOS_PER_TICK,
        quota.getOrDefault("nr_periods", 0L),
        quota.getOrDefault("nr_throttled", 0L),
        quota.getOrDefault("throttled_time", 0L));
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
      return unifiedIo(text("io", "io.stat"), bytes);
    }
    String name = bytes ? "io_service_bytes" : "io_serviced";
    KernelText text = text("blkio", "blkio.throttle." + name + "_recursive");
    if (!text.hasMore()) {
      text = text("blkio", "blkio.throttle." + name);
    }
    List<Io> all = new ArrayList<>();
    for (; text.hasMore(); text.endLine()) {
      // 8:0 Read 4096, and at the end: Total 4096
      String major = text.word(':');
      long minor = text.number();
      String operation = text.word(' ').toLowerCase(Locale.ROOT);
      long value = text.number();
      if (minor >= 0 && value >= 0) {
        all.add(new Io(Long.parseLong(major), minor, operation, value));
      }
    }
    return all;
  }

  /// Lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.
  static List<Io> unifiedIo(KernelText text, boolean bytes) {
    List<Io> all = new ArrayList<>();
    for (; text.hasMore(); text.endLine()) {
      String major = text.word(':');
      long minor = text.number();
      for (String key = text.word('='); minor >= 0 && !key.isEmpty(); key = text.word('=')) {
        long value = text.number();
        String operation =
            switch (key) {
              case "rbytes" -> bytes ? "read" : "";
              case "wbytes" -> bytes ? "write" : "";
              case "rios" -> bytes ? "" : "read";
              case "wios" -> bytes ? "" : "write";
              default -> "";
            };
        if (!operation.isEmpty()) {
          all.add(new Io(Long.parseLong(major), minor, operation, value));
        }
      }
    }
    return all;
  }

  private Map<String, Traffic> traffic(Path interfaces) {
    Map<String, Traffic> all = new TreeMap<>();
    for (KernelText text = text(interfaces); text.hasMore(); text.endLine()) {
      String name = text.word(':');
      long[] f = new long[12];
      for (int i = 0; i < f.length; i++) {
        f[i] = text.number();
      }
      if (f[11] >= 0 && !name.equals("lo")) {
        all.put(name, new Traffic(f[0], f[1], f[2], f[3], f[8], f[9], f[10], f[11]));
      }
    }
    return all;
  }
}
