package dev.gantry.cli;

import dev.gantry.base.Failure;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.client.ApiError;
import dev.gantry.client.Unreachable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/// Says what went wrong in the words that scripts know, and chooses the exit code: `run` 125 to
/// 127, everything else 1, a wrong flag 125.
final class Problems {
  /// What a shell reports of a program that SIGPIPE has ended.
  private static final int BROKEN_PIPE = 141;

  private Problems() {}

  static int report(Session session, Optional<Command> command, Throwable problem) {
    String name = command.map(c -> " " + c.name()).orElse("");
    boolean runs = name.equals(" run") || name.equals(" container run");
    String more = "\n\nRun 'gantry" + name + " --help' for more information";
    switch (problem) {
      case Words.HelpAsked asked -> {
        session.out().print(command.map(Commands::helpText).orElseGet(Commands::overview));
        session.out().flush();
        return 0;
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
      case Refused e -> {
        session.err().println(runs ? "gantry: " + e.text() + more : e.text());
        return runs ? 125 : 1;
      }
      case ApiError e -> {
        String text = "Error response from daemon: " + e.text();
        session.err().println(runs ? "gantry: " + text + more : text);
        return runs ? Runs.code(e.text()) : 1;
      }
      case Unreachable e -> {
        String message = String.valueOf(e.getMessage());
        String text = e.isAbsent() ? unreachable(message, session) : message;
        session.err().println(runs ? "gantry: " + text + more : text);
        return runs ? 125 : 1;
      }
      case TemplateException e -> {
        session.err().println(e.text());
        return 1;
      }
      case Failure e -> {
        session.err().println(runs ? "gantry: " + e.text() + more : e.text());
        return runs ? 125 : 1;
      }
      case UncheckedIOException e when String.valueOf(e.getMessage()).endsWith("Broken pipe") -> {
        return BROKEN_PIPE;
      }
      case UncheckedIOException e -> {
        session.err().println("error during connect: " + e.getCause());
        return runs ? 125 : 1;
      }
      // who reads us has seen enough, as with `export | tar tf - | head`
      case IOException e when String.valueOf(e.getMessage()).equals("Broken pipe") -> {
        return BROKEN_PIPE;
      }
      default -> {
        if (session.global().on("debug")) {
          problem.printStackTrace(session.err());
        }
        session.err().println("gantry: internal error: " + problem);
        return runs ? 125 : 1;
      }
    }
  }

  /// Docker's sentence, and what to do next.
  private static String unreachable(String text, Session session) {
    String address = session.engine().address().text();
    return text
        + "\nIf it is not, start it as root: gantryd"
        + (address.equals(Gantry.SOCKET) ? "" : " -H " + address);
  }
}
