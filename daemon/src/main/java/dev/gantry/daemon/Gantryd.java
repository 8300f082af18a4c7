package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.engine.EngineOptions;
import dev.gantry.engine.devices.CdiDevices;
import dev.gantry.http.HttpServer;
import dev.gantry.http.Limits;
import dev.gantry.json.Json;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.kernel.ProcessSignals;
import dev.gantry.network.NetworkOptions;
import dev.gantry.network.NetworkStore;
import dev.gantry.network.Networks;
import dev.gantry.server.ApiServer;
import dev.gantry.server.ServerSettings;
import dev.gantry.server.tracing.Tracing;
import dev.gantry.store.Journal;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/// The engine as a process: reads the settings, wires the parts, listens, and ends on SIGTERM
/// without touching a container.
public final class Gantryd {
  private static final String VERSION = "0.1.0";
  private static final int SHUTDOWN_SECONDS = 15;
  private static final String DEFAULT_SOCKET = "unix:///run/gantry.sock";

  private Gantryd() {}

  /// Ends with 0, or with 1 and one line on standard error.
  public static void main(String[] arguments) {
    try {
      Flags flags = Flags.parse(arguments);
      if (flags.flag("help")) {
        System.out.print(KnownFlags.help());
      } else if (flags.flag("version")) {
        System.out.println("Gantry version " + VERSION);
      } else if (flags.flag("validate")) {
        NetworkFlags.read(flags);
        ServerFlags.read(flags, VERSION, Path.of("/"));
        new Listeners(flags);
        System.out.println("configuration OK");
      } else {
        run(flags);
      }
    } catch (Failure e) {
      System.err.println("gantryd: " + e.text() + e.hint().map(h -> " (" + h + ")").orElse(""));
      System.exit(1);
    } catch (IOException e) {
      System.err.println("gantryd: " + e.getMessage());
      System.exit(1);
    }
  }

