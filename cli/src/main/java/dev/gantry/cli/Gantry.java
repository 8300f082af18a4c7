package dev.gantry.cli;

import dev.gantry.base.Failure;
import dev.gantry.client.Address;
import dev.gantry.client.EngineClient;
import dev.gantry.client.TlsSettings;
import dev.gantry.kernel.ProcessExit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The main of `gantry`: global flags, the command's name, its exit code.
public final class Gantry {
  static final String VERSION = "0.1.0";
  static final String SOCKET = "unix:///run/gantry.sock";

  static final List<Flag> GLOBAL =
      List.of(
          Flag.text("config", ' ', "Folder of the client's configuration"),
          Flag.text("context", 'c', "The context whose engine is meant"),
          Flag.bool("debug", 'D', "Tell more about errors"),
          Flag.list(
              "host", 'H', "The engine's address: unix://PATH, tcp://HOST:PORT or ssh://HOST"),
          Flag.bool("tls", ' ', "Speak TLS, with whomever answers"),
          Flag.text("tlscacert", ' ', "The `file` of those who vouch for the engine"),
          Flag.text("tlscert", ' ', "The `file` of our own certificate"),
          Flag.text("tlskey", ' ', "The `file` of our own key"),
          Flag.bool("tlsverify", ' ', "Speak TLS, and only with an engine that is vouched for"),
          Flag.text("log-level", 'l', "For Docker's command line; has no effect here").hide(),
          Flag.bool("version", 'v', "Print the version"));

  private Gantry() {}

  public static void main(String[] arguments) {
    int code = run(List.of(arguments));
    if (Streams.readsInput()) {
      ProcessExit.now(code);
    }
    java.lang.Runtime.getRuntime().halt(code);
  }

  static int run(List<String> arguments) {
    Optional<Command> command = Optional.empty();
    Words global = Words.none();
    Session session = session(global, SOCKET);
    try {
      global = Words.parse(GLOBAL, arguments, false);
      if (global.on("version")) {
        session.out().println("Gantry version " + VERSION);
        return flushed(session, 0);
      }
      List<String> words = global.arguments();
      if (words.isEmpty()) {
        session.err().print(Commands.overview());
        return 0;
      }
      session = session(global, host(global));
      Optional<Commands.Found> found = Commands.find(words);
      if (found.isEmpty()) {
        return flushed(session, Commands.withoutAction(session, words));
      }
      command = found.map(Commands.Found::command);
      Command called = found.get().command();
      List<String> rest = words.subList(found.get().words(), words.size());
      Words parsed = Words.parse(called.flags(), rest, called.interspersed());
      called.check(parsed);
      return flushed(session, called.action().run(session, parsed));
    } catch (Exception | StackOverflowError e) {
      session.out().flush();
      return Problems.report(session, command, e);
    }
  }

  /// Whether a resident program can run this as well. What starts an engine or a program of its own
  /// for the connection is for the script and a process of its own.
  static boolean runsInResident(List<String> arguments) {
    if (arguments.isEmpty()) {
      return true;
    }
    if (List.of("registry", "__rehearse").contains(arguments.getFirst())
        || String.join(" ", arguments).startsWith("image bootstrap")) {
      return false;
    }
    try {
      Words global = Words.parse(GLOBAL, arguments, false);
      String host = host(global);
      boolean none =
          global.on("version")
              || List.of("help", "completion", "resident")
                  .contains(global.arguments().isEmpty() ? "help" : global.argument(0));
      return none || !host.startsWith("ssh://") && (!host.equals(SOCKET) || ownEngineRuns());
    } catch (RuntimeException e) {
      return true; // which the command will say itself
    }
  }

  private static boolean ownEngineRuns() {
    try {
      String pid = Files.readString(Path.of("/run/gantry.pid")).strip();
      return pid.matches("\\d+")
          && Files.exists(Path.of("/proc", pid))
          && Files.exists(Path.of(SOCKET.substring("unix://".length())));
    } catch (IOException e) {
      return false;
    }
  }

  private static Session session(Words global, String host) {
    String version = Surroundings.variable("DOCKER_API_VERSION");
    Config config = Config.of(global);
    Address address =
        new Address.Watched(address(global, config, host), Surroundings.ours().connections());
    return Session.on(new EngineClient(address, version), config, global);
  }

  private static Address address(Words global, Config config, String host) {
    try {
      Address address = Address.parse(host);
      if (!(address instanceof Address.Tcp)) {
        return address;
      }
      ContextStore contexts = new ContextStore(config);
      Optional<TlsSettings> tls =
          TlsFlags.settings(global, config)
              .or(() -> contexts.tls(contexts.current(global, given(global))));
      return tls.map(address::with).orElse(address);
    } catch (Failure.InvalidRequest e) {
      throw new Exit(1, "Failed to initialize: unable to resolve docker endpoint: " + e.text());
    }
  }

  static String architecture() {
    return switch (System.getProperty("os.arch", "")) {
      case "x86_64", "amd64" -> "amd64";
      case "aarch64" -> "arm64";
      default -> System.getProperty("os.arch", "");
    };
  }

  private static int flushed(Session session, int code) {
    session.out().flush();
    return code;
  }

  /// The engine's address: `--host`, a context, `$DOCKER_HOST`, our own socket.
  static String host(Words global) {
    if (!global.list("host").isEmpty()) {
      return global.list("host").getLast();
    }
    ContextStore contexts = new ContextStore(Config.of(global));
    String context = contexts.current(global, given(global));
    if (!context.equals(ContextStore.DEFAULT)) {
      return contexts.require(context).host();
    }
    return given(global).isEmpty() ? SOCKET : given(global);
  }

  /// The address by flag or variable; empty if a context is to tell.
  static String given(Words global) {
    List<String> hosts = global.list("host");
    return hosts.isEmpty() ? Surroundings.variable("DOCKER_HOST") : hosts.getLast();
  }
}
