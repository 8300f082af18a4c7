package dev.gantry.runtime;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.json.JsonRecords;
import dev.gantry.kernel.CgroupLayout;
import dev.gantry.oci.RuntimeSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// gantry-runtime: the built-in runtime with the command line of OCI runtimes, so that other
/// engines (Docker, containerd, Podman) can run containers with it.
public final class RuntimeMain {
  private static final String VERSION = "0.1.0";
  private static final Map<String, Integer> SIGNALS = signals();
  private static final String HELP =
      """
      Usage: gantry-runtime [OPTIONS] COMMAND [ARGUMENTS]

      Runs containers from OCI bundles.

      Commands:
        create    Create a container; its program waits for start
        start     Run the program of a created container
        run       Create a container and run its program
        state     Print the state of a container
        kill      Send a signal to a container's first process
        delete    Remove what is left of a container
        exec      Run a further program in a container
        ps        List the processes of a container
        list      List the containers
        pause     Suspend all processes of a container
        resume    Continue a paused container
        update    Change the limits of a container
        events    Print figures of a container (--stats)
        spec      Write a config.json to start from
        features  Print what this runtime supports

      Options:
        --root DIR            Folder of the containers' state (default /run/gantry-runtime)
        --log FILE            Write failures there too
        --log-format FORMAT   text or json
        --systemd-cgroup      Take cgroupsPath as SLICE:PREFIX:NAME
        --version             Print the version
      """;

  private final OciArguments options;

  private RuntimeMain(OciArguments options) {
    this.options = options;
  }

  public static void main(String[] words) {
    int code;
    OciArguments options = null;
    try {
      options = new OciArguments(Arrays.asList(words));
      code = new RuntimeMain(options).run();
    } catch (Failure | LaunchFailure | IOException | JsonException e) {
      String message = e.getMessage();
      report(options, message == null ? e.getClass().getSimpleName() : message);
      // a program's own code may be 1: that an exec could not be made is told apart
      code = options != null && options.rest().indexOf("exec") == 0 ? 255 : 1;
    } catch (InterruptedException e) {
      code = 130;
    }
    System.out.flush();
    // without waiting for threads that only wait for what no longer matters
    java.lang.Runtime.getRuntime().halt(code);
  }

