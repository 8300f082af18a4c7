package dev.gantry.kernel;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/// Compiles system call rules to a classic BPF program (seccomp(2)).
///
/// Numbers with the same answer form intervals, and a binary search finds the interval: 440
/// instructions for Docker's profile where the usual linear program takes 1,001. The length matters
/// because the kernel emulates the filter once for every system call when it is loaded.
public final class Seccomp {
  /// What the filter answers: the kernel's return value with its data in the low 16 bits.
  public static final int KILL_PROCESS = 0x80000000;

  public static final int KILL_THREAD = 0;
  public static final int TRAP = 0x00030000;
  public static final int ERRNO = 0x00050000;
  public static final int NOTIFY = 0x7fc00000;
  public static final int TRACE = 0x7ff00000;
  public static final int LOG = 0x7ffc0000;
  public static final int ALLOW = 0x7fff0000;

  /// An architecture whose calls the filter judges; all others are killed.
  public enum Architecture {
    X86_64(0xc000003e, "syscalls-x86_64.txt"),
    X32(0xc000003e, "syscalls-x86_64.txt"),
    X86(0x40000003, "syscalls-x86.txt"),
    AARCH64(0xc00000b7, "syscalls-aarch64.txt");

    private final int audit;
    private final String table;

    Architecture(int audit, String table) {
      this.audit = audit;
      this.table = table;
    }
  }

  /// How an argument is compared.
  public enum Operator {
    NE,
    LT,
    LE,
    EQ,
    GE,
    GT,
    MASKED_EQ
  }

  /// A condition on argument `index` (unsigned 64 bits); for [Operator#MASKED_EQ] `value` is the
  /// mask and `second` the expected result.
  public record Condition(int index, Operator operator, long value, long second) {
    public Condition {
      if (index < 0 || index > 5) {
        throw new IllegalArgumentException("a system call has arguments 0 to 5, not " + index);
      }
    }
  }

  /// If a call of one of `names` meets all `conditions`, the answer is `action`. Of several rules
  /// for one call the first that matches wins. Names that the architecture lacks are passed over.
  public record Rule(List<String> names, int action, List<Condition> conditions) {
    public Rule {
      names = List.copyOf(names);
      conditions = List.copyOf(conditions);
    }
  }

  private record Instruction(int code, int jumpTrue, int jumpFalse, int operand) {}

  private record Interval(long first, List<Rule> rules) {}

  private static final int X32_BIT = 0x40000000;
  private static final int MAX_INSTRUCTIONS = 4096;
  private static final int NR = 0;
  private static final int ARCH = 4;
  private static final int ARGS = 16;

  private static final int LOAD = 0x20;
  private static final int RETURN = 0x06;
  private static final int JUMP = 0x05;
  private static final int JUMP_EQUAL = 0x15;
  private static final int JUMP_GREATER = 0x25;
  private static final int JUMP_GREATER_EQUAL = 0x35;
  private static final int AND = 0x54;

  private static final Map<String, Map<String, Integer>> TABLES = new ConcurrentHashMap<>();

  private Seccomp() {}

  /// The number of `name` on `architecture`; empty if it has no such call.
  public static Optional<Integer> number(Architecture architecture, String name) {
    return Optional.ofNullable(table(architecture.table).get(name));
  }

