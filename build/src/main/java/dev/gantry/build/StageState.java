package dev.gantry.build;

import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What a stage's instructions have said so far, apart from its files: the configuration,
/// variables, the shell. Nothing here needs a layer, so [Ahead] can know it before the steps are
/// carried out.
final class StageState {
  private static final Set<String> PROXIES =
      Set.of("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY");
  private static final String PATH =
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  private static final long MOST_SAID = 8 << 20;
  private static final long ITEM = 32; // what one more thing in a list takes beside its text

  private final BuildRun run;
  private final Map<String, String> variables = new LinkedHashMap<>();
  private final Set<String> declared = new LinkedHashSet<>();
  private Json.JsonObject document = Json.object();
  private ImageConfig config = new ImageConfig(Json.object());
  private List<String> shell = List.of("/bin/sh", "-c");
  private final boolean looksAhead;
  private long said; // about the bytes of the configuration
  private @Nullable Expansion current; // of the instruction that is carried out

  StageState(BuildRun run) {
    this(run, false);
  }

  private StageState(BuildRun run, boolean looksAhead) {
    this.run = run;
    this.looksAhead = looksAhead;
  }

  /// Arguments that everybody may give without an ARG.
  static boolean isPredefined(String name) {
    return PROXIES.contains(name.toUpperCase(Locale.ROOT))
        || name.startsWith("BUILDKIT_")
        || name.equals("SOURCE_DATE_EPOCH");
  }

  /// The same, to look ahead with; of the document only the configuration.
  StageState copy() {
    StageState other = new StageState(run, true);
    other.said = said;
    other.variables.putAll(variables);
    other.declared.addAll(declared);
    other.config = new ImageConfig((Json.JsonObject) config.json().copy());
    other.shell = shell;
    return other;
  }

  /// Begins with the configuration of an image or a stage.
  void start(Json.JsonObject from) throws ParseFailure {
    document = (Json.JsonObject) from.copy();
    for (String old :
        List.of(
            "comment",
            "container",
            "container_config",
            "docker_version",
            "id",
            "parent",
            "rootfs")) {
      document.remove(old);
    }
    config = new ImageConfig(document.object("config").orElseGet(Json::object));
    config.shell().ifPresent(s -> shell = s);
    if (!config.environment().containsKey("PATH")) {
      config.addEnvironment(PATH);
    }
    variables.putAll(config.environment());
  }

  /// Takes over what another stage knows beside its configuration.
  void inherit(Stage below) {
    variables.putAll(below.variables());
    declared.addAll(below.declared());
  }

  /// The image configuration, without what the layers say.
  Json.JsonObject document() {
    return document;
  }

  ImageConfig config() {
    return config;
  }

  List<String> shell() {
    return shell;
  }

  /// What RUN finds in its environment and instructions can use: of ENV and ARG, the last one.
  Map<String, String> variables() {
    return variables;
  }

  /// Names that an ARG of this stage or one below it has declared.
  Set<String> declared() {
    return declared;
  }

  /// Variables of ENV and ARG: the last one counts.
  Expansion expansion() {
    Expansion known = current;
    if (known == null) { // one value of each, and one bound, for a whole instruction
      Map<String, String> now = new LinkedHashMap<>(variables);
      known = new Expansion(run.request().file().directives().escape(), now::get);
      current = known;
    }
    return known;
  }

  /// An instruction as people are shown it: with the values of the variables that are set.
  String shown(String instruction) {
    return new Expansion(run.request().file().directives().escape(), variables::get)
        .shown(instruction);
  }

  /// The next instruction begins.
  void next() {
    current = null;
  }

  /// The configuration has become larger: fails if it is too large, or all stages' are.
  void count(long bytes) throws ParseFailure {
    said += bytes;
    if (said > MOST_SAID) {
      throw new ParseFailure(
          0, "the instructions come to more than " + (MOST_SAID >> 20) + " MiB of configuration");
    }
    if (!looksAhead) {
      run.count(bytes);
    }
  }

  /// About the bytes of the configuration.
  long said() {
    return said;
  }

