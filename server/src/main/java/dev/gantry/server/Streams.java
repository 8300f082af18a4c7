package dev.gantry.server;

import dev.gantry.engine.Attach;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;

/// Output and input of processes on a hijacked connection.
final class Streams {
  private Streams() {}

  /// Docker's frame: stream number, three zeros, length, bytes; or the bytes alone with a terminal.
  static void write(OutputStream out, boolean raw, String stream, byte[] bytes) throws IOException {
    if (!raw) {
      byte[] header = new byte[8];
      header[0] = (byte) (stream.equals("stderr") ? 2 : 1);
      for (int i = 0; i < 4; i++) {
        header[4 + i] = (byte) (bytes.length >>> (24 - 8 * i));
      }
      out.write(header);
    }
    out.write(bytes);
    out.flush();
  }

  /// Which streams the client wants.
  record Wanted(boolean stdin, boolean stdout, boolean stderr) {}

  /// Thrown inside to end a session whose client typed the detach keys.
  private static final class Detached extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /// Connects a client to a process until its output ends, or the client detaches or leaves.
  ///
  /// @param raw whether output goes out without frames
  /// @param detached called where the client typed the detach keys
  static void connect(
      HttpResponse.Hijacked client,
      Attach.Session session,
      boolean raw,
      Wanted wanted,
      DetachKeys keys,
      boolean closeStdin,
      Runnable detached) {
    Thread input = null;
    if (wanted.stdin()) {
      input =
          Thread.ofVirtual()
              .name("attach-input")
              .start(() -> copyInput(client, session, keys, closeStdin, detached));
    }
    try {
      if (wanted.stdout() || wanted.stderr()) {
        session.copyOutput(
            (stream, bytes) -> {
              if (session.tty() || (stream.equals("stderr") ? wanted.stderr() : wanted.stdout())) {
                write(client.out(), raw, stream, bytes);
              }
            });
      } else if (input != null) {
        input.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      return; // the client has gone, or has detached
    } finally {
      // the input thread ends when the handler returns and the connection is closed; to interrupt
      // its
      // read would close the connection now, before an exec's exit code is known
      session.close();
    }
  }

  private static void copyInput(
      HttpResponse.Hijacked client,
      Attach.Session session,
      DetachKeys keys,
      boolean closeStdin,
      Runnable detached) {
    try {
      Optional<OutputStream> to = session.input();
      InputStream from = client.in();
      byte[] buffer = new byte[16 * 1024];
      for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
        DetachKeys.Passed passed = keys.pass(buffer, n, session.tty());
        if (to.isPresent()) {
          to.get().write(passed.bytes());
        }
        if (passed.detached()) {
          throw new Detached();
        }
      }
      if (closeStdin && !session.tty()) {
        session.closeInput();
      } else {
        // a client that has no more to say to a process that goes on gets no more to hear either
        session.close();
        session.leave();
      }
    } catch (Detached e) {
      session.close();
      session.leave();
      detached.run();
    } catch (IOException | IllegalStateException e) {
      return; // the process or the client has gone
    }
  }
}
