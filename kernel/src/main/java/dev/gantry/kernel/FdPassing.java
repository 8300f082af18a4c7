package dev.gantry.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Unix sockets that carry messages and descriptors (unix(7), SCM_RIGHTS).
public final class FdPassing {
  /// The most descriptors that one message may carry here (the kernel allows 253).
  public static final int MAX_FDS = 16;

  private static final int AF_UNIX = 1;
  private static final int SOCK_STREAM = 1;
  private static final int SOCK_SEQPACKET = 5;
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final int MSG_CMSG_CLOEXEC = 0x40000000;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int SO_PEERCRED = 17;
  private static final int SO_RCVTIMEO = 20;
  private static final int BACKLOG = 64;
  private static final int SUN_PATH = 108;

  /// A message with the descriptors that came along; whoever receives it closes them.
  public record Message(byte[] bytes, List<Fd> fds) {}

  /// Who stands at the other end of a connection.
  public record PeerCredentials(int pid, int uid, int gid) {}

  private FdPassing() {}

  /// Two connected SOCK_SEQPACKET ends, close-on-exec.
  public static Fd[] pair() throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pair = arena.allocate(8, 4);
      Native.call(
          Syscalls.SOCKETPAIR, "", AF_UNIX, SOCK_SEQPACKET | Fd.O_CLOEXEC, 0, pair.address(), 0, 0);
      return new Fd[] {
        Fd.adopt(pair.get(ValueLayout.JAVA_INT, 0)), Fd.adopt(pair.get(ValueLayout.JAVA_INT, 4))
      };
    }
  }

  /// Connects to the stream socket at `path`.
  public static Fd connectStream(String path) throws Errno {
    return connect(path, SOCK_STREAM);
  }

  /// Connects to the SOCK_SEQPACKET socket at `path`. A path that does not fit a socket address
  /// (107 bytes) is reached through a descriptor of its folder.
  public static Fd connect(String path) throws Errno {
    return connect(path, SOCK_SEQPACKET);
  }

  /// Listens as a stream socket at `path` (at most 107 bytes), which must not be there yet. Who
  /// waits for a connection does so for `patience` seconds.
  public static Fd listen(String path, int patience) throws Errno {
    Fd socket =
        Fd.adopt((int) Native.call(Syscalls.SOCKET, "", AF_UNIX, SOCK_STREAM | Fd.O_CLOEXEC, 0));
    try (Arena arena = Arena.ofConfined()) {
      byte[] name = path.getBytes(StandardCharsets.UTF_8);
      if (name.length >= SUN_PATH) {
        throw new Errno(Errno.ENAMETOOLONG, "bind", path);
      }
      MemorySegment address = arena.allocate(2 + SUN_PATH, 2);
      address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
      MemorySegment.copy(name, 0, address, ValueLayout.JAVA_BYTE, 2, name.length);
      Native.call(Syscalls.BIND, path, socket.number(), address.address(), 2 + name.length + 1);
      setPatience(socket, patience);
      Native.call(Syscalls.LISTEN, path, socket.number(), BACKLOG, 0);
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  /// How long a receive, or an accept, waits on this socket; 0 for ever. After that it is EAGAIN.
  public static void setPatience(Fd socket, int seconds) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment time = arena.allocate(16, 8);
      time.set(ValueLayout.JAVA_LONG, 0, seconds);
      Native.call(
          Syscalls.SETSOCKOPT,
          "SO_RCVTIMEO",
          socket.number(),
          SOL_SOCKET,
          SO_RCVTIMEO,
          time.address(),
          16,
          0);
    }
  }

  /// A connection to a listening socket; empty if its patience has ended. Blocks.
  public static Optional<Fd> accept(Fd listener) throws Errno {
    long result = Native.raw(Syscalls.ACCEPT4, listener.number(), 0, 0, Fd.O_CLOEXEC, 0, 0);
    if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
      return Optional.empty();
    }
    if (result < 0) {
      throw Native.failed((int) -result, Syscalls.ACCEPT4, "");
    }
    return Optional.of(Fd.adopt((int) result));
  }

  private static Fd connect(String path, int type) throws Errno {
    if (path.getBytes(StandardCharsets.UTF_8).length >= SUN_PATH) {
      int slash = path.lastIndexOf('/');
      try (Fd folder = Fd.open(path.substring(0, slash), Fd.O_PATH | Fd.O_DIRECTORY)) {
        return connect(folder.procPath() + path.substring(slash), type);
      }
    }
    Fd socket = Fd.adopt((int) Native.call(Syscalls.SOCKET, "", AF_UNIX, type | Fd.O_CLOEXEC, 0));
    try (Arena arena = Arena.ofConfined()) {
      byte[] name = path.getBytes(StandardCharsets.UTF_8);
      MemorySegment address = arena.allocate(2 + SUN_PATH, 2);
      address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
      MemorySegment.copy(name, 0, address, ValueLayout.JAVA_BYTE, 2, name.length);
      Native.call(Syscalls.CONNECT, path, socket.number(), address.address(), 2 + name.length + 1);
      return socket;
    } catch (Errno e) {
      socket.close();
      throw e;
    }
  }

  /// Sends one message with descriptors.
  public static void send(Fd socket, byte[] bytes, List<Fd> fds) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(Math.max(bytes.length, 1), 8);
      MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
      MemorySegment header = header(arena, data, bytes.length);
      if (!fds.isEmpty()) {
        long length = 16 + 4L * fds.size();
        MemorySegment control = arena.allocate((length + 7) / 8 * 8, 8);
        control.set(ValueLayout.JAVA_LONG, 0, length);
        control.set(ValueLayout.JAVA_INT, 8, SOL_SOCKET);
        control.set(ValueLayout.JAVA_INT, 12, SCM_RIGHTS);
        for (int i = 0; i < fds.size(); i++) {
          control.set(ValueLayout.JAVA_INT, 16 + 4L * i, fds.get(i).number());
        }
        header.set(ValueLayout.JAVA_LONG, 32, control.address());
        header.set(ValueLayout.JAVA_LONG, 40, control.byteSize());
      }
      Native.call(Syscalls.SENDMSG, "", socket.number(), header.address(), MSG_NOSIGNAL);
    }
  }

  /// Receives one message of at most `limit` bytes; no bytes means that the other side has closed.
  /// Blocks on a blocking socket; on a non-blocking one without a message it is EAGAIN.
  public static Message receive(Fd socket, int limit) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(limit, 8);
      MemorySegment header = header(arena, data, limit);
      MemorySegment control = arena.allocate(16 + 4L * MAX_FDS, 8);
      header.set(ValueLayout.JAVA_LONG, 32, control.address());
      header.set(ValueLayout.JAVA_LONG, 40, control.byteSize());
      int count =
          (int)
              Native.call(
                  Syscalls.RECVMSG, "", socket.number(), header.address(), MSG_CMSG_CLOEXEC);
      List<Fd> fds = new ArrayList<>();
      long controlLength = header.get(ValueLayout.JAVA_LONG, 40);
      if (controlLength >= 16
          && control.get(ValueLayout.JAVA_INT, 8) == SOL_SOCKET
          && control.get(ValueLayout.JAVA_INT, 12) == SCM_RIGHTS) {
        long length = control.get(ValueLayout.JAVA_LONG, 0);
        for (long at = 16; at + 4 <= length; at += 4) {
          fds.add(Fd.adopt(control.get(ValueLayout.JAVA_INT, at)));
        }
      }
      byte[] bytes = new byte[count];
      MemorySegment.copy(data, ValueLayout.JAVA_BYTE, 0, bytes, 0, count);
      return new Message(bytes, List.copyOf(fds));
    }
  }

  // struct msghdr: name, namelen, iov, iovlen, control, controllen, flags
  private static MemorySegment header(Arena arena, MemorySegment data, long length) {
    MemorySegment vector = arena.allocate(16, 8);
    vector.set(ValueLayout.JAVA_LONG, 0, data.address());
    vector.set(ValueLayout.JAVA_LONG, 8, length);
    MemorySegment header = arena.allocate(56, 8);
    header.set(ValueLayout.JAVA_LONG, 16, vector.address());
    header.set(ValueLayout.JAVA_LONG, 24, 1);
    return header;
  }

  /// The credentials that the other end had when it connected.
  public static PeerCredentials peer(Fd socket) throws Errno {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment credentials = arena.allocate(12, 4);
      MemorySegment length = arena.allocate(4, 4);
      length.set(ValueLayout.JAVA_INT, 0, 12);
      Native.call(
          Syscalls.GETSOCKOPT,
          "SO_PEERCRED",
          socket.number(),
          SOL_SOCKET,
          SO_PEERCRED,
          credentials.address(),
          length.address(),
          0);
      return new PeerCredentials(
          credentials.get(ValueLayout.JAVA_INT, 0),
          credentials.get(ValueLayout.JAVA_INT, 4),
          credentials.get(ValueLayout.JAVA_INT, 8));
    }
  }
}
