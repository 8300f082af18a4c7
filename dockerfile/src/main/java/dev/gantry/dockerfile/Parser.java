package dev.gantry.dockerfile;

import dev.gantry.base.GoDuration;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
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
  private static final Pattern UNIT =
      Pattern.compile("\\+?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)([^0-9.]*)");

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
      throw text.isEmpty()
          ? new ParseFailure(0, "the Dockerfile cannot be empty")
          : new ParseFailure((int) text.lines().count(), "file with no instructions");
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
        throw statement.malformed("no build stage in current context");
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
      case "CMD" -> new Instruction.Cmd(o, program(plain(s), s.rest()));
      case "ENTRYPOINT" -> new Instruction.Entrypoint(o, program(plain(s), s.rest()));
      case "LABEL" -> new Instruction.Label(o, pairs(plain(s)));
      case "MAINTAINER" -> new Instruction.Maintainer(o, one(s, "exactly one argument"));
      case "EXPOSE" -> new Instruction.Expose(o, parts(plain(s)));
      case "ENV" -> new Instruction.Env(o, pairs(plain(s)));
      case "ADD", "COPY" -> copy(s, o);
      case "VOLUME" -> volume(s, o);
      case "USER" -> new Instruction.User(o, one(s, "exactly one argument"));
      case "WORKDIR" -> new Instruction.Workdir(o, one(s, "exactly one argument"));
      case "ARG" -> arg(s, o);
      case "ONBUILD" -> onbuild(s, o);
      case "STOPSIGNAL" -> new Instruction.StopSignal(o, one(s, "exactly one argument"));
      case "HEALTHCHECK" -> healthcheck(s, o);
      case "SHELL" -> shell(s, o);
      default -> throw s.failure("unknown instruction: " + s.keyword() + similar(s));
    };
  }

  private static String text(Statement s) {
    StringBuilder text = new StringBuilder(s.name());
    s.flags().forEach(f -> text.append(' ').append(f));
    return s.rest().isEmpty() ? text.toString() : text.append(' ').append(s.rest()).toString();
  }

  private static String similar(Statement s) {
    String name = s.name();
    boolean lower = s.keyword().equals(s.keyword().toLowerCase(Locale.ROOT));
    return KEYWORDS.stream()
        .filter(k -> Similar.distance(k, name) <= 2)
        .min(
            Comparator.comparingInt((String k) -> Similar.distance(k, name))
                .thenComparing(k -> k.charAt(0) != name.charAt(0)))
        .map(k -> " (did you mean " + (lower ? k.toLowerCase(Locale.ROOT) : k) + "?)")
        .orElse("");
  }

  // ---- arguments

  private static Statement plain(Statement s) throws ParseFailure {
    if (!s.flags().isEmpty()) {
      throw unknown(s, s.flags().getFirst().substring(2).split("=", 2)[0], Set.of());
    }
    if (s.rest().isEmpty() && !s.name().equals("CMD") && !s.name().equals("ENTRYPOINT")) {
      throw s.failure(s.name() + " requires at least one argument");
    }
    return s;
  }

  private static ParseFailure unknown(Statement s, String flag, Set<String> known) {
    return s.failure(
        "unknown flag: --"
            + flag
            + Similar.nearest(flag, known).map(k -> " (did you mean " + k + "?)").orElse(""));
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

  /// Words of the instructions that look for white space only, be it quoted or not.
  private static List<String> parts(Statement s) {
    return s.rest().isEmpty() ? List.of() : List.of(s.rest().split("\\s+"));
  }

  /// The strings of a JSON array; empty if it is none.
  private static Optional<List<String>> json(Statement s, String text) throws ParseFailure {
    if (!text.startsWith("[")) {
      return Optional.empty();
    }
    Json parsed;
    try {
      parsed = Json.parse(text);
    } catch (RuntimeException e) {
      return Optional.empty(); // then it is meant for the shell
    }
    List<String> strings = new ArrayList<>();
    if (parsed instanceof Json.JsonArray array) {
      for (Json item : array.items()) {
        if (!(item instanceof Json.JsonString string)) {
          throw s.malformed(
              "when using JSON array syntax, arrays must be comprised of strings only");
        }
        strings.add(string.value());
      }
    }
    return Optional.of(List.copyOf(strings));
  }

  private static Instruction.Program program(Statement s, String text) throws ParseFailure {
    return json(s, text)
        .map(words -> new Instruction.Program(false, words))
        .orElseGet(() -> new Instruction.Program(true, List.of(text)));
  }

  private List<Instruction.Pair> pairs(Statement s) throws ParseFailure {
    List<String> words = words(s);
    List<Instruction.Pair> pairs = new ArrayList<>();
    if (words.getFirst().indexOf('=') < 0) { // the old form: a name, then the value to the end
      String[] parts = s.rest().split("\\s+", 2);
      if (parts.length < 2) {
        throw s.malformed(s.name() + " must have two arguments");
      }
      return List.of(new Instruction.Pair(parts[0], parts[1]));
    }
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals < 0) {
        throw s.malformed(
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

  private static final Set<String> SWITCHES = Set.of("parents", "link", "keep-git-dir", "unpack");
  private static final Set<String> REPEATED = Set.of("mount", "device", "exclude");

  /// Flags by name; a switch without a value is "true".
  private static Map<String, List<String>> flags(Statement s, Set<String> known)
      throws ParseFailure {
    Map<String, List<String>> flags = new LinkedHashMap<>();
    for (String flag : s.flags()) {
      String[] parts = flag.substring(2).split("=", 2);
      if (!known.contains(parts[0])) {
        throw unknown(s, parts[0], known);
      }
      List<String> values = flags.computeIfAbsent(parts[0], k -> new ArrayList<>());
      if (!values.isEmpty() && !REPEATED.contains(parts[0])) {
        throw s.failure("duplicate flag specified: --" + parts[0]);
      }
      boolean plain = SWITCHES.contains(parts[0]);
      if (plain ? parts.length > 1 && parts[1].isEmpty() : parts.length < 2) {
        throw s.failure("missing a value on flag: --" + parts[0]);
      }
      values.add(parts.length > 1 ? parts[1] : "true");
    }
    return flags;
  }

  private static String last(Map<String, List<String>> flags, String name) {
    List<String> values = flags.get(name);
    return values == null ? "" : values.getLast();
  }

  private static Optional<Boolean> bool(Statement s, Map<String, List<String>> flags, String name)
      throws ParseFailure {
    String value = last(flags, name);
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "" -> Optional.empty();
      case "true" -> Optional.of(true);
      case "false" -> Optional.of(false);
      default -> throw s.failure("expecting boolean value for flag --" + name + ", not: " + value);
    };
  }

  // ---- single instructions

  private Instruction from(Statement s, Origin o) throws ParseFailure {
    Map<String, List<String>> flags = flags(s, Set.of("platform"));
    List<String> words = parts(s);
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
    return new Instruction.Run(
        o,
        program(s, s.rest()),
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
    List<String> words = new ArrayList<>(json(s, s.rest()).orElseGet(() -> parts(s)));
    if (words.size() < 2) {
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
    List<String> paths = json(s, plain(s).rest()).orElseGet(() -> parts(s));
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
      try {
        Instruction ignored = instruction(statement);
      } catch (ParseFailure e) {
        if (!e.isOfMeaning()) {
          throw s.malformed(e.text());
        }
        continue; // who builds on the image hears of it
      }
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
    for (Map.Entry<String, List<String>> flag : flags.entrySet()) {
      String value = flag.getValue().getLast();
      if (flag.getKey().equals("retries")) {
        retries(s, value);
      } else {
        time(s, flag.getKey(), value);
      }
      options.put(flag.getKey(), value);
    }
    return new Instruction.Healthcheck(o, Optional.of(program(s, parts[1])), options);
  }

  private static void retries(Statement s, String text) throws ParseFailure {
    if (!text.matches("[-+]?[0-9]{1,9}")) {
      throw s.failure("strconv.ParseInt: parsing \"" + text + "\": invalid syntax");
    }
    if (text.startsWith("-") && !text.matches("-0+")) {
      throw s.failure("--retries cannot be negative (" + Integer.parseInt(text) + ")");
    }
  }

  private static void time(Statement s, String name, String text) throws ParseFailure {
    String positive = text.startsWith("-") ? text.substring(1) : text;
    OptionalDouble nanos = positive.equals("0") ? OptionalDouble.of(0) : GoDuration.nanos(positive);
    if (nanos.isEmpty()) {
      Matcher unit = UNIT.matcher(positive);
      String quoted = "\"" + text + "\"";
      throw s.failure(
          !unit.matches()
              ? "time: invalid duration " + quoted
              : unit.group(1).isEmpty()
                  ? "time: missing unit in duration " + quoted
                  : "time: unknown unit \"" + unit.group(1) + "\" in duration " + quoted);
    }
    if (nanos.getAsDouble() != 0 && (!positive.equals(text) || nanos.getAsDouble() < 1e6)) {
      throw s.failure("Interval \"" + name + "\" cannot be less than 1ms");
    }
  }

  private static Instruction shell(Statement s, Origin o) throws ParseFailure {
    List<String> words =
        json(s, plain(s).rest())
            .orElseThrow(() -> s.failure("SHELL requires the arguments to be in JSON form"));
    if (words.isEmpty()) {
      throw s.failure("SHELL requires at least one argument");
    }
    return new Instruction.Shell(o, words);
  }
}
