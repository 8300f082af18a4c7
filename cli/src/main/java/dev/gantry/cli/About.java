package dev.gantry.cli;

import dev.gantry.base.Failure;
import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.client.ApiError;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.UncheckedIOException;
import java.util.Optional;

/// What `info` and `version` have in common: one object of the engine, shown as text or by
/// `--format`. Where the engine does not answer, the client's part is shown all the same, and then
/// the problem.
///
/// @param answer empty with a problem
record About(Json.JsonObject answer, Optional<RuntimeException> problem) {
  static About ask(Session session, String path) {
    try {
      return new About(Session.object(session.engine().get(Query.of(path))), Optional.empty());
    } catch (Failure | UncheckedIOException | ApiError e) {
      return new About(Json.object(), Optional.of(e));
    }
  }

  /// The template of `--format`, if there is one.
  ///
  /// @param name what errors call it
  static Optional<Template> template(String name, Words words) {
    String format = words.text("format", "");
    try {
      return format.isEmpty()
          ? Optional.empty()
          : Optional.of(
              Template.parse(name, format.equals("json") ? "{{json .}}" : Rows.escapes(format)));
    } catch (TemplateException e) {
      throw new Exit(64, "template parsing error: " + e.text());
    }
  }

  static void print(Session session, Template template, Json.JsonObject shown, Scope scope) {
    try {
      session.out().println(template.apply(shown, scope));
    } catch (TemplateException e) {
      session.out().println();
      session.out().flush();
      throw new Exit(1, e.text());
    }
  }
}
