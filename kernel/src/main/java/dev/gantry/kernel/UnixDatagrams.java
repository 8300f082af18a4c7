package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/// Datagrams to a unix socket (unix(7)), which the JDK's channels cannot send.
public final class UnixDatagrams {
  private static final int AF_UNIX = 1;
  private static final int SOCK_DGRAM = 2;
  private static final int SUN_PATH = 108;

  private UnixDatagrams() {}

  /// Sends one datagram.
  ///
  /// @param address a path, or `@name` for the abstract namespace; at most 107 bytes
  public static void send(String address, byte[] datagram) throws Errno {
    byte[] path = address.getBytes(StandardCharsets.UTF_8);
    if (path.length == 0 || path.length >= SUN_PATH) {
      throw new Errno(Errno.EINVAL, "sendto", address);
    }
    Fd socket =
        Fd.adopt(
            (int) Native.call(Syscalls.SOCKET, address, AF_UNIX, SOCK_DGRAM | Fd.O_CLOEXEC, 0));
    try (socket;
        Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(2 + SUN_PATH, 2);
      name.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
      MemorySegment.copy(path, 0, name, ValueLayout.JAVA_BYTE, 2, path.length);
      if (path[0] == '@') {
        name.set(ValueLayout.JAVA_BYTE, 2, (byte) 0);
      }
      MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, datagram);
      int length = 2 + path.length + (path[0] == '@' ? 0 : 1);
      Native.call(
          Syscalls.SENDTO,
          address,
          socket.number(),
          bytes.address(),
          datagram.length,
          0,
          name.address(),
          length);
    }
  }
}
