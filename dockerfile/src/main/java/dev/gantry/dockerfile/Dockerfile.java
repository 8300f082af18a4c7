package dev.gantry.dockerfile;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// A Dockerfile: what stands before the first FROM, and the stages.
///
/// @param arguments ARG instructions before the first FROM
public record Dockerfile(
    Directives directives, List<Instruction.Arg> arguments, List<Stage> stages) {
  /// One FROM and what follows it.
  ///
  /// @param index from 0
  public record Stage(int index, Instruction.From from, List<Instruction> instructions) {
    /// Its name, or its index.
    public String label() {
      return from.name().isEmpty() ? Integer.toString(index) : from.name();
    }
  }

  /// One instruction alone, such as a trigger of a base image.
  public static Instruction instruction(String text) throws ParseFailure {
    return Parser.one(text);
  }

  /// The same with the checks that the build argument BUILDKIT_DOCKERFILE_CHECK wants, which counts
  /// more than `# check=`.
  public Dockerfile withChecksOf(Map<String, String> given) throws ParseFailure {
    String wanted = given.get("BUILDKIT_DOCKERFILE_CHECK");
    return wanted == null ? this : new Dockerfile(directives.withChecks(wanted), arguments, stages);
  }

  /// Why warnings end the build; empty if they do not.
  public Optional<String> refusal(List<Warning> warnings) {
    return directives.checksFail() && !warnings.isEmpty()
        ? Optional.of(
            "lint violation found for rules: "
                + warnings.stream().map(Warning::rule).distinct().collect(Collectors.joining(", ")))
        : Optional.empty();
  }

  /// Reads a Dockerfile's text.
  public static Dockerfile parse(String text) throws ParseFailure {
    return Parser.parse(text);
  }

  /// The stage with that name or number, looked for among the first `before` stages.
  public Optional<Stage> stage(String wanted, int before) {
    for (Stage stage : stages.subList(0, Math.min(before, stages.size())).reversed()) {
      if (!stage.from().name().isEmpty() && stage.from().name().equalsIgnoreCase(wanted)) {
        return Optional.of(stage);
      }
    }
    if (wanted.matches("[0-9]{1,4}")
        && Integer.parseInt(wanted) < Math.min(before, stages.size())) {
      return Optional.of(stages.get(Integer.parseInt(wanted)));
    }
    return Optional.empty();
  }
}
