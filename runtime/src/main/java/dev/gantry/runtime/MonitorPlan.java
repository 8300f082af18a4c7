package dev.gantry.runtime;

import static dev.gantry.runtime.LaunchPlan.number;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.Syscalls;
import dev.gantry.oci.RuntimeSpec;
import dev.gantry.runtime.LaunchPlan.Argument;
import dev.gantry.runtime.LaunchPlan.Special;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The monitor's part of a launch plan, shared by containers and execs: its sockets and pipes, its
/// talk with the child, its word to the engine, and its watch.
///
/// The child speaks to the monitor by the error pipe: eight bytes are a failure (step and errno)
/// or, with the step -2, a number; four bytes mean "I am there, go on with your part", which reads
/// as EPROTO. The monitor lets the child go on by a byte in the start pipe.
final class MonitorPlan {
  private static final int ECONNRESET = 104;

  /// Under this number the child keeps its terminal's master for the monitor to fetch.
  static final int MASTER = 900;

  /// Where the caller's descriptors for the program are until it is executed.
  static final int PASSED = 100;

  private static final String EXIT_DRAFT = BuiltInRuntime.EXIT_FILE + ".new";
  private static final int PR_SET_DUMPABLE = 4;
  private static final int AF_UNIX = 1;
  private static final int SOCK_SEQPACKET = 5;
  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int F_SETPIPE_SZ = 1031;
  private static final int PIPE_SIZE = 1 << 20;
  private static final int EPROTO = 71;
  private static final int HIGH = 500;

  /// A pipe's ends as slots.
  record Pipe(Argument read, Argument write) {}

  /// The process's standard streams; `input` is null where it is /dev/null.
  record Streams(@Nullable Pipe input, @Nullable Pipe output, @Nullable Pipe error) {
    static final Streams NONE = new Streams(null, null, null);

    private List<Pipe> pipes() {
      List<Pipe> pipes = new ArrayList<>();
      for (@Nullable Pipe pipe : new @Nullable Pipe[] {output, error}) {
        if (pipe != null) {
          pipes.add(pipe);
        }
      }
      return pipes;
    }

    List<Argument> monitorsEnds() {
      List<Argument> ends = new ArrayList<>();
      if (input != null) {
        ends.add(input.write());
      }
      pipes().forEach(p -> ends.add(p.read()));
      return ends;
    }

    List<Argument> childsEnds() {
      List<Argument> ends = new ArrayList<>();
      if (input != null) {
        ends.add(input.read());
      }
      pipes().forEach(p -> ends.add(p.write()));
      return ends;
    }

    /// What the child makes its descriptors 0 to 2; the helper's own where there is no pipe.
    List<Argument> standard(@Nullable Argument terminal) {
      return terminal != null
          ? List.of(terminal, terminal, terminal)
          : List.of(
              input == null ? number(0) : input.read(),
              output == null ? number(1) : output.write(),
              error == null ? number(2) : error.write());
    }
  }

  private final LaunchPlan plan;
  private final @Nullable Handover handover;
  private Pipe errors = new Pipe(number(-1), number(-1));
  private Pipe go = new Pipe(number(-1), number(-1));

  MonitorPlan(LaunchPlan plan, @Nullable Handover handover) {
    this.plan = plan;
    this.handover = handover;
  }

  int passedDescriptors() {
    return handover == null ? 0 : handover.passedDescriptors();
  }

  /// Nobody may look into the helper while it holds the host's rights (CVE-2016-9962), and it keeps
  /// nothing open that it was not given: what is up to `lastInherited`, and the caller's
  /// descriptors for the program.
  void protect(int lastInherited) {
    plan.call(
        "protect the helper",
        Syscalls.PRCTL,
        number(PR_SET_DUMPABLE),
        number(0),
        number(0),
        number(0),
        number(0));
    boolean passes = passedDescriptors() > 0;
    closeRange(lastInherited + 1, passes ? PASSED - 1 : 0xffffffffL);
    if (passes) {
      closeRange(PASSED + passedDescriptors(), 0xffffffffL);
    }
  }

  private void closeRange(long first, long last) {
    plan.call(
        "close inherited descriptors",
        Syscalls.CLOSE_RANGE,
        number(first),
        number(last),
        number(0));
  }

  Argument listen() {
    String what = "listen on the monitor's socket";
    Argument socket =
        plan.call(
                what,
                Syscalls.SOCKET,
                number(AF_UNIX),
                number(SOCK_SEQPACKET | Fd.O_CLOEXEC),
                number(0))
            .result();
    byte[] name = BuiltInRuntime.SOCKET.getBytes(StandardCharsets.UTF_8);
    byte[] address = new byte[2 + name.length + 1];
    address[0] = AF_UNIX;
    System.arraycopy(name, 0, address, 2, name.length);
    plan.string(EXIT_DRAFT);
    // an earlier run's, if the container is started again
    for (String old : List.of(BuiltInRuntime.SOCKET, BuiltInRuntime.EXIT_FILE)) {
      plan.call(what, Syscalls.UNLINKAT, number(Fd.AT_FDCWD), plan.string(old), number(0))
          .tolerate(0, Errno.ENOENT);
    }
    plan.call(what, Syscalls.BIND, socket, plan.bytes(address), number(address.length));
    plan.call(what, Syscalls.LISTEN, socket, number(4));
    return socket;
  }

