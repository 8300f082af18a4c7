package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Effort;
import dev.gantry.dockerfile.Expansion;
import dev.gantry.dockerfile.Heredoc;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.PathPattern;
import dev.gantry.dockerfile.Wildcards;
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

/// COPY and ADD: a layer of files from the context, a stage, an image, heredocs, archives or URLs.
final class CopyStep {
  private final StageBuild stage;
  private final Instruction.Copy instruction;
  private final BuildProgress.Step step;
  private final Set<String> made = new HashSet<>(); // folders that are there
  private final Set<String> old = new HashSet<>(); // of them those of the layers below
  private final Set<String> files = new HashSet<>(); // of the sources before, if there are several
  private final Effort effort = new Effort();
  private String destination = "";
  private Optional<RuntimeSpec.User> owner = Optional.empty();
  private Optional<FileMode> mode = Optional.empty();
  private long date; // of the layer

  CopyStep(StageBuild stage, Instruction.Copy instruction, BuildProgress.Step step) {
    this.stage = stage;
    this.instruction = instruction;
    this.step = step;
  }

  void run() throws BuildFailure, ParseFailure, IOException, InterruptedException {
    Expansion expansion = stage.expansion();
    String wanted = expansion.word(instruction.destination());
    boolean isFolder = wanted.endsWith("/") || wanted.equals(".") || wanted.endsWith("/.");
    String keyword = instruction.add() ? "ADD" : "COPY";
    List<String> sources = new ArrayList<>();
    for (String source : instruction.sources()) {
      sources.add(expansion.word(source));
    }
    int count = sources.size() + instruction.documents().size();
    String ownerText = expansion.word(instruction.flags().owner());
    String modeText = expansion.word(instruction.flags().mode());
    mode = modeText.isEmpty() ? Optional.empty() : Optional.of(FileMode.parse(modeText));
    try (Tree below = stage.files();
        Downloads downloads = new Downloads(stage, instruction)) {
      owner = owner(below, ownerText);
      destination = LayerFiles.resolve(below, stage.config().resolve(wanted));
      Optional<Tree.Status> there = below.status(destination);
      String file = fileOnTheWay(below, destination, isFolder);
      if (!file.isEmpty()) {
        throw new BuildFailure("mkdir " + file + ": not a directory", instruction.origin());
      }
      if (there.isPresent() && there.get().isDirectory()) {
        isFolder = true;
      }
      Source source = source();
      if (!instruction.flags().checksum().isEmpty()
          && !sources.stream().allMatch(GitSource::isRemote)) {
        throw new BuildFailure("checksum requires HTTP(S) or Git sources", instruction.origin());
      }
      IgnoreFile excluded = IgnoreFile.of(instruction.flags().excludes());
      try (Tree tree = source.open()) {
        List<Pick> picks = new ArrayList<>();
        for (String path : sources) {
          if (instruction.add() && GitSource.isGit(path)) {
            picks.add(downloads.clone(path));
          } else if (instruction.add() && RemoteFile.isUrl(path)) {
            picks.add(downloads.fetch(path, isFolder));
          } else {
            picks.addAll(pick(tree, source, path));
          }
        }
        boolean several =
            count > 1
                || picks.size() > 1 && !sources.isEmpty() && instruction.documents().isEmpty();
        for (int i = 0; i < picks.size(); i++) {
          picks.set(i, downloads.extracted(picks.get(i)));
        }
        if (there.isPresent()
            && !isFolder
            && !instruction.flags().parents()
            && picks.stream().anyMatch(p -> p.status().isDirectory())) {
          throw new BuildFailure(
              "cannot copy to non-directory: " + destination, instruction.origin());
        }
        if (!isFolder && several && picks.stream().noneMatch(p -> p.status().isDirectory())) {
          picks.subList(0, picks.size() - 1).clear(); // each has overwritten the one before
        }
        List<Heredoc> documents = new ArrayList<>();
        for (Heredoc d : instruction.documents()) {
          documents.add(d.expand() ? expanded(d, expansion) : d);
        }
        boolean folder = isFolder;
        String text =
            keyword
                + (ownerText.isEmpty() ? "" : " --chown=" + ownerText)
                + (modeText.isEmpty() ? "" : " --chmod=" + modeText)
                + " "
                + String.join(" ", shown(sources, documents))
                + " "
                + wanted
                + " # buildkit";
        stage.addLayer(
            recipe(below, picks, documents, excluded, folder),
            text,
            step,
            out -> write(out, below, picks, documents, excluded, folder));
      }
    }
  }

