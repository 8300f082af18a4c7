package dev.gantry.cli;

import dev.gantry.client.Address;
import dev.gantry.client.Wire;
import dev.gantry.kernel.EndableInput;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Terminals;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/// The surroundings of a command whose process is a launcher: all its own, on the descriptors that
/// the launcher sent. Its threads are a group. When the command has ended, or its launcher is gone,
/// or a signal ends it, everything of it goes: threads, connections to the engine, programs,
/// descriptors.
final class Visit implements Surroundings {
  // messages of the launcher's protocol: see launcher.c
  private static final int EXIT = 3;
  private static final int RAISE = 4;
  private static final int SIGTTIN = 21;

  private static final Duration LAST_WORDS = Duration.ofMillis(300);
  private static final long ASK_AGAIN_MILLIS = 200;

  private final Request request;
  private final Fd launcher;
  private final EndableInput input;
  private final InputStream in;
  private final ThreadGroup threads = new ThreadGroup("visit");
  private final Map<String, Runnable> handlers = new ConcurrentHashMap<>();
  private final Set<Wire> wires = ConcurrentHashMap.newKeySet();
  private final Set<Process> programs = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean ending = new AtomicBoolean();
  private final CountDownLatch begun = new CountDownLatch(1);
  private final boolean typed;

  // the terminal, guarded by `this`
  private boolean foreground;
  private boolean asked;
  private volatile boolean suspended;

  /// @param launcher the connection, which others close
  Visit(Request request, Fd launcher) throws Errno {
    this.request = request;
    this.launcher = launcher;
    this.foreground = request.foreground();
    this.input = new EndableInput(request.streams().getFirst());
    this.typed = Terminals.isTerminal(descriptor(STDIN));
    this.in = new BufferedInputStream(new Typed(input));
  }

  ThreadGroup threads() {
    return threads;
  }

  boolean hasEnded() {
    return ending.get();
  }

  boolean isRunning() {
    return begun.getCount() == 0 && !hasEnded();
  }

  // ---- what the command asks for

  @Override
  public Map<String, String> environment() {
    return request.environment();
  }

  @Override
  public Path absolute(Path path) {
    return Path.of(request.folder()).resolve(path);
  }

  @Override
  public int descriptor(int stream) {
    return request.streams().get(stream).number();
  }

  @Override
  public InputStream in() {
    return in;
  }

  @Override
  public OutputStream out(int stream) {
    return new Output(request.streams().get(stream));
  }

  @Override
  public void on(String signal, Runnable action) {
    handlers.put(signal, action);
  }

  @Override
  public ProcessBuilder program(List<String> words) {
    List<String> found = new ArrayList<>(words);
    found.set(0, onPath(words.getFirst()));
    ProcessBuilder program = new ProcessBuilder(found);
    program.environment().clear();
    program.environment().putAll(request.environment());
    return program;
  }

  /// Where the process would find it; as it is if it would not.
  private String onPath(String name) {
    if (name.indexOf('/') >= 0) {
      return name;
    }
    for (String folder : request.environment().getOrDefault("PATH", "/usr/bin:/bin").split(":")) {
      Path file = absolute(Path.of(folder)).resolve(name);
      if (Files.isRegularFile(file) && Files.isExecutable(file)) {
        return file.toString();
      }
    }
    return name;
  }

  @Override
  public Process start(ProcessBuilder program) throws IOException {
    Process started = program.start();
    programs.add(started);
    InputStream errors = started.getErrorStream();
    Thread.ofPlatform().daemon().name("errors").start(() -> copy(errors));
    return started;
  }

  private void copy(InputStream errors) {
    try (errors) {
      errors.transferTo(out(STDERR));
    } catch (IOException e) {
      return; // nobody reads them any more
    }
  }

  @Override
  public Address.Watch connections() {
    return new Address.Watch() {
      @Override
      public void opened(Wire wire) {
        wires.add(wire);
        if (hasEnded()) {
          close(wire);
        }
      }

      @Override
      public void closed(Wire wire) {
        wires.remove(wire);
      }
    };
  }

