package dev.gantry.cli.template;

import dev.gantry.json.Json;
import java.util.List;

/// A parsed template of `--format`. Immutable.
///
/// Left out of Go's language: `define`, `template`, `block`, and calls of methods but those of a
/// [Scope].
public final class Template {
  private final String name;
  private final List<Node> nodes;

  private Template(String name, List<Node> nodes) {
    this.name = name;
    this.nodes = nodes;
  }

  /// @param name what errors call it; mostly empty
  /// @throws TemplateException if it is no template
  public static Template parse(String name, String source) {
    return new Template(name, new Parser(name, source).parse());
  }

  /// @throws TemplateException if the value lacks what the template names
  public String apply(Json value, Scope scope) {
    return new Evaluator(name, value, scope).apply(nodes);
  }

  /// A value as `%v` prints it.
  public static String text(Json value) {
    return Values.text(value);
  }
}
