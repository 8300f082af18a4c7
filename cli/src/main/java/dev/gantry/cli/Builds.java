package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import dev.gantry.client.ApiError;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
import dev.gantry.recipes.Recipe;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/// `build`: sends the context and shows how the build goes.
final class Builds {
  private static final int PIPE = 256 * 1024;
  private static final int MOST_EXTRAS = 60 * 1024;
  private static final int MOST_SECRET = 500 * 1024;

  /// A Dockerfile from elsewhere goes into the context under this name.
  private static final String OWN_FILE = ".dockerfile.gantry";

  private Builds() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] PATH | URL | -",
        1,
        1,
        Builds::build,
        Flag.list("allow", ' ', "What RUN may ask for: network.host, security.insecure"),
        Flag.text("base", ' ', "Without a Dockerfile: an image with apt to build and run on"),
        Flag.text("recipe", ' ', "Without a Dockerfile: what to take of several, as maven:web"),
        Flag.list(
            "build-context",
            ' ',
            "Files or an image under a name: NAME=FOLDER|URL|docker-image://IMAGE"),
        Flag.list("annotation", ' ', "An annotation of the image: [manifest|index|…:]NAME=VALUE"),
        Flag.list("attest", ' ', "An attestation: type=provenance|sbom,FIELD=VALUE"),
        Flag.text("builder", ' ', "No effect: the engine builds").hide(),
        Flag.list("cache-to", ' ', "Where layers are left: type=inline|registry|local,…"),
        Flag.text("call", ' ', "What to do: build, check, outline, targets").standard("build"),
        Flag.bool("check", ' ', "Check the Dockerfile, build nothing"),
        Flag.bool("load", ' ', "Keep the image with the engine, as without --output").hide(),
        Flag.text("metadata-file", ' ', "Write what was built to this file"),
        Flag.text("provenance", ' ', "Say how it was built: true, mode=max, version=v1"),
        Flag.bool("push", ' ', "Send the image to the registries of its names"),
        Flag.text("sbom", ' ', "List the packages in it: true"),
        Flag.bool("squash", ' ', "All new layers in one"),
        Flag.list("ssh", ' ', "An ssh agent for RUN: default, NAME=SOCKET or NAME=KEY,…"),
        Flag.bool("debug", ' ', "After a failed RUN, a shell in the state before it"),
        Flag.list("no-cache-filter", ' ', "Stages to make anew"),
        Flag.list("output", 'o', "Where the result goes: type=local|tar|oci|docker,dest=PATH"),
        Flag.list("secret", ' ', "A secret for RUN: id=NAME,src=FILE or id=NAME,env=VARIABLE"),
        Flag.list("add-host", ' ', "A line for /etc/hosts: NAME:ADDRESS"),
        Flag.list("build-arg", ' ', "A value for an ARG: NAME=VALUE, or NAME for our own value"),
        Flag.list("cache-from", ' ', "Where layers are taken from: NAME or type=registry|local,…"),
        Flag.text("cgroup-parent", ' ', "The control group above those of the steps"),
        Flag.bool("compress", ' ', "No effect: what is sent stays on this machine").hide(),
        Flag.integer("cpu-period", ' ', "Microseconds of the CPU limit's period"),
        Flag.integer("cpu-quota", ' ', "Microseconds of CPU time in each period"),
        Flag.integer("cpu-shares", 'c', "Weight against others when the CPU is short"),
        Flag.text("cpuset-cpus", ' ', "CPUs to run on: 0-3, 0,1"),
        Flag.text("cpuset-mems", ' ', "Memory nodes to use"),
        Flag.bool("disable-content-trust", ' ', "No effect: signatures of Notary are not looked at")
            .hide(),
        Flag.text("file", 'f', "The Dockerfile, PATH/Dockerfile if not said; - for standard input"),
        Flag.bool("force-rm", ' ', "Remove containers also after a failure").hide(),
        Flag.text("iidfile", ' ', "Write the image's id to this file"),
        Flag.text("isolation", ' ', "How steps are kept apart: default, the only way on Linux")
            .checked(
                value ->
                    value.isEmpty() || value.equals("default")
                        ? Optional.empty()
                        : Optional.of("there is only default on Linux"))
            .hide(),
        Flag.list("label", ' ', "A label of the image: NAME=VALUE"),
        Flag.bytes("memory", 'm', "Limit of memory"),
        Flag.bytes("memory-swap", ' ', "Limit of memory and swap, -1 for none"),
        Flag.text("network", ' ', "The network of RUN: default, none, host").standard("default"),
        Flag.bool("no-cache", ' ', "Make every layer anew"),
        Flag.list("platform", ' ', "What the image shall run on; several make an index"),
        Flag.text("progress", ' ', "How to show it: auto, plain, tty, rawjson").standard("auto"),
        Flag.bool("pull", ' ', "Ask the registry for newer base images"),
        Flag.bool("quiet", 'q', "Only the image's id"),
        Flag.bool("rm", ' ', "Remove containers after the build").hide(),
        Flag.bytes("shm-size", ' ', "Size of /dev/shm"),
        Flag.list("tag", 't', "A name of the image: NAME[:TAG]"),
        Flag.text("target", ' ', "The stage to build"),
        Flag.list("ulimit", ' ', "A limit of processes: NAME=SOFT[:HARD]"));
  }

  private static int build(Session session, Words words) throws IOException {
    try {
      return run(session, words);
    } catch (FailedStep failed) {
      Exit exit = new Exit(failed.code, String.valueOf(failed.getMessage()));
      if (words.on("debug") && !failed.state.isEmpty()) {
        session.err().println(exit.text());
        session.err().println("a shell in the state before the failed step; exit ends it");
        shell(session, failed.state, failed.arguments);
      }
      throw exit;
    }
  }

  /// A shell in a container of the image `id`, which goes with it.
  ///
  /// @param arguments `NAME=VALUE` of what ARG had set for the step
  private static void shell(Session session, String id, List<String> arguments) throws IOException {
    List<String> run = new ArrayList<>(List.of("--rm", "-i", "--entrypoint", "/bin/sh"));
    arguments.forEach(a -> run.addAll(List.of("-e", a)));
    if (Streams.inputIsTerminal()) {
      run.add("-t");
    }
    run.add(id);
    Command command = Commands.find(List.of("run")).orElseThrow().command();
    try {
      int _ = command.action().run(session, Words.parse(command.flags(), run, false));
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    } finally {
      Json _ = session.engine().delete(Query.of("/images/" + id));
    }
  }

  /// Removes the image of a build whose files were wanted alone, unless it has names from before.
  private static void forget(Session session, String id) {
    Json.JsonObject image =
        (Json.JsonObject) session.engine().get(Query.of("/images/" + id + "/json"));
    if (image.strings("RepoTags").isEmpty()) {
      Json _ = session.engine().delete(Query.of("/images/" + id));
    }
  }

  /// A build that failed at an instruction.
  private static final class FailedStep extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int code;
    private final String state;
    private final transient List<String> arguments;

    /// @param state an image of how it was before; empty if there is none
    /// @param arguments what ARG had set then
    FailedStep(int code, String message, String state, List<String> arguments) {
      super(message, null, false, false);
      this.code = code;
      this.state = state;
      this.arguments = arguments;
    }
  }

  /// Builds; what steps may ask for is answered by a session beside it.
  private static int run(Session session, Words words) throws IOException {
    Map<String, byte[]> secrets = secrets(words);
    try (SshAgents agents = new SshAgents(words.list("ssh"))) {
      if (secrets.isEmpty() && agents.sockets().isEmpty()) {
        return run(session, words, "");
      }
      try (BuildSession given = new BuildSession(session.engine(), secrets, agents.sockets())) {
        return run(session, words, given.id());
      }
    }
  }

  private static int run(Session session, Words words, String given) throws IOException {
    List<BuildOutput> outputs = words.list("output").stream().map(BuildOutput::parse).toList();
    BuildCaching caching = new BuildCaching(words);
    List<String> names = names(words, outputs);
    Query query = query(words, names).withText("session", given);
    try (BuildScreen screen =
        new BuildScreen(session, words.on("quiet") ? "quiet" : words.text("progress", "auto"))) {
      return run(session, words, outputs, caching, names, query, screen);
    }
  }

  private static int run(
      Session session,
      Words words,
      List<BuildOutput> outputs,
      BuildCaching caching,
      List<String> names,
      Query query,
      BuildScreen screen)
      throws IOException {
    BuildContexts contexts = new BuildContexts(words.list("build-context"));
    Map<String, String> extras = extras(session, words, screen, outputs, caching, contexts);
    String from = words.argument(0);
    String file = words.text("file", "");
    AtomicReference<String> id = new AtomicReference<>("");
    boolean quiet = words.on("quiet");
    if ((caching.sends() || contexts.sends()) && !Files.isDirectory(Path.of(from))) {
      throw new Exit(1, "a cache or a named context in a folder needs a context in a folder");
    }
    if (from.matches("(?i)(https?|git)://.+|git@.+|github\\.com/.+")) {
      query.with("remote", from).withText("dockerfile", file);
      try (InputStream nothing = InputStream.nullInputStream()) {
        show(session, session.engine().upload("POST", query, extras, nothing), screen, quiet, id);
      }
    } else if (from.equals("-")) {
      if (file.equals("-")) {
        throw new Exit(
            1, "invalid argument: can't use stdin for both build context and dockerfile");
      }
      BufferedInputStream in = new BufferedInputStream(session.in(), 64 * 1024);
      try (InputStream archive = isArchive(in) ? in : alone(in, query)) {
        show(
            session,
            session.engine().upload("POST", query.withText("dockerfile", file), extras, archive),
            screen,
            quiet,
            id);
      }
    } else {
      Path folder = Path.of(from);
      if (!Files.isDirectory(folder)) {
        String hint = from.equals("history") ? ": gantry build history ls lists builds" : "";
        throw new Exit(1, "unable to prepare context: path \"" + from + "\" not found" + hint);
      }
      Optional<Recipe> recipe =
          file.isEmpty() ? SourceBuilds.recipe(session, folder, words) : Optional.empty();
      try (Context context = new Context(session, folder, file, query, recipe, caching, contexts)) {
        show(session, context.send(session, query, extras), screen, quiet, id);
        context.check();
      }
    }
    screen.close();
    if (screen.answer().size() > 0) {
      return answer(session, words, screen.answer());
    }
    if (screen.failed()) {
      return 1;
    }
    Map<String, String> platforms = screen.platforms(id.get());
    for (BuildOutput output : outputs) {
      output.write(session, platforms, screen.result(), words.list("tag"));
    }
    if (!outputs.isEmpty() && outputs.stream().allMatch(BuildOutput::isFiles)) {
      platforms.values().forEach(one -> forget(session, one));
    }
    caching.fetch(session, screen.result().objects("Caches"));
    Optional<String> metadata = words.text("metadata-file");
    if (metadata.isPresent()) {
      Files.writeString(Path.of(metadata.get()), metadata(screen.result(), names).text() + "\n");
    }
    Optional<String> idFile = words.text("iidfile");
    if (idFile.isPresent()) {
      Files.writeString(Path.of(idFile.get()), id.get());
    }
    return 0;
  }

  /// Prints what the engine says of a Dockerfile that it has not built.
  private static int answer(Session session, Words words, Json.JsonObject answer) {
    boolean json = words.text("call", "").endsWith("format=json");
    String text = answer.string(json ? "Json" : "Text", "");
    session.out().print(text.endsWith("\n") ? text : text + "\n");
    session.out().flush();
    Json.JsonObject said = Json.parseObject(answer.string("Json", "{}"));
    return said.objects("warnings").isEmpty() ? 0 : 1;
  }

  /// What `--metadata-file` holds, in the words of Docker's own clients.
  private static Json.JsonObject metadata(Json.JsonObject result, List<String> names) {
    Json.JsonObject all =
        Json.object()
            .put("buildx.build.ref", result.string("Ref", ""))
            .put("containerimage.config.digest", result.string("Config", ""))
            .put("containerimage.digest", result.string("Digest", ""));
    result.object("Descriptor").ifPresent(d -> all.put("containerimage.descriptor", d));
    if (!names.isEmpty()) {
      all.put("image.name", String.join(",", names));
    }
    return all;
  }

  // ---- what is asked for

  /// The names that the image gets with the engine; none if files alone are wanted.
  private static List<String> names(Words words, List<BuildOutput> outputs) {
    boolean byDigest = outputs.stream().anyMatch(o -> o.fields().containsKey("push-by-digest"));
    if (!outputs.isEmpty() && outputs.stream().allMatch(BuildOutput::isFiles) && !byDigest) {
      return List.of();
    }
    List<String> names = new ArrayList<>(words.list("tag"));
    outputs.stream()
        .filter(o -> !o.isFiles() || o.fields().containsKey("push-by-digest"))
        .forEach(o -> names.addAll(o.names()));
    return names.stream().distinct().toList();
  }

  /// What Docker's parameters have no place for: see the engine's `BuildRequests.extras`.
  private static Map<String, String> extras(
      Session session,
      Words words,
      BuildScreen screen,
      List<BuildOutput> outputs,
      BuildCaching caching,
      BuildContexts contexts)
      throws IOException {
    String[] called = words.text("call", "build").split(",", 2);
    String call = called[0].equals("lint") ? "check" : called[0];
    boolean json = called.length > 1 && called[1].equals("format=json");
    if (!List.of("build", "check", "outline", "targets").contains(call)
        || called.length > 1 && !json) {
      throw new Exit(
          1,
          "unknown call "
              + words.text("call", "")
              + ": build, check, outline or targets, the last three also with ,format=json");
    }
    boolean check = words.on("check") || call.equals("check");
    boolean push = words.on("push") || outputs.stream().anyMatch(BuildOutput::push);
    List<String> annotations = new ArrayList<>(words.list("annotation"));
    outputs.forEach(o -> annotations.addAll(o.annotations()));
    Json.JsonObject all =
        Json.object()
            .put("Steps", screen.wantsSteps())
            .put("Folder", folder(words.argument(0)))
            .put("Check", check && !json)
            .put("Push", push)
            .put("Annotations", Json.strings(annotations))
            .put("Attestations", Json.strings(attestations(words)))
            .put("Debug", words.on("debug"))
            .put("Allow", Json.strings(words.list("allow")))
            .put("NoCacheStages", Json.strings(words.list("no-cache-filter")));
    if (check && json) {
      all.put("Call", "lint");
    } else if (!check && !call.equals("build")) {
      all.put("Call", call);
    }
    outputs.stream()
        .filter(BuildOutput::isLoose)
        .findFirst()
        .ifPresent(o -> all.put("Beside", o.fields().getOrDefault("attestation-prefix", "")));
    outputs.stream()
        .filter(o -> !o.isLoose())
        .findFirst()
        .ifPresent(o -> all.put("Image", Json.strings(o.fields())));
    contexts.ask(all);
    Json.JsonObject known = Json.object(); // what everybody may know goes along at once
    String trusted = MachineCertificates.text();
    if (!trusted.isEmpty()) {
      known.put("certificates", encoded(trusted.getBytes(StandardCharsets.UTF_8)));
    }
    caching.ask(all);
    String text = all.put("Secrets", known).text();
    String header = encoded(text.getBytes(StandardCharsets.UTF_8));
    if (header.length() > MOST_EXTRAS) {
      throw new Exit(1, "too much is asked of a build: its flags together can have 40 KiB");
    }
    return Map.of("X-Gantry-Build", header, "X-Registry-Config", Logins.all(session));
  }

  /// Attestations by kind; a flag of its own counts before `--attest`.
  private static Map<String, String> attestations(Words words) {
    Map<String, String> all = new HashMap<>();
    for (String text : words.list("attest")) {
      Map<String, String> fields = BuildFields.of(text);
      List<String> rest = new ArrayList<>();
      fields.forEach(
          (k, v) -> {
            if (!k.equals("type")) {
              rest.add(k + "=" + v);
            }
          });
      all.put(fields.getOrDefault("type", text), String.join(",", rest));
    }
    for (String kind : List.of("provenance", "sbom")) {
      words.text(kind).ifPresent(value -> all.put(kind, value));
    }
    return all;
  }

  /// What the history calls a context that is a folder of ours.
  private static String folder(String from) {
    return Files.isDirectory(Path.of(from))
        ? Surroundings.ours().absolute(Path.of(from)).normalize().toString()
        : "";
  }

  private static Map<String, byte[]> secrets(Words words) throws IOException {
    Map<String, byte[]> all = new HashMap<>();
    for (String text : words.list("secret")) {
      secret(text, all);
    }
    return all;
  }

  private static void secret(String text, Map<String, byte[]> secrets) throws IOException {
    Map<String, String> fields = new HashMap<>();
    for (String field : text.split(",")) {
      String[] pair = field.split("=", 2);
      if (pair.length < 2) {
        throw new Exit(1, "invalid field '" + field + "' must be a key=value pair");
      }
      fields.put(pair[0].toLowerCase(Locale.ROOT), pair[1]);
    }
    String id = fields.getOrDefault("id", "");
    String file = fields.getOrDefault("src", fields.getOrDefault("source", ""));
    if (id.isEmpty()) {
      throw new Exit(1, "invalid secret " + text + ": it needs an id");
    }
    String variable = fields.getOrDefault("env", file.isEmpty() ? id : "");
    byte[] content;
    String ours = file.isEmpty() ? Surroundings.ours().environment().get(variable) : null;
    if (ours != null) {
      content = ours.getBytes(StandardCharsets.UTF_8);
    } else {
      Path path = Path.of(file.isEmpty() ? id : file);
      if (!Files.isRegularFile(path)) {
        throw new Exit(1, "failed to stat " + path + ": no such file or directory");
      }
      content = Files.readAllBytes(path);
    }
    if (content.length > MOST_SECRET) {
      throw new Exit(1, "invalid secret " + id + ": it is larger than 500 KiB");
    }
    secrets.put(id, content);
  }

  private static String encoded(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static Query query(Words words, List<String> names) {
    Query query = Query.of("/build").with("version", "1").with("rm", true);
    names.forEach(name -> query.with("t", name));
    words.list("add-host").forEach(host -> query.with("extrahosts", host.replace('=', ':')));
    Json.JsonObject arguments = Json.object();
    String date = Surroundings.variable("SOURCE_DATE_EPOCH"); // as Buildx takes it along
    if (!date.isEmpty()) {
      arguments.put("SOURCE_DATE_EPOCH", date);
    }
    for (String argument : words.list("build-arg")) {
      String[] pair = argument.split("=", 2);
      String ours = pair.length > 1 ? pair[1] : Surroundings.ours().environment().get(pair[0]);
      if (ours != null) {
        arguments.put(pair[0], ours);
      }
    }
    Json.JsonObject labels = Json.object();
    for (String label : words.list("label")) {
      String[] pair = label.split("=", 2);
      labels.put(pair[0], pair.length > 1 ? pair[1] : "");
    }
    if (!words.list("ulimit").isEmpty()) {
      Json.JsonArray limits = Json.array();
      words.list("ulimit").forEach(text -> limits.add(limit(text)));
      query.with("ulimits", limits.text());
    }
    long memory = words.bytes("memory", 0);
    long swap = words.bytes("memory-swap", 0);
    long shared = words.bytes("shm-size", 0);
    return query
        .with("buildargs", arguments.text())
        .with("labels", labels.text())
        .with("networkmode", words.text("network", "default"))
        .withText("target", words.text("target", ""))
        .withText("platform", String.join(",", words.list("platform")))
        .withText("cgroupparent", words.text("cgroup-parent", ""))
        .withText("cpusetcpus", words.text("cpuset-cpus", ""))
        .withText("cpusetmems", words.text("cpuset-mems", ""))
        .withText("cpuperiod", text(words.number("cpu-period", 0)))
        .withText("cpuquota", text(words.number("cpu-quota", 0)))
        .withText("cpushares", text(words.number("cpu-shares", 0)))
        .withText("memory", text(memory))
        .withText("memswap", text(swap))
        .withText("shmsize", text(shared))
        .with("nocache", words.on("no-cache"))
        .with("squash", words.on("squash"))
        .with("pull", words.on("pull"))
        .with("q", words.on("quiet"));
  }

  private static String text(long number) {
    return number == 0 ? "" : Long.toString(number);
  }

  private static Json.JsonObject limit(String text) {
    String[] parts = text.split("[=:]");
    try {
      long soft = Long.parseLong(parts[1]);
      long hard = parts.length > 2 ? Long.parseLong(parts[2]) : soft;
      return Json.object().put("Name", parts[0]).put("Soft", soft).put("Hard", hard);
    } catch (ArrayIndexOutOfBoundsException | NumberFormatException e) {
      throw new Exit(125, "invalid ulimit argument: " + text);
    }
  }

  // ---- what is sent

  private static boolean isArchive(BufferedInputStream in) throws IOException {
    in.mark(1024);
    byte[] head = in.readNBytes(512);
    in.reset();
    boolean packed =
        head.length > 4
            && ((head[0] & 0xff) == 0x1f && (head[1] & 0xff) == 0x8b
                || (head[0] & 0xff) == 0x28 && (head[1] & 0xff) == 0xb5);
    return packed
        || head.length == 512
            && new String(head, 257, 5, StandardCharsets.ISO_8859_1).equals("ustar");
  }

  /// A Dockerfile alone, as a context with nothing else in it.
  private static InputStream alone(InputStream in, Query query) throws IOException {
    byte[] text = in.readAllBytes();
    java.io.ByteArrayOutputStream archive = new java.io.ByteArrayOutputStream();
    try (TarWriter tar = new TarWriter(archive)) {
      tar.add(
          new Entry(OWN_FILE, '0', 0600, 0, 0, text.length, 0, ""), new ByteArrayInputStream(text));
    }
    query.with("dockerfile", OWN_FILE);
    return new ByteArrayInputStream(archive.toByteArray());
  }

  /// A folder on its way to the engine: packed on a thread of its own while it is sent.
  private static final class Context implements AutoCloseable {
    private final Path folder;
    private final IgnoreFile ignored;
    private final byte[] ownFile;
    private final byte[] ownIgnored;
    private final String file;
    private final List<InputStream> opened = new ArrayList<>();
    private final Packing packing;
    private final BuildCaching caching;
    private final BuildContexts contexts;

    /// @param recipe what takes the place of a Dockerfile in it
    Context(
        Session session,
        Path folder,
        String wanted,
        Query query,
        Optional<Recipe> recipe,
        BuildCaching caching,
        BuildContexts contexts)
        throws IOException {
      this.folder = folder;
      this.caching = caching;
      this.contexts = contexts;
      Path inside =
          wanted.isEmpty()
              ? folder.resolve("Dockerfile")
              : Surroundings.ours().absolute(Path.of(wanted));
      Path root = Surroundings.real(folder);
      boolean given = wanted.equals("-");
      boolean outside =
          !given && Files.exists(inside) && !Surroundings.real(inside).startsWith(root);
      if (!given && !wanted.isEmpty() && !Files.exists(inside)) {
        throw new Exit(
            1,
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat "
                + inside
                + ": no such file or directory");
      }
      boolean said = absolute(inside).startsWith(absolute(folder));
      if (outside && said) { // a link in a tree of somebody else may lead to a file of ours
        throw new Exit(
            1,
            "unable to prepare context: the Dockerfile ("
                + inside
                + ") must be within the build context");
      }
      Path theirs = folder.resolve(".dockerignore");
      String rules =
          Files.isRegularFile(theirs)
              ? Files.readString(theirs)
              : recipe.map(Recipe::dockerignore).orElse("");
      // what we add is no file of theirs: COPY does not see it
      ownIgnored = (rules + "\n" + OWN_FILE + "*\n").getBytes(StandardCharsets.UTF_8);
      if (recipe.isPresent()) {
        ownFile = recipe.get().dockerfile().getBytes(StandardCharsets.UTF_8);
        file = OWN_FILE;
        query.with("dockerfile", OWN_FILE);
      } else if (given || outside) {
        ownFile = given ? session.in().readAllBytes() : Files.readAllBytes(inside);
        file = OWN_FILE;
        query.with("dockerfile", OWN_FILE);
      } else {
        ownFile = new byte[0];
        file =
            wanted.isEmpty() ? "Dockerfile" : root.relativize(Surroundings.real(inside)).toString();
        query.withText("dockerfile", wanted.isEmpty() ? "" : file);
      }
      ignored =
          recipe.isPresent()
              ? rules(".dockerignore", rules)
              : ignored(folder, wanted.isEmpty() ? "Dockerfile" : file);
      packing =
          new Packing(
              name ->
                  !(file + ".dockerignore").startsWith(name + "/") // a folder that it lies in
                      && !name.equals(file)
                      && !name.equals(".dockerignore")
                      && !name.equals(file + ".dockerignore")
                      && ignored.ignores(name),
              ignored.isFinal());
    }

    private static IgnoreFile ignored(Path folder, String file) throws IOException {
      for (String name : new String[] {file + ".dockerignore", ".dockerignore"}) {
        if (Files.isRegularFile(folder.resolve(name))) {
          return rules(name, Files.readString(folder.resolve(name)));
        }
      }
      return IgnoreFile.NONE;
    }

    private static IgnoreFile rules(String name, String text) {
      try {
        return IgnoreFile.parse(text);
      } catch (ParseFailure e) {
        throw new Exit(1, "could not read " + name + ": " + e.text());
      }
    }

    private static Path absolute(Path path) {
      return Surroundings.ours().absolute(path).normalize();
    }

    /// Sends it with the build's request and returns what the engine says.
    InputStream send(Session session, Query query, Map<String, String> headers) throws IOException {
      if (!caching.sends() && !contexts.sends()) {
        ContextListing listing = new ContextListing(folder, ignored);
        if (listing.isLarge()) {
          try {
            return send(session, query, headers, listing, listing.missing(session));
          } catch (ApiError e) {
            if (e.status() == 409) { // another build of the same folder was faster
              return send(session, query, headers, listing, listing.all());
            }
            if (e.status() != 404) { // an engine that keeps nothing
              throw e;
            }
          }
        }
      }
      return session.engine().upload("POST", query, headers, open(this::pack));
    }

    private InputStream send(
        Session session,
        Query query,
        Map<String, String> headers,
        ContextListing listing,
        BitSet missing)
        throws IOException {
      Map<String, String> all = new HashMap<>(headers);
      all.put("X-Gantry-Context", listing.name());
      Map<String, byte[]> own = ownFiles();
      return session
          .engine()
          .upload("POST", query, all, open(out -> listing.write(out, missing, own)));
    }

    /// What the builder itself reads: the Dockerfile and what is ignored, although it may be
    /// ignored itself.
    private Map<String, byte[]> ownFiles() throws IOException {
      if (ownFile.length > 0) {
        return Map.of(OWN_FILE, ownFile, OWN_FILE + ".dockerignore", ownIgnored);
      }
      Map<String, byte[]> own = new HashMap<>();
      Path root = Surroundings.real(folder);
      for (String name : List.of(file, file + ".dockerignore", ".dockerignore", "dockerfile")) {
        Path path = folder.resolve(name);
        if (Files.isRegularFile(path) && Surroundings.real(path).startsWith(root)) {
          own.put(name, Files.readAllBytes(path));
        }
      }
      return own;
    }

    @FunctionalInterface
    private interface Writer {
      void write(OutputStream out) throws IOException;
    }

    private InputStream open(Writer writer) throws IOException {
      PipedInputStream in = new PipedInputStream(PIPE);
      PipedOutputStream pipe = new PipedOutputStream(in);
      opened.add(in);
      Thread.ofPlatform()
          .daemon()
          .name("context")
          .start(
              () -> {
                try (OutputStream out = new BufferedOutputStream(pipe, PIPE)) {
                  writer.write(out);
                } catch (IOException e) {
                  packing.failed(e);
                }
              });
      return in;
    }

    private void pack(OutputStream out) throws IOException {
      try (TarWriter tar = new TarWriter(out)) {
        packing.content(tar, folder);
        caching.send(tar);
        contexts.send(tar);
        if (ownFile.length > 0) {
          own(tar, OWN_FILE, ownFile);
          own(tar, OWN_FILE + ".dockerignore", ownIgnored);
        }
      }
    }

    private static void own(TarWriter tar, String name, byte[] content) throws IOException {
      tar.add(
          new Entry(name, '0', 0600, 0, 0, content.length, 0, ""),
          new ByteArrayInputStream(content));
    }

    void check() {
      packing.check();
    }

    @Override
    public void close() throws IOException {
      for (InputStream in : opened) {
        in.close();
      }
    }
  }

  // ---- what comes back

  private static void show(
      Session session,
      InputStream stream,
      BuildScreen screen,
      boolean quiet,
      AtomicReference<String> id)
      throws IOException {
    boolean colours = Streams.outputIsTerminal();
    try (stream) {
      EngineClient.each(stream, message -> one(session, message, screen, quiet, colours, id));
    }
    session.out().flush();
  }

  private static void one(
      Session session,
      Json.JsonObject message,
      BuildScreen screen,
      boolean quiet,
      boolean colours,
      AtomicReference<String> id) {
    message.object("aux").flatMap(a -> a.string("ID")).ifPresent(id::set);
    Optional<Json.JsonObject> problem = message.object("errorDetail");
    if (problem.isPresent()) {
      session.out().flush();
      problem.get().string("excerpt").ifPresent(e -> session.err().print(e));
      throw new FailedStep(
          (int) problem.get().number("code", 1),
          problem.get().string("message", message.string("error", "")),
          problem.get().string("state", ""),
          problem.get().strings("arguments"));
    }
    if (screen.shows(message)) {
      return;
    }
    String text = message.string("stream", "");
    if (quiet && text.strip().toLowerCase(Locale.ROOT).matches("sha256:[0-9a-f]{64}")) {
      id.set(text.strip());
    }
    session.out().print(colours ? text : text.replaceAll("\u001b\\[[0-9;]*m", ""));
    session.out().flush();
  }
}
