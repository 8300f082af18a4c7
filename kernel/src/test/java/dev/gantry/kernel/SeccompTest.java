package dev.gantry.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.kernel.Seccomp.Architecture;
import dev.gantry.kernel.Seccomp.Condition;
import dev.gantry.kernel.Seccomp.Operator;
import dev.gantry.kernel.Seccomp.Rule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Runs compiled filters in a small simulator and compares with a naive reading of the rules.
class SeccompTest {
  private static final int X86_64 = 0xc000003e;
  private static final int DENY = Seccomp.ERRNO | 1;

  /// What the kernel would answer.
  static int simulate(byte[] filter, int arch, int number, long[] arguments) {
    ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.nativeOrder());
    data.putInt(number).putInt(arch).putLong(0);
    for (long a : arguments) {
      data.putLong(a);
    }
    ByteBuffer code = ByteBuffer.wrap(filter).order(ByteOrder.nativeOrder());
    int a = 0;
    for (int pc = 0; ; pc++) {
      int at = pc * 8;
      int operand = code.getInt(at + 4);
      int jt = code.get(at + 2) & 0xff;
      int jf = code.get(at + 3) & 0xff;
      switch (code.getShort(at)) {
        case 0x20 -> a = data.getInt(operand);
        case 0x54 -> a &= operand;
        case 0x05 -> pc += operand;
        case 0x15 -> pc += a == operand ? jt : jf;
        case 0x25 -> pc += Integer.compareUnsigned(a, operand) > 0 ? jt : jf;
        case 0x35 -> pc += Integer.compareUnsigned(a, operand) >= 0 ? jt : jf;
        case 0x06 -> {
          return operand;
        }
        default -> throw new AssertionError("unknown instruction at " + pc);
      }
    }
  }

  private static boolean holds(Condition c, long value) {
    return switch (c.operator()) {
      case EQ -> value == c.value();
      case NE -> value != c.value();
      case GT -> Long.compareUnsigned(value, c.value()) > 0;
      case GE -> Long.compareUnsigned(value, c.value()) >= 0;
      case LT -> Long.compareUnsigned(value, c.value()) < 0;
      case LE -> Long.compareUnsigned(value, c.value()) <= 0;
      case MASKED_EQ -> (value & c.value()) == c.second();
    };
  }

  @Test
  void answersForEveryNumberAsTheRulesSay() {
    List<String> allowed = new ArrayList<>();
    Random random = new Random(3);
    List<String> names = List.of("read", "write", "close", "mount", "ptrace", "clone3", "futex");
    allowed.addAll(names);
    byte[] filter =
        Seccomp.compile(
            List.of(Architecture.X86_64, Architecture.X32, Architecture.X86),
            List.of(new Rule(allowed, Seccomp.ALLOW, List.of())),
            DENY);
    for (int number = -5; number < 1000; number++) {
      int n = number;
      boolean known =
          names.stream().anyMatch(x -> Seccomp.number(Architecture.X86_64, x).orElse(-9) == n);
      long[] arguments = random.longs(6).toArray();
      assertEquals(
          known ? Seccomp.ALLOW : DENY, simulate(filter, X86_64, number, arguments), "nr " + n);
      if (number >= 0) {
        assertEquals(
            known ? Seccomp.ALLOW : DENY,
            simulate(filter, X86_64, number | 0x40000000, arguments),
            "x32 nr " + n);
      }
    }
    assertEquals(Seccomp.KILL_PROCESS, simulate(filter, 0x1234, 0, new long[6]));
  }

  @Test
  void comparesArgumentsAsUnsignedWords() {
    long[] samples = {0, 1, 2, 0xffffffffL, 0x100000000L, 0x100000001L, -1, -2, Long.MIN_VALUE, 5};
    for (Operator operator : Operator.values()) {
      for (long value : samples) {
        for (long second : samples) {
          Condition condition = new Condition(2, operator, value, second);
          byte[] filter =
              Seccomp.compile(
                  List.of(Architecture.X86_64),
                  List.of(
                      new Rule(
                          List.of("personality"),
                          Seccomp.ALLOW,
                          List.of(new Condition(0, Operator.EQ, 7, 0), condition))),
                  DENY);
          for (long actual : samples) {
            int expected = holds(condition, actual) ? Seccomp.ALLOW : DENY;
            long[] arguments = {7, 0, actual, 0, 0, 0};
            assertEquals(
                expected, simulate(filter, X86_64, 135, arguments), condition + " of " + actual);
            arguments[0] = 8;
            assertEquals(DENY, simulate(filter, X86_64, 135, arguments));
          }
        }
      }
    }
  }
}
