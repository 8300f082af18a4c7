package dev.gantry.kernel;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Mounts that the whole machine sees: what a volume with driver options stands for. See
/// <https://man7.org/linux/man-pages/man2/mount.2.html>.
public final class HostMounts {
  private static final long MS_RDONLY = 1;
  private static final long MS_REMOUNT = 0x20;
  private static final long MS_BIND = 0x1000;
  private static final long MS_REC = 0x4000;
  private static final int MNT_DETACH = 2;
  private static final Map<String, Long> FLAGS =
      Map.ofEntries(
          Map.entry("ro", MS_RDONLY),
          Map.entry("nosuid", 2L),
          Map.entry("nodev", 4L),
          Map.entry("noexec", 8L),
          Map.entry("sync", 0x10L),
          Map.entry("mand", 0x40L),
          Map.entry("dirsync", 0x80L),
          Map.entry("noatime", 0x400L),
          Map.entry("nodiratime", 0x800L),
          Map.entry("bind", MS_BIND),
          Map.entry("rbind", MS_BIND | MS_REC),
          Map.entry("relatime", 1L << 21),
          Map.entry("strictatime", 1L << 24));
  private static final Map<String, Long> CLEARING =
      Map.ofEntries(
          Map.entry("defaults", 0L),
          Map.entry("rw", MS_RDONLY),
          Map.entry("suid", 2L),
          Map.entry("dev", 4L),
          Map.entry("exec", 8L),
          Map.entry("async", 0x10L),
          Map.entry("nomand", 0x40L),
          Map.entry("atime", 0x400L),
          Map.entry("diratime", 0x800L));

  private HostMounts() {}

  /// Options as mount(8) takes them behind `-o`.
  ///
  /// @param flags of mount(2)
  /// @param data what is no flag and goes to the file system
  public record Options(long flags, String data) {
    public static Options parse(List<String> words) {
      long flags = 0;
      List<String> data = new ArrayList<>();
      for (String option : words) {
        if (FLAGS.containsKey(option)) {
          flags |= FLAGS.get(option);
        } else if (CLEARING.containsKey(option)) {
          flags &= ~CLEARING.get(option);
        } else if (!option.isEmpty()) {
          data.add(option);
        }
      }
      return new Options(flags, String.join(",", data));
    }
  }

  /// Mounts `device` on `target`.
  public static void mount(String device, Path target, String type, Options options) throws Errno {
    long all = options.flags();
    onThread(
        () -> {
          call(device, target, type, all, options.data());
          long rest = all & ~(MS_BIND | MS_REC);
          if ((all & MS_BIND) != 0 && rest != 0) {
            // a bind takes the others' flags; its own come by a second call
            call(device, target, type, rest | MS_REMOUNT | MS_BIND, "");
          }
        });
  }

  private static void call(String device, Path target, String type, long flags, String data)
      throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      Native.call(
          Syscalls.MOUNT,
          target.toString(),
          Native.string(arena, device).address(),
          Native.string(arena, target.toString()).address(),
          Native.string(arena, type).address(),
          flags,
          data.isEmpty() ? 0 : Native.string(arena, data).address(),
          0);
    }
  }

  /// Takes a mount away; whoever still uses it keeps it. Nothing happens if there is none.
  public static void unmount(Path target) throws Errno {
    try {
      onThread(
          () -> {
            try (Arena arena = Arena.ofConfined()) {
              Native.call(
                  Syscalls.UMOUNT2,
                  target.toString(),
                  Native.string(arena, target.toString()).address(),
                  MNT_DETACH,
                  0);
            }
          });
    } catch (Errno e) {
      if (e.number() != Errno.EINVAL && e.number() != Errno.ENOENT) {
        throw e;
      }
    }
  }

  /// Takes away all that is mounted on `folder` and below it.
  public static void unmountBelow(Path folder) throws IOException {
    String point = folder.toString().replace(" ", "\\040");
    List<String> found;
    try (var lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
      found =
          lines
              .map(line -> line.split(" ")[4])
              .filter(p -> p.equals(point) || p.startsWith(point + "/"))
              .toList();
    }
    for (String mount : found.reversed()) {
      unmount(Path.of(mount.replace("\\040", " ")));
    }
  }

  /// True if something is mounted on `target`.
  public static boolean isMounted(Path target) {
    String point = " " + target.toString().replace(" ", "\\040") + " ";
    try (var lines = Files.lines(Path.of("/proc/self/mountinfo"))) {
      return lines.anyMatch(line -> line.contains(point));
    } catch (IOException e) {
      return false;
    }
  }

  @FunctionalInterface
  private interface Step {
    void run() throws Errno;
  }

  /// A mount may wait for a server: not on a virtual thread's carrier.
  private static void onThread(Step step) throws Errno {
    boolean ignored =
        OwnThread.mounting(
            () -> {
              step.run();
              return true;
            });
  }
}
