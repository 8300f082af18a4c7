package dev.gantry.engine.logs;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/// What has been taken from a stream and is not yet in the log. It alternates between two files:
/// when one has grown, what is not done is copied to the other, which a note makes the present one.
/// For one thread.
final class Spool implements AutoCloseable {
  private final IntakeState state;
  private final Path folder;
  private final String stream;
  private Fd file;
  private long which;
  private long size;
  private long done;

  private Spool(IntakeState state, Path folder, String stream, Fd file) throws Errno {
    this.state = state;
    this.folder = folder;
    this.stream = stream;
    this.file = file;
    this.which = state.spool(stream);
    this.size = file.size();
    this.done = state.done(stream);
    if (done > size) {
      done = 0; // emptied, and not noted any more
    }
  }

  static Spool open(IntakeState state, Path folder, String stream) throws Errno {
    Fd file = open(folder, stream, state.spool(stream), 0);
    try {
      return new Spool(state, folder, stream, file);
    } catch (Errno e) {
      file.close();
      throw e;
    }
  }

  private static Fd open(Path folder, String stream, long which, int flags) throws Errno {
    return Fd.open(
        folder.resolve("log." + stream + "." + which).toString(),
        Fd.O_RDWR | Fd.O_CREAT | Fd.O_NOFOLLOW | flags,
        0600);
  }

  long size() {
    return size;
  }

  long done() {
    return done;
  }

  boolean isDone() {
    return done == size;
  }

  /// Moves what a pipe holds here; the count, or -1 at its end.
  int splice(Fd pipe, int most) throws Errno {
    int count = pipe.spliceTo(file, size, most);
    size += Math.max(count, 0);
    return count;
  }

  /// Reads from a terminal; the count, or -1 at its end.
  int land(Fd terminal) throws Errno {
    ByteBuffer landing = state.landing(size);
    int count = terminal.read(landing);
    if (count > 0) {
      file.writeAt(size, landing.flip());
      size += count;
      state.cleared(count);
    }
    return count;
  }

  /// Adds what had come from a terminal when the process before this one ended.
  void takeLanded() throws Errno {
    long at = state.landedAt();
    ByteBuffer landed = state.landed();
    int count = landed.remaining();
    // it may have been added already; adding it again changes nothing then
    if (at >= 0 && at <= size && count > 0) {
      file.writeAt(at, landed);
      size = Math.max(size, at + count);
    }
    state.cleared(IntakeState.LANDING);
  }

  /// Fills `direct` with bytes from `offset` on.
  void read(long offset, ByteBuffer direct) throws IOException {
    for (long at = offset; direct.hasRemaining(); ) {
      int count = file.readAt(at, direct);
      if (count < 0) {
        throw new IOException("the spool in " + folder + " was cut short");
      }
      at += count;
    }
  }

  /// What is not done yet, and what came from a terminal last and found no room.
  byte[] rest() throws IOException {
    ByteBuffer landed = state.landedAt() == size ? state.landed() : ByteBuffer.allocate(0);
    ByteBuffer direct = ByteBuffer.allocateDirect((int) (size - done));
    read(done, direct);
    byte[] bytes = new byte[direct.flip().remaining() + landed.remaining()];
    int count = direct.remaining();
    direct.get(bytes, 0, count);
    landed.get(bytes, count, landed.remaining());
    return bytes;
  }

  /// Everything before `newDone` is in the log, which is `logSize` long.
  void markDone(long newDone, long logSize) {
    done = newDone;
    state.note(logSize, stream, which, newDone);
  }

  /// Gives the room back when everything is done.
  void empty() throws Errno {
    file.truncate(0); // a smaller file than what is done means none of it is
    size = 0;
    done = 0;
    state.noteSpool(stream, which, 0);
  }

  /// Goes on in the other file.
  void startOver() throws IOException {
    if (isDone()) {
      empty();
      return;
    }
    long next = 1 - which;
    Fd other = open(folder, stream, next, Fd.O_TRUNC);
    try {
      ByteBuffer rest = ByteBuffer.allocateDirect((int) (size - done));
      read(done, rest);
      other.writeAt(0, rest.flip());
      state.noteSpool(stream, next, 0);
      file.truncate(0);
      file.close();
      file = other;
      which = next;
      size = rest.limit();
      done = 0;
    } catch (IOException e) {
      other.close();
      throw e;
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
