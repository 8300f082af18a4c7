package dev.gantry.cli;

import dev.gantry.cli.tar.TarWriter;
import dev.gantry.client.EngineClient;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/// `cp` and `export`.
///
/// What a copy is called, and whether it goes into its target or becomes it, follows `cp -a` of
/// Unix: into a folder that exists, otherwise under the target's name; a source that ends with `/.`
/// means what is in the folder.
final class Copies {
  private static final long SYMLINK = 1L << 27; // Go's os.ModeSymlink
  private static final long FOLDER = 1L << 31; // Go's os.ModeDir
  private static final int MAX_LINKS = 10;

  /// A path in a container, or with no container one of ours.
  private record Place(String container, String path) {
    boolean ours() {
      return container.isEmpty();
    }
  }

  /// What the engine tells about a path in a container.
  private record Stat(String name, long mode, String link) {
    boolean isFolder() {
      return (mode & FOLDER) != 0;
    }
  }

  private final Session session;
  private final Words words;

  private Copies(Session session, Words words) {
    this.session = session;
    this.words = words;
  }

  static Command command() {
    return Command.of(
        "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
        2,
        2,
        (session, words) -> new Copies(session, words).run(),
        Flag.bool("archive", 'a', "Keep the numbers of users and groups"),
        Flag.bool("follow-link", 'L', "If the source is a symbolic link, copy what it leads to"),
        Flag.bool("quiet", 'q', "Do not say what was copied"));
  }

  static int export(Session session, Words words) throws IOException {
    Query query = Query.of("/containers/{}/export", words.argument(0));
    String file = words.text("output", "");
    Output.refuseTerminal(file);
    try (InputStream archive = session.engine().open("GET", query, null)) {
      Output.write(session, archive, file);
    }
    return 0;
  }

  private static Place place(String text) {
    if (text.startsWith("/") || text.startsWith(".") || text.equals("-")) {
      return new Place("", text);
    }
    int colon = text.indexOf(':');
    return colon < 0
        ? new Place("", text)
        : new Place(text.substring(0, colon), text.substring(colon + 1));
  }

  private int run() throws IOException {
    Place from = place(words.argument(0));
    Place to = place(words.argument(1));
    if (from.path().isEmpty() || to.path().isEmpty()) {
      throw new Exit(1, (from.path().isEmpty() ? "source" : "destination") + " can not be empty");
    }
    if (from.ours() && to.ours()) {
      throw new Exit(1, "must specify at least one container source");
    }
    if (!from.ours() && !to.ours()) {
      throw new Exit(1, "copying between containers is not supported");
    }
    if (from.ours()) {
      into(from.path(), to);
    } else {
      outOf(from, to.path());
    }
    return 0;
  }

  private void say(String target, long bytes) {
    if (!words.on("quiet") && Streams.outputIsTerminal()) {
      session.err().println("Successfully copied " + Humans.size(bytes) + " to " + target);
    }
  }

  // ---- into a container ----

