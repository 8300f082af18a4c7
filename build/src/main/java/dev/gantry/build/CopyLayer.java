package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Heredoc;
import dev.gantry.engine.LayerFiles;
import dev.gantry.images.TarWriter;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.RuntimeSpec;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// The layer that a COPY or ADD makes on given files below: where what it brings goes, whose it
/// becomes, and the tar of it.
final class CopyLayer {
  private final CopyPlan plan;
  private final CopySources sources;
  private final Tree below;
  private final BuildRequest.Times times;
  private final Set<String> made = new HashSet<>(); // folders that are there
  private final Set<String> old = new HashSet<>(); // of them those of the layers below
  private final Set<String> files = new HashSet<>(); // of the sources before, if there are several
  private final List<Pick> picks;
  private final String destination;
  private final boolean isFolder;
  private final Optional<RuntimeSpec.User> owner;
  private final boolean alone;
  private final long date;

  /// @param isEmpty whether no layer is below
  /// @param newestBelow the time of the newest thing below, in seconds since the epoch
  /// @param warn hears what is not as it was wanted
  CopyLayer(
      CopyPlan plan,
      CopySources sources,
      Tree below,
      boolean isEmpty,
      BuildRequest.Times times,
      long newestBelow,
      Consumer<String> warn)
      throws BuildFailure, IOException {
    this.plan = plan;
    this.sources = sources;
    this.below = below;
    this.times = times;
    this.picks = new ArrayList<>(sources.picks());
    this.owner = owner(plan.owner(), isEmpty, warn);
    this.destination = LayerFiles.resolve(below, plan.path());
    Optional<Tree.Status> there = below.status(destination);
    String file = fileOnTheWay(below, destination, plan.isFolder());
    if (!file.isEmpty()) {
      throw new BuildFailure("mkdir " + file + ": not a directory", plan.instruction().origin());
    }
    this.isFolder = plan.isFolder() || there.map(Tree.Status::isDirectory).orElse(false);
    if (there.isPresent()
        && !isFolder
        && !plan.parents()
        && picks.stream().anyMatch(p -> p.status().isDirectory())) {
      throw new BuildFailure(
          "cannot copy to non-directory: " + destination, plan.instruction().origin());
    }
    if (isFolder && picks.stream().anyMatch(p -> p.name().isEmpty() && p.status().isRegular())) {
      throw new BuildFailure(
          "cannot determine filename for source from url: " + plan.sources().getFirst(),
          plan.instruction().origin());
    }
    if (!isFolder && sources.several() && picks.stream().noneMatch(p -> p.status().isDirectory())) {
      picks.subList(0, picks.size() - 1).clear(); // each has overwritten the one before
    }
    this.alone =
        plan.instruction().flags().link()
            && sources.newest() > 0
            && plan.excluded().isEmpty()
            && !plan.parents();
    this.date = times.date(alone ? sources.newest() : Math.max(newestBelow, sources.newest()));
  }

  /// A number alone is that of the group as well; a name that nobody has is root.
  private Optional<RuntimeSpec.User> owner(String text, boolean isEmpty, Consumer<String> warn)
      throws BuildFailure {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    if (isEmpty && !text.matches("(root|[0-9]*)(:(root|[0-9]*))?")) {
      throw new BuildFailure(
          "--chown=" + text + ": no image is below, which could know the name",
          plan.instruction().origin());
    }
    if (text.endsWith(":")) { // without a group it is root's, not the user's own
      return owner(text + "0", isEmpty, warn);
    }
    try {
      return Optional.of(
          LayerFiles.owner(below, text.matches("[0-9]{1,10}") ? text + ":" + text : text));
    } catch (Failure.InvalidRequest | Failure.NotFound e) {
      warn.accept("warning: " + e.text() + "; root owns the files\n");
      return Optional.of(LayerFiles.owner(below, "0:0"));
    }
  }

  /// The first part of a path that is a file and would have to be a folder; empty if there is none.
  static String fileOnTheWay(Tree below, String path, boolean whole) throws Errno {
    String file = "";
    for (String at = whole ? path : parent(path); !at.isEmpty() && !at.equals("/"); ) {
      if (below.status(at).map(s -> !s.isDirectory()).orElse(false)) {
        file = at;
      }
      at = parent(at);
    }
    return file;
  }

  /// What decides the layer. With `--link` the layers below count only for the folders on the way:
  /// whether they have them, and whose these are. So the layer is the same on another base, and as
  /// old as what is copied.
  Recipe recipe() throws IOException {
    List<String> all =
        new ArrayList<>(List.of("copy on folders", destination, Boolean.toString(isFolder)));
    all.add("owner " + owner.map(o -> o.uid() + ":" + o.gid()).orElse(""));
    all.add("mode " + plan.mode().map(FileMode::toString).orElse(""));
    all.add("parents " + plan.parents());
    all.addAll(sources.prints());
    for (Heredoc d : plan.documents()) {
      all.add("document " + d.name() + " " + d.text());
    }
    if (alone) {
      all.add("date " + date);
      for (String path = destination; !path.isEmpty() && !path.equals("/"); path = parent(path)) {
        Optional<Tree.Status> there = below.status(path).filter(Tree.Status::isDirectory);
        all.add(
            there.isEmpty()
                ? "without " + path
                : path
                    + " "
                    + there.get().mode()
                    + " "
                    + there.get().uid()
                    + ":"
                    + there.get().gid());
      }
    }
    return new Recipe(all, date, alone, false);
  }