  @Override
  public void awaitTerminal() throws IOException {
    try {
      synchronized (this) {
        while (!hasEnded() && (suspended || typed && !foreground)) {
          if (!suspended && !asked) {
            asked = true;
            tell(RAISE, SIGTTIN); // what the kernel does to a process that reads in the background
          }
          wait(ASK_AGAIN_MILLIS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the command has ended", e);
    }
  }

  // ---- what the launcher says

  /// A signal that the launcher got.
  ///
  /// @param front whether it is in the foreground of its terminal now
  void signal(String name, int number, boolean front) {
    Runnable handler = handlers.get(name);
    if (name.equals("TSTP")) {
      suspended = true;
      tell(RAISE, number);
    } else if (name.equals("CONT")) {
      resumed(front);
    } else if (handler == null && Set.of("INT", "TERM", "HUP").contains(name)) {
      end(128 + number);
    } else if (handler == null && name.equals("ALRM")) {
      tell(RAISE, number);
    }
    if (handler != null) {
      Thread.ofPlatform().daemon().group(threads).name("signal").start(handler);
    }
  }

  /// The launcher goes on after a signal that may have stopped it.
  synchronized void resumed(boolean front) {
    suspended = false;
    asked = false;
    foreground = front;
    notifyAll();
  }

  // ---- its beginning

  void go() {
    begun.countDown();
  }

  /// Waits until the launcher has said that it counts on us.
  void awaitGo() throws InterruptedException {
    begun.await();
  }

  // ---- the end

  /// Ends the command with this code, whatever it is doing; only the first call counts. What it
  /// printed has arrived and its descriptors are closed before the launcher is told: who reads them
  /// finds their end.
  void end(int code) {
    if (!ending.compareAndSet(false, true)) {
      return;
    }
    try {
      resumed(true);
      input.close();
      threads.interrupt();
      boolean _ = Thread.interrupted(); // the caller may be one of them
      wires.forEach(Visit::close);
      programs.forEach(Process::destroy);
      awaitThreads();
      request.streams().forEach(Fd::close);
      input.release();
    } catch (Errno | RuntimeException e) {
      Resident.note("the end of a command", e);
    } finally {
      tell(EXIT, code);
    }
  }

  private void awaitThreads() {
    Thread[] running = new Thread[threads.activeCount() + 8];
    int count = threads.enumerate(running);
    long end = System.nanoTime() + LAST_WORDS.toNanos();
    for (int i = 0; i < count; i++) {
      long left = Math.max(1, (end - System.nanoTime()) / 1_000_000);
      try {
        if (running[i] != Thread.currentThread()) {
          running[i].join(left);
        }
      } catch (InterruptedException e) {
        return; // we shall not wait
      }
    }
  }

  private static void close(Wire wire) {
    try {
      wire.close();
    } catch (IOException e) {
      Resident.note("cannot close a connection", e);
    }
  }

  private void tell(int kind, int value) {
    ByteBuffer message = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
    try {
      launcher.writeFully(message.putInt(kind).putInt(value).array());
    } catch (Errno | IllegalStateException e) {
      Resident.note("the launcher has gone", e);
    }
  }

  /// Input that a command in the background of its terminal does not get.
  private final class Typed extends FilterInputStream {
    Typed(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      awaitTerminal();
      return super.read();
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      awaitTerminal();
      return super.read(buffer, offset, length);
    }
  }

  /// Output that stops with its command.
  private final class Output extends OutputStream {
    private final Fd fd;

    Output(Fd fd) {
      this.fd = fd;
    }

    @Override
    public void write(int one) throws IOException {
      write(new byte[] {(byte) one}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      for (int at = 0; at < length; ) {
        if (suspended) {
          awaitResumed();
        }
        if (!fd.isOpen()) {
          throw new IOException("the command has ended");
        }
        try {
          at += fd.write(bytes, offset + at, length - at);
        } catch (Errno e) {
          throw e.number() == Errno.EPIPE ? new IOException("Broken pipe", e) : e;
        }
      }
    }

    private void awaitResumed() throws IOException {
      synchronized (Visit.this) {
        while (suspended && !hasEnded()) {
          try {
            Visit.this.wait();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("the command has ended", e);
          }
        }
      }
    }
  }
}
