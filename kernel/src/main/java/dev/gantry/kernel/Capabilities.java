package dev.gantry.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/// The names of capabilities (capabilities(7)) and their bits.
public final class Capabilities {
  private static final List<String> NAMES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_DAC_READ_SEARCH",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_KILL",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETPCAP",
          "CAP_LINUX_IMMUTABLE",
          "CAP_NET_BIND_SERVICE",
          "CAP_NET_BROADCAST",
          "CAP_NET_ADMIN",
          "CAP_NET_RAW",
          "CAP_IPC_LOCK",
          "CAP_IPC_OWNER",
          "CAP_SYS_MODULE",
          "CAP_SYS_RAWIO",
          "CAP_SYS_CHROOT",
          "CAP_SYS_PTRACE",
          "CAP_SYS_PACCT",
          "CAP_SYS_ADMIN",
          "CAP_SYS_BOOT",
          "CAP_SYS_NICE",
          "CAP_SYS_RESOURCE",
          "CAP_SYS_TIME",
          "CAP_SYS_TTY_CONFIG",
          "CAP_MKNOD",
          "CAP_LEASE",
          "CAP_AUDIT_WRITE",
          "CAP_AUDIT_CONTROL",
          "CAP_SETFCAP",
          "CAP_MAC_OVERRIDE",
          "CAP_MAC_ADMIN",
          "CAP_SYSLOG",
          "CAP_WAKE_ALARM",
          "CAP_BLOCK_SUSPEND",
          "CAP_AUDIT_READ",
          "CAP_PERFMON",
          "CAP_BPF",
          "CAP_CHECKPOINT_RESTORE");

  private Capabilities() {}

  /// All names, by bit.
  public static List<String> names() {
    return NAMES;
  }

  /// The bit of `name`, in any case and with or without its prefix; empty if there is none.
  public static OptionalInt bit(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    int bit = NAMES.indexOf(upper.startsWith("CAP_") ? upper : "CAP_" + upper);
    return bit < 0 ? OptionalInt.empty() : OptionalInt.of(bit);
  }

  /// The set of `names` as bits; unknown names are passed over, as the runtime specification asks.
  public static long mask(List<String> names) {
    long mask = 0;
    for (String name : names) {
      OptionalInt bit = bit(name);
      if (bit.isPresent()) {
        mask |= 1L << bit.getAsInt();
      }
    }
    return mask;
  }

  /// What the first process of a new user namespace holds: everything that the kernel knows.
  public static long all() {
    try (InputStream in = Files.newInputStream(Path.of("/proc/sys/kernel/cap_last_cap"))) {
      // in one read: such a file has ended after the first one, however short
      byte[] text = new byte[16];
      int length = Math.max(0, in.read(text));
      String last = new String(text, 0, length, StandardCharsets.US_ASCII).trim();
      return (1L << (Integer.parseInt(last) + 1)) - 1;
    } catch (IOException | NumberFormatException e) {
      return mask(names());
    }
  }

  /// The bits that this process may use at all (its bounding set).
  public static long bounding() {
    return status("CapBnd:");
  }

  /// The bits that this process has in force.
  public static long effective() {
    return status("CapEff:");
  }

  private static long status(String field) {
    try {
      for (String line :
          java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/self/status"))) {
        if (line.startsWith(field)) {
          return Long.parseUnsignedLong(line.substring(field.length()).trim(), 16);
        }
      }
    } catch (java.io.IOException e) {
      throw new dev.gantry.base.Failure.Internal("could not read /proc/self/status", e);
    }
    return 0;
  }
}
