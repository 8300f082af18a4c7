package dev.gantry.cli;

import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarWriter;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.json.Json;
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
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/// `build`: sends the context and shows how the build goes.
final class Builds {
  private static final int PIPE = 256 * 1024;

  /// A Dockerfile from elsewhere goes into the context under this name.
  private static final String OWN_FILE = ".dockerfile.gantry";

  private Builds() {}

  static Command command() {
    return Command.of(
        "[OPTIONS] PATH | URL | -",
        1,
        1,
        Builds::build,
        Flag.list("add-host", ' ', "A line for /etc/hosts: NAME:ADDRESS"),
        Flag.list("build-arg", ' ', "A value for an ARG: NAME=VALUE, or NAME for our own value"),
        Flag.list("cache-from", ' ', "Images to take layers from").hide(),
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
        Flag.text("platform", ' ', "What the image shall run on"),
        Flag.text("progress", ' ', "How to show it: auto, plain").standard("auto").hide(),
        Flag.bool("pull", ' ', "Ask the registry for newer base images"),
        Flag.bool("quiet", 'q', "Only the image's id"),
        Flag.bool("rm", ' ', "Remove containers after the build").hide(),
        Flag.bytes("shm-size", ' ', "Size of /dev/shm"),
        Flag.list("tag", 't', "A name of the image: NAME[:TAG]"),
        Flag.text("target", ' ', "The stage to build"),
        Flag.list("ulimit", ' ', "A limit of processes: NAME=SOFT[:HARD]"));
  }

  private static int build(Session session, Words words) throws IOException {
    Query query = query(words);
    String from = words.argument(0);
    String file = words.text("file", "");
    AtomicReference<String> id = new AtomicReference<>("");
    boolean quiet = words.on("quiet");
    if (from.matches("(?i)(https?|git)://.+|git@.+|github\\.com/.+")) {
      query.with("remote", from).withText("dockerfile", file);
      try (InputStream nothing = InputStream.nullInputStream()) {
        show(session, session.engine().upload(query, nothing), quiet, id);
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
            session.engine().upload(query.withText("dockerfile", file), archive),
            quiet,
            id);
      }
    } else {
      Path folder = Path.of(from);
      if (!Files.isDirectory(folder)) {
        throw new Exit(1, "unable to prepare context: path \"" + from + "\" not found");
      }
      try (Context context = new Context(session, folder, file, query)) {
        show(session, session.engine().upload(query, context.open()), quiet, id);
        context.check();
      }
    }
    Optional<String> idFile = words.text("iidfile");
    if (idFile.isPresent()) {
      Files.writeString(Path.of(idFile.get()), id.get());
    }
    return 0;
  }

  // ---- what is asked for

  private static Query query(Words words) {
    Query query = Query.of("/build").with("version", "1").with("rm", true);
    for (String tag : words.list("tag")) {
      query.with("t", tag);
    }
    words.list("add-host").forEach(host -> query.with("extrahosts", host.replace('=', ':')));
    Json.JsonObject arguments = Json.object();
    for (String argument : words.list("build-arg")) {
      String[] pair = argument.split("=", 2);
      String ours = pair.length > 1 ? pair[1] : System.getenv(pair[0]);
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
        .withText("platform", words.text("platform", ""))
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
    private final String file;
    private final PipedInputStream in = new PipedInputStream(PIPE);
    private final Packing packing;

    Context(Session session, Path folder, String wanted, Query query) throws IOException {
      this.folder = folder;
      Path inside =
          wanted.isEmpty() ? folder.resolve("Dockerfile") : Path.of(wanted).toAbsolutePath();
      Path root = folder.toRealPath();
      boolean given = wanted.equals("-");
      boolean outside = !given && Files.exists(inside) && !inside.toRealPath().startsWith(root);
      if (!given && !wanted.isEmpty() && !Files.exists(inside)) {
        throw new Exit(
            1,
            "unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat "
                + inside
                + ": no such file or directory");
      }
      if (given || outside) {
        ownFile = given ? session.in().readAllBytes() : Files.readAllBytes(inside);
        file = OWN_FILE;
        query.with("dockerfile", OWN_FILE);
      } else {
        ownFile = new byte[0];
        file = wanted.isEmpty() ? "Dockerfile" : root.relativize(inside.toRealPath()).toString();
        query.withText("dockerfile", wanted.isEmpty() ? "" : file);
      }
      ignored = ignored(folder, wanted.isEmpty() ? "Dockerfile" : file);
      packing =
          new Packing(
              name ->
                  !name.equals(file)
                      && !name.equals(".dockerignore")
                      && !name.equals(file + ".dockerignore")
                      && ignored.ignores(name),
              ignored.isFinal());
    }

    private static IgnoreFile ignored(Path folder, String file) throws IOException {
      for (String name : new String[] {file + ".dockerignore", ".dockerignore"}) {
        if (Files.isRegularFile(folder.resolve(name))) {
          try {
            return IgnoreFile.parse(Files.readString(folder.resolve(name)));
          } catch (ParseFailure e) {
            throw new Exit(1, "could not read " + name + ": " + e.text());
          }
        }
      }
      return IgnoreFile.NONE;
    }

    InputStream open() throws IOException {
      PipedOutputStream out = new PipedOutputStream(in);
      Thread.ofPlatform().daemon().name("context").start(() -> pack(out));
      return in;
    }

    private void pack(OutputStream pipe) {
      try (OutputStream out = new BufferedOutputStream(pipe, PIPE);
          TarWriter tar = new TarWriter(out)) {
        packing.content(tar, folder);
        if (ownFile.length > 0) {
          tar.add(
              new Entry(OWN_FILE, '0', 0600, 0, 0, ownFile.length, 0, ""),
              new ByteArrayInputStream(ownFile));
        }
      } catch (IOException e) {
        packing.failed(e);
      }
    }

    void check() {
      packing.check();
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }

  // ---- what comes back

  private static void show(
      Session session, InputStream stream, boolean quiet, AtomicReference<String> id)
      throws IOException {
    boolean colours = Streams.outputIsTerminal();
    try (stream) {
      EngineClient.each(stream, message -> one(session, message, quiet, colours, id));
    }
    session.out().flush();
  }

  private static void one(
      Session session,
      Json.JsonObject message,
      boolean quiet,
      boolean colours,
      AtomicReference<String> id) {
    message.object("aux").flatMap(a -> a.string("ID")).ifPresent(id::set);
    Optional<Json.JsonObject> problem = message.object("errorDetail");
    if (problem.isPresent()) {
      session.out().flush();
      throw new Exit(
          (int) problem.get().number("code", 1),
          problem.get().string("message", message.string("error", "")));
    }
    String text = message.string("stream", "");
    if (quiet && text.strip().toLowerCase(Locale.ROOT).matches("sha256:[0-9a-f]{64}")) {
      id.set(text.strip());
    }
    session.out().print(colours ? text : text.replaceAll("\u001b\\[[0-9;]*m", ""));
    session.out().flush();
  }
}
