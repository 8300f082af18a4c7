package dev.gantry.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.kernel.DeviceFilter.Kind;
import dev.gantry.kernel.DeviceFilter.Rule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Runs compiled filters in a small interpreter of the instructions that they use.
class DeviceFilterTest {
  private static final Rule NOTHING = new Rule(false, Kind.ALL, -1, -1, 7);

  private static boolean allows(List<Rule> rules, int kind, long major, long minor, int access) {
    ByteBuffer program =
        ByteBuffer.wrap(DeviceFilter.compile(rules)).order(ByteOrder.nativeOrder());
    int[] context = {access << 16 | kind, (int) major, (int) minor};
    long[] r = new long[11];
    for (int at = 0; ; at++) {
      int code = program.get(at * 8) & 0xff;
      int to = program.get(at * 8 + 1) & 15;
      int from = program.get(at * 8 + 1) >> 4 & 15;
      int offset = program.getShort(at * 8 + 2);
      int constant = program.getInt(at * 8 + 4);
      switch (code) {
        case 0x61 -> r[to] = Integer.toUnsignedLong(context[offset / 4]);
        case 0xbf -> r[to] = r[from];
        case 0xb7 -> r[to] = constant;
        case 0x57 -> r[to] &= constant;
        case 0x77 -> r[to] >>>= constant;
        case 0x05 -> at += offset;
        case 0x55 -> at += r[to] != constant ? offset : 0;
        case 0x56 -> at += (int) r[to] != constant ? offset : 0;
        case 0x45 -> at += (r[to] & constant) != 0 ? offset : 0;
        case 0x95 -> {
          return r[0] != 0;
        }
        default -> throw new AssertionError("unexpected instruction " + code);
      }
    }
  }

  /// The meaning, written plainly.
  private static boolean expected(List<Rule> rules, int kind, long major, long minor, int access) {
    int open = access;
    for (Rule rule : rules.reversed()) {
      boolean matches =
          (rule.kind() == Kind.ALL || rule.kind().ordinal() == kind)
              && (rule.major() < 0 || rule.major() == major)
              && (rule.minor() < 0 || rule.minor() == minor);
      if (matches && rule.allow()) {
        open &= ~rule.access();
        if (open == 0) {
          return true;
        }
      } else if (matches && (open & rule.access()) != 0) {
        return false;
      }
    }
    return true;
  }

  @Test
  void allowsOnlyWhatIsListed() {
    List<Rule> rules =
        List.of(
            NOTHING,
            new Rule(true, Kind.CHARACTER, -1, -1, DeviceFilter.MKNOD),
            new Rule(true, Kind.CHARACTER, 1, 3, 7),
            new Rule(true, Kind.CHARACTER, 10, 200, DeviceFilter.READ));
    assertTrue(allows(rules, 2, 1, 3, DeviceFilter.READ | DeviceFilter.WRITE));
    assertTrue(allows(rules, 2, 8, 0, DeviceFilter.MKNOD));
    assertFalse(allows(rules, 1, 8, 0, DeviceFilter.MKNOD));
    assertFalse(allows(rules, 2, 8, 0, DeviceFilter.READ));
    assertTrue(allows(rules, 2, 10, 200, DeviceFilter.READ));
    assertFalse(allows(rules, 2, 10, 200, DeviceFilter.READ | DeviceFilter.WRITE));
    assertFalse(allows(rules, 1, 1, 3, DeviceFilter.READ));
  }

  @Test
  void addsUpTheAccessOfSeveralRules() {
    List<Rule> rules =
        List.of(
            NOTHING,
            new Rule(true, Kind.CHARACTER, 5, 1, DeviceFilter.READ),
            new Rule(true, Kind.CHARACTER, 5, -1, DeviceFilter.WRITE));
    assertTrue(allows(rules, 2, 5, 1, DeviceFilter.READ | DeviceFilter.WRITE));
    assertFalse(allows(rules, 2, 5, 2, DeviceFilter.READ | DeviceFilter.WRITE));
  }

  @Test
  void allowsEverythingWithoutRulesAndAfterAGeneralPermission() {
    assertTrue(allows(List.of(), 1, 8, 0, 7));
    assertTrue(allows(List.of(NOTHING, new Rule(true, Kind.ALL, -1, -1, 7)), 1, 8, 0, 7));
    assertEquals(
        DeviceFilter.compile(List.of(NOTHING)).length,
        DeviceFilter.compile(List.of(new Rule(true, Kind.BLOCK, 8, 0, 7), NOTHING)).length,
        "rules before a general one are dropped: the kernel refuses unreachable instructions");
  }

  @Test
  void decidesAsThePlainReadingOfTheRules() {
    Random random = new Random(7);
    for (int round = 0; round < 300; round++) {
      List<Rule> rules = new ArrayList<>();
      for (int i = random.nextInt(7); i > 0; i--) {
        rules.add(
            new Rule(
                random.nextBoolean(),
                Kind.values()[random.nextInt(3)],
                random.nextInt(4) - 1,
                random.nextInt(4) - 1,
                1 + random.nextInt(7)));
      }
      for (int kind = 1; kind <= 2; kind++) {
        for (int number = 0; number < 9; number++) {
          for (int access = 1; access < 8; access++) {
            assertEquals(
                expected(rules, kind, number / 3, number % 3, access),
                allows(rules, kind, number / 3, number % 3, access),
                rules + " kind " + kind + " number " + number + " access " + access);
          }
        }
      }
    }
  }
}