  /// The gate's and the result's fifo of a container that is started later; opened for both
  /// directions, so that opening never waits and reading never ends.
  @Nullable Argument openFifo(String name) {
    if (handover == null || !handover.gate()) {
      return null;
    }
    String what = "open " + name;
    Argument low =
        plan.call(
                what,
                Syscalls.OPENAT,
                number(Fd.AT_FDCWD),
                plan.string(name),
                number(Fd.O_RDWR | Fd.O_CLOEXEC | Fd.O_NOFOLLOW),
                number(0))
            .result();
    Argument high =
        plan.call(what, Syscalls.FCNTL, low, number(F_DUPFD_CLOEXEC), number(HIGH)).result();
    close(low);
    return high;
  }

  // ---- pipes

  /// The two pipes between monitor and child.
  void openPipes() {
    errors = pipe("make the error pipe");
    go = pipe("make the start pipe");
  }

  private Pipe pipe(String what) {
    Argument.Pointer ends = plan.reserve(8);
    plan.call(what, Syscalls.PIPE2, ends, number(Fd.O_CLOEXEC));
    return new Pipe(
        plan.special(what, Special.LOAD32, ends).result(),
        plan.special(what, Special.LOAD32, LaunchPlan.behind(ends, 4)).result());
  }

  /// Pipes as standard streams, unless the process has a terminal or the caller's streams.
  Streams streams(boolean terminal, boolean openStdin) {
    if (terminal || handover != null) {
      return Streams.NONE;
    }
    Streams streams =
        new Streams(
            openStdin ? pipe("make the standard input pipe") : null,
            pipe("make the standard output pipe"),
            pipe("make the standard error pipe"));
    // what is written while no engine listens waits here
    for (Pipe p : streams.pipes()) {
      plan.call("enlarge a pipe", Syscalls.FCNTL, p.read(), number(F_SETPIPE_SZ), number(PIPE_SIZE))
          .tolerate(0, Errno.EPERM);
    }
    return streams;
  }

  /// In the monitor: what is the child's.
  void closeChildsEnds(Streams streams) {
    streams.childsEnds().forEach(this::close);
    close(errors.write());
    close(go.read());
  }

  /// In the child: what is the monitor's; the start pipe must show its end if the monitor dies.
  void becomeChild(Streams streams) {
    plan.special("report failures to the monitor", Special.REPORT_TO, errors.write());
    close(go.write());
    close(errors.read());
    streams.monitorsEnds().forEach(this::close);
  }

  // ---- the monitor's side of the talk

  void letGoOn() {
    plan.call("let the process go on", Syscalls.WRITE, go.write(), plan.string("g"), number(1));
  }

  /// Waits until the child is `what`, or has failed.
  void awaitChild(String what) {
    plan.special(what, Special.WAIT_EXEC, errors.read()).tolerate(0, EPROTO);
  }

  /// Waits for the child's program to be executed, or to stand at the gate.
  void awaitProgram(String what, boolean gate) {
    close(go.write());
    LaunchPlan.Step wait = plan.special(what, Special.WAIT_EXEC, errors.read());
    if (gate) {
      wait.tolerate(0, EPROTO);
    }
    close(errors.read());
  }

  /// Waits for the child's failure.
  void awaitFailure(String what) {
    plan.special(what, Special.WAIT_EXEC, errors.read());
  }

  /// Waits for the child's word that it is open, then takes the terminal over.
  Argument fetchTerminal(Argument pidfd) {
    String what = "fetch the container's terminal";
    awaitChild(what);
    return plan.call(what, Syscalls.PIDFD_GETFD, pidfd, number(MASTER), number(0)).result();
  }

  /// Asks the engine to do its part of the launch, and waits for it.
  void ask(String what, char question, Argument pid) {
    plan.special(what, Special.ASK, number(question), number(0), number(0), pid);
  }

  /// Takes the descriptor whose number the child says, and gives it to the engine.
  void handListener(Argument pidfd, Argument pid) {
    String what = "hand over the seccomp listener";
    Argument theirs = plan.special(what, Special.WAIT_EXEC, errors.read()).result();
    Argument listener = plan.call(what, Syscalls.PIDFD_GETFD, pidfd, theirs, number(0)).result();
    Argument.Pointer fds = plan.reserve(8);
    plan.special(what, Special.STORE32, fds, listener);
    plan.special(what, Special.ASK, number(LaunchQuestions.LISTENER), number(1), fds, pid);
    close(listener);
    letGoOn();
  }

  // ---- the child's side

  void waitForMonitor() {
    plan.special("wait for the monitor", Special.WAIT_BYTE, go.read());
  }

