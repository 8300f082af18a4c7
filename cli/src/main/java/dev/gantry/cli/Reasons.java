package dev.gantry.cli;

import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Locale;

/// `gantry why`: what ended a container, by whose hand, and what was known at that moment.
final class Reasons {
  private Reasons() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] CONTAINER",
        1,
        1,
        Reasons::run,
        Flag.bool("json", ' ', "Print the whole answer as JSON"));
  }

  private static int run(Session session, Words words) {
    Json.JsonObject why =
        Session.object(
            session.engine().get(Query.of("/gantry/containers/{}/why", words.argument(0))));
    if (words.on("json")) {
      session.out().println(why.text());
      return 0;
    }
    StringBuilder text = new StringBuilder(why.string("Sentence", "")).append('\n');
    if (!why.string("Hint", "").isEmpty()) {
      text.append(why.string("Hint", "")).append('\n');
    }
    use(why, text);
    section(text, "Changed since it last ran well", why.strings("Changes"));
    health(why, text);
    section(
        text,
        "Its last words",
        why.objects("Log").stream()
            .map(l -> l.string("Time", "") + "  " + l.string("Text", ""))
            .toList());
    session.out().print(text);
    return 0;
  }

  private static void use(Json.JsonObject why, StringBuilder text) {
    Json.JsonObject usage = why.object("Usage").orElseGet(Json::object);
    Json.JsonObject limits = why.object("Limits").orElseGet(Json::object);
    if (usage.isEmpty()) {
      return;
    }
    long most = usage.number("memory.peak", usage.number("memory", 0));
    text.append("\nIn use at that moment\n  memory ")
        .append(size(usage.number("memory", 0)))
        .append(most > usage.number("memory", 0) ? ", at most " + size(most) : "")
        .append(limits.has("memory") ? ", limit " + size(limits.number("memory", 0)) : "")
        .append("\n  processes ")
        .append(usage.number("pids", 0))
        .append(limits.has("pids") ? ", limit " + limits.number("pids", 0) : "")
        .append('\n');
  }

  private static void health(Json.JsonObject why, StringBuilder text) {
    why.object("Health")
        .ifPresent(
            health ->
                section(
                    text,
                    "Its last health checks",
                    health.objects("Log").stream()
                        .map(
                            r ->
                                r.string("End", "")
                                    + "  exit code "
                                    + r.number("ExitCode", 0)
                                    + "  "
                                    + r.string("Output", "").strip().replace("\n", " / "))
                        .toList()));
  }

  private static void section(StringBuilder text, String title, List<String> lines) {
    if (!lines.isEmpty()) {
      text.append('\n').append(title).append('\n');
      lines.forEach(line -> text.append("  ").append(line).append('\n'));
    }
  }

  private static String size(long bytes) {
    return bytes >= 1L << 20
        ? String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0)
        : bytes / 1024 + " KiB";
  }
}