  private void into(String source, Place target) throws IOException {
    String inside = target.path();
    Optional<Stat> stat = stat(target.container(), inside);
    if (stat.isPresent() && (stat.get().mode() & SYMLINK) != 0) {
      inside = followed(inside, stat.get().link());
      stat = stat(target.container(), inside);
    }
    boolean folder = stat.map(Stat::isFolder).orElse(false);
    if (source.equals("-")) {
      if (!folder) {
        throw new Exit(
            1, "destination \"" + target.container() + ":" + inside + "\" must be a directory");
      }
      put(target.container(), inside, session.in());
      return;
    }
    Path ours = Surroundings.ours().absolute(Path.of(source));
    Path file = words.on("follow-link") ? follow(ours) : ours.normalize();
    if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new Exit(1, "lstat " + file + ": no such file or directory");
    }
    boolean contents = source.endsWith("/.") || source.equals(".");
    if (Files.isSymbolicLink(file) && (contents || source.endsWith("/"))) {
      file = Surroundings.real(file);
    }
    boolean fromFolder = Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS);
    String name = String.valueOf(ours.normalize().getFileName());
    String into = inside;
    if (!folder) {
      boolean slash = inside.endsWith("/") || inside.endsWith("/.");
      if (stat.isEmpty() && slash && !fromFolder) {
        throw new Exit(1, "no such directory");
      }
      if (stat.isPresent() && fromFolder) {
        throw new Exit(1, "cannot copy directory");
      }
      if (stat.isPresent() && slash) {
        throw new Exit(1, "not a directory");
      }
      String whole = inside.replaceFirst("/+\\.?$", "");
      int last = whole.lastIndexOf('/');
      into = last <= 0 ? "/" : whole.substring(0, last);
      name = whole.substring(last + 1);
      if (stat(target.container(), into).isEmpty()) {
        throw new Exit(1, "no such directory");
      }
    } else if (contents && fromFolder) {
      name = ".";
    }
    long copied = send(target.container(), into, file, name);
    say(target.container() + ":" + target.path(), copied);
  }

  private static Path follow(Path path) {
    try {
      return Surroundings.real(path);
    } catch (IOException e) {
      throw new Exit(1, "lstat " + path + ": " + FileProblems.text(e));
    }
  }

  /// Packs in one thread and uploads in another.
  private long send(String container, String folder, Path file, String name) throws IOException {
    PipedInputStream archive = new PipedInputStream(256 * 1024);
    PipedOutputStream end = new PipedOutputStream(archive);
    Packing packing = new Packing();
    Thread packer =
        Thread.ofPlatform()
            .daemon()
            .name("pack")
            .start(
                () -> {
                  try (TarWriter tar = new TarWriter(end)) {
                    packing.add(tar, file, name);
                  } catch (IOException e) {
                    packing.failed(e);
                  }
                });
    put(container, folder, archive);
    try {
      packer.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    packing.check();
    return packing.bytes();
  }

  private void put(String container, String folder, InputStream archive) throws IOException {
    Query query =
        Query.of("/containers/{}/archive", container)
            .with("path", folder)
            .with("noOverwriteDirNonDir", "true");
    if (words.on("archive")) {
      query.with("copyUIDGID", "true");
    }
    session.engine().upload("PUT", query, archive).close();
  }

  private Optional<Stat> stat(String container, String path) {
    Query query = Query.of("/containers/{}/archive", container).with("path", path);
    return session.engine().head(query).flatMap(Copies::stat);
  }

  private static Optional<Stat> stat(Map<String, String> headers) {
    return Optional.ofNullable(headers.get("x-docker-container-path-stat"))
        .map(text -> new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8))
        .map(Json::parseObject)
        .map(s -> new Stat(s.string("name", ""), s.number("mode", 0), s.string("linkTarget", "")));
  }

  private static String followed(String path, String link) {
    Path target = Path.of(link);
    if (target.isAbsolute()) {
      return link;
    }
    Path parent = Path.of(path).getParent();
    return (parent == null ? target : parent.resolve(target)).normalize().toString();
  }

  // ---- out of a container ----

  private void outOf(Place from, String target) throws IOException {
    String source = from.path();
    String name = "";
    if (words.on("follow-link")) {
      Optional<Stat> stat = stat(from.container(), source);
      if (stat.isPresent() && (stat.get().mode() & SYMLINK) != 0) {
        name = stat.get().name(); // the link's own, whatever it leads to
        source = followed(source, stat.get().link());
      }
    }
    Query query = Query.of("/containers/{}/archive", from.container()).with("path", source);
    EngineClient.Reply reply = session.engine().reply("GET", query, "", "");
    try (InputStream archive = reply.body()) {
      if (target.equals("-")) {
        archive.transferTo(session.rawOut());
        return;
      }
      Stat stat =
          stat(reply.headers())
              .orElseThrow(
                  () -> new Exit(1, "the engine does not tell what " + from.path() + " is"));
      Path ours = behindLinks(Surroundings.ours().absolute(Path.of(target)));
      boolean contents = from.path().endsWith("/.");
      String rename;
      Path folder;
      if (Files.isDirectory(ours)) {
        folder = ours;
        rename = contents ? "." : name.isEmpty() ? stat.name() : name;
      } else {
        if (Files.exists(ours) && stat.isFolder()) {
          throw new Exit(1, "cannot copy directory");
        }
        if (target.endsWith("/") && !stat.isFolder()) {
          throw new Exit(1, "no such directory");
        }
        folder = Optional.ofNullable(ours.normalize().getParent()).orElse(Path.of("/"));
        rename = String.valueOf(ours.normalize().getFileName());
        if (!Files.isDirectory(folder)) {
          throw new Exit(1, "invalid output path: directory \"" + folder + "\" does not exist");
        }
      }
      long copied = new Unpacking(folder, rename, words.on("archive")).all(archive);
      say(target, copied);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /// What a link leads to is written, not the link itself, though nothing may be there yet.
  private static Path behindLinks(Path path) throws IOException {
    Path at = path;
    for (int links = 0; Files.isSymbolicLink(at); links++) {
      if (links == MAX_LINKS) {
        throw new Exit(1, "too many symlinks in \"" + path + "\"");
      }
      at = at.resolveSibling(Files.readSymbolicLink(at)).normalize();
    }
    return at;
  }

  /// Where `--output` of `export` and `save` leads to.
  static final class Output {
    private Output() {}

    static void refuseTerminal(String file) {
      if (file.isEmpty() && Streams.outputIsTerminal()) {
        throw new Exit(1, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
      }
    }

    /// Into the file, which appears only when it is whole, or our output.
    static void write(Session session, InputStream archive, String file) throws IOException {
      if (file.isEmpty()) {
        archive.transferTo(session.rawOut());
        return;
      }
      Path target = Surroundings.ours().absolute(Path.of(file));
      Path folder = Optional.ofNullable(target.getParent()).orElse(Path.of("/"));
      if (!Files.isDirectory(folder)) {
        throw new Exit(
            1, "failed to save: invalid output path: directory \"" + folder + "\" does not exist");
      }
      if (Files.exists(target) && !Files.isRegularFile(target)) {
        try (OutputStream out = Files.newOutputStream(target)) {
          archive.transferTo(out);
        }
        return;
      }
      Path fresh = Files.createTempFile(folder, ".tmp-", "");
      try {
        Files.copy(archive, fresh, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.move(fresh, target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(fresh);
      }
    }
  }
}