  private static Heredoc expanded(Heredoc d, Expansion expansion) throws ParseFailure {
    return new Heredoc(d.name(), false, true, d.descriptor(), expansion.text(d.text()));
  }

  private static List<String> shown(List<String> sources, List<Heredoc> documents) {
    List<String> all = new ArrayList<>(sources);
    documents.forEach(d -> all.add("<<" + d.name()));
    return all;
  }

  /// A number alone is that of the group as well; a name that nobody has is root.
  private Optional<RuntimeSpec.User> owner(Tree below, String text) throws BuildFailure {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    if (stage.diffIds().isEmpty() && !text.matches("(root|[0-9]*)(:(root|[0-9]*))?")) {
      throw new BuildFailure(
          "--chown=" + text + ": no image is below, which could know the name",
          instruction.origin());
    }
    if (text.endsWith(":")) { // without a group it is root's, not the user's own
      return owner(below, text + "0");
    }
    try {
      return Optional.of(
          LayerFiles.owner(below, text.matches("[0-9]{1,10}") ? text + ":" + text : text));
    } catch (Failure.InvalidRequest | Failure.NotFound e) {
      step.output(
          "stderr",
          ("warning: " + e.text() + "; root owns the files\n").getBytes(StandardCharsets.UTF_8));
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

  private Source source() throws BuildFailure {
    String from = instruction.flags().from();
    return from.isEmpty()
        ? stage.run().request().context()
        : stage.run().source(from, stage.index(), instruction.origin());
  }

  // ---- what is copied

  private List<Pick> pick(Tree tree, Source source, String wanted)
      throws BuildFailure, IOException {
    boolean parents = instruction.flags().parents();
    int pivot = parents ? wanted.indexOf("/./") : -1;
    String clean = PathPattern.clean(wanted);
    List<String> found = new ArrayList<>();
    if (PathPattern.isPattern(clean)) {
      Wildcards pattern = pattern(clean);
      int depth = clean.contains("**") ? Integer.MAX_VALUE : clean.split("/").length;
      match(tree, "", pattern, depth, found);
    } else {
      found.add("/" + clean);
    }
    List<Pick> picks = new ArrayList<>();
    for (String path : found) {
      String real = LayerFiles.resolve(tree, path);
      Optional<Tree.Status> status = tree.status(real);
      if (status.isPresent()) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (parents) {
          int from = pivot < 0 ? 0 : PathPattern.clean(wanted.substring(0, pivot)).length() + 1;
          name = path.substring(Math.min(path.length(), from + 1));
        }
        picks.add(new Pick(tree, source, real, name, status.get()));
      }
    }
    if (picks.isEmpty() && !PathPattern.isPattern(clean)) {
      throw new BuildFailure(source.failure(clean), instruction.origin());
    }
    return picks;
  }

  private Wildcards pattern(String text) throws BuildFailure {
    try {
      return Wildcards.ofPath("/" + text, effort);
    } catch (java.util.regex.PatternSyntaxException e) {
      throw new BuildFailure("syntax error in pattern " + text, instruction.origin());
    }
  }

  private static void match(
      Tree tree, String folder, Wildcards pattern, int depth, List<String> found) throws Errno {
    if (depth == 0 || found.size() > 100_000) {
      return;
    }
    for (String name : tree.list(folder.isEmpty() ? "/" : folder)) {
      String path = folder + "/" + name;
      if (pattern.matches(path)) {
        found.add(path);
      } else if (tree.status(path).map(Tree.Status::isDirectory).orElse(false)) {
        match(tree, path, pattern, depth - 1, found);
      }
    }
  }

  /// With `--link` the layers below count only for the folders on the way that they lack: the layer
  /// is the same on another base, and as old as what is copied.
  private StageBuild.Recipe recipe(
      Tree below, List<Pick> picks, List<Heredoc> documents, IgnoreFile excluded, boolean isFolder)
      throws IOException {
    List<String> all = new ArrayList<>(List.of("copy", destination, Boolean.toString(isFolder)));
    all.add("owner " + owner.map(o -> o.uid() + ":" + o.gid()).orElse(""));
    all.add("mode " + mode.map(FileMode::toString).orElse(""));
    all.add("parents " + instruction.flags().parents());
    long newest = 0;
    for (Pick pick : picks) {
      Fingerprint.Result print = fingerprint(pick, excluded);
      newest = Math.max(newest, print.newest());
      all.add(pick.name() + " " + print.digest());
    }
    for (Heredoc d : documents) {
      all.add("document " + d.name() + " " + d.text());
    }
    boolean alone =
        instruction.flags().link()
            && newest > 0
            && excluded.isEmpty()
            && !instruction.flags().parents();
    if (!alone) {
      stage.madeFrom(newest);
      date = stage.date();
      return new StageBuild.Recipe(all, date, false, false);
    }
    date = stage.date(newest);
    all.add("date " + date);
    for (String path = destination; !path.isEmpty() && !path.equals("/"); path = parent(path)) {
      if (!below.status(path).map(Tree.Status::isDirectory).orElse(false)) {
        all.add("without " + path);
      }
    }
    return new StageBuild.Recipe(all, date, true, false);
  }

  private Fingerprint.Result fingerprint(Pick pick, IgnoreFile excluded) throws IOException {
    if (excluded.isEmpty()) {
      return stage.run().fingerprint(pick.source(), pick.tree(), pick.path());
    }
    Fingerprint print = new Fingerprint(pick.tree(), pick.source().keepsOwners());
    walk(pick, excluded).from(pick.path(), print::add);
    return print.result();
  }

  private static Walk walk(Pick pick, IgnoreFile excluded) {
    String root =
        pick.status().isDirectory()
            ? pick.path()
            : pick.path().substring(0, Math.max(1, pick.path().lastIndexOf('/')));
    return new Walk(pick.tree(), excluded, root);
  }

  // ---- the layer

  private void write(
      OutputStream out,
      Tree below,
      List<Pick> picks,
      List<Heredoc> documents,
      IgnoreFile excluded,
      boolean isFolder)
      throws IOException {
    try (TarWriter tar = new TarWriter(out)) {
      if (picks.isEmpty() && documents.isEmpty() && !instruction.sources().isEmpty()) {
        return; // patterns that nothing matches
      }
      if (isFolder) {
        folders(tar, below, destination);
      } else {
        folders(tar, below, parent(destination));
      }
      for (Pick pick : picks) {
        String top = destination;
        boolean contents = pick.status().isDirectory() && !instruction.flags().parents();
        if (contents) {
          folders(tar, below, destination);
        } else if (isFolder || instruction.flags().parents()) {
          top = (destination.equals("/") ? "" : destination) + "/" + pick.name();
          folders(tar, below, parent(top));
        }
        String to = top.equals("/") ? "" : top;
        Map<String, String> linked = new HashMap<>();
        walk(pick, excluded)
            .from(
                pick.path(),
                (path, deeper, status) -> {
                  if (!contents || !deeper.isEmpty()) {
                    folders(tar, below, parent(to + deeper));
                    collide(below, to + deeper, status.isDirectory());
                    one(tar, pick, path, to + deeper, status, linked);
                  }
                });
      }
      for (Heredoc d : documents) {
        String to =
            isFolder ? (destination.equals("/") ? "" : destination) + "/" + d.name() : destination;
        document(tar, to, d);
      }
    }
  }

  /// A file takes no folder's place, nor a folder a file's. With `--link` nothing is below.
  private void collide(Tree below, String path, boolean isFolder) throws IOException {
    if (!instruction.flags().link() && old.contains(parent(path))) {
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
    if (!isFolder && instruction.sources().size() > 1) {
      files.add(path);
    }
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  /// Folders on the way that are neither in the layers below nor in this one.
  private void folders(TarWriter tar, Tree below, String path) throws IOException {
    if (path.isEmpty() || path.equals("/")) {
      old.add("");
      return;
    }
    if (made.contains(path)) {
      return;
    }
    if (below.status(path).map(Tree.Status::isDirectory).orElse(false)) {
      made.add(path);
      old.add(path);
      return;
    }
    folders(tar, below, parent(path));
    made.add(path);
    long uid = owner.map(RuntimeSpec.User::uid).orElse(0L);
    long gid = owner.map(RuntimeSpec.User::gid).orElse(0L);
    tar.entry(
        path.substring(1) + "/",
        TarWriter.FOLDER,
        "",
        status(mode.map(m -> m.folder(0040755)).orElse(0040755), uid, gid, 0, date),
        0,
        Map.of());
  }

  private static Tree.Status status(int mode, long uid, long gid, long size, long seconds) {
    return new Tree.Status(mode, uid, gid, size, seconds, 0, 0, 0, 1, 0);
  }

  /// @param linked where a file with several names was written to, by its number
  private void one(
      TarWriter tar, Pick pick, String path, String to, Tree.Status s, Map<String, String> linked)
      throws IOException {
    boolean keeps = pick.source().keepsOwners();
    long uid = owner.map(RuntimeSpec.User::uid).orElse(keeps ? s.uid() : 0L);
    long gid = owner.map(RuntimeSpec.User::gid).orElse(keeps ? s.gid() : 0L);
    int bits = mode.isPresent() && !s.isLink() ? mode.get().apply(s.mode()) : s.mode();
    Tree.Status changed =
        new Tree.Status(
                bits, uid, gid, s.size(), s.seconds(), 0, s.device(), s.inode(), 1, s.fileSystem())
            .notAfter(stage.limit(date));
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
    long uid = owner.map(RuntimeSpec.User::uid).orElse(0L);
    long gid = owner.map(RuntimeSpec.User::gid).orElse(0L);
    int bits = mode.map(m -> m.apply(0100644)).orElse(0100644);
    tar.entry(
        to.substring(1),
        TarWriter.FILE,
        "",
        status(bits, uid, gid, content.length, date),
        content.length,
        Map.of());
    tar.content(new ByteArrayInputStream(content), content.length);
  }

  /// A layer with one folder: what WORKDIR makes.
  static void makeFolder(StageBuild stage, BuildProgress.Step step, String path, String text)
      throws BuildFailure, ParseFailure, IOException {
    Instruction.CopyFlags none =
        new Instruction.CopyFlags(
            "", "", "", "", List.of(), false, false, Optional.empty(), Optional.empty());
    CopyStep copy =
        new CopyStep(
            stage,
            new Instruction.Copy(
                new dev.gantry.dockerfile.Origin(0, 0, text, List.of()),
                false,
                List.of(),
                List.of(),
                path,
                none),
            step);
    try (Tree below = stage.files()) {
      String user = stage.config().user();
      copy.owner = copy.owner(below, user);
      copy.destination = path;
      copy.date = stage.date();
      stage.addLayer(
          new StageBuild.Recipe(List.of("workdir", path, user), copy.date, false, false),
          text,
          step,
          out -> copy.write(out, below, List.of(), List.of(), IgnoreFile.NONE, true));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Builder.cancelled();
    }
  }
}
