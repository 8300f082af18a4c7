package dev.gantry.build;

import dev.gantry.dockerfile.Effort;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.PathPattern;
import dev.gantry.dockerfile.Wildcards;
import dev.gantry.engine.LayerFiles;
import dev.gantry.kernel.Errno;
import dev.gantry.kernel.Tree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a COPY or ADD brings: found in the context, a stage or an image, fetched, unpacked, and
/// hashed. It needs nothing of the layers that it will come on, so [Ahead] begins with it early.
final class CopySources implements AutoCloseable {
  private static final int MOST_MATCHES = 100_000;

  private final BuildRun run;
  private final CopyPlan plan;
  private final int stage;
  private final Downloads downloads;
  private final List<Pick> picks = new ArrayList<>();
  private final List<String> prints = new ArrayList<>();
  private Optional<Tree> opened = Optional.empty();
  private final Effort effort = new Effort();
  private boolean several;
  private long newest;

  private CopySources(BuildRun run, int stage, CopyPlan plan) {
    this.run = run;
    this.stage = stage;
    this.plan = plan;
    this.downloads = new Downloads(run, plan.instruction());
  }

  /// Finds everything; the caller closes it.
  ///
  /// @param stage the number of the stage that copies
  static CopySources of(BuildRun run, int stage, CopyPlan plan)
      throws BuildFailure, IOException, InterruptedException {
    CopySources all = new CopySources(run, stage, plan);
    try {
      all.find();
      all.hash();
      return all;
    } catch (BuildFailure | IOException | InterruptedException | RuntimeException e) {
      all.close();
      throw e;
    }
  }

  List<Pick> picks() {
    return picks;
  }

  /// What the picks are: names and digests.
  List<String> prints() {
    return prints;
  }

  /// Whether there is more than one, so that the last counts where one file is wanted.
  boolean several() {
    return several;
  }

  /// The time of the newest file, in seconds since the epoch; 0 if there is none.
  long newest() {
    return newest;
  }

  private Instruction.CopyFlags flags() {
    return plan.instruction().flags();
  }

  private void find() throws BuildFailure, IOException, InterruptedException {
    boolean add = plan.instruction().add();
    if (!flags().checksum().isEmpty() && !plan.sources().stream().allMatch(GitSource::isRemote)) {
      throw new BuildFailure(
          "checksum requires HTTP(S) or Git sources", plan.instruction().origin());
    }
    for (String path : plan.sources()) {
      if (add && GitSource.isGit(path)) {
        picks.add(downloads.clone(path));
      } else if (add && RemoteFile.isUrl(path)) {
        picks.add(downloads.fetch(path));
      } else {
        picks.addAll(pick(path));
      }
    }
    int count = plan.sources().size() + plan.documents().size();
    several =
        count > 1 || picks.size() > 1 && !plan.sources().isEmpty() && plan.documents().isEmpty();
    for (int i = 0; i < picks.size(); i++) {
      picks.set(i, downloads.extracted(picks.get(i)));
    }
  }

  private Source source() throws BuildFailure {
    return flags().from().isEmpty()
        ? run.request().context()
        : run.sources().named(flags().from(), stage, plan.instruction().origin());
  }

  private List<Pick> pick(String wanted) throws BuildFailure, IOException {
    Source source = source();
    Tree tree = opened.isPresent() ? opened.get() : run.sources().open(source);
    opened = Optional.of(tree);
    int pivot = plan.parents() ? wanted.indexOf("/./") : -1;
    String clean = PathPattern.clean(wanted);
    List<String> found = new ArrayList<>();
    if (PathPattern.isPattern(clean)) {
      Wildcards pattern = pattern(clean);
      int depth = clean.contains("**") ? Integer.MAX_VALUE : clean.split("/").length;
      match(tree, "", pattern, depth, found);
    } else {
      found.add("/" + clean);
    }
    List<Pick> all = new ArrayList<>();
    for (String path : found) {
      String real = LayerFiles.resolve(tree, path);
      Optional<Tree.Status> status = tree.status(real);
      if (status.isPresent()) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (plan.parents()) {
          int from = pivot < 0 ? 0 : PathPattern.clean(wanted.substring(0, pivot)).length() + 1;
          name = path.substring(Math.min(path.length(), from + 1));
        }
        all.add(new Pick(tree, source, real, name, status.get()));
      }
    }
    if (all.isEmpty() && !PathPattern.isPattern(clean)) {
      throw new BuildFailure(source.failure(clean), plan.instruction().origin());
    }
    return all;
  }

  private Wildcards pattern(String text) throws BuildFailure {
    try {
      return Wildcards.ofPath("/" + text, effort);
    } catch (java.util.regex.PatternSyntaxException e) {
      throw new BuildFailure("syntax error in pattern " + text, plan.instruction().origin());
    }
  }

  private void match(Tree tree, String folder, Wildcards pattern, int depth, List<String> found)
      throws Errno {
    if (depth == 0 || found.size() > MOST_MATCHES) {
      return;
    }
    run.check();
    for (String name : tree.list(folder.isEmpty() ? "/" : folder)) {
      String path = folder + "/" + name;
      if (pattern.matches(path)) {
        found.add(path);
      } else if (tree.status(path).map(Tree.Status::isDirectory).orElse(false)) {
        match(tree, path, pattern, depth - 1, found);
      }
    }
  }

  // ---- what they are

  private void hash() throws IOException {
    for (Pick pick : picks) {
      Fingerprint.Result print = fingerprint(pick);
      newest = Math.max(newest, print.newest());
      prints.add(pick.name() + " " + print.digest());
    }
  }

  private Fingerprint.Result fingerprint(Pick pick) throws IOException {
    if (plan.excluded().isEmpty()) {
      return run.sources().fingerprint(pick.source(), pick.tree(), pick.path());
    }
    Fingerprint print = new Fingerprint(pick.tree(), pick.source().keepsOwners(), run::check);
    walk(pick).from(pick.path(), print::add);
    return print.result();
  }

  /// Visits what a pick brings.
  Walk walk(Pick pick) {
    String root =
        pick.status().isDirectory()
            ? pick.path()
            : pick.path().substring(0, Math.max(1, pick.path().lastIndexOf('/')));
    return new Walk(pick.tree(), plan.excluded(), root);
  }

  @Override
  public void close() {
    opened.ifPresent(Tree::close);
    downloads.close();
  }
}
