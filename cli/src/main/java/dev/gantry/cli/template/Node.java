package dev.gantry.cli.template;

import dev.gantry.json.Json;
import java.util.List;

/// The tree of a parsed template.
sealed interface Node {
  /// Text between actions.
  record Text(String text) implements Node {}

  /// `{{pipeline}}`; with names, `{{$x := pipeline}}`, which prints nothing.
  record Action(Pipeline pipeline) implements Node {}

  /// `if`, `with` and `range` with their `else`.
  record Block(String kind, Pipeline pipeline, List<Node> body, List<Node> otherwise)
      implements Node {}

  /// `{{break}}` and `{{continue}}`.
  record Jump(boolean ends) implements Node {}

  /// Commands joined by `|`; the value goes into the variables, if any are named.
  ///
  /// @param assigns `=` and not `:=`
  record Pipeline(List<String> variables, boolean assigns, List<Command> commands) {}

  /// A function, method or value with its arguments.
  record Command(List<Operand> operands) {}

  /// One word of a command.
  ///
  /// @param at its place in the line, from 0, for errors
  sealed interface Operand {
    /// A literal.
    record Constant(Json value) implements Operand {}

    /// `nil`.
    record Nil() implements Operand {}

    /// `.` with the fields after it.
    record Dot(List<String> path, int line, int at) implements Operand {}

    /// `$name` with the fields after it.
    record Variable(String name, List<String> path, int line, int at) implements Operand {}

    /// A pipeline in parentheses with the fields after it.
    record Nested(Pipeline pipeline, List<String> path, int line, int at) implements Operand {}

    /// The name of a function.
    record Function(String name, int line, int at) implements Operand {}
  }
}
