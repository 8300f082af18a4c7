package dev.gantry.engine.logs;

import dev.gantry.base.Failure;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.ReadWait;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Takes what one run of a container prints into its log, each line exactly once even if this
/// process is killed at any moment in between:
///
/// ```
/// pipe ──splice──► spool file ──► lines ──► log file
///                                   └ IntakeState: spool done up to here, log grown up to there
/// ```
///
/// The kernel moves bytes from the pipe to the spool, so that they are always in one of the two.
/// After lines were appended to the log, one store into a shared page says so. What is found in the
/// log behind the noted size at the next start was appended but not noted: it is cut off and taken
/// from the spool again. A terminal cannot be spliced; its bytes are read into the shared page
/// itself, see [IntakeState]. Nothing here waits for a disk.
///
/// Spool and state lie in the run-time folder, are made with the first output and small: an idle
/// container's spool is empty. Where there is no room for them, output goes on without that
/// protection; where there is none for the log, lines are dropped rather than the container
/// stopped. One thread reads each source; sources of one intake are independent.
public final class LogIntake implements AutoCloseable {
  private static final int CHUNK = 64 * 1024;
  // past this, a spool whose bytes are done is emptied
  private static final int SPOOL_LIMIT = 128 * 1024;
  // a stream that runs dry again so soon is left alone for a moment: many small pieces taken at
  // once cost as little as one
  private static final long BUSY_NANOS = 2_000_000;
  private static final long GATHER_MILLIS = 1;
  private static final byte[] NOTHING = new byte[0];

  private static final Queue<Workspace> WORKSPACES = new ArrayBlockingQueue<>(8);

  /// Buffers for the moment in which a source has something; idle sources hold none.
  private static final class Workspace {
    final ByteBuffer direct = ByteBuffer.allocateDirect(CHUNK);
    final byte[] heap = new byte[CHUNK];
    final LogLine.Buffer lines = new LogLine.Buffer();

    static Workspace take() {
      Workspace free = WORKSPACES.poll();
      return free == null ? new Workspace() : free;
    }

    void giveBack() {
      boolean ignored = WORKSPACES.offer(this);
    }
  }

  private final LogFile log;
  private final Path folder;
  private final Map<String, String> attributes;
  private final Consumer<String> complain;
  private @Nullable IntakeState state;
  private volatile boolean unprotected;
  private boolean complained;

  private LogIntake(
      LogFile log, Path folder, Map<String, String> attributes, Consumer<String> complain) {
    this.log = log;
    this.folder = folder;
    this.attributes = attributes;
    this.complain = complain;
  }

  /// Begins, or goes on with what an earlier process left in `folder`.
  ///
  /// @param attributes kept with each line
  /// @param complain gets one sentence when lines can no longer be kept
  public static LogIntake open(
      LogFile log, Path folder, Map<String, String> attributes, Consumer<String> complain) {
    LogIntake intake = new LogIntake(log, folder, attributes, complain);
    try {
      intake.state = IntakeState.find(folder).orElse(null);
      if (intake.state != null) {
        log.cutTo(intake.state.logSize());
      }
    } catch (IOException e) {
      throw new Failure.Internal("could not take up the log in " + folder + ": " + e, e);
    }
    return intake;
  }

  /// A stream to read.
  ///
  /// @param name `stdout` or `stderr`
  /// @param terminal whether `fd` is a terminal's master, not a pipe
  public Source source(String name, Fd fd, boolean terminal) {
    return new Source(name, fd, terminal);
  }

  /// Logs what an earlier process had taken, for a run of which nothing else is left; and closes.
  public void salvage() {
    IntakeState known = state;
    if (known == null) {
      return;
    }
    Workspace work = Workspace.take();
    try {
      for (String name : List.of("stdout", "stderr")) {
        try (Spool old = Spool.open(known, folder, name)) {
          if (name.equals("stdout")) {
            old.takeLanded();
          }
          logSpool(old, name, work, true);
        }
      }
    } catch (IOException e) {
      complain("output is lost: " + e.getMessage());
    } finally {
      work.giveBack();
      close();
    }
  }

  private IntakeState state() throws IOException {
    synchronized (this) {
      IntakeState present = state;
      if (present == null) {
        present = IntakeState.create(folder, log.size());
        state = present;
      }
      return present;
    }
  }

  /// One stream on its way into the log. For one thread.
  public final class Source {
    private final String name;
    private final Fd fd;
    private final boolean terminal;
    private final ReadWait wait;
    private @Nullable Spool spool;
    private byte[] carry = NOTHING; // the beginning of a line, where there is no spool
    private long dry = System.nanoTime() - BUSY_NANOS; // when nothing was there last
    private boolean fresh; // whether something came since

    private Source(String name, Fd fd, boolean terminal) {
      this.name = name;
      this.fd = fd;
      this.terminal = terminal;
      this.wait = new ReadWait(fd);
    }

    /// Whoever writes to the stream has ended: what it holds now is all there is, though others may
    /// have it open. May be called by any thread.
    public void finish() {
      wait.finish();
    }

    /// Takes up what an earlier process had read but not logged; to be called first.
    public void recover() throws IOException {
      IntakeState known;
      synchronized (LogIntake.this) {
        known = state;
      }
      if (known != null) {
        Spool old = Spool.open(known, folder, name);
        spool = old;
        if (terminal) {
          old.takeLanded();
        }
        Workspace work = Workspace.take();
        try {
          logSpool(old, name, work, false);
        } finally {
          work.giveBack();
        }
      }
    }

