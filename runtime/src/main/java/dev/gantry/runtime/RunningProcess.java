package dev.gantry.runtime;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.PidFd;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// A process that a monitor looks after: a container's first one, or an exec. Closing this object
/// lets go of the process but does not end it; [#release()] also dismisses the monitor of one that
/// has ended.
public final class RunningProcess implements AutoCloseable {
  private final PidFd pidFd;
  private final Fd connection;
  private final @Nullable Fd stdin;
  private final @Nullable Fd stdout;
  private final @Nullable Fd stderr;
  private final @Nullable Fd terminal;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable ExitStatus exit;

  /// @param streams what the monitor passed: the terminal's master alone, or standard input (if
  ///   `hasStdin`), output and error
  RunningProcess(
      PidFd pidFd, Fd connection, List<Fd> streams, boolean hasStdin, @Nullable ExitStatus exit) {
    this.pidFd = pidFd;
    this.connection = connection;
    boolean tty = streams.size() == 1;
    int first = hasStdin ? 1 : 0;
    this.terminal = tty ? streams.getFirst() : null;
    this.stdin = hasStdin && !tty ? streams.getFirst() : null;
    this.stdout = tty || streams.size() <= first ? null : streams.get(first);
    this.stderr = tty || streams.size() <= first + 1 ? null : streams.get(first + 1);
    this.exit = exit;
    if (exit != null) {
      ended.countDown();
    } else {
      Thread.ofVirtual().name("exit-of-" + pidFd.pid()).start(this::watch);
    }
  }

  private void watch() {
    try {
      while (exit == null) {
        dev.gantry.kernel.Poller.shared().awaitReadable(connection);
        FdPassing.Message message = FdPassing.receive(connection, MonitorMessage.SIZE);
        message.fds().forEach(Fd::close);
        if (message.bytes().length == 0) {
          exit = lost();
        } else {
          MonitorMessage report = MonitorMessage.decode(message.bytes());
          if (report.type() == MonitorMessage.EXIT) {
            exit = report.exit();
          }
        }
      }
    } catch (Errno | InterruptedIOException | IllegalStateException e) {
      if (exit == null && connection.isOpen()) {
        exit = lost();
      }
    } finally {
      ended.countDown();
    }
  }

  /// The monitor was killed: wait for the process itself and ask the kernel how it ended.
  private ExitStatus lost() {
    try {
      pidFd.await();
      return new ExitStatus(pidFd.statusAfterReap().orElse(255 << 8), Instant.now());
    } catch (Errno | InterruptedIOException e) {
      return new ExitStatus(255 << 8, Instant.now());
    }
  }

  public int pid() {
    return pidFd.pid();
  }

  public PidFd pidFd() {
    return pidFd;
  }

  /// The write end of standard input, where the process has a pipe there.
  public Optional<Fd> stdin() {
    return Optional.ofNullable(stdin);
  }

  /// The read end of standard output; empty with a terminal.
  public Optional<Fd> stdout() {
    return Optional.ofNullable(stdout);
  }

  /// The read end of standard error; empty with a terminal.
  public Optional<Fd> stderr() {
    return Optional.ofNullable(stderr);
  }

  /// The master side of the process's terminal, where it has one.
  public Optional<Fd> terminal() {
    return Optional.ofNullable(terminal);
  }

  /// Waits for the process to end.
  public ExitStatus awaitExit() throws InterruptedException {
    ended.await();
    return exitOrLost();
  }

  /// As [#awaitExit()], for at most the given time; empty if it passed.
  public Optional<ExitStatus> awaitExit(long time, TimeUnit unit) throws InterruptedException {
    return ended.await(time, unit) ? Optional.of(exitOrLost()) : Optional.empty();
  }

  private ExitStatus exitOrLost() {
    ExitStatus status = exit;
    return status != null ? status : new ExitStatus(255 << 8, Instant.now());
  }

  public boolean isRunning() {
    return ended.getCount() > 0;
  }

  /// Sends a signal; false if the process has ended.
  public boolean signal(int signal) throws Errno {
    return isRunning() && pidFd.signal(signal);
  }

  /// Closes standard input for good: the process reads its end.
  public void closeStdin() throws Errno {
    if (stdin != null) {
      stdin.close();
      MonitorMessage.ask(connection, MonitorMessage.CLOSE_STDIN, 0);
    }
  }

  /// Sets the size of the terminal.
  public void resize(int rows, int columns) throws Errno {
    if (terminal != null) {
      dev.gantry.kernel.Terminals.resize(terminal, rows, columns);
    }
  }

  /// Dismisses the monitor of an ended process and closes everything.
  public void release() {
    try {
      MonitorMessage.ask(connection, MonitorMessage.QUIT, 0);
    } catch (Errno | IllegalStateException e) {
      // the monitor has gone already, which is what was wanted
    }
    close();
  }

  @Override
  public void close() {
    for (Fd fd : new @Nullable Fd[] {stdin, stdout, stderr, terminal, connection}) {
      if (fd != null) {
        fd.close();
      }
    }
    pidFd.close();
  }

  /// The fixed message between us and a monitor; mirrored in shim.c.
  record MonitorMessage(
      char type, boolean alive, int pid, int status, int index, int error, long time) {
    static final int SIZE = 32;
    static final int VERSION = 1;
    static final char READY = 'R';
    static final char FAILED = 'F';
    static final char STATUS = 'S';
    static final char EXIT = 'X';
    static final char ATTACH = 'A';
    static final char SIGNAL = 'K';
    static final char START = 'G';
    static final char CLOSE_STDIN = 'C';
    static final char QUIT = 'Q';

    static MonitorMessage decode(byte[] bytes) throws Errno {
      if (bytes.length != SIZE || bytes[1] != VERSION) {
        throw new Errno(71, "monitor message", "of " + bytes.length + " bytes");
      }
      ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
      return new MonitorMessage(
          (char) in.get(0),
          in.get(2) != 0,
          in.getInt(4),
          in.getInt(8),
          in.getInt(12),
          in.getInt(16),
          in.getLong(24));
    }

    ExitStatus exit() {
      return new ExitStatus(
          status, Instant.ofEpochSecond(time / 1_000_000_000L, time % 1_000_000_000L));
    }

    /// The answer to a question of the monitor's: 0, or why not.
    static void answer(Fd connection, int errno) throws Errno {
      ByteBuffer out = ByteBuffer.allocate(SIZE).order(ByteOrder.nativeOrder());
      out.put(0, (byte) START).put(1, (byte) VERSION).putInt(16, errno);
      FdPassing.send(connection, out.array(), List.of());
    }

    static void ask(Fd connection, char type, int status) throws Errno {
      ByteBuffer out = ByteBuffer.allocate(SIZE).order(ByteOrder.nativeOrder());
      out.put(0, (byte) type).put(1, (byte) VERSION).putInt(8, status);
      FdPassing.send(connection, out.array(), List.of());
    }
  }
}
