package dev.gantry.build;

import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Instruction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// What a list of packages (SBOM) tells of beside the result: stages and the context that the
/// Dockerfile declares by `ARG BUILDKIT_SBOM_SCAN_STAGE=true` (or names of stages) and `ARG
/// BUILDKIT_SBOM_SCAN_CONTEXT=true`. Before the first FROM they count for every stage, in a stage
/// for that one. A build argument alone, without the ARG, says nothing.
public final class ScanTargets {
  private static final String STAGE = "BUILDKIT_SBOM_SCAN_STAGE";
  private static final String CONTEXT = "BUILDKIT_SBOM_SCAN_CONTEXT";

  private ScanTargets() {}

  /// Whether the context is to be looked at.
  public static boolean context(Dockerfile file, Map<String, String> given) {
    return Stream.concat(
            values(file.arguments(), CONTEXT, given).stream(),
            file.stages().stream().flatMap(s -> values(arguments(s), CONTEXT, given).stream()))
        .anyMatch(BuildRequest::isOn);
  }

  /// The stages to look at beside the target, of those that are built.
  static List<Dockerfile.Stage> stages(
      Builder.Plan plan, Dockerfile file, Map<String, String> given) {
    List<Dockerfile.Stage> all = new ArrayList<>();
    List<String> everywhere = values(file.arguments(), STAGE, given);
    for (Builder.Base base : plan.needed()) {
      Dockerfile.Stage stage = base.stage();
      List<String> values = new ArrayList<>(everywhere);
      values.addAll(values(arguments(stage), STAGE, given));
      if (stage != plan.target() && values.stream().anyMatch(v -> means(v, stage))) {
        all.add(stage);
      }
    }
    return all;
  }

  private static boolean means(String value, Dockerfile.Stage stage) {
    return BuildRequest.isOn(value)
        || Arrays.stream(value.split(",")).anyMatch(v -> v.strip().equals(stage.from().name()));
  }

  private static List<Instruction.Arg> arguments(Dockerfile.Stage stage) {
    return stage.instructions().stream()
        .filter(Instruction.Arg.class::isInstance)
        .map(Instruction.Arg.class::cast)
        .toList();
  }

  private static List<String> values(
      List<Instruction.Arg> arguments, String name, Map<String, String> given) {
    return arguments.stream()
        .flatMap(a -> a.arguments().stream())
        .filter(a -> a.name().equals(name))
        .map(a -> given.getOrDefault(name, a.value().orElse("")))
        .filter(v -> !v.isEmpty())
        .toList();
  }
}
