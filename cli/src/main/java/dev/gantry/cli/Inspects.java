package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.client.ApiError;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// `inspect` of everything, and of one kind of things.
final class Inspects {
  private static final List<String> KINDS = List.of("container", "image", "network", "volume");

  /// Parts of the answers that are maps of the user's own keys: a key that is not there is no
  /// error.
  private static final Set<String> MAPS =
      Set.of(
          "Labels",
          "Sysctls",
          "Options",
          "Config",
          "Ports",
          "PortBindings",
          "Networks",
          "Volumes",
          "ExposedPorts",
          "Annotations",
          "Data",
          "Tmpfs",
          "StorageOpt",
          "DriverOpts",
          "Containers");

  /// What Go leaves out of the answer if there is none of it.
  private static final Set<String> LEFT_OUT =
      Set.of("Health", "Healthcheck", "SizeRw", "SizeRootFs", "StopTimeout", "Shell");

  private Inspects() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] NAME|ID [NAME|ID...]",
        1,
        -1,
        (s, w) -> run(s, w, w.text("type", "")),
        Flag.format('f'),
        Flag.bool("size", 's', "Sum up what a container takes on the disk"),
        Flag.text("type", ' ', "Only objects of this `type`"));
  }

  static Command command(String usage, String kind, Flag... more) {
    List<Flag> flags = new java.util.ArrayList<>(List.of(Flag.format('f')));
    flags.addAll(List.of(more));
    return new Command("", usage, "", flags, 1, -1, true, (s, w) -> run(s, w, kind));
  }

  static int run(Session session, Words words, String kind) {
    if (!kind.isEmpty() && !KINDS.contains(kind)) {
      throw new Exit(
          1,
          "unknown type: \""
              + kind
              + "\": must be one of \"config\", \"container\", \"image\", \"network\", \"node\","
              + " \"plugin\", \"secret\", \"service\", \"task\", \"volume\"");
    }
    Printer printer = new Printer(words.text("format", ""));
    StringBuilder problems = new StringBuilder();
    for (String name : words.arguments()) {
      try {
        printer.add(find(session, words, kind, name));
      } catch (ApiError e) {
        problems.append("Error response from daemon: ").append(e.text()).append('\n');
      } catch (Missing e) {
        problems.append("Error: No such object: ").append(name).append('\n');
      }
    }
    session.out().print(printer.text());
    session.out().flush();
    problems.append(printer.problem());
    session.err().print(problems);
    return problems.isEmpty() ? 0 : 1;
  }

  private static Json find(Session session, Words words, String kind, String name) {
    if (!kind.isEmpty()) {
      return session.engine().get(query(words, kind, name));
    }
    for (String one : KINDS) {
      try {
        return session.engine().get(query(words, one, name));
      } catch (ApiError e) {
        // an image's name can be wrong where a network's is not
        if (e.status() != 404 && e.status() != 400) {
          throw e;
        }
      }
    }
    throw new Missing();
  }

  private static Query query(Words words, String kind, String name) {
    return switch (kind) {
      case "container" -> Query.of("/containers/{}/json", name).with("size", words.on("size"));
      case "image" -> Query.of("/images/{}/json", name);
      case "network" -> Query.of("/networks/{}", name).with("verbose", words.on("verbose"));
      default -> Query.of("/volumes/{}", name);
    };
  }

  /// Nothing is called so.
  private static final class Missing extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Missing() {
      super(null, null, false, false);
    }
  }

  /// Collects objects and prints them as `--format` wants it: indented or plain JSON as one list,
  /// or a line each.
  static final class Printer {
    private final String format;
    private final Optional<Template> template;
    private final Json.JsonArray found = Json.array();
    private final StringBuilder lines = new StringBuilder();
    private String problem = "";

    Printer(String format) {
      this.format = format;
      try {
        boolean json = format.isEmpty() || format.equals("json");
        template = json ? Optional.empty() : Optional.of(Template.parse("", Rows.escapes(format)));
      } catch (TemplateException e) {
        throw new Exit(64, "template parsing error: " + e.text());
      }
    }

    void add(Json object) {
      if (template.isEmpty()) {
        found.add(object);
      } else if (problem.isEmpty()) {
        try {
          lines.append(template.get().apply(object, scope(Session.object(object)))).append('\n');
        } catch (TemplateException e) {
          lines.append('\n');
          problem = "template parsing error: " + e.text() + "\n";
        }
      }
    }

    String text() {
      if (template.isPresent()) {
        return lines.isEmpty() ? "\n" : lines.toString();
      }
      return (format.isEmpty() ? JsonWriter.indented(found, "    ", true) : JsonWriter.plain(found))
          + "\n";
    }

    /// Why the template could not be applied, with its line end; empty if it could.
    String problem() {
      return problem;
    }
  }

  private static Scope scope(Json.JsonObject object) {
    return new Scope() {
      @Override
      public Optional<Json> missing(String holder, String name) {
        if (holder.isEmpty() && name.equals("ID") && object.has("Id")) {
          return Optional.of(Json.of(object.string("Id", "")));
        }
        if (LEFT_OUT.contains(name)) {
          return Optional.of(Json.NULL);
        }
        return MAPS.contains(holder) || holder.equals(ELSEWHERE)
            ? Optional.of(noValue())
            : Optional.empty();
      }

      @Override
      public String refusal(String name) {
        return "map has no entry for key \"" + name + "\"";
      }
    };
  }
}