  /// Proxies given as build arguments: RUN sees them, but they are no part of its result.
  Map<String, String> proxies() {
    return run.request().arguments().entrySet().stream()
        .filter(e -> PROXIES.contains(e.getKey().toUpperCase(Locale.ROOT)))
        .filter(e -> !declared.contains(e.getKey()))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  // ---- instructions

  /// WORKDIR: the folder that it comes to.
  String workdir(Instruction.Workdir w) throws ParseFailure {
    String wanted = expansion().word(w.path());
    String path = config.resolve(wanted);
    config.workdir(wanted.startsWith("/") ? wanted : path); // Docker takes an absolute one as it is
    return path;
  }

  /// An instruction that changes the configuration alone.
  ///
  /// @return what the history says of it; empty where it says nothing
  String apply(Instruction instruction) throws ParseFailure {
    return switch (instruction) {
      case Instruction.From f -> throw f.origin().failure("FROM begins a stage");
      case Instruction.Run r -> throw r.origin().failure("RUN makes a layer");
      case Instruction.Copy c -> throw c.origin().failure("COPY makes a layer");
      case Instruction.Workdir w -> {
        String ignored = workdir(w);
        yield "WORKDIR " + config.workdir();
      }
      case Instruction.Arg a -> arg(a);
      case Instruction.Env e -> env(e);
      case Instruction.Label l -> label(l);
      case Instruction.Maintainer m -> {
        document.put("author", m.name());
        yield "MAINTAINER " + m.name();
      }
      case Instruction.Cmd c -> {
        List<String> words = program(c.program());
        config.command(words);
        yield "CMD " + Shown.quoted(words);
      }
      case Instruction.Entrypoint e -> {
        List<String> words = program(e.program());
        config.entrypoint(words);
        yield "ENTRYPOINT " + Shown.quoted(words);
      }
      case Instruction.Expose e -> {
        List<String> ports = new ArrayList<>();
        for (String word : e.ports().stream().sorted().toList()) {
          ports.addAll(expansion().words(word));
        }
        count(ports.size() * ITEM);
        yield "EXPOSE " + config.expose(ports, e.origin());
      }
      case Instruction.Volume v -> {
        List<String> paths = new ArrayList<>();
        for (String path : v.paths()) {
          paths.add(expansion().word(path));
        }
        count(paths.size() * ITEM);
        config.volumes(paths);
        yield "VOLUME " + Shown.plain(paths);
      }
      case Instruction.User u -> {
        String user = expansion().word(u.user());
        config.user(user);
        yield "USER " + user;
      }
      case Instruction.StopSignal s -> {
        String signal = expansion().word(s.signal());
        config.stopSignal(signal, s.origin());
        yield "STOPSIGNAL " + signal;
      }
      case Instruction.Onbuild o -> {
        count(o.instruction().length() + ITEM);
        config.trigger(o.instruction());
        yield "";
      }
      case Instruction.Shell s -> {
        shell = s.words();
        config.shell(s.words());
        yield "SHELL " + Shown.plain(s.words());
      }
      case Instruction.Healthcheck h -> "HEALTHCHECK " + config.healthcheck(h);
    };
  }

  private String env(Instruction.Env e) throws ParseFailure {
    Expansion expansion = expansion();
    List<String> shown = new ArrayList<>();
    for (Instruction.Pair pair : e.variables()) {
      String name = expansion.word(pair.name());
      String value = expansion.word(pair.value());
      config.addEnvironment(name + "=" + value);
      variables.put(name, value);
      shown.add(name + "=" + value);
    }
    count(e.variables().size() * ITEM);
    return "ENV " + String.join(" ", shown);
  }

  private String label(Instruction.Label l) throws ParseFailure {
    Expansion expansion = expansion();
    List<String> shown = new ArrayList<>();
    for (Instruction.Pair pair : l.labels()) {
      String name = expansion.word(pair.name());
      String value = expansion.word(pair.value());
      config.label(name, value);
      shown.add(name + "=" + value);
    }
    count(l.labels().size() * ITEM);
    return "LABEL " + String.join(" ", shown);
  }

  private String arg(Instruction.Arg arg) throws ParseFailure {
    List<String> shown = new ArrayList<>();
    Expansion expansion = // each argument knows those before it
        new Expansion(run.request().file().directives().escape(), variables::get);
    for (Instruction.Argument a : arg.arguments()) {
      run.usesArgument(a.name());
      String value = run.request().arguments().get(a.name());
      if (value == null && a.value().isPresent()) {
        value = expansion.word(a.value().get());
      }
      if (value == null) {
        value = run.globalArguments().get(a.name());
      }
      if (value == null) {
        value = Builder.platformArguments(run.request()).get(a.name());
      }
      declared.add(a.name());
      if (declared.size() > ImageConfig.MOST_VARIABLES) {
        throw new ParseFailure(0, "more than " + ImageConfig.MOST_VARIABLES + " variables");
      }
      if (value != null) {
        variables.put(a.name(), value);
      }
      shown.add(a.name() + (value == null ? "" : "=" + value));
    }
    return "ARG " + String.join(" ", shown);
  }

  private List<String> program(Instruction.Program program) {
    if (!program.shell() || program.words().isEmpty()) {
      return program.words();
    }
    List<String> words = new ArrayList<>(shell);
    words.addAll(program.words());
    return words;
  }
}