  // ---- the tar

  void write(OutputStream out) throws IOException {
    try (TarWriter tar = new TarWriter(out)) {
      if (picks.isEmpty() && plan.documents().isEmpty() && !plan.sources().isEmpty()) {
        return; // patterns that nothing matches
      }
      folders(tar, isFolder ? destination : parent(destination));
      for (Pick pick : picks) {
        write(tar, pick);
      }
      for (Heredoc d : plan.documents()) {
        document(tar, isFolder ? inside(d.name()) : destination, d);
      }
    }
  }

  private String inside(String name) {
    return (destination.equals("/") ? "" : destination) + "/" + name;
  }

  private void write(TarWriter tar, Pick pick) throws IOException {
    String top = destination;
    boolean contents = pick.status().isDirectory() && !plan.parents();
    if (contents) {
      folders(tar, destination);
    } else if (isFolder || plan.parents()) {
      top = inside(pick.name());
      folders(tar, parent(top));
    }
    String to = top.equals("/") ? "" : top;
    Map<String, String> linked = new HashMap<>();
    sources
        .walk(pick)
        .from(
            pick.path(),
            (path, deeper, status) -> {
              if (!contents || !deeper.isEmpty()) {
                folders(tar, parent(to + deeper));
                collide(to + deeper, status.isDirectory());
                one(tar, pick, path, to + deeper, status, linked);
              }
            });
  }

  /// A file takes no folder's place, nor a folder a file's. With `--link` nothing is below.
  private void collide(String path, boolean isFolder) throws IOException {
    if (!plan.instruction().flags().link() && old.contains(parent(path))) {
      Optional<Tree.Status> there = below.status(path);
      if (there.isPresent() && there.get().isDirectory() != isFolder) {
        throw new IOException(
            isFolder
                ? "cannot copy to non-directory: " + path
                : "cannot replace to directory " + path + " with file");
      }
      if (there.isPresent() && isFolder) {
        old.add(path);
      }
    }
    if (isFolder ? files.contains(path) : made.contains(path)) {
      throw new IOException(
          isFolder
              ? "cannot copy to non-directory: " + path
              : "cannot replace to directory " + path + " with file");
    }
    if (!isFolder && plan.sources().size() > 1) {
      files.add(path);
    }
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  /// The folders on the way. Those that are below stand in the layer as they are there: who unpacks
  /// it without them would make up an owner and a mode, which hide those below.
  private void folders(TarWriter tar, String path) throws IOException {
    if (path.isEmpty() || path.equals("/")) {
      old.add("");
      return;
    }
    if (made.contains(path)) {
      return;
    }
    folders(tar, parent(path));
    made.add(path);
    Optional<Tree.Status> there = below.status(path).filter(Tree.Status::isDirectory);
    Tree.Status status;
    if (there.isPresent()) {
      Tree.Status s = there.get();
      old.add(path);
      status = status(s.mode(), s.uid(), s.gid(), 0, alone ? date : s.seconds());
    } else {
      int bits = plan.mode().map(m -> m.folder(0040755)).orElse(0040755);
      status = status(bits, uid(0), gid(0), 0, date);
    }
    tar.entry(
        path.substring(1) + "/",
        TarWriter.FOLDER,
        "",
        status.notAfter(times.limit(date)),
        0,
        Map.of());
  }

  private long uid(long otherwise) {
    return owner.map(RuntimeSpec.User::uid).orElse(otherwise);
  }

  private long gid(long otherwise) {
    return owner.map(RuntimeSpec.User::gid).orElse(otherwise);
  }

  private static Tree.Status status(int mode, long uid, long gid, long size, long seconds) {
    return new Tree.Status(mode, uid, gid, size, seconds, 0, 0, 0, 1, 0);
  }

  /// @param linked where a file with several names was written to, by its number
  private void one(
      TarWriter tar, Pick pick, String path, String to, Tree.Status s, Map<String, String> linked)
      throws IOException {
    boolean keeps = pick.source().keepsOwners();
    int bits =
        plan.mode().isPresent() && !s.isLink() ? plan.mode().get().apply(s.mode()) : s.mode();
    Tree.Status changed =
        new Tree.Status(
                bits,
                uid(keeps ? s.uid() : 0),
                gid(keeps ? s.gid() : 0),
                s.size(),
                s.seconds(),
                0,
                s.device(),
                s.inode(),
                1,
                s.fileSystem())
            .notAfter(times.limit(date));
    if (s.isDirectory()) {
      made.add(to);
    } else if (s.links() > 1) {
      String first = linked.putIfAbsent(s.fileSystem() + " " + s.inode(), to.substring(1));
      if (first != null) {
        tar.entry(to.substring(1), TarWriter.HARD_LINK, first, changed, 0, Map.of());
        return;
      }
    }
    TreeCopy.pack(pick.tree(), path, tar, to.substring(1), changed);
  }

  private void document(TarWriter tar, String to, Heredoc d) throws IOException {
    byte[] content = d.text().getBytes(StandardCharsets.UTF_8);
    int bits = plan.mode().map(m -> m.apply(0100644)).orElse(0100644);
    tar.entry(
        to.substring(1),
        TarWriter.FILE,
        "",
        status(bits, uid(0), gid(0), content.length, date),
        content.length,
        Map.of());
    tar.content(new ByteArrayInputStream(content), content.length);
  }
}
