package dev.gantry.build;

import dev.gantry.dockerfile.Instruction;
import dev.gantry.engine.LayerFiles;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What ADD brings beside plain files: archives unpacked, URLs fetched. Whatever was made for it
/// goes with [#close].
final class Downloads implements AutoCloseable {
  /// A file from elsewhere, in a tree of its own.
  private record Fetched(Tree tree, Path folder) implements Source {
    @Override
    public Tree open() {
      return tree;
    }

    @Override
    public String failure(String missing) {
      return "ADD failed: " + missing + " is not there";
    }

    @Override
    public Mountable mountable() {
      return new Mountable.Folder(folder);
    }
  }

  /// An archive's files, with the owners it gives them.
  private record Unpacked(Path folder) implements Source {
    @Override
    public Tree open() throws Errno {
      return Tree.open(folder.toString());
    }

    @Override
    public boolean keepsOwners() {
      return true;
    }

    @Override
    public String failure(String missing) {
      return "ADD failed: " + missing + " is not in the archive";
    }

    @Override
    public Mountable mountable() {
      return new Mountable.Folder(folder);
    }
  }

  private final BuildRun run;
  private final Instruction.Copy instruction;
  private final List<Tree> trees = new ArrayList<>();
  private @Nullable Path folder; // made when the first thing is brought
  private int count;

  Downloads(BuildRun run, Instruction.Copy instruction) {
    this.run = run;
    this.instruction = instruction;
  }

  /// A new place for one thing.
  private Path place(String kind) throws IOException {
    if (folder == null) {
      folder = Files.createTempDirectory(run.builder().folder(), "add-");
    }
    return folder.resolve(kind + "-" + count++);
  }

  // ---- URLs

  /// Fetches a file; its name is the last part of the URL's path, which may be empty.
  Pick fetch(String wanted) throws BuildFailure, IOException, InterruptedException {
    String url = run.client().source(wanted);
    URI uri;
    try {
      uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw new BuildFailure("invalid URL " + url + ": " + e.getMessage(), instruction.origin());
    }
    String path = uri.getPath() == null ? "" : uri.getPath();
    String name = path.substring(path.lastIndexOf('/') + 1);
    Path own = Files.createDirectory(place("url"));
    Path file = own.resolve("content");
    RemoteFile.Answer answer;
    try (var _ = run.builder().downloading(run.cancellation())) {
      answer = RemoteFile.fetch(url, run.client(), file);
    } catch (RemoteFile.Refused e) {
      throw new BuildFailure(String.valueOf(e.getMessage()), instruction.origin());
    } catch (IllegalArgumentException e) {
      throw new BuildFailure("invalid URL " + url + ": " + e.getMessage(), instruction.origin());
    }
    Files.setLastModifiedTime(file, FileTime.from(answer.modified().orElse(Instant.EPOCH)));
    Digest found = digest(file);
    check(found, url);
    run.madeOf(Material.file(url, found));
    Files.setPosixFilePermissions(
        file, java.nio.file.attribute.PosixFilePermissions.fromString("rw-------"));
    Tree tree = open(own);
    return new Pick(
        tree, new Fetched(tree, own), "/content", name, tree.status("/content").orElseThrow());
  }

  private static Digest digest(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return Digest.of(in);
    }
  }

  private void check(Digest found, String url) throws BuildFailure {
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
    Path own = place("archive");
    try (InputStream in = Walk.content(pick.tree(), pick.path())) {
      LayerFiles.unpack(in, own);
    }
    Tree tree = open(own);
    return new Pick(tree, new Unpacked(own), "/", pick.name(), tree.status("/").orElseThrow());
  }

  /// Clones a git repository; its files belong to root.
  Pick clone(String wanted) throws BuildFailure, IOException, InterruptedException {
    String url = run.client().source(wanted);
    Path own = Files.createDirectory(place("git"));
    GitSource source =
        GitSource.parse(url).with(instruction.flags().keepGitDir(), instruction.flags().checksum());
    GitSource.Checkout checkout;
    try (var _ = run.builder().downloading(run.cancellation())) {
      checkout = source.checkout(own, run.client());
    }
    run.madeOf(Material.commit(url, checkout.commit()));
    Tree tree = open(checkout.folder());
    return new Pick(
        tree,
        new Fetched(tree, checkout.folder()),
        "/",
        checkout.name(),
        tree.status("/").orElseThrow());
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
    if (folder != null) {
      Builder.remove(folder);
    }
  }
}
