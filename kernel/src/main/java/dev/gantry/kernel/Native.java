package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;

/// The one door to the kernel: libc's `syscall` with errno captured in the same transition.
///
/// A single handle serves every call, so start-up links one downcall instead of fifty. A call that
/// blocks holds its carrier thread: wait on descriptors through [Poller] and keep what must block
/// on platform threads.
final class Native {
  static final Linker LINKER = Linker.nativeLinker();
  static final StructLayout STATE = Linker.Option.captureStateLayout();
  static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
  private static final MethodHandle SYSCALL =
      downcall(
          "syscall",
          FunctionDescriptor.of(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));

  private Native() {}

  /// A handle on a libc function that captures errno; its first argument is the state segment.
  static MethodHandle downcall(String name, FunctionDescriptor descriptor) {
    MemorySegment symbol =
        LINKER
            .defaultLookup()
            .find(name)
            .or(() -> SymbolLookup.loaderLookup().find(name))
            .orElseThrow(() -> new UnsatisfiedLinkError("the C library has no " + name));
    return LINKER.downcallHandle(symbol, descriptor, Linker.Option.captureCallState("errno"));
  }

  /// The call's result, or its negated errno as the raw kernel interface has it.
  static long raw(Syscalls call, long a, long b, long c, long d, long e, long f) {
    if (call.number() < 0) {
      return -Errno.ENOSYS;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment state = arena.allocate(STATE);
      long result = (long) SYSCALL.invokeExact(state, (long) call.number(), a, b, c, d, e, f);
      return result == -1 ? -(int) ERRNO.get(state, 0L) : result;
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /// The call's result; a failure is an [Errno] that names the call and `object`. Interrupted calls
  /// are repeated.
  static long call(Syscalls call, String object, long a, long b, long c, long d, long e, long f)
      throws Errno {
    while (true) {
      long result = raw(call, a, b, c, d, e, f);
      if (result >= 0) {
        return result;
      }
      if (result != -Errno.EINTR) {
        throw failed((int) -result, call, object);
      }
    }
  }

  static long call(Syscalls call, String object, long a, long b, long c) throws Errno {
    return call(call, object, a, b, c, 0, 0, 0);
  }

  static Errno failed(int errno, Syscalls call, String object) {
    return new Errno(errno, call.name().toLowerCase(Locale.ROOT), object);
  }

  /// A C string; a NUL inside would cut it short and is refused.
  static MemorySegment string(Arena arena, String text) throws Errno {
    if (text.indexOf('\0') >= 0) {
      throw new Errno(Errno.EINVAL, "a name with a NUL character", text.replace('\0', '?'));
    }
    if (FileNames.hasEscapes(text)) {
      byte[] bytes = FileNames.encode(text);
      MemorySegment string = arena.allocate(bytes.length + 1L); // zeroed: ends with a NUL
      MemorySegment.copy(bytes, 0, string, ValueLayout.JAVA_BYTE, 0, bytes.length);
      return string;
    }
    return arena.allocateFrom(text);
  }
}
