package dev.gantry.cli.template;

import dev.gantry.json.Json;
import dev.gantry.json.JsonWriter;
import java.util.List;
import java.util.Optional;

/// What a template can see besides the JSON value: what a missing field means, and methods.
public interface Scope {
  /// The holder of a field of something that has no name, such as an element of a list.
  String ELSEWHERE = "*";

  /// The value of a field that is not there; empty for an error that says [#refusal].
  ///
  /// @param holder the name of the field it should be in, empty for the value that the template is
  ///   applied to, or [#ELSEWHERE]
  Optional<Json> missing(String holder, String name);

  /// The name in JSON of a field that Go calls by another.
  default String other(String name) {
    return name;
  }

  /// What a map in Go gives for a key that it does not have.
  default Json noValue() {
    return Values.NONE;
  }

  /// Why a field cannot be had, in Go's words.
  String refusal(String name);

  /// What a field that is `null` in JSON is in Go: nothing, or an empty list or map.
  default Json empty(String name) {
    return Json.NULL;
  }

  /// A method of the root, such as `.Label "name"`; empty if there is none of that name.
  default Optional<Json> call(String name, List<Json> arguments) {
    return Optional.empty();
  }

  /// How the function `json` writes a value.
  default String json(Json value) {
    return JsonWriter.plain(value);
  }

  /// A Go struct of the given type: unknown fields are errors, unknown keys of maps in it are not.
  static Scope struct(String type) {
    return new Scope() {
      @Override
      public Optional<Json> missing(String holder, String name) {
        return holder.isEmpty() ? Optional.empty() : Optional.of(Values.NONE);
      }

      @Override
      public String refusal(String name) {
        return "can't evaluate field " + name + " in type " + type;
      }
    };
  }
}
