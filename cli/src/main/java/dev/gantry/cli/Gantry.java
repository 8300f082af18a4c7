package dev.gantry.cli;

import dev.gantry.base.Failure;
import dev.gantry.client.Address;
import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Unreachable;
import dev.gantry.kernel.ProcessExit;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The main of `gantry`: global flags, the command's name, its exit code.
public final class Gantry {
  static final String VERSION = "0.1.0";
  private static final String SOCKET = "unix:///run/gantry.sock";

  private static final List<Flag> GLOBAL =
      List.of(
          Flag.text("config", ' ', "Location of client config files"),
          Flag.text("context", 'c', "Name of the context to use"),
          Flag.bool("debug", 'D', "Enable debug mode"),
          Flag.list("host", 'H', "Daemon socket to connect to"),
          Flag.text("log-level", 'l', "Set the logging level"),
          Flag.bool("version", 'v', "Print version information and quit"));

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
    Session session = Session.on(new EngineClient(Address.parse(SOCKET)));
    try {
      Words global = Words.parse(GLOBAL, arguments, false);
      if (global.on("version")) {
        session.out().println("Gantry version " + VERSION);
        return flushed(session, 0);
      }
      if (global.arguments().isEmpty()) {
        session.out().print(Commands.overview());
        return flushed(session, 0);
      }
      session = Session.on(new EngineClient(Address.parse(host(global))));
      List<String> words = global.arguments();
      command = Commands.find(words);
      if (command.isEmpty()) {
        return flushed(session, Commands.withoutAction(session, words));
      }
      Command found = command.get();
      List<String> rest =
          new ArrayList<>(words.subList(found.name().split(" ").length, words.size()));
      Words parsed = Words.parse(found.flags(), rest, found.interspersed());
      found.check(parsed);
      return flushed(session, found.action().run(session, parsed));
    } catch (Exception | StackOverflowError e) {
      session.out().flush();
      return report(session, command, e);
    }
  }

  private static int flushed(Session session, int code) {
    session.out().flush();
    return code;
  }

  private static String host(Words global) {
    String variable = System.getenv("DOCKER_HOST");
    String fallback = variable == null || variable.isEmpty() ? SOCKET : variable;
    return global.list("host").isEmpty() ? fallback : global.list("host").getLast();
  }

  private static int report(Session session, Optional<Command> command, Throwable problem) {
    String name = command.map(c -> " " + c.name()).orElse("");
    boolean runs =
        command.filter(c -> c.name().endsWith("run") || c.name().endsWith("create")).isPresent();
    String more = "\n\nRun 'gantry" + name + " --help' for more information";
    switch (problem) {
      case Words.HelpAsked asked -> {
        session.out().print(command.map(Command::helpText).orElseGet(Commands::overview));
        return flushed(session, 0);
      }
      case UsageError e -> {
        String usage =
            command
                .map(c -> "\n\n" + c.usageLine())
                .orElse("\n\nUsage:  gantry [OPTIONS] COMMAND [ARG...]");
        session.err().println(e.text() + usage + more);
        return e.code();
      }
      case Exit e -> {
        if (!e.text().isEmpty()) {
          session.err().println(e.text());
        }
        return e.code();
      }
      case ApiError e -> {
        String text = "Error response from daemon: " + e.text();
        session.err().println(runs ? "gantry: " + text + more : text);
        return runs ? Runs.code(e.text()) : 1;
      }
      case Unreachable e -> {
        session.err().println(runs ? "gantry: " + e.getMessage() + more : e.getMessage());
        return runs ? 125 : 1;
      }
      case Failure e -> {
        session.err().println(runs ? "gantry: " + e.text() + more : e.text());
        return runs ? 125 : 1;
      }
      case UncheckedIOException e -> {
        session.err().println("error during connect: " + e.getCause());
        return runs ? 125 : 1;
      }
      default -> {
        session.err().println("gantry: internal error: " + problem);
        return runs ? 125 : 1;
      }
    }
  }
}
