package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Dockerfile instructions that change an image's configuration without a build, as import and
/// commit take them (`--change`).
public final class ImageChanges {
  private static final Set<String> ALLOWED =
      Set.of(
          "CMD",
          "ENTRYPOINT",
          "ENV",
          "EXPOSE",
          "HEALTHCHECK",
          "LABEL",
          "ONBUILD",
          "STOPSIGNAL",
          "USER",
          "VOLUME",
          "WORKDIR");

  private final ImageConfig config;

  private ImageChanges(ImageConfig config) {
    this.config = config;
  }

  /// Applies `changes`, each of one or more lines, to `config` and answers it.
  ///
  /// @throws Failure.InvalidRequest in Docker's words if a line is none of those instructions
  public static Json.JsonObject apply(Json.JsonObject config, List<String> changes) {
    boolean escaped = config.get("ArgsEscaped") != null;
    ImageChanges all = new ImageChanges(new ImageConfig(config));
    for (String text : changes) {
      text.lines().map(String::strip).filter(l -> !l.isEmpty()).forEach(all::line);
    }
    if (!escaped) {
      config.remove("ArgsEscaped"); // a mark of builds
    }
    return config;
  }

  private void line(String line) {
    String keyword = line.split("\\s+", 2)[0].toUpperCase(Locale.ROOT);
    if (!ALLOWED.contains(keyword)) {
      throw new Failure.InvalidRequest(keyword + " is not a valid change command");
    }
    try {
      apply(Dockerfile.instruction(line));
    } catch (ParseFailure e) {
      throw new Failure.InvalidRequest(String.valueOf(e.getMessage()), null, e);
    }
  }

  private void apply(Instruction instruction) throws ParseFailure {
    Expansion expansion = new Expansion('\\', config.environment()::get);
    switch (instruction) {
      case Instruction.Cmd c -> config.command(words(c.program()));
      case Instruction.Entrypoint e -> config.entrypoint(words(e.program()));
      case Instruction.Env e -> {
        for (Instruction.Pair pair : e.variables()) {
          config.addEnvironment(expansion.word(pair.name()) + "=" + expansion.word(pair.value()));
        }
      }
      case Instruction.Label l -> {
        for (Instruction.Pair pair : l.labels()) {
          config.label(expansion.word(pair.name()), expansion.word(pair.value()));
        }
      }
      case Instruction.Expose e -> {
        List<String> ports = new ArrayList<>();
        for (String port : e.ports()) {
          ports.addAll(expansion.words(port));
        }
        String ignored = config.expose(ports, e.origin());
      }
      case Instruction.Volume v -> {
        List<String> paths = new ArrayList<>();
        for (String path : v.paths()) {
          paths.add(expansion.word(path));
        }
        config.volumes(paths);
      }
      case Instruction.Healthcheck h -> {
        String ignored = config.healthcheck(h);
      }
      case Instruction.User u -> config.user(expansion.word(u.user()));
      case Instruction.Workdir w -> config.workdir(config.resolve(expansion.word(w.path())));
      case Instruction.StopSignal s -> config.stopSignal(expansion.word(s.signal()), s.origin());
      case Instruction.Onbuild o -> config.trigger(o.instruction());
      case Instruction.From _,
          Instruction.Run _,
          Instruction.Copy _,
          Instruction.Arg _,
          Instruction.Maintainer _,
          Instruction.Shell _ ->
          throw new IllegalStateException("no change: " + instruction);
    }
  }

  private List<String> words(Instruction.Program program) {
    if (!program.shell() || program.words().isEmpty()) {
      return program.words();
    }
    List<String> words = new ArrayList<>(config.shell().orElse(List.of("/bin/sh", "-c")));
    words.addAll(program.words());
    return words;
  }
}
