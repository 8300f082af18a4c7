package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// `events`.
final class Events {
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.nnnnnnnnnXXX", Locale.ROOT);

  private Events() {}

  static Command command() {
    return Command.of(
        "[OPTIONS]",
        0,
        0,
        Events::run,
        Flag.filter('f'),
        Flag.format(' '),
        Flag.text("since", ' ', "What has happened from this time on, too"),
        Flag.text("until", ' ', "End at this time"));
  }

  private static int run(Session session, Words words) throws IOException {
    String format = words.text("format", "");
    Optional<Template> template = template(format);
    Query query =
        Query.of("/events")
            .withText("since", Times.stamp("", words.text("since", "")))
            .withText("until", Times.stamp("", words.text("until", "")))
            .withText("filters", Filters.of(words));
    try (InputStream in = session.engine().open("GET", query, null)) {
      EngineClient.each(
          in,
          event -> {
            session
                .out()
                .println(
                    template.map(t -> t.apply(event, new Message())).orElseGet(() -> line(event)));
            session.out().flush();
          });
    }
    return 0;
  }

  /// A template that does not fit is refused before the first event.
  private static Optional<Template> template(String format) {
    if (format.isEmpty()) {
      return Optional.empty();
    }
    try {
      Template template =
          Template.parse("", format.equals("json") ? "{{json .}}" : Rows.escapes(format));
      Json.JsonObject attributes = Json.object();
      template.apply(
          Json.object()
              .put("Type", "")
              .put("Action", "")
              .put("Actor", Json.object().put("ID", "").put("Attributes", attributes))
              .put("scope", "")
              .put("time", 0)
              .put("timeNano", 0),
          new Message());
      return Optional.of(template);
    } catch (TemplateException e) {
      throw new Exit(64, "Error parsing format: " + e.text());
    }
  }

  /// An event's fields have other names in Go than in JSON, and some are left out.
  private static final class Message implements Scope {
    private static final Map<String, String> OTHERS =
        Map.of(
            "Status",
            "status",
            "ID",
            "id",
            "From",
            "from",
            "Scope",
            "scope",
            "Time",
            "time",
            "TimeNano",
            "timeNano");

    @Override
    public Optional<Json> missing(String holder, String name) {
      if (holder.isEmpty()) {
        return OTHERS.containsKey(name) ? Optional.of(Json.of("")) : Optional.empty();
      }
      return holder.equals("Attributes") ? Optional.of(noValue()) : Optional.empty();
    }

    @Override
    public String other(String name) {
      return OTHERS.getOrDefault(name, name);
    }

    @Override
    public String refusal(String name) {
      return "can't evaluate field " + name + " in type *events.Message";
    }
  }

  /// `TIME TYPE ACTION ID (ATTRIBUTE=VALUE, …)`.
  private static String line(Json.JsonObject event) {
    long nanos = event.number("timeNano", 0);
    Instant time = Instant.ofEpochSecond(nanos / 1_000_000_000, nanos % 1_000_000_000);
    Json.JsonObject actor = event.object("Actor").orElse(Json.object());
    String attributes =
        actor.stringMap("Attributes").entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(e -> e.getKey() + "=" + e.getValue())
            .collect(Collectors.joining(", "));
    return STAMP.format(time.atZone(Times.zone()))
        + " "
        + event.string("Type", "")
        + " "
        + event.string("Action", "")
        + " "
        + actor.string("ID", "")
        + (attributes.isEmpty() ? "" : " (" + attributes + ")");
  }
}
