package dev.gantry.dockerfile;

import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Understands statements. Messages are Docker's.
final class Parser {
  private static final List<String> KEYWORDS =
      List.of(
          "ADD",
          "ARG",
          "CMD",
          "COPY",
          "ENTRYPOINT",
          "ENV",
          "EXPOSE",
          "FROM",
          "HEALTHCHECK",
          "LABEL",
          "MAINTAINER",
          "ONBUILD",
          "RUN",
          "SHELL",
          "STOPSIGNAL",
          "USER",
          "VOLUME",
          "WORKDIR");
  private static final Pattern STAGE_NAME = Pattern.compile("[a-z][a-z0-9\\-_.]*");
  private static final Pattern HEREDOC = Pattern.compile("\\d{0,9}<<-?([^<]+)");
  private static final Set<String> HEALTH_OPTIONS =
      Set.of("interval", "timeout", "start-period", "start-interval", "retries");

  private static final int MOST_STAGES = 500;

  private final char escape;

  private Parser(char escape) {
    this.escape = escape;
  }

  static Dockerfile parse(String text) throws ParseFailure {
    List<String> lines = Statements.lines(text);
    Directives directives = Directives.read(lines);
    Parser parser = new Parser(directives.escape());
    List<Instruction.Arg> arguments = new ArrayList<>();
    List<Dockerfile.Stage> stages = new ArrayList<>();
    List<Instruction> current = new ArrayList<>();
    List<Statement> statements = Statements.split(text, directives.escape());
    if (statements.isEmpty()) {
      throw new ParseFailure(0, "file with no instructions");
    }
    for (Statement statement : statements) {
      Instruction instruction = parser.instruction(statement);
      if (instruction instanceof Instruction.From from) {
        current = new ArrayList<>();
        stages.add(new Dockerfile.Stage(stages.size(), from, current));
        if (stages.size() > MOST_STAGES) {
          throw statement.failure("more than " + MOST_STAGES + " stages");
        }
      } else if (!stages.isEmpty()) {
        current.add(instruction);
      } else if (instruction instanceof Instruction.Arg arg) {
        arguments.add(arg);
      } else {
        throw statement.failure("no build stage in current context");
      }
    }
    if (stages.isEmpty()) {
      throw new ParseFailure(0, "no build stage in current context");
    }
    return new Dockerfile(directives, List.copyOf(arguments), List.copyOf(stages));
  }

  /// One instruction alone, such as a trigger of a base image.
  static Instruction one(String text) throws ParseFailure {
    List<Statement> statements = Statements.split(text, '\\');
    if (statements.size() != 1) {
      throw new ParseFailure(0, "not one instruction: " + text);
    }
    return new Parser('\\').instruction(statements.getFirst());
  }

  private Instruction instruction(Statement s) throws ParseFailure {
    Origin o = new Origin(s.first(), s.last(), text(s), s.heredocs());
    return switch (s.name()) {
      case "FROM" -> from(s, o);
      case "RUN" -> run(s, o);
      case "CMD" -> new Instruction.Cmd(o, program(plain(s)));
      case "ENTRYPOINT" -> new Instruction.Entrypoint(o, program(plain(s)));
      case "LABEL" -> new Instruction.Label(o, pairs(plain(s)));
      case "MAINTAINER" -> new Instruction.Maintainer(o, one(s, "exactly one argument"));
      case "EXPOSE" -> new Instruction.Expose(o, words(plain(s)));
      case "ENV" -> new Instruction.Env(o, pairs(plain(s)));
      case "ADD", "COPY" -> copy(s, o);
      case "VOLUME" -> volume(s, o);
      case "USER" -> new Instruction.User(o, single(s));
      case "WORKDIR" -> new Instruction.Workdir(o, one(s, "exactly one argument"));
      case "ARG" -> arg(s, o);
      case "ONBUILD" -> onbuild(s, o);
      case "STOPSIGNAL" -> new Instruction.StopSignal(o, single(s));
      case "HEALTHCHECK" -> healthcheck(s, o);
      case "SHELL" -> shell(s, o);
      default -> throw s.failure("unknown instruction: " + s.keyword() + similar(s.name()));
    };
  }

  private static String text(Statement s) {
    StringBuilder text = new StringBuilder(s.name());
    s.flags().forEach(f -> text.append(' ').append(f));
    return s.rest().isEmpty() ? text.toString() : text.append(' ').append(s.rest()).toString();
  }

  private static String similar(String name) {
    return KEYWORDS.stream()
        .filter(k -> Similar.distance(k, name) <= 2)
        .min(
            Comparator.comparingInt((String k) -> Similar.distance(k, name))
                .thenComparing(k -> k.charAt(0) != name.charAt(0)))
        .map(k -> " (did you mean " + k + "?)")
        .orElse("");
  }

  // ---- arguments

  private static Statement plain(Statement s) throws ParseFailure {
    if (!s.flags().isEmpty()) {
      throw unknown(s, s.flags().getFirst());
    }
    if (s.rest().isEmpty() && !s.name().equals("CMD") && !s.name().equals("ENTRYPOINT")) {
      throw s.failure(s.name() + " requires at least one argument");
    }
    return s;
  }