  private static void run(Flags flags) throws IOException {
    Log.configure(
        flags.flag("debug")
            ? System.Logger.Level.DEBUG
            : Log.level(flags.text("log-level", "info")),
        logsJson(flags));
    HeapWatch.start();
    Preflight.check();
    KnownEnvironment.notes(System.getenv()).forEach(Log::warn);
    Notify manager = new Notify(System.getenv());
    Listeners listeners = new Listeners(flags);
    Path dataRoot = Path.of(flags.text("data-root", "/var/lib/gantry")).toAbsolutePath();
    Path execRoot = Path.of(flags.text("exec-root", "/run/gantry")).toAbsolutePath();
    Path home = Path.of(System.getProperty("gantry.home", "."));
    Path programs = home.resolve("lib");
    String bridge = flags.text("bridge", "gantry0");
    NetworkOptions network = NetworkFlags.read(flags);
    AtomicReference<ServerSettings> settings =
        new AtomicReference<>(ServerFlags.read(flags, VERSION, dataRoot));
    Tracing tracing = Tracing.of(System.getenv(), VERSION);
    String given = flags.text("cgroup-parent", "");
    String own = "/gantry" + (bridge.equals("gantry0") ? "" : "-" + bridge);
    String parent = given.isEmpty() ? own : given;
    Engine engine =
        Engine.open(
            new EngineOptions(
                dataRoot,
                execRoot,
                programs.resolve("gantry-shim"),
                Path.of(flags.text("init-path", programs.resolve("gantry-init").toString())),
                programs.resolve("gantry-hello"),
                cdiFolders(flags),
                parent.startsWith("/") ? parent : "/" + parent,
                network),
            journal -> Networks.open(network, store(journal)));
    HttpServer server = ApiServer.over(engine, settings::get, tracing);
    Path pidFile = Path.of(flags.text("pidfile", execRoot.resolve("gantryd.pid").toString()));
    Files.writeString(pidFile, ProcessHandle.current().pid() + "\n");
    List<String> hosts =
        flags.list("host").isEmpty() ? List.of(DEFAULT_SOCKET) : flags.list("host");
    // before the first client can see the engine and signal it: a SIGHUP nobody handles ends a JVM
    AtomicReference<Flags> current = new AtomicReference<>(flags);
    ProcessSignals.on(
        "HUP",
        () -> {
          manager.reloading();
          reload(current, settings, engine);
          manager.reloaded();
        });
    CountDownLatch ended =
        atEnd(
            () -> {
              manager.stopping();
              end(current.get(), server, engine, pidFile, listeners, tracing);
              CgroupLayout.detected().removeEmpty(own); // as it is without running containers
            });
    List<String> addresses = new ArrayList<>();
    for (String host : hosts) {
      addresses.add(listeners.listen(server, host));
    }
    metrics(flags, engine);
    Log.info("ready: listening on " + String.join(" ", addresses));
    manager.ready("listening on " + String.join(" ", addresses));
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// Serves Prometheus where it is asked for; ends with the process.
  private static void metrics(Flags flags, Engine engine) throws IOException {
    String address = flags.text("metrics-addr", "");
    if (!address.isEmpty()) {
      InetSocketAddress bound =
          new HttpServer(new EngineMetrics(engine, VERSION), Limits.PUBLIC)
              .listenTcp(Listeners.address("metrics-addr", address));
      Log.info("metrics on http://" + address(bound) + "/metrics");
    }
  }

  private static String address(InetSocketAddress bound) {
    return bound.getAddress().getHostAddress() + ":" + bound.getPort();
  }

  private static List<Path> cdiFolders(Flags flags) {
    List<String> given = flags.list("cdi-spec-dir");
    for (String folder : given) {
      if (!folder.isEmpty() && !folder.startsWith("/")) {
        throw Flags.invalid("cdi-spec-dir", folder);
      }
    }
    // as dockerd: one empty text is how to have none
    return given.isEmpty()
        ? CdiDevices.FOLDERS
        : given.stream().filter(folder -> !folder.isEmpty()).map(Path::of).toList();
  }

  private static boolean logsJson(Flags flags) {
    String format = flags.text("log-format", "text");
    if (!format.equals("text") && !format.equals("json")) {
      throw Flags.invalid("log-format", format);
    }
    return format.equals("json");
  }

  /// Reads daemon.json again. What needs another start keeps its value.
  private static void reload(
      AtomicReference<Flags> current, AtomicReference<ServerSettings> settings, Engine engine) {
    try {
      Flags flags = current.get().again();
      int ignored = flags.number("shutdown-timeout", SHUTDOWN_SECONDS); // a mistake changes nothing
      ServerSettings before = settings.get();
      settings.set(ServerFlags.read(flags, before.version(), before.dataRoot()));
      Log.configure(
          flags.flag("debug")
              ? System.Logger.Level.DEBUG
              : Log.level(flags.text("log-level", "info")),
          logsJson(flags));
      current.set(flags);
      Log.info("settings read again");
      ReloadEvent.publish(engine, settings.get(), flags);
    } catch (Failure e) {
      Log.warn("the settings stay as they were: " + e.text());
    }
  }

  private static NetworkStore store(Journal journal) {
    return new NetworkStore() {
      @Override
      public Map<String, Json.JsonObject> load() {
        return journal.table("networks");
      }

      @Override
      public void save(String id, Json.JsonObject network) {
        journal.commit(Journal.Change.put("networks", id, network));
      }

      @Override
      public void remove(String id) {
        journal.commit(Journal.Change.remove("networks", id));
      }
    };
  }

  private static void end(
      Flags flags,
      HttpServer server,
      Engine engine,
      Path pidFile,
      Listeners listeners,
      Tracing tracing) {
    try {
      server.close();
      listeners.removeSockets();
      boolean goOn = flags.flag("live-restore", true);
      if (!goOn) {
        engine.stopAll(Duration.ofSeconds(flags.number("shutdown-timeout", SHUTDOWN_SECONDS)));
      }
      engine.close();
      tracing.close();
      Files.deleteIfExists(pidFile);
      Log.info(goOn ? "stopped: containers go on" : "stopped, and the containers with it");
    } catch (IOException | Failure e) {
      Log.warn("could not stop cleanly: " + e.getMessage());
    }
  }

  /// Runs `end` on SIGTERM or SIGINT; the latch opens after it.
  private static CountDownLatch atEnd(Runnable end) {
    CountDownLatch ended = new CountDownLatch(1);
    java.lang.Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  end.run();
                  ended.countDown();
                },
                "shutdown"));
    return ended;
  }
}
