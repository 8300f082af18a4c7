package dev.gantry.runtime;

import dev.gantry.kernel.Syscalls;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// A program of system calls for gantry-shim, under construction.
///
/// Layout, little endian, mirrored in shim.c: a header of 48 bytes (magic, version, number of
/// records, number of relocations, then 64-bit offsets and lengths), the records of 64 bytes, the
/// blob with strings, structures and buffers, and the relocations: offsets of 64-bit words in the
/// blob that hold blob offsets and become addresses. Each step keeps a text for the error message.
public final class LaunchPlan {
  /// An argument of a step.
  public sealed interface Argument {
    /// A number.
    record Immediate(long value) implements Argument {}

    /// The address of a place in the blob.
    record Pointer(int offset) implements Argument {}

    /// What an earlier step returned.
    record Slot(int index) implements Argument {}
  }

  /// What the shim does itself; everything else is a system call.
  enum Special {
    FORK,
    EXIT,
    JUMP,
    JUMP_IF_EQUAL,
    CHECK,
    LOAD32,
    STORE32,
    FORMAT,
    WAIT_BYTE,
    WAIT_EXEC,
    READY,
    MONITOR,
    EXECUTE,
    MAKE_PATH,
    COPY_UP,
    NETLINK,
    REPORT_TO,
    LOAD64,
    FORK_SHARED,
    AWAIT,
    ASK
  }

  /// One record. [#text()] completes "could not …".
  public final class Step {
    private final int operation;
    private final Enum<?> name;
    private final String text;
    private final Argument[] arguments;
    private Argument.Slot result = NOWHERE;
    private int[] tolerated = new int[0];
    private int skip;

    private Step(int operation, Enum<?> name, String text, Argument[] arguments) {
      this.operation = operation;
      this.name = name;
      this.text = text;
      this.arguments = arguments.clone();
      if (arguments.length > 6) {
        throw new IllegalArgumentException("a step takes six arguments: " + text);
      }
    }

    /// Keeps the result in a new slot.
    public Argument.Slot result() {
      if (result.equals(NOWHERE)) {
        result = newSlot();
      }
      return result;
    }

    /// Keeps the result in `slot`.
    public Step into(Argument.Slot slot) {
      result = slot;
      return this;
    }

    /// Goes on after these errors, passing over the next `skip` steps.
    public Step tolerate(int skip, int... errnos) {
      if (errnos.length > 2) {
        throw new IllegalArgumentException("at most two tolerated errors");
      }
      this.skip = skip;
      this.tolerated = errnos;
      return this;
    }

    /// Sets argument `index` to the index of the step that will be added next.
    public void targetNext(int index) {
      arguments[index] = new Argument.Immediate(steps.size());
    }

    public String text() {
      return text;
    }

    private String printedName() {
      return name instanceof Syscalls ? name.name().toLowerCase(Locale.ROOT) : name.name();
    }
  }

  private static final int MAGIC = 0x59544e47;
  private static final int VERSION = 1;
  private static final int SPECIAL = 0x10000;
  private static final int HEADER_SIZE = 48;
  private static final int RECORD_SIZE = 64;
  private static final int MAX_SLOTS = 1024;
  private static final int MAX_BLOB = 16 << 20;
  private static final Argument.Slot NOWHERE = new Argument.Slot(0xffff);

  private final List<Step> steps = new ArrayList<>();
  private final List<Integer> relocations = new ArrayList<>();
  private final Map<String, Argument.Pointer> strings = new HashMap<>();
  private ByteBuffer blob = ByteBuffer.allocate(16 * 1024).order(ByteOrder.LITTLE_ENDIAN);
  private int slots;

  /// What was put where, for the printer: words, or nothing known.
  private final List<Content> contents = new ArrayList<>();

  private record Content(int offset, List<Argument> words) {}

  private final NavigableMap<Integer, String> printed = new TreeMap<>();

  public LaunchPlan() {
    reserve(8); // offset 0 means "none" to the monitor
  }

  // ---- arguments and data

  public static Argument number(long value) {
    return new Argument.Immediate(value);
  }

