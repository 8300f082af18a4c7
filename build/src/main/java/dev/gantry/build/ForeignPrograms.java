package dev.gantry.build;

import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Whether this machine can run the programs of an image for another platform: the kernel runs them
/// by an emulator that is registered with it (binfmt_misc), or not at all.
///
/// Specification: the ELF header's first 20 bytes; `Documentation/admin-guide/binfmt-misc.rst`.
final class ForeignPrograms {
  private static final Path REGISTERED = Path.of("/proc/sys/fs/binfmt_misc");
  private static final int HEAD = 128; // as much as the kernel compares
  private static final int MACHINE = 18;
  private static final Map<Integer, String> MACHINES =
      Map.of(3, "386", 40, "arm", 62, "amd64", 183, "arm64", 243, "riscv64");

  private final String here;
  private final Path registered;

  ForeignPrograms() {
    this(dev.gantry.oci.Platform.here().architecture(), REGISTERED);
  }

  /// @param here this machine's architecture
  /// @param registered a folder with a file for each emulator, as the kernel has it
  ForeignPrograms(String here, Path registered) {
    this.here = here;
    this.registered = registered;
  }

  /// The architecture that the program at `path` is for, if it cannot run here.
  Optional<String> cannotRun(Tree tree, String path) throws IOException {
    Optional<Tree.Status> status = tree.status(path);
    if (status.isEmpty() || !status.get().isRegular()) {
      return Optional.empty(); // the step itself will say so
    }
    try (InputStream in = Walk.content(tree, path)) {
      return cannotRun(in.readNBytes(HEAD));
    }
  }

  Optional<String> cannotRun(byte[] head) throws IOException {
    boolean elf =
        head.length > MACHINE + 1
            && head[0] == 0x7f
            && head[1] == 'E'
            && head[2] == 'L'
            && head[3] == 'F';
    if (!elf) {
      return Optional.empty();
    }
    boolean big = head[5] == 2;
    int low = head[big ? MACHINE + 1 : MACHINE] & 0xff;
    int machine = low | (head[big ? MACHINE : MACHINE + 1] & 0xff) << 8;
    String wanted = MACHINES.getOrDefault(machine, "machine " + machine);
    boolean own =
        wanted.equals(here)
            || here.equals("amd64") && wanted.equals("386")
            || here.equals("arm64") && wanted.equals("arm");
    return own || isEmulated(head) ? Optional.empty() : Optional.of(wanted);
  }

  private boolean isEmulated(byte[] head) throws IOException {
    if (!Files.isDirectory(registered)) {
      return false;
    }
    try (Stream<Path> all = Files.list(registered)) {
      for (Path one : all.filter(p -> !p.endsWith("register") && !p.endsWith("status")).toList()) {
        if (fits(Files.readString(one), head)) {
          return true;
        }
      }
      return false;
    }
  }

  /// Lines `enabled`, `offset N`, `magic HEX` and `mask HEX`.
  private static boolean fits(String entry, byte[] head) {
    boolean enabled = false;
    int offset = 0;
    byte[] magic = {};
    byte[] mask = {};
    for (String line : entry.lines().toList()) {
      String[] words = line.split(" ", 2);
      switch (words[0]) {
        case "enabled" -> enabled = true;
        case "offset" -> offset = Integer.parseInt(words[1].strip());
        case "magic" -> magic = HexFormat.of().parseHex(words[1].strip());
        case "mask" -> mask = HexFormat.of().parseHex(words[1].strip());
        default -> {}
      }
    }
    if (!enabled || magic.length == 0 || offset + magic.length > head.length) {
      return false;
    }
    for (int i = 0; i < magic.length; i++) {
      int kept = i < mask.length ? mask[i] : 0xff;
      if ((head[offset + i] & kept) != (magic[i] & kept)) {
        return false;
      }
    }
    return true;
  }
}
