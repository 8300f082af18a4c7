package dev.gantry.cli;

import dev.gantry.client.Address;
import dev.gantry.client.EngineClient;
import dev.gantry.kernel.ProcessExit;
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
          Flag.list("host", 'H', "The engine's socket: unix://PATH or tcp://HOST:PORT"),
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

  private static Session session(Words global, String host) {
    String version = Optional.ofNullable(System.getenv("DOCKER_API_VERSION")).orElse("");
    return Session.on(new EngineClient(Address.parse(host), version), Config.of(global), global);
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
    String variable = Optional.ofNullable(System.getenv("DOCKER_HOST")).orElse("");
    ContextStore contexts = new ContextStore(Config.of(global));
    String context = contexts.current(global, variable);
    if (!context.equals(ContextStore.DEFAULT)) {
      return contexts.require(context).host();
    }
    return variable.isEmpty() ? SOCKET : variable;
  }
}
