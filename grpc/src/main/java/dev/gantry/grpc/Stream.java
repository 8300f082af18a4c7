package dev.gantry.grpc;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// One stream of a connection: what has come and waits to be read, and how it ended.
final class Stream {
  private final Connection connection;
  private final int id;

  /// Bytes we may send; guarded by the connection's lock.
  long window;

  /// Guards all below.
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition changed = lock.newCondition();
  private final Queue<byte[]> data = new ArrayDeque<>();
  private final List<Runnable> whenReset = new ArrayList<>();
  private List<Header> trailers = List.of();
  private int waiting;
  private int unreported;
  private boolean peerEnded;
  private volatile boolean reset;
  private int resetCode;

  Stream(Connection connection, int id, long window) {
    this.connection = connection;
    this.id = id;
    this.window = window;
  }

  int id() {
    return id;
  }

  Connection connection() {
    return connection;
  }

  boolean isReset() {
    return reset;
  }

  // ---- what the connection's reader says

  void received(byte[] bytes, boolean end) throws Http2Exception {
    lock.lock();
    try {
      if (peerEnded) {
        throw new Http2Exception(Http2Exception.PROTOCOL, "data behind the end of a stream");
      }
      if (bytes.length > 0) {
        waiting += bytes.length;
        if (waiting + unreported > Connection.WINDOW) {
          throw new Http2Exception(Http2Exception.FLOW_CONTROL, "more data than was allowed");
        }
        data.add(bytes);
      }
      peerEnded |= end;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void received(List<Header> headers, boolean end) {
    lock.lock();
    try {
      if (end) {
        trailers = headers;
      }
      peerEnded |= end;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// The peer has cancelled it, or the connection is gone.
  void ended(int code) {
    List<Runnable> actions;
    lock.lock();
    try {
      if (reset || code == 0 && peerEnded) {
        return; // "no error" behind the end says nothing new
      }
      reset = true;
      resetCode = code;
      actions = List.copyOf(whenReset);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    connection.wake();
    actions.forEach(Runnable::run);
  }

  // ---- what a call asks for

  void whenReset(Runnable action) {
    lock.lock();
    try {
      if (!reset) {
        whenReset.add(action);
        return;
      }
    } finally {
      lock.unlock();
    }
    action.run();
  }

  /// The next piece; null behind the last.
  ///
  /// @param nanos how long to wait; 0 for ever
  /// @throws IOException if the stream was reset or nothing came in time
  byte @Nullable [] read(long nanos) throws IOException {
    byte[] bytes;
    int report = 0;
    lock.lock();
    try {
      long left = nanos;
      while (data.isEmpty() && !peerEnded && !reset) {
        if (nanos == 0) {
          changed.await();
        } else {
          left = changed.awaitNanos(left);
          if (left <= 0) {
            throw new IOException("no answer in " + TimeUnit.NANOSECONDS.toSeconds(nanos) + " s");
          }
        }
      }
      bytes = data.poll();
      if (bytes == null) {
        if (peerEnded) {
          return null;
        }
        throw new IOException("the call was cancelled (" + resetCode + ")");
      }
      waiting -= bytes.length;
      unreported += bytes.length;
      if (unreported > Connection.WINDOW / 4 && !peerEnded) {
        report = unreported;
        unreported = 0;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      lock.unlock();
    }
    if (report > 0) {
      connection.consumed(this, report);
    }
    return bytes;
  }

  /// What came with the end, once [#read] gave null.
  List<Header> trailers() {
    lock.lock();
    try {
      return trailers;
    } finally {
      lock.unlock();
    }
  }

  boolean peerEnded() {
    lock.lock();
    try {
      return peerEnded;
    } finally {
      lock.unlock();
    }
  }
}
