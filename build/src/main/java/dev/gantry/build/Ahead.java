package dev.gantry.build;

import dev.gantry.base.Failure;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.RunMount;
import dev.gantry.images.Images;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;

/// Begins, beside the steps of a stage, what depends on none of them: what COPY and ADD bring is
/// found, fetched and hashed, what mounts name is pulled and hashed, and the layers of `--link` are
/// made. Each step takes what was begun for it when it is its turn.
///
/// A layer made ahead is made for the files that the stage began with. If those below it have
/// become others where it matters, its step finds that its key has changed, and makes it anew.
///
/// What fails ends the build at once: its step could only fail too.
final class Ahead implements AutoCloseable {
  private static final int MOST = 16; // begun and not taken

  /// A layer that waits to be put on others.
  record Made(Digest key, Images.LooseLayer layer) {}

  /// What was begun for a COPY or ADD.
  record Begun(CopySources sources, Optional<Made> made) implements AutoCloseable {
    @Override
    public void close() {
      sources.close();
      made.ifPresent(m -> m.layer().close());
    }
  }

  private final BuildRun run;
  private final StageBuild stage;
  private final List<Instruction> instructions;
  private final List<Digest> bottom;
  private final Semaphore room = new Semaphore(MOST);
  private final Map<Integer, FutureTask<Begun>> begun = new ConcurrentHashMap<>();
  private final Map<Integer, String> shown = new ConcurrentHashMap<>();
  private int reached; // the first instruction that was not looked at yet; guarded by this

  /// @param bottom the layers that the stage begins with
  Ahead(StageBuild stage, List<Instruction> instructions, List<Digest> bottom) {
    this.run = stage.run();
    this.stage = stage;
    this.instructions = instructions;
    this.bottom = bottom;
  }

  /// Looks at all instructions, on a thread of its own.
  void begin(StageState state) {
    if (helps()) {
      run.start("build-ahead", () -> look(state));
    } else {
      reached(Integer.MAX_VALUE);
    }
  }

  /// Whether anything can be begun while another step is carried out.
  private boolean helps() {
    boolean working = false;
    for (Instruction instruction : instructions) {
      boolean brings =
          instruction instanceof Instruction.Copy
              || instruction instanceof Instruction.Run r && !r.mounts().isEmpty();
      if (working && brings) {
        return true;
      }
      working |= brings || instruction instanceof Instruction.Run;
    }
    return false;
  }

  private void look(StageState state) {
    try {
      for (int i = 0; i < instructions.size(); i++) {
        int number = i;
        state.next();
        switch (instructions.get(i)) {
          case Instruction.Copy c -> {
            CopyPlan plan = CopyPlan.of(c, state);
            shown.put(number, state.shown(c.origin().text()));
            begin(number, new FutureTask<>(() -> copy(number, plan)));
          }
          case Instruction.Run r -> {
            for (String text : r.mounts()) {
              RunMount mount = RunMount.parse(state.expansion().word(text));
              begin(() -> bring(number, mount));
            }
          }
          default -> {
            String ignored = state.apply(instructions.get(i));
          }
        }
        reached(i + 1);
      }
    } catch (ParseFailure | Failure | InterruptedException e) {
      return; // the step itself meets it again
    } finally {
      reached(Integer.MAX_VALUE);
    }
  }

  private synchronized void reached(int next) {
    reached = next;
    notifyAll();
  }

  private void await() throws InterruptedException {
    try (var _ = run.cancellation().waiting()) {
      room.acquire();
    }
  }

  private void begin(int number, FutureTask<Begun> task) throws InterruptedException {
    await();
    begun.put(number, task);
    run.start("build-ahead", task);
  }

  private void begin(Runnable work) throws InterruptedException {
    await();
    run.start(
        "build-ahead",
        () -> {
          try {
            work.run();
          } finally {
            room.release();
          }
        });
  }

  // ---- the work

  private Begun copy(int number, CopyPlan plan)
      throws BuildFailure, IOException, InterruptedException {
    CopySources sources = null;
    try {
      sources = CopySources.of(run, stage.index(), plan);
      return new Begun(sources, layer(number, plan, sources));
    } catch (BuildFailure | IOException | InterruptedException | RuntimeException e) {
      if (sources != null) {
        sources.close();
      }
      stage.failedAhead(number, e);
      throw e;
    }
  }

  /// The layer of a `--link` that no cache has.
  private Optional<Made> layer(int number, CopyPlan plan, CopySources sources)
      throws BuildFailure, IOException, InterruptedException {
    if (!plan.instruction().flags().link()) {
      return Optional.empty();
    }
    try (Tree below = stage.files(bottom)) {
      CopyLayer layer;
      try {
        layer =
            new CopyLayer(
                plan, sources, below, bottom.isEmpty(), run.request().times(), 0, text -> {});
      } catch (BuildFailure e) {
        return Optional.empty(); // on what is below at its turn it may do
      }
      Recipe recipe = layer.recipe();
      Digest key = recipe.key(List.of(), run.request().times());
      if (!recipe.alone() || stage.mayTake(key)) {
        return Optional.empty();
      }
      BuildProgress.Step step = stage.begin(number, shown.getOrDefault(number, ""));
      Images.LooseLayer made = run.makeLayer(layer::write);
      step.done(made.diffId().shortHex());
      return Optional.of(new Made(key, made));
    }
  }

  private void bring(int number, RunMount mount) {
    boolean bound = mount.kind().equals("bind");
    if (!bound && mount.from().isEmpty()) {
      return;
    }
    try {
      RunMounts.bring(run, stage.index(), mount, instructions.get(number).origin());
    } catch (BuildFailure | IOException | RuntimeException e) {
      stage.failedAhead(number, e);
    }
  }

  // ---- the turn

  /// What was begun for the instruction `number`, when it is there; empty if nothing was.
  Optional<Begun> take(int number) throws BuildFailure, IOException, InterruptedException {
    synchronized (this) {
      while (reached <= number) {
        wait();
      }
    }
    FutureTask<Begun> task = begun.remove(number);
    return task == null ? Optional.empty() : Optional.of(result(task));
  }

  private Begun result(FutureTask<Begun> task)
      throws BuildFailure, IOException, InterruptedException {
    try {
      return task.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case BuildFailure failure -> throw failure;
        case IOException failure -> throw failure;
        case InterruptedException failure -> throw failure;
        case RuntimeException failure -> throw failure;
        case null, default -> throw new Failure.Internal("a step failed: " + e.getCause(), e);
      }
    } finally {
      room.release();
    }
  }

  /// Lets go of what no step has taken: the build has failed.
  @Override
  public void close() {
    for (FutureTask<Begun> task : begun.values()) {
      try {
        result(task).close();
      } catch (BuildFailure | IOException | RuntimeException e) {
        continue; // it has left nothing
      } catch (InterruptedException e) {
        continue; // the same: it was cancelled
      }
    }
  }
}