  /// The filter's instructions, eight bytes each.
  public static byte[] compile(
      List<Architecture> architectures, List<Rule> rules, int defaultAction) {
    List<Instruction> program = new ArrayList<>();
    program.add(load(ARCH));
    for (Map.Entry<Integer, List<Architecture>> group : byAudit(architectures).entrySet()) {
      List<Instruction> body = new ArrayList<>();
      body.add(load(NR));
      body.addAll(search(intervals(group.getValue(), rules), defaultAction));
      // a conditional jump reaches 255 instructions only, so step over a long jump
      program.add(new Instruction(JUMP_EQUAL, 1, 0, group.getKey()));
      program.add(new Instruction(JUMP, 0, 0, body.size()));
      program.addAll(body);
    }
    program.add(new Instruction(RETURN, 0, 0, KILL_PROCESS));
    if (program.size() > MAX_INSTRUCTIONS) {
      throw new dev.gantry.base.Failure.TooLarge(
          "the seccomp profile compiles to "
              + program.size()
              + " instructions, the kernel takes "
              + MAX_INSTRUCTIONS);
    }
    ByteBuffer out = ByteBuffer.allocate(program.size() * 8).order(ByteOrder.nativeOrder());
    for (Instruction i : program) {
      out.putShort((short) i.code());
      out.put((byte) i.jumpTrue()).put((byte) i.jumpFalse()).putInt(i.operand());
    }
    return out.array();
  }

  private static Map<Integer, List<Architecture>> byAudit(List<Architecture> architectures) {
    Map<Integer, List<Architecture>> groups = new TreeMap<>();
    for (Architecture a : architectures) {
      groups.computeIfAbsent(a.audit, k -> new ArrayList<>()).add(a);
    }
    return groups;
  }

  /// The rules of every number that has any, and an empty list for the gaps, joined where equal.
  private static List<Interval> intervals(List<Architecture> architectures, List<Rule> rules) {
    TreeMap<Long, List<Rule>> byNumber = new TreeMap<>();
    for (Architecture architecture : architectures) {
      long offset = architecture == Architecture.X32 ? X32_BIT : 0;
      for (Rule rule : rules) {
        for (String name : rule.names()) {
          number(architecture, name)
              .ifPresent(
                  n ->
                      byNumber
                          .computeIfAbsent(n + offset, k -> new ArrayList<>())
                          .add(new Rule(List.of(), rule.action(), rule.conditions())));
        }
      }
    }
    List<Interval> result = new ArrayList<>();
    result.add(new Interval(0, List.of()));
    long next = 0;
    for (Map.Entry<Long, List<Rule>> entry : byNumber.entrySet()) {
      if (entry.getKey() > next) {
        append(result, next, List.of());
      }
      append(result, entry.getKey(), effective(entry.getValue()));
      next = entry.getKey() + 1;
    }
    append(result, next, List.of());
    return result;
  }

  /// Rules behind an unconditional one are never reached, but a conditional rule is asked before an
  /// unconditional one for the same call, as libseccomp orders them.
  private static List<Rule> effective(List<Rule> rules) {
    List<Rule> ordered = new ArrayList<>();
    rules.stream().filter(r -> !r.conditions().isEmpty()).forEach(ordered::add);
    rules.stream().filter(r -> r.conditions().isEmpty()).findFirst().ifPresent(ordered::add);
    return List.copyOf(ordered);
  }

  private static void append(List<Interval> intervals, long first, List<Rule> rules) {
    Interval last = intervals.getLast();
    if (last.first() == first) {
      intervals.removeLast();
      if (!intervals.isEmpty() && intervals.getLast().rules().equals(rules)) {
        return;
      }
      intervals.add(new Interval(first, rules));
    } else if (!last.rules().equals(rules)) {
      intervals.add(new Interval(first, rules));
    }
  }

  private static List<Instruction> search(List<Interval> intervals, int defaultAction) {
    if (intervals.size() == 1) {
      return leaf(intervals.getFirst().rules(), defaultAction);
    }
    int middle = intervals.size() / 2;
    List<Instruction> low = search(intervals.subList(0, middle), defaultAction);
    List<Instruction> high = search(intervals.subList(middle, intervals.size()), defaultAction);
    List<Instruction> code = new ArrayList<>();
    int border = (int) intervals.get(middle).first();
    if (low.size() <= 255) {
      code.add(new Instruction(JUMP_GREATER_EQUAL, low.size(), 0, border));
    } else {
      code.add(new Instruction(JUMP_GREATER_EQUAL, 0, 1, border));
      code.add(new Instruction(JUMP, 0, 0, low.size()));
    }
    code.addAll(low);
    code.addAll(high);
    return code;
  }