  private static ParseFailure unknown(Statement s, String flag) {
    return s.failure("unknown flag: " + flag.split("=", 2)[0]);
  }

  private String single(Statement s) throws ParseFailure {
    List<String> words = Words.split(s.rest(), escape);
    if (words.size() != 1 || !s.flags().isEmpty()) {
      throw s.failure(s.name() + " requires exactly one argument");
    }
    return words.getFirst();
  }

  private static String one(Statement s, String what) throws ParseFailure {
    if (s.rest().isEmpty() || !s.flags().isEmpty()) {
      throw s.failure(s.name() + " requires " + what);
    }
    return s.rest();
  }

  private List<String> words(Statement s) {
    return Words.split(s.rest(), escape);
  }

  /// The strings of a JSON array; empty if it is none.
  private static Optional<List<String>> json(String text) {
    if (!text.startsWith("[")) {
      return Optional.empty();
    }
    try {
      if (Json.parse(text) instanceof Json.JsonArray array) {
        List<String> strings = new ArrayList<>();
        for (Json item : array.items()) {
          if (!(item instanceof Json.JsonString string)) {
            return Optional.empty();
          }
          strings.add(string.value());
        }
        return Optional.of(List.copyOf(strings));
      }
      return Optional.empty();
    } catch (RuntimeException e) {
      return Optional.empty(); // then it is meant for the shell
    }
  }

  private static Instruction.Program program(Statement s) {
    return json(s.rest())
        .map(words -> new Instruction.Program(false, words))
        .orElseGet(
            () ->
                new Instruction.Program(true, s.rest().isEmpty() ? List.of() : List.of(s.rest())));
  }

