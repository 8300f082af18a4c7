package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerSpec;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.oci.Platform;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Builds images on an engine. Thread-safe.
public final class Builder {
  static final String LABEL = "dev.gantry.build";

  /// Finds the image that a FROM names, pulling it if it is not here or `pull` says so.
  @FunctionalInterface
  public interface BaseImages {
    Image find(String name, boolean pull);
  }

  /// Makes a container's wish from a body of `POST /containers/create` without an image.
  @FunctionalInterface
  public interface Specs extends Function<Json.JsonObject, ContainerSpec> {}

  private final Engine engine;
  private final Specs specs;
  private final Path folder;

  /// @param folder for caches and what is made on the way
  public Builder(Engine engine, Specs specs, Path folder) {
    this.engine = engine;
    this.specs = specs;
    this.folder = folder;
  }

  /// Removes the containers of builds that a crash has cut off.
  public void sweep() {
    for (Container c : engine.list()) {
      if (c.spec().labels().containsKey(LABEL)) {
        engine.remove(c.id(), true, true);
      }
    }
  }

  Engine engine() {
    return engine;
  }

  ContainerSpec spec(Json.JsonObject body) {
    return specs.apply(body);
  }

  Path folder() {
    return folder;
  }

  /// Plans a build; [BuildRun#build] carries it out.
  public BuildRun plan(BuildRequest request, BaseImages bases) throws BuildFailure {
    try {
      return new BuildRun(this, request, bases, needs(request));
    } catch (ParseFailure e) {
      throw new BuildFailure(e.text(), null);
    }
  }

  // ---- what is needed

  /// The stages that the target needs.
  ///
  /// @param arguments the values that stand before the first FROM
  /// @param needed in the order of the Dockerfile
  record Plan(Map<String, String> arguments, Dockerfile.Stage target, List<Base> needed) {
    Base base(int stage) {
      return needed.stream().filter(b -> b.stage().index() == stage).findFirst().orElseThrow();
    }
  }

  /// What a stage stands on.
  ///
  /// @param from its FROM, variables replaced
  /// @param parent the stage that it names; null if it names an image
  record Base(Dockerfile.Stage stage, String from, Dockerfile.@Nullable Stage parent) {}

  private static Plan needs(BuildRequest request) throws ParseFailure, BuildFailure {
    Dockerfile file = request.file();
    Map<String, String> platform = platformArguments();
    Map<String, String> arguments = new LinkedHashMap<>();
    for (Instruction.Arg arg : file.arguments()) {
      for (Instruction.Argument a : arg.arguments()) {
        String given = request.arguments().get(a.name());
        Expansion expansion = expansion(file, platform, arguments);
        if (given != null) {
          arguments.put(a.name(), given);
        } else if (a.value().isPresent()) {
          arguments.put(a.name(), expansion.word(a.value().get()));
        }
      }
    }
    Dockerfile.Stage target = target(file, request.target());
    List<Base> bases = new ArrayList<>();
    for (Dockerfile.Stage stage : file.stages()) {
      Expansion expansion = expansion(file, platform, arguments);
      String from = expansion.word(stage.from().image());
      if (from.isEmpty()) {
        throw stage
            .from()
            .origin()
            .failure("base name (" + stage.from().image() + ") should not be blank");
      }
      Dockerfile.Stage parent =
          from.matches("[0-9]+") ? null : file.stage(from, stage.index()).orElse(null);
      bases.add(new Base(stage, from, parent));
    }
    Set<Integer> wanted = new TreeSet<>();
    need(file, bases, target.index(), wanted);
    return new Plan(arguments, target, wanted.stream().map(bases::get).toList());
  }

  private static Expansion expansion(
      Dockerfile file, Map<String, String> platform, Map<String, String> arguments) {
    return new Expansion(
        file.directives().escape(),
        name -> {
          String value = arguments.get(name);
          return value == null ? platform.get(name) : value;
        });
  }

  private static Dockerfile.Stage target(Dockerfile file, String wanted) throws BuildFailure {
    if (wanted.isEmpty()) {
      return file.stages().getLast();
    }
    Optional<Dockerfile.Stage> stage = file.stage(wanted, file.stages().size());
    if (stage.isEmpty()) {
      throw new BuildFailure("target stage \"" + wanted + "\" could not be found", null);
    }
    return stage.get();
  }

  private static void need(Dockerfile file, List<Base> bases, int stage, Set<Integer> wanted) {
    if (!wanted.add(stage)) {
      return;
    }
    Base base = bases.get(stage);
    if (base.parent() != null) {
      need(file, bases, base.parent().index(), wanted);
    }
    Set<String> from = new LinkedHashSet<>();
    for (Instruction instruction : base.stage().instructions()) {
      if (instruction instanceof Instruction.Copy copy) {
        from.add(copy.flags().from());
      } else if (instruction instanceof Instruction.Run run) {
        for (String mount : run.mounts()) {
          for (String field : mount.split(",")) {
            if (field.startsWith("from=")) {
              from.add(field.substring(5));
            }
          }
        }
      }
    }
    for (String name : from) {
      file.stage(name, stage).ifPresent(s -> need(file, bases, s.index(), wanted));
    }
  }

  /// What every build knows of the platform.
  static Map<String, String> platformArguments() {
    Platform here = Platform.here();
    Map<String, String> all = new LinkedHashMap<>();
    for (String kind : List.of("TARGET", "BUILD")) {
      all.put(kind + "PLATFORM", here.toString());
      all.put(kind + "OS", here.os());
      all.put(kind + "ARCH", here.architecture());
      all.put(kind + "VARIANT", here.variant());
    }
    return all;
  }

  static Failure cancelled() {
    return new Failure.Cancelled("the build was cancelled");
  }
}
