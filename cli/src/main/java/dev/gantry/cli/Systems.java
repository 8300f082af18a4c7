package dev.gantry.cli;

/// The commands about the engine itself, and those about everything.
final class Systems {
  private Systems() {}

  static Command command(String verb) {
    return switch (verb) {
      case "version" -> Versions.command();
      case "info" -> Infos.command();
      case "dial-stdio" -> Command.of("", 0, 0, (s, w) -> Streams.dial(s));
      case "df" -> DiskUsage.command();
      case "events" -> Events.command();
      case "prune" -> Prunes.command("system");
      case "init" -> SourceBuilds.init();
      case "login" -> Logins.login();
      case "logout" -> Logins.logout();
      case "search" -> Searches.command();
      case "inspect" -> Inspects.command();
      case "completion" -> Completion.script();
      case "resident" -> Resident.command();
      default -> throw new IllegalStateException(verb);
    };
  }
}
