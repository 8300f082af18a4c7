package dev.gantry.testkit;

import dev.gantry.json.Json;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// A `gantryd` of the assembled distribution in a process of its own: own data root, run folder,
/// socket, bridge, subnet and cgroup parent, so that several run side by side.
public final class Engine implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(120);
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final Path folder;
  private final Path home;
  private final String name;
  private final String bridge;
  private final String pool;
  private final List<String> flags;
  private final ServingProcess process;
  private final Set<String> faults = ApiWatch.newFaults();
  private final AtomicLong answers = new AtomicLong();
  private final List<Closeable> relays = new ArrayList<>();
  private List<String> entry = List.of();
  private @Nullable ApiWatch watch;
  private @Nullable String busybox;

  private Engine(
      Path folder, Path home, String name, String bridge, String pool, List<String> flags) {
    this.folder = folder;
    this.home = home;
    this.name = name;
    this.bridge = bridge;
    this.pool = pool;
    this.flags = flags;
    this.process = new ServingProcess("the engine", folder.resolve("log"), Duration.ofSeconds(20));
  }

  /// Starts one and waits until it answers; skips the test without root or distribution.
  ///
  /// @param extra further flags of `gantryd`
  public static Engine start(String... extra) {
    return start(List.of(), false, extra);
  }

  /// The same in the network namespace of process `pid`: a test may do to its firewall what it
  /// likes.
  public static Engine startIn(long pid, String... extra) {
    return start(List.of("nsenter", "-t", Long.toString(pid), "-n", "--"), false, extra);
  }

  /// Like [#start], by a program that becomes the engine: `env`, `nsenter`.
  public static Engine startThrough(List<String> program, String... extra) {
    return start(program, false, extra);
  }

  /// Like [#start], and new networks get their subnets from [#pool].
  public static Engine startWithPool(String... extra) {
    return start(List.of(), true, extra);
  }

  private static Engine start(List<String> entry, boolean withPool, String... extra) {
    Needs.root();
    Path home = Needs.distribution();
    String reference = System.getProperty("gantry.reference", "");
    if (!reference.isEmpty()) {
      return new Engine(
          Path.of(reference).resolveSibling("."), home, "reference", "", "", List.of());
    }
    // parallel runs on one machine must not share a bridge or a subnet
    int own = Turn.number();
    int number = COUNT.getAndIncrement();
    String name = "gt" + own + "x" + number;
    String bridge = "10." + own + "." + (number % 128) + ".1/24";
    String pool = "10." + own + "." + (128 + number % 4 * 32) + ".0/19";
    try {
      Path folder = Files.createTempDirectory(Scratch.root(), "gantry-" + name + "-");
      List<String> flags =
          new ArrayList<>(
              List.of(
                  "--data-root",
                  folder.resolve("data").toString(),
                  "--exec-root",
                  folder.resolve("run").toString(),
                  "--pidfile",
                  folder.resolve("gantryd.pid").toString(),
                  "-H",
                  "unix://" + folder.resolve(own()),
                  "--bip",
                  bridge,
                  "--bridge",
                  name,
                  "--cgroup-parent",
                  "/" + name));
      if (withPool) {
        flags.addAll(List.of("--default-address-pool", "base=" + pool + ",size=24"));
      }
      flags.addAll(List.of(extra));
      Engine engine = new Engine(folder, home, name, bridge, pool, flags);
      engine.entry = entry;
      try {
        engine.restart();
      } catch (AssertionError e) {
        engine.close();
        throw e;
      }
      return engine;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Name of the engine's own socket: where the specification is, its clients meet an [ApiWatch].
  private static String own() {
    return !isMeasured() && Specification.HERE.isPresent() ? "engine.sock" : "sock";
  }

  /// Benchmarks have nothing between clients and the engine.
  private static boolean isMeasured() {
    return Boolean.getBoolean("gantry.measured");
  }

  /// Starts the engine again after [#kill] or [#stop], with the same flags and folders, and waits
  /// until it answers.
  public void restart() {
    process.awaitReady(launch(), READY, this::answers);
  }

  /// As [#restart()], without waiting.
  public Process launch() {
    List<String> words = new ArrayList<>(entry);
    words.addAll(
        List.of(home.resolve("jdk/bin/java").toString(), "@" + home.resolve("lib/daemon.args")));
    words.addAll(flags);
    Process started = process.start(words, Map.of("MALLOC_ARENA_MAX", "2"));
    if (watch == null && own().equals("engine.sock")) {
      watch =
          new ApiWatch(
              Specification.HERE.orElseThrow(), socket(), folder.resolve(own()), faults, answers);
    }
    return started;
  }

  private boolean answers() {
    try {
      return PlainHttp.send(socket(), "GET", "/_ping", new byte[0]).status() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  /// Ends the engine at once, as `kill -9` does; containers go on.
  public void kill() {
    end(true);
  }

  /// Does to the engine what the end of the machine's power would: it is gone at once, and so are
  /// all containers, their monitors and control groups, and whatever lies in its run folder.
  public void powerOff() {
    end(true);
    Leaks.endAll(folder, name);
    Command.of("rm", "-rf", folder.resolve("run").toString()).run().succeeded();
  }

  /// Ends the engine by SIGTERM; containers go on.
  public void stop() {
    end(false);
  }

  private void end(boolean atOnce) {
    if (!process.isStarted()) {
      return;
    }
    try {
      process.end(atOnce);
    } finally {
      ApiWatch watching = watch;
      if (watching != null) {
        watching.close();
        watch = null;
      }
    }
  }

  /// Process id of the engine.
  public long pid() {
    return process.pid();
  }

  public Path socket() {
    return isReference() ? Path.of(System.getProperty("gantry.reference")) : folder.resolve("sock");
  }

  /// True if the tests run against an engine that was there before: `-Dgantry.reference=SOCKET`, to
  /// see that a real dockerd passes them too.
  public boolean isReference() {
    return name.equals("reference");
  }

  /// Folder of everything this engine writes; the tests may put files there too.
  public Path folder() {
    return folder;
  }

  /// Name of its bridge and of its cgroup parent.
  public String name() {
    return name;
  }

  /// Address of its default bridge and the length of the subnet's prefix.
  public String bridgeAddress() {
    return bridge;
  }

  /// Where its new networks get subnets of size 24, after [#startWithPool].
  public String pool() {
    return pool;
  }

  /// How many of its answers were held against the API's specification.
  public long answersChecked() {
    return answers.get();
  }

  /// What the engine has logged.
  public String log() {
    return process.log();
  }

  /// Sends a request and reads the whole answer.
  public Answer request(String method, String target, String body) {
    return request(method, target, body.getBytes(StandardCharsets.UTF_8));
  }

  public Answer request(String method, String target, byte[] body) {
    try {
      return PlainHttp.send(socket(), method, target, body);
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + target, e);
    }
  }

  public Answer get(String target) {
    return request("GET", target, "");
  }

  /// The JSON that `GET target` answers with 200.
  public Json json(String target) {
    return Json.parse(get(target).expect(200).text());
  }

  /// The real Docker CLI on this engine, not yet run.
  public Command dockerCommand(String... words) {
    Command command = command(Needs.dockerClient().toString(), words);
    return Files.exists(Needs.dockerConfig())
        ? command.with("DOCKER_CONFIG", Needs.dockerConfig().toString())
        : command;
  }

  /// Runs the real Docker CLI on this engine.
  public Outcome docker(String... words) {
    return dockerCommand(words).run();
  }

  /// Our own command line on this engine, not yet run: a JVM of its own, or with
  /// `GANTRY_RESIDENT=on` whatever runs for the user.
  public Command gantryCommand(String... words) {
    if ("on".equals(System.getenv("GANTRY_RESIDENT"))) {
      return residentCommand(words);
    }
    List<String> all = new ArrayList<>(List.of("@" + home.resolve("lib/cli.args")));
    all.addAll(List.of(words));
    return command(home.resolve("jdk/bin/java").toString(), all.toArray(String[]::new));
  }

  /// Our own command line on this engine by the launcher, not yet run. What it starts if no
  /// resident program answers is for the caller to end.
  public Command residentCommand(String... words) {
    List<String> all = new ArrayList<>(List.of(Needs.tree().resolve("gantry").toString()));
    all.addAll(List.of(words));
    return command(home.resolve("lib/gantry-launcher").toString(), all.toArray(String[]::new));
  }

  /// Runs our own command line on this engine.
  public Outcome gantry(String... words) {
    return gantryCommand(words).run();
  }

  private Command command(String program, String... words) {
    List<String> all = new ArrayList<>(List.of(program));
    all.addAll(List.of(words));
    return Command.of(all).with("DOCKER_HOST", "unix://" + socket());
  }

  /// Name of a busybox image, imported at the first call.
  public synchronized String busybox() {
    String image = busybox;
    if (image == null) {
      image = Busybox.load(this);
      busybox = image;
    }
    return image;
  }

  /// Imports the busybox image again, after a test may have removed it.
  public synchronized void reload() {
    busybox = Busybox.load(this);
  }

  /// A listener with TLS before one of the engine's: what is said there is held against the
  /// specification as well. Without the specification, the engine's own.
  ///
  /// @param address of the engine, `HOST:PORT`
  /// @param certificates of [TestCertificates]
  public String watched(String address, Path certificates) throws IOException {
    if (Specification.HERE.isEmpty()) {
      return address;
    }
    String[] parts = address.split(":");
    Path clear = folder.resolve("tls-clear.sock");
    Path seen = folder.resolve("tls-seen.sock");
    SSLContext client = TestCertificates.context(certificates, "client");
    SSLContext server = TestCertificates.context(certificates, "server");
    relays.add(
        TlsRelay.back(seen, client, new InetSocketAddress(parts[0], Integer.parseInt(parts[1]))));
    relays.add(new ApiWatch(Specification.HERE.get(), clear, seen, faults, answers)::close);
    TlsRelay.Front front = TlsRelay.front(server, clear);
    relays.add(front.relay());
    return "127.0.0.1:" + front.port();
  }

  /// Fails if an answer so far differed from the API's specification. Every engine is held to it
  /// when it is closed; with `GANTRY_SPECIFICATION=lenient` in the environment what differs is only
  /// printed then.
  public void assertSpecification() {
    if (!faults.isEmpty()) {
      throw new AssertionError(
          "answers that differ from the API's specification:\n" + String.join("\n", faults));
    }
  }

  /// Removes all containers and ends the engine; fails if anything of it is left on the machine.
  @Override
  public void close() {
    if (isReference()) {
      removeContainers();
      return;
    }
    try {
      if (process.isStarted()) {
        if (answers()) {
          removeContainers();
        }
        stop();
      }
      Leaks.assertNone(this);
    } finally {
      end(true);
      endRelays();
      Scratch.remove(folder, name);
    }
    List<String> left = NetworkLeftovers.find(name);
    if (!left.isEmpty()) {
      throw new AssertionError("could not remove " + left);
    }
    if ("lenient".equals(System.getenv("GANTRY_SPECIFICATION"))) {
      faults.forEach(fault -> System.out.println("differs from the API's specification: " + fault));
    } else {
      assertSpecification();
    }
  }

  private void endRelays() {
    try {
      for (Closeable relay : relays) {
        relay.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void removeContainers() {
    for (String id : containers()) {
      request("DELETE", "/containers/" + id + "?force=1&v=1", "");
    }
  }

  /// Ids of all containers, running or not.
  public List<String> containers() {
    return ((Json.JsonArray) json("/containers/json?all=1"))
        .items().stream().map(c -> ((Json.JsonObject) c).string("Id", "")).toList();
  }
}