  void say(String what) {
    plan.call(what, Syscalls.WRITE, errors.write(), plan.words(number(-1L)), number(4));
  }

  /// Gives the listener of the filter that was just loaded to the monitor, and waits until somebody
  /// listens: the program must not begin unobserved.
  void giveListener(Argument number) {
    String what = "hand over the seccomp listener";
    Argument.Pointer pair = plan.words(number(0xfffffffeL));
    plan.special(what, Special.STORE32, LaunchPlan.behind(pair, 4), number);
    plan.call(what, Syscalls.WRITE, errors.write(), pair, number(8));
    waitForMonitor();
  }

  /// Everything is ready: the caller hears so, and the program waits for its start. From here on
  /// failures go to whoever starts it.
  void waitAtGate(Argument gate, Argument result) {
    say("say that all is ready");
    plan.special("report failures to the starter", Special.REPORT_TO, result);
    close(errors.write());
    plan.special("wait for the start", Special.WAIT_BYTE, gate);
    close(gate);
  }

  void passDescriptors() {
    for (int i = 0; i < passedDescriptors(); i++) {
      plan.call(
          "pass on a descriptor", Syscalls.DUP3, number(PASSED + i), number(3 + i), number(0));
    }
  }

  /// Prepares a new terminal: the master stays under [#MASTER], the slave is returned.
  Argument openTerminal(Argument master, RuntimeSpec.@Nullable ConsoleSize size, String what) {
    plan.call(
        what, Syscalls.IOCTL, master, number(0x40045431), plan.words(number(0))); // TIOCSPTLCK
    // TIOCGPTPEER: the slave by its master, whatever is mounted on its path
    Argument slave =
        plan.call(what, Syscalls.IOCTL, master, number(0x5441), number(Fd.O_RDWR | Fd.O_NOCTTY))
            .result();
    if (size != null && (size.height() > 0 || size.width() > 0)) {
      plan.call(
          "set the terminal's size",
          Syscalls.IOCTL,
          master,
          number(0x5414),
          plan.words(number((size.height() & 0xffffL) | (size.width() & 0xffffL) << 16)));
    }
    plan.call(what, Syscalls.DUP3, master, number(MASTER), number(Fd.O_CLOEXEC));
    close(master);
    return slave;
  }

  // ---- the end of the monitor's plan

  /// Reports to the engine and stays as the monitor, or leaves the process to the caller.
  ///
  /// @param linger stay after the exit until told to quit
  void watch(
      @Nullable Argument listener,
      @Nullable Argument namespace,
      Argument pidfd,
      Argument pid,
      List<Argument> stdio,
      boolean hasStdin,
      boolean linger) {
    String what = "report to the engine";
    Argument.Pointer fds = plan.reserve(4 * (1 + stdio.size()));
    plan.special(what, Special.STORE32, fds, pidfd);
    for (int i = 0; i < stdio.size(); i++) {
      plan.special(what, Special.STORE32, LaunchPlan.behind(fds, 4 + 4 * i), stdio.get(i));
    }
    plan.special(what, Special.READY, number(1 + stdio.size()), fds, pid, number(hasStdin ? 0 : -1))
        .tolerate(1, Errno.EPIPE, ECONNRESET);
    LaunchPlan.Step told = plan.special(what, Special.JUMP, number(0));
    // the engine was killed in the middle of the launch: nobody will ever know of this process
    String orphan = "end what nobody has been told of";
    plan.call(orphan, Syscalls.PIDFD_SEND_SIGNAL, pidfd, number(9), number(0), number(0));
    plan.special(orphan, Special.EXIT, number(0));
    told.targetNext(0);
    if (handover != null && !handover.stays()) {
      plan.special("leave the process to the caller", Special.EXIT, number(0));
      return;
    }
    // struct monitor
    Argument.Pointer state = plan.reserve(72);
    int at = 0;
    for (@Nullable Argument field :
        new @Nullable Argument[] {
          pidfd,
          pid,
          listener,
          namespace,
          null,
          null,
          number(hasStdin ? 0 : -1),
          number(stdio.size())
        }) {
      store(state, at, field);
      at += 4;
    }
    for (int i = 0; i < 4; i++) {
      store(state, at + 4 * i, i < stdio.size() ? stdio.get(i) : null);
    }
    String file = BuiltInRuntime.EXIT_FILE;
    store(state, 48, number(listener == null ? 0 : plan.string(file).offset()));
    store(state, 56, number(listener == null ? 0 : plan.string(EXIT_DRAFT).offset()));
    store(state, 64, number(linger ? 1 : 0));
    plan.special("watch the process", Special.MONITOR, state);
  }

  private void store(Argument.Pointer place, int offset, @Nullable Argument value) {
    plan.special(
        "prepare to watch the process",
        Special.STORE32,
        LaunchPlan.behind(place, offset),
        value == null ? number(0xffffffffL) : value);
  }

  void close(Argument fd) {
    plan.call("close a descriptor", Syscalls.CLOSE, fd);
  }
}
