package dev.gantry.build;

import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.engine.LayerFiles;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What ADD brings beside plain files: archives unpacked, URLs fetched. Whatever was made for it
/// goes with [#close].
final class Downloads implements AutoCloseable {
  private static final long MOST = 8L << 30;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /// A file from elsewhere, in a tree of its own.
  private record Fetched(Tree tree) implements Source {
    @Override
    public Tree open() {
      return tree;
    }

    @Override
    public IgnoreFile ignored() {
      return IgnoreFile.NONE;
    }

    @Override
    public boolean keepsOwners() {
      return false;
    }

    @Override
    public String failure(String missing) {
      return "ADD failed: " + missing + " is not there";
    }
  }

  /// An archive's files, with the owners it gives them.
  private record Unpacked(Path folder) implements Source {
    @Override
    public Tree open() throws Errno {
      return Tree.open(folder.toString());
    }

    @Override
    public IgnoreFile ignored() {
      return IgnoreFile.NONE;
    }

    @Override
    public boolean keepsOwners() {
      return true;
    }

    @Override
    public String failure(String missing) {
      return "ADD failed: " + missing + " is not in the archive";
    }
  }

  private final Instruction.Copy instruction;
  private final Path folder;
  private final List<Tree> trees = new ArrayList<>();
  private int count;

  Downloads(StageBuild stage, Instruction.Copy instruction) throws IOException {
    this.instruction = instruction;
    this.folder = Files.createTempDirectory(stage.run().builder().folder(), "add-");
  }

  static boolean isRemote(String source) {
    return source.startsWith("http://") || source.startsWith("https://");
  }

  // ---- URLs

  /// Fetches a file; its name is the last part of the URL's path.
  Pick fetch(String url, boolean intoFolder)
      throws BuildFailure, IOException, InterruptedException {
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw new BuildFailure("invalid URL " + url + ": " + e.getMessage(), instruction.origin());
    }
    String path = uri.getPath() == null ? "" : uri.getPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    if (name.isEmpty() && intoFolder) {
      throw new BuildFailure(
          "cannot determine filename for source from url: " + url, instruction.origin());
    }
    name = name.isEmpty() ? "file" : name;
    Path own = Files.createDirectory(folder.resolve("url-" + count++));
    Path file = own.resolve("content");
    try (HttpClient client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(PATIENCE)
            .build()) {
      HttpResponse<InputStream> answer =
          client.send(
              HttpRequest.newBuilder(uri).timeout(PATIENCE).GET().build(),
              HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream body = answer.body()) {
        if (answer.statusCode() != 200) {
          throw new BuildFailure(
              "invalid response status " + answer.statusCode() + " from " + url,
              instruction.origin());
        }
        save(body, file, url);
      }
      Files.setLastModifiedTime(file, modified(answer));
    }
    check(file, url);
    Files.setPosixFilePermissions(
        file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    Tree tree = open(own);
    return new Pick(
        tree, new Fetched(tree), "/content", name, tree.status("/content").orElseThrow());
  }

  private static void save(InputStream body, Path file, String url) throws IOException {
    byte[] buffer = new byte[128 * 1024];
    long left = MOST;
    try (OutputStream out = Files.newOutputStream(file)) {
      for (int n = body.read(buffer); n > 0; n = body.read(buffer)) {
        left -= n;
        if (left < 0) {
          throw new IOException(url + " is larger than " + (MOST >> 30) + " GiB");
        }
        out.write(buffer, 0, n);
      }
    }
  }

  private static FileTime modified(HttpResponse<?> answer) {
    Optional<String> text = answer.headers().firstValue("Last-Modified");
    if (text.isPresent()) {
      try {
        return FileTime.from(
            ZonedDateTime.parse(text.get(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
      } catch (DateTimeParseException e) {
        return FileTime.fromMillis(0); // it says nothing that can be read
      }
    }
    return FileTime.fromMillis(0);
  }

  private void check(Path file, String url) throws BuildFailure, IOException {
    String wanted = instruction.flags().checksum();
    if (wanted.isEmpty()) {
      return;
    }
    Digest expected;
    try {
      expected = Digest.parse(wanted);
    } catch (RuntimeException e) {
      throw new BuildFailure("invalid checksum " + wanted, instruction.origin());
    }
    java.security.MessageDigest hasher = Digest.hasher();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[128 * 1024];
      for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
        hasher.update(buffer, 0, n);
      }
    }
    Digest found = Digest.of(hasher);
    if (!found.equals(expected)) {
      throw new BuildFailure(
          "digest mismatch " + found + ": " + expected + " (" + url + ")", instruction.origin());
    }
  }

  // ---- archives

  /// The archive's files if ADD unpacks it, else the file as it is: local archives are unpacked by
  /// themselves, those from a URL where the instruction says so.
  Pick extracted(Pick pick) throws IOException {
    boolean remote = pick.source() instanceof Fetched;
    boolean wanted = instruction.flags().unpack().orElse(!remote);
    if (!instruction.add()
        || !wanted
        || !pick.status().isRegular()
        || !isArchive(pick.tree(), pick.path())) {
      return pick;
    }
    Path own = folder.resolve("archive-" + count++);
    try (InputStream in = Walk.content(pick.tree(), pick.path())) {
      LayerFiles.unpack(in, own);
    }
    Tree tree = open(own);
    return new Pick(tree, new Unpacked(own), "/", pick.name(), tree.status("/").orElseThrow());
  }

  private static boolean isArchive(Tree tree, String path) throws IOException {
    try (BufferedInputStream in = new BufferedInputStream(Walk.content(tree, path), 64 * 1024)) {
      try (InputStream plain = dev.gantry.images.Compression.of(in).unpack(in)) {
        byte[] head = plain.readNBytes(512);
        return head.length == 512
            && head[257] == 'u'
            && head[258] == 's'
            && head[259] == 't'
            && head[260] == 'a'
            && head[261] == 'r';
      } catch (IOException e) {
        return false; // looks packed but is not
      }
    }
  }

  private Tree open(Path own) throws Errno {
    Tree tree = Tree.open(own.toString());
    trees.add(tree);
    return tree;
  }

  @Override
  public void close() {
    trees.forEach(Tree::close);
    try (Tree tree = Tree.open(folder.resolveSibling(".").toString())) {
      tree.remove("/" + folder.getFileName());
    } catch (Errno e) {
      System.getLogger("gantryd").log(System.Logger.Level.WARNING, "could not remove " + folder, e);
    }
  }
}
