package dev.gantry.dockerfile;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Docker's build checks: what is allowed in a Dockerfile but rarely meant. Rules that `#
/// check=skip=…` names are left out.
public final class BuildChecks {
  private static final Map<String, String> RULES =
      Map.ofEntries(
          Map.entry("StageNameCasing", "Stage names should be lowercase"),
          Map.entry("FromAsCasing", "The 'as' keyword should match the case of the 'from' keyword"),
          Map.entry(
              "NoEmptyContinuation",
              "Empty continuation lines will become errors in a future release"),
          Map.entry(
              "ConsistentInstructionCasing",
              "All commands within the Dockerfile should use the same casing (either upper or lower)"),
          Map.entry("DuplicateStageName", "Stage names should be unique"),
          Map.entry("ReservedStageName", "Reserved words should not be used as stage names"),
          Map.entry(
              "JSONArgsRecommended",
              "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"),
          Map.entry(
              "MaintainerDeprecated",
              "The MAINTAINER instruction is deprecated, use a label instead to define an image author"),
          Map.entry("UndefinedArgInFrom", "FROM command must use declared ARGs"),
          Map.entry(
              "WorkdirRelativePath",
              "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes"),
          Map.entry("UndefinedVar", "Variables should be defined before their use"),
          Map.entry(
              "MultipleInstructionsDisallowed",
              "Multiple instructions of the same type should not be used in the same stage"),
          Map.entry(
              "LegacyKeyValueFormat",
              "Legacy key/value format with whitespace separator should not be used"),
          Map.entry(
              "RedundantTargetPlatform",
              "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"),
          Map.entry(
              "SecretsUsedInArgOrEnv",
              "Sensitive data should not be used in the ARG or ENV commands"),
          Map.entry(
              "InvalidDefaultArgInFrom",
              "Default value for global ARG results in an empty or invalid base image name"),
          Map.entry(
              "FromPlatformFlagConstDisallowed",
              "FROM --platform flag should not use a constant value"),
          Map.entry("CopyIgnoredFile", "Attempting to Copy file that is excluded by .dockerignore"),
          Map.entry(
              "InvalidDefinitionDescription",
              "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment."),
          Map.entry("ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase"),
          Map.entry(
              "ExposeInvalidFormat",
              "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release"));
  private static final Pattern SECRET =
      Pattern.compile(
          "(?i)(?:^|_)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)");
  private static final Pattern PUBLIC = Pattern.compile("(?i)(?:^|_)public(?:_|$)");
  private static final String DIRECTIVE = "(?i)#\\s*(syntax|escape|check)\\s*=.*";
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{?([A-Za-z_][A-Za-z0-9_]*)");
  private static final int MOST = 1000; // warnings
  private static final int MOST_KNOWN = 10_000; // variables
  private static final int MOST_COMPARED = 100_000; // names with names
  private static final int LONGEST = 64; // of names that are compared
  private static final Set<String> EXPERIMENTAL =
      Set.of("InvalidDefinitionDescription", "CopyIgnoredFile");
  private static final Set<String> PREDEFINED =
      Set.of(
          "TARGETPLATFORM",
          "TARGETOS",
          "TARGETARCH",
          "TARGETVARIANT",
          "TARGETOSVERSION",
          "TARGETSTAGE",
          "BUILDPLATFORM",
          "BUILDOS",
          "BUILDOSVERSION",
          "BUILDARCH",
          "BUILDVARIANT");
  private static final Set<String> PROXIES =
      Set.of("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY");

  private final Dockerfile file;
  private final String source;
  private final Map<String, String> given;
  private final IgnoreFile ignored;
  private final Function<String, Optional<Set<String>>> bases;
  private final List<Warning> found = new ArrayList<>();
  private final List<String> lines;
  private int compared;

  private BuildChecks(
      Dockerfile file,
      String source,
      Map<String, String> given,
      IgnoreFile ignored,
      Function<String, Optional<Set<String>>> bases) {
    this.bases = bases;
    this.file = file;
    this.source = source;
    this.lines = Statements.lines(source);
    this.given = given;
    this.ignored = ignored;
  }

  /// The names of all rules.
  public static Set<String> rules() {
    return RULES.keySet();
  }

  /// Checks a Dockerfile.
  ///
  /// @param source its text
  /// @param given build arguments
  /// @param ignored what the context leaves out
  /// @return by line
  public static List<Warning> of(
      Dockerfile file, String source, Map<String, String> given, IgnoreFile ignored) {
    return of(file, source, given, ignored, name -> Optional.empty());
  }

  /// The same, knowing base images.
  ///
  /// @param bases which variables an image has set; empty if it is not here
  public static List<Warning> of(
      Dockerfile file,
      String source,
      Map<String, String> given,
      IgnoreFile ignored,
      Function<String, Optional<Set<String>>> bases) {
    BuildChecks checks = new BuildChecks(file, source, given, ignored, bases);
    checks.text();
    checks.global();
    file.stages().forEach(checks::stage);
    Set<String> skipped = file.directives().skippedChecks();
    return checks.found.stream()
        .filter(w -> !skipped.contains("all") && !skipped.contains(w.rule()))
        .filter(w -> !EXPERIMENTAL.contains(w.rule()) || file.directives().experimental(w.rule()))
        .distinct()
        .sorted(Comparator.comparingInt(Warning::line))
        .toList();
  }

  private void warn(String rule, String detail, int line) {
    if (found.size() == MOST) {
      return;
    }
    found.add(new Warning(rule, RULES.getOrDefault(rule, ""), detail, line));
  }

  // ---- how it is written

  private void text() {
    List<Statement> statements;
    try {
      statements = Statements.split(source, file.directives().escape());
    } catch (ParseFailure e) {
      return; // it was parsed before
    }
    long upper = statements.stream().filter(s -> isUpper(s.keyword())).count();
    long lower = statements.stream().filter(s -> isLower(s.keyword())).count();
    boolean wantUpper = upper >= lower;
    for (Statement s : statements) {
      String keyword = s.keyword();
      if (wantUpper ? !isUpper(keyword) : !isLower(keyword)) {
        warn(
            "ConsistentInstructionCasing",
            "Command '"
                + keyword
                + "' should match the case of the command majority ("
                + (wantUpper ? "uppercase" : "lowercase")
                + ")",
            s.first());
      }
      if (s.emptyContinuation()) {
        warn("NoEmptyContinuation", "Empty continuation line", s.last());
      }
      if (s.name().equals("FROM")) {
        from(s);
      }
      if ((s.name().equals("ENV") || s.name().equals("LABEL"))
          && !s.rest().isEmpty()
          && Words.split(s.rest(), file.directives().escape()).getFirst().indexOf('=') < 0) {
        String name = s.rest().split("\\s+", 2)[0];
        warn(
            "LegacyKeyValueFormat",
            "\""
                + s.name()
                + " key=value\" should be used instead of legacy \""
                + s.name()
                + " key value\" format",
            s.first());
        secret(s.name(), name, s.first());
      }
      description(s);
    }
  }

  private void from(Statement s) {
    String[] words = s.rest().split("\\s+");
    if (words.length != 3) {
      return;
    }
    if (isUpper(s.keyword()) != isUpper(words[1])) {
      warn(
          "FromAsCasing",
          "'" + words[1] + "' and '" + s.keyword() + "' keywords' casing do not match",
          s.first());
    }
    if (!words[2].equals(words[2].toLowerCase(Locale.ROOT))) {
      warn("StageNameCasing", "Stage name '" + words[2] + "' should be lowercase", s.first());
    }
  }

  /// A comment right above an ARG or a FROM … AS is its description and begins with its name.
  private void description(Statement s) {
    String[] words = s.rest().split("\\s+");
    String name =
        s.name().equals("ARG")
            ? words[0].split("=", 2)[0]
            : s.name().equals("FROM") && words.length == 3 ? words[2] : "";
    int above = s.first() - 2;
    while (above >= 0 && lines.get(above).isBlank()) {
      above--;
    }
    if (name.isEmpty() || above < 0 || !lines.get(above).startsWith("#")) {
      return;
    }
    String comment = lines.get(above).substring(1).strip();
    boolean alone =
        above == 0
            || !lines.get(above - 1).startsWith("#")
            || lines.get(above - 1).matches(DIRECTIVE);
    if (alone
        && !comment.isEmpty()
        && !comment.split("\\s+", 2)[0].equals(name)
        && !lines.get(above).matches(DIRECTIVE)) {
      warn(
          "InvalidDefinitionDescription",
          "Comment for " + s.name() + " should follow the format: `# " + name + " <description>`",
          s.first());
    }
  }

  private static boolean isUpper(String text) {
    return text.equals(text.toUpperCase(Locale.ROOT));
  }

  private static boolean isLower(String text) {
    return text.equals(text.toLowerCase(Locale.ROOT));
  }

  // ---- FROMs

  private void global() {
    Map<String, String> values = new LinkedHashMap<>();
    Map<String, String> defaults = new LinkedHashMap<>();
    for (Instruction.Arg arg : file.arguments()) {
      for (Instruction.Argument a : arg.arguments()) {
        String standard = a.value().orElse("");
        defaults.put(a.name(), standard);
        values.put(a.name(), given.getOrDefault(a.name(), standard));
      }
    }
    Set<String> names = new HashSet<>();
    for (Dockerfile.Stage stage : file.stages()) {
      Instruction.From from = stage.from();
      int line = from.origin().first();
      if (!from.name().isEmpty()) {
        if (!names.add(from.name())) {
          warn(
              "DuplicateStageName",
              "Duplicate stage name \"" + from.name() + "\", stage names should be unique",
              line);
        }
        if (Set.of("context", "scratch").contains(from.name())) {
          warn(
              "ReservedStageName",
              "Stage name should not use the same name as reserved stage \"" + from.name() + "\"",
              line);
        }
      }
      platform(from, line);
      Matcher used = VARIABLE.matcher(from.image() + " " + from.platform());
      while (used.find()) {
        String name = used.group(1);
        if (!values.containsKey(name) && !PREDEFINED.contains(name) && !given.containsKey(name)) {
          warn(
              "UndefinedArgInFrom",
              "FROM argument '" + name + "' is not declared" + similarTo(name, values.keySet()),
              line);
        }
      }
      standard(from, defaults, line);
    }
  }

  private void platform(Instruction.From from, int line) {
    String platform = from.platform();
    if (platform.matches("\\$(TARGETPLATFORM|\\{TARGETPLATFORM\\})")) {
      warn(
          "RedundantTargetPlatform",
          "Setting platform to predefined "
              + platform
              + " in FROM is redundant as this is the default behavior",
          line);
    } else if (!platform.isEmpty() && platform.indexOf('$') < 0) {
      boolean named = // who calls a stage after a platform means it
          java.util.Arrays.stream(platform.split("/")).anyMatch(p -> from.name().contains(p));
      if (!named) {
        warn(
            "FromPlatformFlagConstDisallowed",
            "FROM --platform flag should not use constant value \"" + platform + "\"",
            line);
      }
    }
  }

  /// With the defaults alone, is there an image to name?
  private void standard(Instruction.From from, Map<String, String> defaults, int line) {
    if (from.image().indexOf('$') < 0) {
      return;
    }
    try {
      String image =
          new Expansion(
                  file.directives().escape(),
                  n -> defaults.getOrDefault(n, PREDEFINED.contains(n) ? "x" : null))
              .word(from.image());
      if (!image.matches("[a-zA-Z0-9][a-zA-Z0-9._/:@-]*")
          || image.endsWith(":")
          || image.endsWith("/")) {
        warn(
            "InvalidDefaultArgInFrom",
            "Default value for ARG "
                + from.image()
                + " results in empty or invalid base image name",
            line);
      }
    } catch (ParseFailure e) {
      return; // the build says so
    }
  }

  // ---- stages

  private void stage(Dockerfile.Stage stage) {
    Set<String> known = new HashSet<>(Set.of("PATH"));
    boolean opaque = inherits(stage, known);
    boolean absolute = false;
    boolean shell = inheritsShell(stage);
    Map<String, Integer> seen = new LinkedHashMap<>();
    for (Instruction instruction : stage.instructions()) {
      int line = instruction.origin().first();
      variables(instruction, known, opaque);
      switch (instruction) {
        case Instruction.Shell s -> shell = true;
        case Instruction.Cmd c -> {
          json("CMD", c.program(), shell, line);
          several("CMD", seen, line);
        }
        case Instruction.Entrypoint e -> {
          json("ENTRYPOINT", e.program(), shell, line);
          several("ENTRYPOINT", seen, line);
        }
        case Instruction.Healthcheck h -> several("HEALTHCHECK", seen, line);
        case Instruction.Maintainer m ->
            warn(
                "MaintainerDeprecated",
                "Maintainer instruction is deprecated in favor of using label",
                line);
        case Instruction.Workdir w -> {
          boolean first = !absolute && !inheritsFolder(stage);
          absolute = true; // the next one stands on this one
          if (first && !w.path().startsWith("/") && !w.path().startsWith("$")) {
            warn(
                "WorkdirRelativePath",
                "Relative workdir \""
                    + w.path()
                    + "\" can have unexpected results if the base image changes",
                line);
          }
        }
        case Instruction.Arg a -> {
          for (Instruction.Argument argument : a.arguments()) {
            known.add(argument.name());
            secret("ARG", argument.name(), line);
          }
        }
        case Instruction.Env e -> {
          for (Instruction.Pair pair : e.variables()) {
            known.add(pair.name());
            secret("ENV", pair.name(), line);
          }
        }
        case Instruction.Expose e -> e.ports().forEach(p -> port(p, line));
        case Instruction.Copy c -> {
          if (c.flags().from().isEmpty()) {
            c.sources().forEach(s -> copied(c, s, line));
          }
        }
        default -> {}
      }
    }
  }

  /// Whether what the stage stands on could define more variables than are known.
  private boolean inherits(Dockerfile.Stage stage, Set<String> known) {
    var parent = file.stage(stage.from().image(), stage.index());
    if (parent.isEmpty()) {
      String image = stage.from().image();
      Optional<Set<String>> base = image.indexOf('$') < 0 ? bases.apply(image) : Optional.empty();
      base.ifPresent(known::addAll);
      return base.isEmpty() && !stage.from().image().equals("scratch");
    }
    for (Instruction i : parent.get().instructions()) {
      if (known.size() > MOST_KNOWN) {
        return true; // nobody can overlook them any more
      }
      if (i instanceof Instruction.Env e) {
        e.variables().forEach(p -> known.add(p.name()));
      } else if (i instanceof Instruction.Arg a) {
        a.arguments().forEach(p -> known.add(p.name()));
      }
    }
    return inherits(parent.get(), known);
  }

  private boolean inheritsFolder(Dockerfile.Stage stage) {
    var parent = file.stage(stage.from().image(), stage.index());
    return parent.isPresent()
        && (parent.get().instructions().stream().anyMatch(Instruction.Workdir.class::isInstance)
            || inheritsFolder(parent.get()));
  }

  private boolean inheritsShell(Dockerfile.Stage stage) {
    var parent = file.stage(stage.from().image(), stage.index());
    return parent.isPresent()
        && (parent.get().instructions().stream().anyMatch(Instruction.Shell.class::isInstance)
            || inheritsShell(parent.get()));
  }

  private void json(String keyword, Instruction.Program program, boolean shell, int line) {
    if (program.shell() && !shell) {
      warn(
          "JSONArgsRecommended",
          "JSON arguments recommended for "
              + keyword
              + " to prevent unintended behavior related to OS signals",
          line);
    }
  }

  private void several(String keyword, Map<String, Integer> seen, int line) {
    Integer before = seen.put(keyword, line);
    if (before != null) {
      warn(
          "MultipleInstructionsDisallowed",
          "Multiple "
              + keyword
              + " instructions should not be used in the same stage because only the last one will be used",
          before);
    }
  }

  private void secret(String keyword, String name, int line) {
    if (SECRET.matcher(name).find() && !PUBLIC.matcher(name).find()) {
      warn(
          "SecretsUsedInArgOrEnv",
          "Do not use ARG or ENV instructions for sensitive data ("
              + keyword
              + " \""
              + name
              + "\")",
          line);
    }
  }

  private void port(String port, int line) {
    if (port.indexOf('$') >= 0) {
      return;
    }
    int slash = port.indexOf('/');
    String protocol = slash < 0 ? "" : port.substring(slash + 1);
    if (!protocol.equals(protocol.toLowerCase(Locale.ROOT))) {
      warn(
          "ExposeProtoCasing",
          "Defined protocol '" + port + "' in EXPOSE instruction should be lowercase",
          line);
    }
    if (port.indexOf(':') >= 0) {
      warn(
          "ExposeInvalidFormat",
          "EXPOSE instruction should not define an IP address or host-port mapping, found '"
              + port
              + "'",
          line);
    }
  }

  private void copied(Instruction.Copy copy, String path, int line) {
    boolean remote = path.contains("://") || path.contains("@");
    String clean = PathPattern.clean(path);
    if (!remote && path.indexOf('$') < 0 && !clean.isEmpty() && ignored.ignores(clean)) {
      warn(
          "CopyIgnoredFile",
          "Attempting to "
              + (copy.add() ? "Add" : "Copy")
              + " file \""
              + path
              + "\" that is excluded by .dockerignore",
          line);
    }
  }

  /// Names that nobody has set. RUN, CMD and ENTRYPOINT leave theirs to the shell.
  private void variables(Instruction instruction, Set<String> known, boolean opaque) {
    List<String> texts =
        switch (instruction) {
          case Instruction.Copy c -> {
            List<String> all = new ArrayList<>(c.sources());
            all.addAll(List.of(c.destination(), c.flags().owner(), c.flags().mode()));
            yield all;
          }
          case Instruction.Env e -> e.variables().stream().map(Instruction.Pair::value).toList();
          case Instruction.Label l -> l.labels().stream().map(Instruction.Pair::value).toList();
          case Instruction.Workdir w -> List.of(w.path());
          case Instruction.User u -> List.of(u.user());
          case Instruction.Volume v -> v.paths();
          case Instruction.Expose e -> e.ports();
          case Instruction.StopSignal s -> List.of(s.signal());
          case Instruction.Arg a ->
              a.arguments().stream().flatMap(v -> v.value().stream()).toList();
          default -> List.of();
        };
    for (String text : texts) {
      Expansion expansion =
          new Expansion(
              file.directives().escape(),
              n -> known.contains(n) || PROXIES.contains(n.toUpperCase(Locale.ROOT)) ? "x" : null);
      try {
        String _ = expansion.word(text);
      } catch (ParseFailure e) {
        continue; // the build says so
      }
      for (String name : expansion.unset()) {
        String near = similar(name, known);
        if (!opaque || !near.isEmpty() || PREDEFINED.contains(name)) {
          warn(
              "UndefinedVar",
              "Usage of undefined variable '$" + name + "'" + near,
              instruction.origin().first());
        }
      }
    }
  }

  private String similar(String name, Set<String> known) {
    return near(name, known).map(k -> " (did you mean $" + k + "?)").orElse("");
  }

  private String similarTo(String name, Set<String> declared) {
    Set<String> known = new HashSet<>(declared);
    known.addAll(PREDEFINED);
    return near(name, known).map(k -> " (did you mean " + k + "?)").orElse("");
  }

  /// The name that may be meant; nobody looks for it any more where a file has thousands of them.
  private Optional<String> near(String name, Set<String> known) {
    compared += known.size();
    if (compared > MOST_COMPARED || name.length() > LONGEST) {
      return Optional.empty();
    }
    return Similar.nearest(name, known.stream().filter(k -> k.length() <= LONGEST).toList());
  }
}
