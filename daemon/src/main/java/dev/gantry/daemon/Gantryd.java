package dev.gantry.daemon;

import dev.gantry.base.Failure;
import dev.gantry.engine.Engine;
import dev.gantry.engine.EngineOptions;
import dev.gantry.http.HttpServer;
import dev.gantry.json.Json;
import dev.gantry.network.NetworkOptions;
import dev.gantry.network.NetworkStore;
import dev.gantry.network.Networks;
import dev.gantry.server.ApiServer;
import dev.gantry.store.Journal;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/// The engine as a process: reads the settings, wires the parts, listens, and ends on SIGTERM
/// without touching a container.
public final class Gantryd {
  private static final String VERSION = "0.1.0";
  private static final String DEFAULT_SOCKET = "unix:///run/gantry.sock";

  private Gantryd() {}

  /// Ends with 0, or with 1 and one line on standard error.
  public static void main(String[] arguments) {
    try {
      Flags flags = Flags.parse(arguments);
      if (flags.flag("help")) {
        System.out.print(Flags.help());
      } else if (flags.flag("version")) {
        System.out.println("Gantry version " + VERSION);
      } else if (flags.flag("validate")) {
        NetworkFlags.read(flags);
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
    if (!System.getProperty("user.name", "").equals("root")) {
      throw new Failure.Forbidden("the engine needs root");
    }
    Path dataRoot = Path.of(flags.text("data-root", "/var/lib/gantry")).toAbsolutePath();
    Path execRoot = Path.of(flags.text("exec-root", "/run/gantry")).toAbsolutePath();
    Path home = Path.of(System.getProperty("gantry.home", "."));
    Path programs = home.resolve("lib");
    String bridge = flags.text("bridge", "gantry0");
    NetworkOptions network = NetworkFlags.read(flags);
    String parent =
        flags.text("cgroup-parent", "/gantry" + (bridge.equals("gantry0") ? "" : "-" + bridge));
    Engine engine =
        Engine.open(
            new EngineOptions(
                dataRoot,
                execRoot,
                programs.resolve("gantry-shim"),
                Path.of(flags.text("init-path", programs.resolve("gantry-init").toString())),
                programs.resolve("gantry-hello"),
                parent.startsWith("/") ? parent : "/" + parent,
                network),
            journal -> Networks.open(network, store(journal)));
    HttpServer server = ApiServer.over(engine, VERSION, dataRoot);
    Path pidFile = Path.of(flags.text("pidfile", execRoot.resolve("gantryd.pid").toString()));
    Files.writeString(pidFile, ProcessHandle.current().pid() + "\n");
    List<String> hosts =
        flags.list("host").isEmpty() ? List.of(DEFAULT_SOCKET) : flags.list("host");
    for (String host : hosts) {
      listen(server, host, flags.text("group", "docker"));
    }
    log("ready", "listening on " + String.join(" ", hosts));
    awaitEnd(server, engine, pidFile, hosts);
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

  private static void listen(HttpServer server, String host, String group) throws IOException {
    if (host.startsWith("unix://")) {
      Path socket = Path.of(host.substring(7));
      server.listenUnix(socket);
      try {
        var owner =
            socket
                .getFileSystem()
                .getUserPrincipalLookupService()
                .lookupPrincipalByGroupName(group);
        PosixFileAttributeView view =
            Files.getFileAttributeView(socket, PosixFileAttributeView.class);
        view.setGroup(owner);
      } catch (IOException e) {
        log("no group " + group, "only root may use " + socket);
      }
    } else if (host.matches("tcp://[^/:]*:[0-9]{1,5}")) {
      int colon = host.lastIndexOf(':');
      String address = host.substring(6, colon);
      server.listenTcp(
          new InetSocketAddress(
              address.isEmpty() ? "127.0.0.1" : address,
              Integer.parseInt(host.substring(colon + 1))));
      log("insecure", "whoever reaches " + host + " is root on this machine");
    } else {
      throw new Failure.InvalidRequest(
          "invalid bind address (" + host + "): unix:///path and tcp://address:port are known");
    }
  }

  private static void awaitEnd(HttpServer server, Engine engine, Path pidFile, List<String> hosts) {
    CountDownLatch end = new CountDownLatch(1);
    java.lang.Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    server.close();
                    for (String host : hosts) {
                      if (host.startsWith("unix://")) {
                        Files.deleteIfExists(Path.of(host.substring(7)));
                      }
                    }
                    engine.close();
                    Files.deleteIfExists(pidFile);
                    log("stopped", "containers go on");
                  } catch (IOException | Failure e) {
                    log("could not stop cleanly", String.valueOf(e.getMessage()));
                  }
                  end.countDown();
                },
                "shutdown"));
    try {
      end.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void log(String event, String details) {
    System.err.println(java.time.Instant.now() + " " + event + ": " + details);
  }
}
