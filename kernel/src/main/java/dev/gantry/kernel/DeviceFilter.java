package dev.gantry.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// Compiles device rules to an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE: cgroup v2's
/// replacement for v1's devices controller
/// ([bpf(2)](https://man7.org/linux/man-pages/man2/bpf.2.html)).
///
/// The kernel calls the program with the type, the number and the wanted access, and refuses with
/// EPERM when it returns 0. Rules are asked from the last to the first: a matching one settles the
/// kinds of access that it names, and what no rule settles is allowed, as in a v1 group without
/// rules.
public final class DeviceFilter {
  public static final int MKNOD = 1;
  public static final int READ = 2;
  public static final int WRITE = 4;
  private static final int EVERYTHING = MKNOD | READ | WRITE;
  private static final int SIZE = 8;

  // registers: 0 result, 1 context, 2 type, 3 access that is still to be settled, 4 major, 5 minor
  private static final int MOVE = 0xb7;
  private static final int LOAD_WORD = 0x61;
  private static final int AND = 0x57;
  private static final int SHIFT_RIGHT = 0x77;
  private static final int COPY = 0xbf;
  private static final int JUMP = 0x05;
  private static final int JUMP_UNLESS_EQUAL = 0x55;
  private static final int JUMP_UNLESS_EQUAL_WORD = 0x56;
  private static final int JUMP_IF_ANY_BIT = 0x45;
  private static final int EXIT = 0x95;

  /// What a rule speaks of.
  public enum Kind {
    ALL(0),
    BLOCK(1),
    CHARACTER(2);

    private final int number;

    Kind(int number) {
      this.number = number;
    }
  }

  /// @param major the device's major number, or -1 for every
  /// @param minor likewise
  /// @param access [#MKNOD], [#READ] and [#WRITE], or-ed
  public record Rule(boolean allow, Kind kind, long major, long minor, int access) {
    private boolean settlesEverything() {
      return kind == Kind.ALL && major < 0 && minor < 0 && access == EVERYTHING;
    }
  }

  private DeviceFilter() {}

  /// The program's instructions, eight bytes each.
  public static byte[] compile(List<Rule> rules) {
    ByteBuffer out =
        ByteBuffer.allocate((8 + rules.size() * 9) * SIZE).order(ByteOrder.nativeOrder());
    put(out, LOAD_WORD, 2, 1, 0, 0);
    put(out, COPY, 3, 2, 0, 0);
    put(out, AND, 2, 0, 0, 0xffff);
    put(out, SHIFT_RIGHT, 3, 0, 0, 16);
    put(out, LOAD_WORD, 4, 1, 4, 0);
    put(out, LOAD_WORD, 5, 1, 8, 0);
    boolean open = true;
    for (Rule rule : rules.reversed()) {
      rule(out, rule);
      if (rule.settlesEverything()) {
        open = false; // what would follow is never reached, which the kernel does not accept
        break;
      }
    }
    if (open) {
      answer(out, 1);
    }
    byte[] program = new byte[out.position()];
    out.get(0, program);
    return program;
  }

  private static void rule(ByteBuffer out, Rule rule) {
    int decision = rule.access() == EVERYTHING ? 2 : 4;
    int conditions =
        (rule.kind() == Kind.ALL ? 0 : 1) + (rule.major() < 0 ? 0 : 1) + (rule.minor() < 0 ? 0 : 1);
    if (rule.kind() != Kind.ALL) {
      put(out, JUMP_UNLESS_EQUAL, 2, 0, --conditions + decision, rule.kind().number);
    }
    if (rule.major() >= 0) {
      put(out, JUMP_UNLESS_EQUAL_WORD, 4, 0, --conditions + decision, (int) rule.major());
    }
    if (rule.minor() >= 0) {
      put(out, JUMP_UNLESS_EQUAL_WORD, 5, 0, --conditions + decision, (int) rule.minor());
    }
    if (rule.access() == EVERYTHING) {
      answer(out, rule.allow() ? 1 : 0);
    } else if (rule.allow()) {
      put(out, AND, 3, 0, 0, EVERYTHING & ~rule.access());
      put(out, JUMP_UNLESS_EQUAL, 3, 0, 2, 0);
      answer(out, 1);
    } else {
      put(out, JUMP_IF_ANY_BIT, 3, 0, 1, rule.access());
      put(out, JUMP, 0, 0, 2, 0);
      answer(out, 0);
    }
  }

  private static void answer(ByteBuffer out, int value) {
    put(out, MOVE, 0, 0, 0, value);
    put(out, EXIT, 0, 0, 0, 0);
  }

  /// One instruction: code, registers (destination in the low half), jump or memory offset,
  /// constant.
  private static void put(
      ByteBuffer out, int code, int destination, int source, int offset, int constant) {
    out.put((byte) code).put((byte) (destination | source << 4));
    out.putShort((short) offset).putInt(constant);
  }
}
