package dev.gantry.cli;

import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Fd;
import dev.gantry.kernel.FdPassing;
import dev.gantry.kernel.FolderWatch;
import dev.gantry.kernel.OwnFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/// The main of a user's resident program: runs commands that launchers hand over, many at a time,
/// in a JVM that is warm. Ends after some idle minutes, when it is told to, and when the program
/// that it was started from has changed. Nothing is lost when it is killed: the next command starts
/// cold.
///
/// A command: a connection, its [Request], the look at who asks, a thread with folder and umask of
/// its own, our `ACCEPT`, the launcher's `GO`, [Gantry#run], the exit code. A command that is not
/// for a resident program is answered with `REFUSE`, and the launcher runs it by itself.
public final class Resident {
  // messages of the launcher's protocol: see launcher.c
  private static final int ACCEPT = 1;
  private static final int REFUSE = 2;
  private static final int GO = 5;
  private static final int SIGNAL = 6;
  private static final int RESUMED = 7;

  private static final Map<Integer, String> SIGNALS =
      Map.of(1, "HUP", 2, "INT", 12, "USR2", 14, "ALRM", 15, "TERM", 18, "CONT", 20, "TSTP");
  private static final List<String> LOCALE = List.of("LC_ALL", "LC_CTYPE", "LANG", "TZ");
  private static final List<String> JAVA = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS");
  private static final int LOOK_SECONDS = 5;
  private static final int IDLE_SECONDS = 600;
  private static final int REQUEST_SECONDS = 10;

  /// The exit code of a command whose launcher will not learn of it.
  private static final int GONE = 125;

  private static volatile Optional<Resident> running = Optional.empty();

  private final String name;
  private final Fd listener;
  private final Fd lock;
  private final Standing standing;
  private final FolderWatch program;
  private final Set<Visit> visits = ConcurrentHashMap.newKeySet();
  private final AtomicLong served = new AtomicLong();
  private final long began = System.nanoTime();
  private volatile long used = System.nanoTime();
  private volatile boolean stopping;
  private volatile String trouble = "";

  private Resident(String name, Fd listener, Fd lock, FolderWatch program) throws IOException {
    this.name = name;
    this.listener = listener;
    this.lock = lock;
    this.program = program;
    this.standing = Standing.of("self");
  }

  /// @param arguments where to listen
  public static void main(String[] arguments) throws IOException {
    String name = arguments[0];
    Fd lock = Fd.open(name + ".lock", Fd.O_CREAT | Fd.O_RDWR | Fd.O_NOFOLLOW, 0600);
    if (lock.tryLock()) {
      startCarriers();
      FolderWatch program = new FolderWatch();
      if (isUnchanged(program)) {
        boolean _ = Files.deleteIfExists(Path.of(name)); // of one that was killed
        Resident resident = new Resident(name, FdPassing.listen(name, LOOK_SECONDS), lock, program);
        running = Optional.of(resident);
        resident.serve();
      }
    }
    java.lang.Runtime.getRuntime().halt(0);
  }

  /// The one that runs in this JVM.
  static Optional<Resident> here() {
    return running;
  }

  /// Keeps what went wrong apart from any command for [#status()].
  static void note(String what, Exception why) {
    running.ifPresent(resident -> resident.trouble = what + ": " + why);
  }

  static Command command() {
    return Command.of("status | stop", 1, 1, Resident::command);
  }

  private static int command(Session session, Words words) {
    Resident resident = running.orElseThrow(() -> new Exit(1, "no resident program runs"));
    switch (words.argument(0)) {
      case "status" -> session.out().println(resident.status());
      case "stop" -> resident.stop();
      default -> throw new Exit(1, "gantry resident status, or gantry resident stop");
    }
    return 0;
  }