  private List<Instruction.Pair> pairs(Statement s) throws ParseFailure {
    List<String> words = words(s);
    List<Instruction.Pair> pairs = new ArrayList<>();
    if (words.getFirst().indexOf('=') < 0) { // the old form: a name, then the value to the end
      String[] parts = s.rest().split("\\s+", 2);
      if (parts.length < 2) {
        throw s.failure(s.name() + " must have two arguments");
      }
      return List.of(new Instruction.Pair(parts[0], parts[1]));
    }
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals < 0) {
        throw s.failure(
            "Syntax error - can't find = in \"" + word + "\". Must be of the form: name=value");
      }
      if (equals == 0) {
        throw s.failure(s.name() + " names can not be blank");
      }
      pairs.add(new Instruction.Pair(word.substring(0, equals), word.substring(equals + 1)));
    }
    return List.copyOf(pairs);
  }

  // ---- flags

  /// Flags by name; a flag without a value is "true".
  private static Map<String, List<String>> flags(Statement s, Set<String> known)
      throws ParseFailure {
    Map<String, List<String>> flags = new LinkedHashMap<>();
    for (String flag : s.flags()) {
      String[] parts = flag.substring(2).split("=", 2);
      if (!known.contains(parts[0])) {
        throw unknown(s, flag);
      }
      flags
          .computeIfAbsent(parts[0], k -> new ArrayList<>())
          .add(parts.length > 1 ? parts[1] : "true");
    }
    return flags;
  }

  private static String last(Map<String, List<String>> flags, String name) {
    List<String> values = flags.get(name);
    return values == null ? "" : values.getLast();
  }

  private static Optional<Boolean> bool(Statement s, Map<String, List<String>> flags, String name)
      throws ParseFailure {
    String value = last(flags, name).toLowerCase(Locale.ROOT);
    return switch (value) {
      case "" -> Optional.empty();
      case "true", "1", "t" -> Optional.of(true);
      case "false", "0", "f" -> Optional.of(false);
      default -> throw s.failure("expecting boolean value for flag " + name + ", not: " + value);
    };
  }

  // ---- single instructions

  private Instruction from(Statement s, Origin o) throws ParseFailure {
    Map<String, List<String>> flags = flags(s, Set.of("platform"));
    List<String> words = words(s);
    String name = "";
    if (words.size() == 3 && words.get(1).equalsIgnoreCase("as")) {
      name = words.get(2).toLowerCase(Locale.ROOT);
      if (!STAGE_NAME.matcher(name).matches()) {
        throw s.failure(
            "invalid name for build stage: \""
                + words.get(2)
                + "\", name can't start with a number or contain symbols");
      }
    } else if (words.size() != 1) {
      throw s.failure("FROM requires either one or three arguments");
    }
    return new Instruction.From(o, words.getFirst(), last(flags, "platform"), name);
  }

  private static Instruction run(Statement s, Origin o) throws ParseFailure {
    Map<String, List<String>> flags = flags(s, Set.of("mount", "network", "security", "device"));
    if (s.rest().isEmpty()) {
      throw s.failure("RUN requires at least one argument");
    }
    return new Instruction.Run(
        o,
        program(s),
        flags.getOrDefault("mount", List.of()),
        last(flags, "network"),
        last(flags, "security"),
        flags.getOrDefault("device", List.of()));
  }

  private Instruction copy(Statement s, Origin o) throws ParseFailure {
    Map<String, List<String>> flags =
        flags(
            s,
            s.name().equals("ADD")
                ? Set.of("chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack")
                : Set.of("from", "chown", "chmod", "link", "parents", "exclude"));
    List<String> words = new ArrayList<>(json(s.rest()).orElseGet(() -> words(s)));
    if (words.isEmpty()) {
      throw s.failure(s.name() + " requires at least two arguments");
    }
    if (words.size() == 1) {
      throw s.failure(
          s.name()
              + " requires at least two arguments, but only one was provided. Destination could not"
              + " be determined");
    }
    String destination = words.removeLast();
    List<Heredoc> documents = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Heredoc document : s.heredocs()) {
      names.add(document.name());
      documents.add(document);
    }
    words.removeIf(
        w -> {
          Matcher m = HEREDOC.matcher(w);
          return m.matches() && names.contains(m.group(1).replace("\"", "").replace("'", ""));
        });
    return new Instruction.Copy(
        o,
        s.name().equals("ADD"),
        List.copyOf(words),
        List.copyOf(documents),
        destination,
        new Instruction.CopyFlags(
            last(flags, "from"),
            last(flags, "chown"),
            last(flags, "chmod"),
            last(flags, "checksum"),
            flags.getOrDefault("exclude", List.of()),
            bool(s, flags, "parents").orElse(false),
            bool(s, flags, "link").orElse(false),
            bool(s, flags, "keep-git-dir"),
            bool(s, flags, "unpack")));
  }

  private Instruction volume(Statement s, Origin o) throws ParseFailure {
    List<String> paths = json(plain(s).rest()).orElseGet(() -> words(s));
    if (paths.isEmpty()) {
      throw s.failure("VOLUME requires at least one argument");
    }
    if (paths.stream().anyMatch(String::isBlank)) {
      throw s.failure("VOLUME specified can not be an empty string");
    }
    return new Instruction.Volume(o, paths);
  }

  private Instruction arg(Statement s, Origin o) throws ParseFailure {
    List<Instruction.Argument> arguments = new ArrayList<>();
    for (String word : words(plain(s))) {
      int equals = word.indexOf('=');
      if (equals == 0) {
        throw s.failure("ARG names can not be blank");
      }
      arguments.add(
          equals < 0
              ? new Instruction.Argument(word, Optional.empty())
              : new Instruction.Argument(
                  word.substring(0, equals), Optional.of(word.substring(equals + 1))));
    }
    return new Instruction.Arg(o, List.copyOf(arguments));
  }

  private Instruction onbuild(Statement s, Origin o) throws ParseFailure {
    String inner = plain(s).rest();
    String name = inner.split("\\s+", 2)[0].toUpperCase(Locale.ROOT);
    if (name.equals("ONBUILD")) {
      throw s.failure("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    }
    if (name.equals("FROM") || name.equals("MAINTAINER")) {
      throw s.failure(name + " isn't allowed as an ONBUILD trigger");
    }
    StringBuilder whole = new StringBuilder(inner);
    for (Heredoc document : s.heredocs()) {
      whole.append('\n').append(document.content()).append(document.name());
    }
    for (Statement statement : Statements.split(whole.toString(), escape)) {
      instruction(statement); // it must be one
    }
    return new Instruction.Onbuild(o, whole.toString());
  }

  private Instruction healthcheck(Statement s, Origin o) throws ParseFailure {
    Map<String, List<String>> flags = flags(s, HEALTH_OPTIONS);
    String[] parts = s.rest().split("\\s+", 2);
    String kind = parts[0].toUpperCase(Locale.ROOT);
    if (kind.isEmpty()) {
      throw s.failure("HEALTHCHECK requires at least one argument");
    }
    if (kind.equals("NONE")) {
      if (parts.length > 1) {
        throw s.failure("HEALTHCHECK NONE takes no arguments");
      }
      return new Instruction.Healthcheck(o, Optional.empty(), Map.of());
    }
    if (!kind.equals("CMD")) {
      throw s.failure("Unknown type \"" + kind + "\" in HEALTHCHECK (try CMD)");
    }
    if (parts.length < 2) {
      throw s.failure("Missing command after HEALTHCHECK CMD");
    }
    Map<String, String> options = new LinkedHashMap<>();
    flags.forEach((name, values) -> options.put(name, values.getLast()));
    Instruction.Program test =
        json(parts[1])
            .map(w -> new Instruction.Program(false, w))
            .orElseGet(() -> new Instruction.Program(true, List.of(parts[1])));
    return new Instruction.Healthcheck(o, Optional.of(test), options);
  }

  private static Instruction shell(Statement s, Origin o) throws ParseFailure {
    List<String> words =
        json(plain(s).rest())
            .orElseThrow(() -> s.failure("SHELL requires the arguments to be in JSON form"));
    if (words.isEmpty()) {
      throw s.failure("SHELL requires at least one argument");
    }
    return new Instruction.Shell(o, words);
  }
}
