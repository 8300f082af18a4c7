package dev.gantry.cli.template;

import dev.gantry.json.Json;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Applies the tree of a template to one value.
final class Evaluator {
  /// Thrown by `break` and `continue` up to their `range`.
  private static final class JumpOut extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final boolean ends;

    JumpOut(boolean ends) {
      super(null, null, false, false);
      this.ends = ends;
    }
  }

  private final String name;
  private final Json root;
  private final Scope scope;
  private final StringBuilder out = new StringBuilder();
  private final Deque<Map<String, Json>> variables = new ArrayDeque<>();

  Evaluator(String name, Json root, Scope scope) {
    this.name = name;
    this.root = root;
    this.scope = scope;
    variables.push(new HashMap<>(Map.of("$", root)));
  }

  String apply(List<Node> nodes) {
    render(nodes, root);
    return out.toString();
  }

  private void render(List<Node> nodes, Json dot) {
    for (Node node : nodes) {
      switch (node) {
        case Node.Text text -> out.append(text.text());
        case Node.Action action -> {
          Json value = value(action.pipeline(), dot);
          if (action.pipeline().variables().isEmpty()) {
            out.append(Values.text(value));
          } else {
            store(action.pipeline(), action.pipeline().variables().getFirst(), value);
          }
        }
        case Node.Block block -> {
          variables.push(new HashMap<>());
          block(block, dot);
          variables.pop();
        }
        case Node.Jump jump -> throw new JumpOut(jump.ends());
      }
    }
  }

  private void block(Node.Block block, Json dot) {
    Json value = value(block.pipeline(), dot);
    List<String> names = block.pipeline().variables();
    if (!block.kind().equals("range")) {
      if (!names.isEmpty()) {
        store(block.pipeline(), names.getFirst(), value);
      }
      boolean taken = Values.isTrue(value);
      Json inside = taken && block.kind().equals("with") ? value : dot;
      render(taken ? block.body() : block.otherwise(), inside);
      return;
    }
    List<Map.Entry<Json, Json>> members = Values.members(value);
    if (members.isEmpty()) {
      render(block.otherwise(), dot);
      return;
    }
    int depth = variables.size();
    for (Map.Entry<Json, Json> member : members) {
      if (!names.isEmpty()) {
        variables.element().put(names.getLast(), member.getValue());
      }
      if (names.size() > 1) {
        variables.element().put(names.getFirst(), member.getKey());
      }
      try {
        render(block.body(), member.getValue());
      } catch (JumpOut jump) {
        while (variables.size() > depth) {
          variables.pop();
        }
        if (jump.ends) {
          return;
        }
      }
    }
  }

  private void store(Node.Pipeline pipeline, String variable, Json value) {
    if (pipeline.assigns()) {
      for (Map<String, Json> level : variables) {
        if (level.containsKey(variable)) {
          level.put(variable, value);
          return;
        }
      }
    }
    variables.element().put(variable, value);
  }

  private Json value(Node.Pipeline pipeline, Json dot) {
    List<Json> piped = List.of();
    for (Node.Command command : pipeline.commands()) {
      piped = List.of(command(command, dot, piped));
    }
    return piped.getFirst();
  }

  private Json command(Node.Command command, Json dot, List<Json> piped) {
    Node.Operand first = command.operands().getFirst();
    List<Node.Operand> rest = command.operands().subList(1, command.operands().size());
    if (first instanceof Node.Operand.Function function) {
      return call(function, rest, dot, piped);
    }
    if (rest.isEmpty() && piped.isEmpty()) {
      return operand(first, dot);
    }
    if (first instanceof Node.Operand.Dot field && field.path().size() == 1) {
      List<Json> arguments = new ArrayList<>();
      rest.forEach(operand -> arguments.add(operand(operand, dot)));
      arguments.addAll(piped);
      return scope
          .call(field.path().getFirst(), arguments)
          .orElseThrow(
              () ->
                  error(
                      field.line(),
                      field.at(),
                      "." + field.path().getFirst(),
                      field.path().getFirst() + " is not a method but has arguments"));
    }
    throw error(1, 0, "", "can't give argument to non-function");
  }

  private Json call(
      Node.Operand.Function function, List<Node.Operand> rest, Json dot, List<Json> piped) {
    List<Json> arguments = new ArrayList<>();
    boolean stops = function.name().equals("and") || function.name().equals("or");
    for (Node.Operand operand : rest) {
      Json value = operand(operand, dot);
      arguments.add(value);
      if (stops && Values.isTrue(value) == function.name().equals("or")) {
        return value;
      }
    }
    arguments.addAll(piped);
    try {
      return stops ? arguments.getLast() : Functions.call(function.name(), arguments, scope);
    } catch (TemplateException | IndexOutOfBoundsException e) {
      String why =
          e instanceof TemplateException t
              ? t.text()
              : "wrong number of args for " + function.name() + ": got " + arguments.size();
      throw error(function.line(), function.at(), function.name(), why);
    }
  }

  private Json operand(Node.Operand operand, Json dot) {
    return switch (operand) {
      case Node.Operand.Constant constant -> constant.value();
      case Node.Operand.Nil nil -> Json.NULL;
      case Node.Operand.Function function -> call(function, List.of(), dot, List.of());
      case Node.Operand.Dot field -> path(dot, field.path(), "", field.line(), field.at());
      case Node.Operand.Variable variable ->
          path(
              variable(variable.name()),
              variable.path(),
              variable.name(),
              variable.line(),
              variable.at());
      case Node.Operand.Nested nested ->
          path(value(nested.pipeline(), dot), nested.path(), "(...)", nested.line(), nested.at());
    };
  }

  private Json variable(String variable) {
    for (Map<String, Json> level : variables) {
      Json value = level.get(variable);
      if (value != null) {
        return value;
      }
    }
    return Values.NONE;
  }

  @SuppressWarnings("ReferenceEquality") // the root itself, not an object that looks like it
  private Json path(Json from, List<String> path, String before, int line, int at) {
    Json value = from;
    String holder = from == root ? "" : Scope.ELSEWHERE;
    for (String field : path) {
      String text = before + "." + String.join(".", path);
      value =
          switch (value) {
            case Json.JsonObject object -> {
              Json given = object.members().get(field);
              Json member = given == null ? object.members().get(scope.other(field)) : given;
              if (member != null) {
                yield member instanceof Json.JsonNull ? scope.empty(field) : member;
              }
              yield scope
                  .missing(holder, field)
                  .orElseThrow(() -> error(line, at, text, scope.refusal(field)));
            }
            case Json.JsonNull n ->
                throw error(line, at, text, "nil pointer evaluating interface {}." + field);
            default -> {
              if (Values.isNone(value)) {
                throw error(line, at, text, "nil data; no entry for key \"" + field + "\"");
              }
              throw error(
                  line,
                  at,
                  text,
                  "can't evaluate field " + field + " in type " + Values.type(value));
            }
          };
      holder = field;
    }
    return value;
  }

  private TemplateException error(int line, int at, String what, String why) {
    return new TemplateException(
        "template: "
            + name
            + ":"
            + line
            + ":"
            + at
            + ": executing \""
            + name
            + "\" at <"
            + what
            + ">: "
            + why);
  }
}
