package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildProgress;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.oci.ImageReference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// A build's steps as vertices, named as the Dockerfile frontend names them: `[build 2/4] RUN
/// make`. Only what makes or brings layers is shown: FROM an image, RUN, COPY, ADD, WORKDIR.
final class StepProgress implements BuildProgress {
  private static final Set<String> COUNTED = Set.of("FROM", "RUN", "COPY", "ADD", "WORKDIR");

  private final Progress progress;
  private final UnaryOperator<String> expansion;
  private final UnaryOperator<String> aliases;
  private final Predicate<String> warnings;
  private final boolean several;
  private final Set<String> stages;
  private final List<Progress.@Nullable Vertex> vertices = new ArrayList<>();
  private final List<String> prefixes = new ArrayList<>();
  private final Set<Progress.Vertex> begun = new HashSet<>();

  /// @param stages names of all stages of the Dockerfile, in lower case
  /// @param several whether the Dockerfile has more than one stage
  /// @param expansion puts arguments into the name of a FROM
  /// @param aliases what a named context has put in the place of an image; empty for nothing
  /// @param warnings takes a warning that has a place in the Dockerfile; false for any other
  StepProgress(
      Progress progress,
      Set<String> stages,
      boolean several,
      UnaryOperator<String> expansion,
      UnaryOperator<String> aliases,
      Predicate<String> warnings) {
    this.expansion = expansion;
    this.aliases = aliases;
    this.warnings = warnings;
    this.progress = progress;
    this.stages = stages;
    this.several = several;
  }

  /// Steps of `file`, with the arguments that the client gave put into names of images.
  static StepProgress of(
      Progress progress,
      Dockerfile file,
      Map<String, String> arguments,
      UnaryOperator<String> aliases,
      Predicate<String> warnings) {
    Set<String> stages = new HashSet<>();
    for (Dockerfile.Stage stage : file.stages()) {
      stages.add(stage.from().name().toLowerCase(Locale.ROOT));
    }
    return new StepProgress(
        progress,
        stages,
        file.stages().size() > 1,
        from -> expanded(file, from, arguments),
        aliases,
        warnings);
  }

  /// A FROM with the arguments that stand before it put in.
  private static String expanded(Dockerfile file, String from, Map<String, String> given) {
    Map<String, String> arguments = new LinkedHashMap<>();
    Expansion expansion = new Expansion(file.directives().escape(), arguments::get);
    try {
      for (Instruction.Arg arg : file.arguments()) {
        for (Instruction.Argument a : arg.arguments()) {
          String value = given.getOrDefault(a.name(), "");
          arguments.put(a.name(), value.isEmpty() ? expansion.word(a.value().orElse("")) : value);
        }
      }
      return expansion.word(from);
    } catch (ParseFailure e) {
      return from; // the build itself will say so
    }
  }

  @Override
  public synchronized void plan(List<Planned> steps) {
    Map<String, Integer> totals = new HashMap<>();
    for (Planned step : steps) {
      if (isShown(step)) {
        totals.merge(step.stage(), 1, Integer::sum);
      }
    }
    Map<String, Integer> numbers = new HashMap<>();
    Map<String, Progress.Vertex> bases = new HashMap<>();
    for (Planned step : steps) {
      if (!isShown(step) || isOtherBuild(step)) { // whose steps the other build has shown
        vertices.add(null);
        prefixes.add("");
        continue;
      }
      int total = totals.getOrDefault(step.stage(), 1);
      String of = Integer.toString(total);
      String number = Integer.toString(numbers.merge(step.stage(), 1, Integer::sum));
      String prefix =
          "["
              + prefix(step.stage())
              + " ".repeat(of.length() - number.length())
              + number
              + "/"
              + of
              + "] ";
      prefixes.add(prefix);
      String name = prefix + text(step.text());
      vertices.add(
          word(step).equals("FROM") // stages that stand on one image have it in one line
              ? bases.computeIfAbsent(
                  platform(step.stage()) + text(step.text()), b -> progress.vertex(name))
              : progress.vertex(name));
    }
  }

  private static String platform(String stage) {
    return stage.substring(0, stage.indexOf(' ') + 1);
  }

  private boolean isOtherBuild(Planned step) {
    return word(step).equals("FROM") && alias(image(step.text())).startsWith("input:");
  }

  private String alias(String image) {
    return aliases.apply(expansion.apply(image));
  }

  /// What stands before a step's number: its platform if there are several, its stage if there are.
  private String prefix(String stage) {
    String platform = platform(stage);
    String name = stage.substring(platform.length());
    return platform + (!several ? "" : (name.matches("[0-9]+") ? "stage-" : "") + name + " ");
  }

  private static String word(Planned step) {
    return step.text().split("\\s", 2)[0].toUpperCase(Locale.ROOT);
  }

  private boolean isShown(Planned step) {
    String word = word(step);
    if (!word.equals("FROM")) {
      return COUNTED.contains(word);
    }
    String image = expansion.apply(image(step.text()));
    return !image.equals("scratch") && !stages.contains(image.toLowerCase(Locale.ROOT));
  }

  private static boolean isFrom(String instruction) {
    return instruction.regionMatches(true, 0, "FROM", 0, 4);
  }

  private static String image(String from) {
    for (String word : from.strip().split("\\s+")) {
      if (!word.equalsIgnoreCase("FROM") && !word.startsWith("--")) {
        return word;
      }
    }
    return "";
  }

  private String text(String instruction) {
    if (!isFrom(instruction)) {
      return instruction;
    }
    String image = expansion.apply(image(instruction));
    String alias = aliases.apply(image);
    return "FROM " + full(alias.isEmpty() ? image : alias);
  }

  /// An image's whole name, as progress and results show it.
  static String full(String name) {
    try {
      return ImageReference.parse(name).withDefaultTag().toString();
    } catch (Failure e) {
      return name; // a context's name, or variables in it
    }
  }

  @Override
  public synchronized Step begin(int number, String text) {
    Progress.Vertex vertex = number < vertices.size() ? vertices.get(number) : null;
    if (vertex != null && !begun.contains(vertex) && !isFrom(text)) {
      vertex.rename(prefixes.get(number) + text);
    }
    return begin(number);
  }

  @Override
  public synchronized Step begin(int number) {
    Progress.Vertex vertex = number < vertices.size() ? vertices.get(number) : null;
    return new Telling(vertex != null && begun.add(vertex) ? vertex : null);
  }

  @Override
  public void warning(String text) {
    if (warnings.test(text)) {
      return;
    }
    Progress.Vertex vertex = progress.vertex("[internal] settings");
    vertex.start();
    vertex.output(
        2, ("[Warning] " + text + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
    vertex.done();
  }

  /// All vertices that have not ended are given up.
  synchronized void abandon() {
    for (Progress.Vertex vertex : vertices) {
      if (vertex != null && vertex.isRunning()) {
        vertex.failed("context canceled");
      }
    }
  }

  private record Telling(Progress.@Nullable Vertex vertex) implements Step {
    Telling {
      if (vertex != null) {
        vertex.start();
      }
    }

    @Override
    public void cached() {
      if (vertex != null) {
        vertex.cached();
      }
    }

    @Override
    public void running(String containerId) {}

    @Override
    public void output(String stream, byte[] bytes) {
      if (vertex != null) {
        vertex.output(stream.equals("stderr") ? 2 : 1, bytes);
      }
    }

    @Override
    public void done(String result) {
      if (vertex != null) {
        vertex.done();
      }
    }

    @Override
    public void failed(String message) {
      if (vertex != null) {
        vertex.failed(SourceErrors.message(message));
      }
    }
  }
}