  private static List<Instruction> leaf(List<Rule> rules, int defaultAction) {
    List<Instruction> code = new ArrayList<>();
    for (Rule rule : rules) {
      List<Instruction> block = new ArrayList<>();
      for (int i = rule.conditions().size() - 1; i >= 0; i--) {
        // built from behind, so that a failed condition knows how far the next rule is
        block.addAll(0, condition(rule.conditions().get(i), block.size() + 1));
      }
      code.addAll(block);
      code.add(new Instruction(RETURN, 0, 0, rule.action()));
      if (rule.conditions().isEmpty()) {
        return code;
      }
    }
    code.add(new Instruction(RETURN, 0, 0, defaultAction));
    return code;
  }

  /// Falls through if the condition holds and otherwise jumps over `rest` instructions behind it.
  /// An argument is compared as two words, the high one first.
  private static List<Instruction> condition(Condition c, int rest) {
    int high = (int) (c.value() >>> 32);
    int low = (int) c.value();
    Instruction loadLow = load(ARGS + c.index() * 8);
    Instruction loadHigh = load(ARGS + c.index() * 8 + 4);
    return switch (c.operator()) {
      case EQ ->
          List.of(
              loadHigh,
              new Instruction(JUMP_EQUAL, 0, rest + 2, high),
              loadLow,
              new Instruction(JUMP_EQUAL, 0, rest, low));
      case NE ->
          List.of(
              loadHigh,
              new Instruction(JUMP_EQUAL, 0, 2, high),
              loadLow,
              new Instruction(JUMP_EQUAL, rest, 0, low));
      case GT ->
          List.of(
              loadHigh,
              new Instruction(JUMP_GREATER, 3, 0, high),
              new Instruction(JUMP_EQUAL, 0, rest + 2, high),
              loadLow,
              new Instruction(JUMP_GREATER, 0, rest, low));
      case GE ->
          List.of(
              loadHigh,
              new Instruction(JUMP_GREATER, 3, 0, high),
              new Instruction(JUMP_EQUAL, 0, rest + 2, high),
              loadLow,
              new Instruction(JUMP_GREATER_EQUAL, 0, rest, low));
      case LT ->
          List.of(
              loadHigh,
              new Instruction(JUMP_GREATER, rest + 3, 0, high),
              new Instruction(JUMP_EQUAL, 0, 2, high),
              loadLow,
              new Instruction(JUMP_GREATER_EQUAL, rest, 0, low));
      case LE ->
          List.of(
              loadHigh,
              new Instruction(JUMP_GREATER, rest + 3, 0, high),
              new Instruction(JUMP_EQUAL, 0, 2, high),
              loadLow,
              new Instruction(JUMP_GREATER, rest, 0, low));
      case MASKED_EQ ->
          List.of(
              loadHigh,
              new Instruction(AND, 0, 0, high),
              new Instruction(JUMP_EQUAL, 0, rest + 3, (int) (c.second() >>> 32)),
              loadLow,
              new Instruction(AND, 0, 0, low),
              new Instruction(JUMP_EQUAL, 0, rest, (int) c.second()));
    };
  }

  private static Instruction load(int offset) {
    return new Instruction(LOAD, 0, 0, offset);
  }

  private static Map<String, Integer> table(String file) {
    return TABLES.computeIfAbsent(
        file,
        f -> {
          Map<String, Integer> table = new HashMap<>();
          try (InputStream in = Seccomp.class.getResourceAsStream(f)) {
            if (in == null) {
              return table;
            }
            BufferedReader lines =
                new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
              int blank = line.indexOf(' ');
              table.put(line.substring(0, blank), Integer.parseInt(line.substring(blank + 1)));
            }
          } catch (IOException e) {
            throw new dev.gantry.base.Failure.Internal("no table of system calls " + f, e);
          }
          return table;
        });
  }
}