  /// The threads that carry virtual ones shall not be children of a command's thread, whose folder
  /// they would share.
  private static void startCarriers() {
    List<Thread> threads =
        Stream.generate(() -> Thread.ofVirtual().start(() -> LockSupport.parkNanos(1_000_000)))
            .limit(java.lang.Runtime.getRuntime().availableProcessors() * 4L)
            .toList();
    threads.forEach(
        thread -> {
          try {
            thread.join();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  /// Watches the program's files, and in a source tree that we could build anew its sources; false
  /// if one of those is newer than the program.
  private static boolean isUnchanged(FolderWatch watch) throws IOException {
    Path home = Path.of(System.getProperty("gantry.home", ""));
    watch.add(home.toString());
    watch.add(home.resolve("lib").toString());
    Path tree = home.resolve("../..").normalize();
    if (!Files.exists(tree.resolve("tools/distribution.sh")) || !Files.isWritable(tree)) {
      return true;
    }
    FileTime built = Files.getLastModifiedTime(home.resolve("stamp"));
    try (Stream<Path> modules = Files.list(tree)) {
      for (Path module : modules.toList()) {
        if (Files.isRegularFile(module.resolve("pom.xml"))
            && Files.isDirectory(module.resolve("src/main"))) {
          if (isNewer(module.resolve("pom.xml"), built) || !watched(watch, module, built)) {
            return false;
          }
        }
      }
    }
    for (String file : List.of("pom.xml", "tools/distribution.sh")) {
      watch.add(tree.resolve(file).toString());
      if (isNewer(tree.resolve(file), built)) {
        return false;
      }
    }
    return true;
  }

  private static boolean watched(FolderWatch watch, Path module, FileTime built)
      throws IOException {
    watch.add(module.resolve("pom.xml").toString());
    try (Stream<Path> all = Files.walk(module.resolve("src/main"))) {
      for (Path path : all.toList()) {
        if (Files.isDirectory(path)) {
          watch.add(path.toString());
        }
        if (isNewer(path, built)) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean isNewer(Path file, FileTime built) throws IOException {
    return Files.getLastModifiedTime(file).compareTo(built) > 0;
  }

  // ---- its life

  private void serve() throws IOException {
    long idle = Duration.ofSeconds(idleSeconds()).toNanos();
    boolean trimmed = false;
    while (!stopping) {
      Optional<Fd> connection = FdPassing.accept(listener);
      if (connection.isPresent()) {
        Thread.ofPlatform().daemon().name("launcher").start(() -> attend(connection.get()));
        trimmed = false;
      } else if (visits.isEmpty()) {
        if (program.changed() || System.nanoTime() - used > idle) {
          stopping = true;
        }
        if (!trimmed) {
          System.gc(); // gives back what the last commands needed
          trimmed = true;
        }
      }
    }
    leave();
  }

  private static long idleSeconds() {
    String wanted = Surroundings.variable("GANTRY_RESIDENT_IDLE");
    return wanted.matches("[1-9]\\d{0,6}") ? Long.parseLong(wanted) : IDLE_SECONDS;
  }

  /// Makes room for a successor, and ends with the last command.
  private void leave() throws IOException {
    boolean _ = Files.deleteIfExists(Path.of(name));
    listener.close();
    lock.close();
    while (!visits.isEmpty()) {
      LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
    }
  }

  /// Ends it once the commands that run have ended.
  void stop() {
    stopping = true;
    try {
      FdPassing.connectStream(name).close(); // wakes the one who waits for connections
    } catch (Errno e) {
      note("cannot wake", e);
    }
  }

  /// What `gantry resident status` prints.
  String status() {
    java.lang.Runtime memory = java.lang.Runtime.getRuntime();
    return "resident program "
        + ProcessHandle.current().pid()
        + ", up "
        + Humans.duration(Duration.ofNanos(System.nanoTime() - began))
        + ", "
        + served.get()
        + " commands, "
        + visits.stream().filter(Visit::isRunning).count()
        + " running, heap "
        + (memory.totalMemory() >> 20)
        + " MiB\n"
        + name
        + (trouble.isEmpty() ? "" : "\nlast trouble: " + trouble);
  }

  // ---- one command

  private void attend(Fd launcher) {
    try (launcher) {
      String process = Integer.toString(FdPassing.peer(launcher).pid());
      if (!Standing.of(process).equals(standing)) {
        tell(launcher, REFUSE);
        return;
      }
      FdPassing.setPatience(launcher, REQUEST_SECONDS);
      Request request = Request.receive(launcher);
      FdPassing.setPatience(launcher, 0);
      Visit visit = new Visit(request, launcher);
      visits.add(visit);
      try {
        if (refuses(request)) {
          tell(launcher, REFUSE);
          return;
        }
        Thread _ =
            Thread.ofPlatform()
                .daemon()
                .group(visit.threads())
                .name("command")
                .start(() -> run(request, visit, launcher));
        listen(visit, launcher);
      } finally {
        visit.end(GONE);
        used = System.nanoTime();
        visits.remove(visit);
      }
    } catch (IOException | RuntimeException e) {
      note("a launcher", e);
    }
  }

  private boolean refuses(Request request) throws Errno {
    if (stopping || program.changed()) {
      stop();
      return true;
    }
    Map<String, String> theirs = request.environment();
    Map<String, String> ours = OwnProcess.ONE.environment();
    return LOCALE.stream()
            .anyMatch(v -> !theirs.getOrDefault(v, "").equals(ours.getOrDefault(v, "")))
        || JAVA.stream().anyMatch(theirs::containsKey);
  }

  private void run(Request request, Visit visit, Fd launcher) {
    int code = GONE;
    try {
      OwnFolder.enter(request.folder(), request.umask());
      Surroundings.enter(visit);
      if (!Gantry.runsInResident(request.arguments())) {
        tell(launcher, REFUSE);
        return;
      }
      tell(launcher, ACCEPT);
      visit.awaitGo();
      served.incrementAndGet();
      code = Gantry.run(request.arguments());
    } catch (Errno | RuntimeException e) {
      note("a command", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the launcher has gone
    } finally {
      visit.end(code);
    }
  }

  /// Hears what the launcher says until it ends, which it does when it has the exit code.
  private static void listen(Visit visit, Fd launcher) throws IOException {
    while (true) {
      FdPassing.Message message = FdPassing.receive(launcher, Long.BYTES);
      if (message.bytes().length < Long.BYTES) {
        return;
      }
      ByteBuffer words = ByteBuffer.wrap(message.bytes()).order(ByteOrder.nativeOrder());
      int kind = words.getInt();
      int value = words.getInt();
      boolean front = kind >> 8 != 0;
      switch (kind & 0xff) {
        case GO -> visit.go();
        case RESUMED -> visit.resumed(front);
        case SIGNAL -> visit.signal(SIGNALS.getOrDefault(value, ""), value, front);
        default -> throw new IOException("a launcher said " + kind);
      }
    }
  }

  private static void tell(Fd launcher, int kind) throws Errno {
    byte[] message =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder()).putInt(kind).array();
    launcher.writeFully(message);
  }
}