    /// Waits for output and logs it.
    ///
    /// @param wanted whether to answer the bytes themselves, for those who are attached
    /// @return the new bytes or, if they are not wanted, an empty array; null at the end
    public byte @Nullable [] next(BooleanSupplier wanted) throws IOException {
      boolean began = spool != null || terminal || unprotected;
      while (true) {
        if (!began) {
          boolean ignored = wait.await();
          if (fd.available() == 0) {
            wait.close();
            return null; // a pipe that can be read and is empty has ended: no file for it
          }
          began = true;
        }
        Workspace work = Workspace.take();
        try {
          int count = take(work);
          if (count < 0) {
            end(work);
            return null;
          }
          fresh = true;
          return give(work, count, wanted.getAsBoolean());
        } catch (Errno e) {
          if (e.number() == Errno.EIO && terminal) {
            end(work); // the master of a terminal whose last slave is closed
            return null;
          }
          if (e.number() != Errno.EAGAIN) {
            throw e;
          }
        } finally {
          work.giveBack();
        }
        rest();
        if (isBusy()) {
          gather();
        } else if (!wait.await()) {
          finishNow();
          return null;
        }
      }
    }

    private boolean isBusy() {
      long now = System.nanoTime();
      boolean busy = fresh && now - dry < BUSY_NANOS && !terminal;
      dry = now;
      fresh = false;
      return busy;
    }

    private static void gather() throws IOException {
      try {
        Thread.sleep(GATHER_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while output gathers");
      }
    }

    /// Moves bytes into the spool, or reads them into `work` if there is none.
    private int take(Workspace work) throws IOException {
      if (!unprotected) {
        try {
          Spool to = spool == null ? Spool.open(state(), folder, name) : spool;
          spool = to;
          if (terminal) {
            return to.land(fd);
          }
          return to.splice(fd, CHUNK);
        } catch (Errno e) {
          if (e.number() == Errno.EAGAIN || e.number() == Errno.EIO && terminal) {
            throw e;
          }
          abandonSpool(e);
        } catch (IOException e) {
          abandonSpool(e);
        }
      }
      work.direct.clear();
      return fd.read(work.direct);
    }

    private byte[] give(Workspace work, int count, boolean wanted) throws IOException {
      Spool from = spool;
      if (from == null) {
        work.direct.flip();
        byte[] fresh = new byte[count];
        work.direct.get(fresh);
        logCarried(fresh, work, false);
        return wanted ? fresh : NOTHING;
      }
      byte[] fresh = NOTHING;
      if (wanted) {
        work.direct.clear().limit(count);
        from.read(from.size() - count, work.direct);
        work.direct.flip();
        fresh = new byte[work.direct.remaining()];
        work.direct.get(fresh);
      }
      logSpool(from, name, work, false);
      return fresh;
    }

    /// Before a wait: an empty spool takes no memory.
    private void rest() throws IOException {
      Spool used = spool;
      if (used != null && used.isDone() && used.size() > 0) {
        used.empty();
      }
    }

    private void finishNow() throws IOException {
      Workspace work = Workspace.take();
      try {
        end(work);
      } finally {
        work.giveBack();
      }
    }

    private void end(Workspace work) throws IOException {
      wait.close();
      Spool used = spool;
      if (used != null) {
        logSpool(used, name, work, true);
        used.close();
      } else {
        logCarried(NOTHING, work, true);
      }
    }

    private void abandonSpool(IOException why) throws IOException {
      complain("a crash could lose output: " + why.getMessage());
      unprotected = true;
      Spool used = spool;
      spool = null;
      if (used != null) {
        carry = used.rest();
        used.close();
      }
    }

    // ---- into the log

    private void logCarried(byte[] fresh, Workspace work, boolean all) throws IOException {
      byte[] bytes = Arrays.copyOf(carry, carry.length + fresh.length);
      System.arraycopy(fresh, 0, bytes, carry.length, fresh.length);
      int used = 0;
      for (int more = -1; more != 0; used += more) {
        more = append(work.lines, bytes, used, bytes.length - used, all, name);
      }
      carry = used == 0 ? bytes : Arrays.copyOfRange(bytes, used, bytes.length);
    }
  }

  private void logSpool(Spool from, String stream, Workspace work, boolean all) throws IOException {
    while (!from.isDone()) {
      int count = readRest(from, work);
      boolean last = all && from.done() + count == from.size();
      synchronized (this) {
        int used = append(work.lines, work.heap, 0, count, last, stream);
        if (used == 0) {
          break;
        }
        from.markDone(from.done() + used, log.size());
      }
    }
    if (from.size() > SPOOL_LIMIT) {
      from.startOver();
    }
  }

  private static int readRest(Spool from, Workspace work) throws IOException {
    work.direct.clear().limit((int) Math.min(CHUNK, from.size() - from.done()));
    from.read(from.done(), work.direct);
    work.direct.flip();
    int count = work.direct.remaining();
    work.direct.get(work.heap, 0, count);
    return count;
  }

  /// Appends lines in `bytes`; the two sources of a container take turns here.
  ///
  /// @return how many of the bytes were used: 0 when no line is left, perhaps not all lines before
  private synchronized int append(
      LogLine.Buffer lines, byte[] bytes, int from, int count, boolean all, String stream)
      throws IOException {
    lines.clear();
    int used = log.format().encode(lines, bytes, from, count, all, stream, log.stamp(), attributes);
    if (used == 0) {
      return 0;
    }
    try {
      if (log.rotateFor(lines.length()) && state != null) {
        state.noteLogSize(0);
      }
      log.append(lines.bytes(), lines.length());
    } catch (IOException e) {
      complain("output is lost: " + e.getMessage());
    }
    return used;
  }

  private synchronized void complain(String what) {
    if (!complained) {
      complained = true;
      complain.accept(what);
    }
  }

  /// Lets go of the shared page; to be called when all sources have ended.
  @Override
  public synchronized void close() {
    if (state != null) {
      state.close();
      state = null;
    }
  }
}