  public Argument.Slot newSlot() {
    if (slots >= MAX_SLOTS) {
      throw new IllegalStateException("the plan needs more than " + MAX_SLOTS + " slots");
    }
    return new Argument.Slot(slots++);
  }

  /// A C string in the blob; equal strings share one place.
  public Argument.Pointer string(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new dev.gantry.base.Failure.InvalidRequest(
          "a NUL character is not allowed in \"" + text.replace('\0', '?') + "\"");
    }
    return strings.computeIfAbsent(
        text,
        t -> {
          byte[] bytes = t.getBytes(StandardCharsets.UTF_8);
          return bytes(Arrays.copyOf(bytes, bytes.length + 1));
        });
  }

  /// A copy of `bytes` in the blob, aligned to eight.
  public Argument.Pointer bytes(byte[] bytes) {
    Argument.Pointer place = reserve(bytes.length);
    blob.put(place.offset(), bytes);
    return place;
  }

  /// Writes `bytes` to a place that was reserved.
  void set(Argument.Pointer place, byte[] bytes) {
    blob.put(place.offset(), bytes);
  }

  /// `length` zero bytes in the blob, aligned to eight.
  public Argument.Pointer reserve(int length) {
    int start = (blob.position() + 7) & ~7;
    int end = start + length;
    if (end > MAX_BLOB) {
      throw new dev.gantry.base.Failure.TooLarge(
          "arguments, environment and paths of a container are limited to 16 MiB together");
    }
    if (end > blob.capacity()) {
      ByteBuffer larger =
          ByteBuffer.allocate(Math.max(end, blob.capacity() * 2)).order(ByteOrder.LITTLE_ENDIAN);
      larger.put(0, blob, 0, blob.position());
      blob = larger;
    }
    blob.position(end);
    contents.add(new Content(start, List.of()));
    return new Argument.Pointer(start);
  }

  /// 64-bit words in the blob; pointers among them are relocated.
  public Argument.Pointer words(Argument... values) {
    Argument.Pointer place = reserve(values.length * 8);
    contents.add(new Content(place.offset(), List.of(values)));
    for (int i = 0; i < values.length; i++) {
      int at = place.offset() + i * 8;
      switch (values[i]) {
        case Argument.Immediate v -> blob.putLong(at, v.value());
        case Argument.Pointer p -> {
          blob.putLong(at, p.offset());
          relocations.add(at);
        }
        case Argument.Slot s -> throw new IllegalArgumentException("a slot is no constant");
      }
    }
    return place;
  }

  /// A NULL-terminated array of C strings.
  public Argument.Pointer stringArray(List<String> texts) {
    Argument[] values = new Argument[texts.size() + 1];
    for (int i = 0; i < texts.size(); i++) {
      values[i] = string(texts.get(i));
    }
    values[texts.size()] = number(0);
    return words(values);
  }

  /// The address `bytes` behind `pointer`.
  public static Argument.Pointer behind(Argument.Pointer pointer, int bytes) {
    return new Argument.Pointer(pointer.offset() + bytes);
  }

  // ---- steps

  /// Appends a system call.
  public Step call(String text, Syscalls call, Argument... arguments) {
    return add(new Step(call.number(), call, text, arguments));
  }

  Step special(String text, Special operation, Argument... arguments) {
    return add(new Step(SPECIAL + operation.ordinal(), operation, text, arguments));
  }

  private Step add(Step step) {
    steps.add(step);
    return step;
  }

  /// The index that the next step will have.
  public int position() {
    return steps.size();
  }

  public List<Step> steps() {
    return List.copyOf(steps);
  }

  /// What step `index` was for, for an error message.
  public String textOf(int index) {
    return index >= 0 && index < steps.size() ? steps.get(index).text() : "run the launch plan";
  }

  /// True if step `index` is one that looks for the container's program or executes it.
  boolean isExecute(int index) {
    return index >= 0 && index < steps.size() && steps.get(index).text().startsWith("execute ");
  }

  /// The plan in the shim's format.
  public byte[] encode() {
    int blobOffset = HEADER_SIZE + steps.size() * RECORD_SIZE;
    int blobLength = (blob.position() + 7) & ~7;
    int relocationOffset = blobOffset + blobLength;
    ByteBuffer out =
        ByteBuffer.allocate(relocationOffset + relocations.size() * 8)
            .order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(MAGIC).putInt(VERSION).putInt(steps.size()).putInt(relocations.size());
    out.putLong(blobOffset).putLong(blobLength).putLong(relocationOffset).putLong(0);
    for (Step step : steps) {
      encode(step, out);
    }
    out.put(blobOffset, blob, 0, blob.position());
    out.position(relocationOffset);
    relocations.forEach(r -> out.putLong(r));
    return out.array();
  }

  private static void encode(Step step, ByteBuffer out) {
    int kinds = 0;
    long[] values = new long[6];
    for (int i = 0; i < step.arguments.length; i++) {
      Argument argument = step.arguments[i];
      // no pattern switch: it is slow until it is compiled, and a plan has hundreds of steps
      if (argument instanceof Argument.Immediate v) {
        values[i] = v.value();
      } else if (argument instanceof Argument.Pointer p) {
        values[i] = p.offset();
        kinds |= 1 << (2 * i);
      } else if (argument instanceof Argument.Slot s) {
        values[i] = s.index();
        kinds |= 2 << (2 * i);
      }
    }
    out.putInt(step.operation).putShort((short) kinds).putShort((short) step.result.index());
    out.putShort((short) (step.tolerated.length > 0 ? step.tolerated[0] : 0));
    out.putShort((short) (step.tolerated.length > 1 ? step.tolerated[1] : 0));
    out.putInt(step.skip);
    for (long value : values) {
      out.putLong(value);
    }
  }

  /// The plan as text, a step a line: for reading, and for golden tests without root.
  public String print() {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      out.append(String.format(Locale.ROOT, "%4d  ", i));
      if (!step.result.equals(NOWHERE)) {
        out.append("$").append(step.result.index()).append(" = ");
      }
      out.append(step.printedName()).append('(');
      for (int a = 0; a < step.arguments.length; a++) {
        out.append(a == 0 ? "" : ", ").append(print(step.arguments[a]));
      }
      out.append(')');
      if (step.tolerated.length > 0) {
        out.append(" unless ");
        for (int t = 0; t < step.tolerated.length; t++) {
          out.append(t == 0 ? "" : "|").append(errno(step.tolerated[t]));
        }
        if (step.skip > 0) {
          out.append(" then skip ").append(step.skip);
        }
      }
      out.append("    # ").append(step.text).append('\n');
    }
    return out.toString();
  }

  private static String errno(int number) {
    return new dev.gantry.kernel.Errno(number, "", "").name();
  }

  private String print(Argument argument) {
    return switch (argument) {
      case Argument.Immediate v ->
          v.value() >= 0 && v.value() < 4096
              ? Long.toString(v.value())
              : v.value() < 0 && v.value() > -4096
                  ? Long.toString(v.value())
                  : "0x" + Long.toHexString(v.value());
      case Argument.Slot s -> "$" + s.index();
      case Argument.Pointer p -> text(p);
    };
  }

  /// A pointer as what it points to.
  private String text(Argument.Pointer pointer) {
    Map.Entry<Integer, String> place = places().floorEntry(pointer.offset());
    int behind = pointer.offset() - place.getKey();
    return place.getValue() + (behind == 0 ? "" : "+" + behind);
  }

  /// The blob's places by offset: what constants hold, and buffers by number.
  private NavigableMap<Integer, String> places() {
    if (printed.isEmpty()) {
      int buffers = 0;
      for (Content place : contents) {
        List<Argument> words = place.words();
        printed.put(
            place.offset(),
            words.isEmpty()
                ? "&" + buffers++
                : words.stream().map(this::print).collect(Collectors.joining(", ", "{", "}")));
      }
      strings.forEach(
          (text, place) -> printed.put(place.offset(), "\"" + text.replace("\n", "\\n") + "\""));
    }
    return printed;
  }
}