  private static void report(@Nullable OciArguments options, String message) {
    System.err.println("gantry-runtime: " + message);
    Optional<String> file = options == null ? Optional.empty() : options.value("log");
    if (file.isEmpty() || options == null) {
      return;
    }
    String time = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    Json.JsonObject line =
        Json.object().put("level", "error").put("msg", message).put("time", time);
    String text =
        options.value("log-format").orElse("text").equals("json")
            ? line.text()
            : "time=\"" + time + "\" level=error msg=" + Json.of(message).text();
    try {
      Files.writeString(
          Path.of(file.get()), text + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      System.err.println(
          "gantry-runtime: could not write the log " + file.get() + ": " + e.getMessage());
    }
  }

  private int run() throws LaunchFailure, IOException, InterruptedException {
    if (options.has("version")) {
      System.out.println("gantry-runtime version " + VERSION + "\nspec: " + RuntimeSpec.VERSION);
      return 0;
    }
    if (options.has("help") || options.rest().isEmpty()) {
      System.out.print(HELP);
      return 0;
    }
    String command = options.rest().getFirst();
    OciArguments arguments = new OciArguments(options.rest().subList(1, options.rest().size()));
    if (arguments.has("help")) {
      System.out.print(HELP);
      return 0;
    }
    switch (command) {
      case "features" -> System.out.println(OciFeatures.document().text());
      case "spec" -> writeSpec(arguments);
      case "help" -> System.out.print(HELP);
      case "checkpoint", "restore" ->
          throw new Failure.Unsupported(command + ": checkpoints are not supported");
      case "run" -> {
        return runContainer(arguments);
      }
      case "exec" -> {
        return exec(arguments);
      }
      default -> onContainer(command, arguments);
    }
    return 0;
  }

  private void onContainer(String command, OciArguments arguments)
      throws LaunchFailure, IOException {
    OciContainers containers = containers();
    if (command.equals("list")) {
      list(containers, arguments);
      return;
    }
    String id = arguments.operand(0, "container ID");
    switch (command) {
      case "create" -> containers.create(creation(id, arguments, true, false)).close();
      case "start" -> containers.start(id);
      case "state" -> {
        OciState state = containers.state(id);
        System.out.println(state.document(containers.status(state).toString()).text());
      }
      case "kill" ->
          containers.kill(
              id,
              signal(arguments.rest().size() > 1 ? arguments.rest().get(1) : "SIGTERM"),
              arguments.has("all"));
      case "delete" -> containers.delete(id, arguments.has("force"));
      case "pause" -> containers.freeze(id, true);
      case "resume" -> containers.freeze(id, false);
      case "ps" -> processes(containers.processes(id), arguments);
      case "update" -> containers.update(id, OciUpdate.resources(arguments));
      case "events" ->
          System.out.println(
              OciUpdate.stats(id, containers.state(id).cgroup(), containers.cgroups()).text());
      default -> throw new Failure.InvalidRequest("unknown command " + command);
    }
  }

  private OciContainers containers() {
    CgroupLayout cgroups = CgroupLayout.detected();
    Path root = Path.of(options.value("root").orElse("/run/gantry-runtime"));
    return new OciContainers(
        root, BuiltInRuntime.open(shim(), cgroups), cgroups, options.has("systemd-cgroup"));
  }

  private static Path shim() {
    String home = System.getProperty("gantry.home");
    String folder = System.getProperty("gantry.native", home == null ? "." : home + "/lib");
    return Path.of(folder, "gantry-shim");
  }

  private static OciContainers.Creation creation(
      String id, OciArguments arguments, boolean gate, boolean stays) {
    return new OciContainers.Creation(
        id,
        Path.of(arguments.value("bundle").orElse(".")),
        arguments.value("pid-file").map(Path::of),
        arguments.value("console-socket"),
        arguments.number("preserve-fds"),
        gate,
        stays);
  }

  private int runContainer(OciArguments arguments)
      throws LaunchFailure, IOException, InterruptedException {
    String id = arguments.operand(0, "container ID");
    boolean detach = arguments.has("detach");
    OciContainers containers = containers();
    RunningProcess process = containers.create(creation(id, arguments, false, !detach));
    containers.started(id);
    if (detach) {
      process.close();
      return 0;
    }
    int code = ForegroundTerminal.follow(process);
    if (!arguments.has("keep")) {
      containers.delete(id, true);
    }
    return code;
  }

  private int exec(OciArguments arguments) throws LaunchFailure, IOException, InterruptedException {
    String id = arguments.operand(0, "container ID");
    OciContainers containers = containers();
    boolean detach = arguments.has("detach");
    RunningProcess process =
        containers.exec(
            id,
            execProcess(containers, id, arguments),
            new Handover(false, !detach, 0),
            arguments.value("pid-file").map(Path::of),
            arguments.value("console-socket"));
    if (detach) {
      process.close();
      return 0;
    }
    return ForegroundTerminal.follow(process);
  }

  private static RuntimeSpec.Process execProcess(
      OciContainers containers, String id, OciArguments arguments) throws IOException {
    Optional<String> file = arguments.value("process");
    if (file.isPresent()) {
      return JsonRecords.read(
          Json.parseObject(Files.readString(Path.of(file.get()))), RuntimeSpec.Process.class);
    }
    RuntimeSpec.Process p = containers.configuration(id).process();
    List<String> command = arguments.rest().subList(1, arguments.rest().size());
    if (p == null || command.isEmpty()) {
      throw new Failure.InvalidRequest("process args cannot be empty");
    }
    List<String> environment = new ArrayList<>(p.env());
    environment.addAll(arguments.all("env"));
    RuntimeSpec.User user = p.user();
    Optional<String> wanted = arguments.value("user");
    if (wanted.isPresent()) {
      String[] parts = wanted.get().split(":", 2);
      try {
        user =
            new RuntimeSpec.User(
                Long.parseLong(parts[0]),
                parts.length > 1 ? Long.parseLong(parts[1]) : 0,
                null,
                List.of());
      } catch (NumberFormatException e) {
        throw new Failure.InvalidRequest(
            "the user must be UID[:GID] in numbers, not " + wanted.get(), null, e);
      }
    }
    return p.with(
        arguments.has("tty"),
        p.consoleSize(),
        user,
        command,
        environment,
        arguments.value("cwd").orElse(p.cwd()),
        p.noNewPrivileges() || arguments.has("no-new-privs"));
  }

  private static void list(OciContainers containers, OciArguments arguments) throws IOException {
    List<OciState> all = containers.all();
    if (arguments.has("quiet")) {
      all.forEach(s -> System.out.println(s.id()));
    } else if (arguments.value("format").orElse("table").equals("json")) {
      Json.JsonArray array = Json.array();
      all.forEach(s -> array.add(s.document(containers.status(s).toString())));
      System.out.println(array.text());
    } else {
      System.out.printf(
          Locale.ROOT, "%-24s %-8s %-9s %-40s %s%n", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
      for (OciState s : all) {
        System.out.printf(
            Locale.ROOT,
            "%-24s %-8d %-9s %-40s %s%n",
            s.id(),
            s.pid(),
            containers.status(s),
            s.bundle(),
            s.created());
      }
    }
  }

  private static void processes(List<Integer> pids, OciArguments arguments) {
    if (arguments.value("format").orElse("table").equals("json")) {
      Json.JsonArray array = Json.array();
      pids.forEach(pid -> array.add(pid.longValue()));
      System.out.println(array.text());
      return;
    }
    System.out.println("PID      COMMAND");
    for (int pid : pids) {
      String command;
      try {
        command =
            Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1)
                .replace('\0', ' ');
      } catch (IOException e) {
        continue; // it ended meanwhile
      }
      System.out.printf(Locale.ROOT, "%-8d %s%n", pid, command.trim());
    }
  }

  private static void writeSpec(OciArguments arguments) throws IOException {
    Path file = Path.of(arguments.value("bundle").orElse("."), "config.json");
    if (Files.exists(file)) {
      throw new Failure.Conflict("File " + file + " exists, remove it first");
    }
    Files.writeString(file, OciFeatures.template().toJson());
  }

  private static int signal(String name) {
    String bare = name.toUpperCase(Locale.ROOT).replaceFirst("^SIG", "");
    Integer number = SIGNALS.get(bare);
    if (number != null) {
      return number;
    }
    try {
      int value = Integer.parseInt(name);
      if (value >= 0 && value <= 64) {
        return value;
      }
    } catch (NumberFormatException e) {
      throw new Failure.InvalidRequest("unknown signal \"" + name + "\"", null, e);
    }
    throw new Failure.InvalidRequest("unknown signal \"" + name + "\"");
  }

  private static Map<String, Integer> signals() {
    String[] names =
        ("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT"
                + " STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")
            .split(" ");
    Map<String, Integer> result = new java.util.HashMap<>();
    for (int i = 0; i < names.length; i++) {
      result.put(names[i], i + 1);
    }
    result.put("RTMIN", 34);
    result.put("RTMAX", 64);
    return Map.copyOf(result);
  }
}
