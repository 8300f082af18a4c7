package dev.gantry.base;

import java.util.ArrayDeque;
import java.util.Deque;

/// Collects what must be taken back if a flow does not reach its end.
///
/// Register an undo next to each acquisition; [#close()] runs them in reverse order unless
/// [#commit()] was called. A failing undo never replaces the failure that caused it: use [#close()]
/// through try-with-resources and it becomes a suppressed exception. Not thread-safe: one flow, one
/// thread.
public final class Undo implements AutoCloseable {
  /// An action that takes something back.
  @FunctionalInterface
  public interface Action {
    void run() throws Exception;
  }

  /// An action that takes `value` back.
  @FunctionalInterface
  public interface ActionOn<T> {
    void run(T value) throws Exception;
  }

  private final Deque<Action> actions = new ArrayDeque<>();
  private boolean committed;

  /// Registers `action` to take `value` back and returns `value`.
  public <T> T on(T value, ActionOn<T> action) {
    actions.push(() -> action.run(value));
    return value;
  }

  /// Registers `action`.
  public void on(Action action) {
    actions.push(action);
  }

  /// From here on everything stays.
  public void commit() {
    committed = true;
  }

  @Override
  public void close() {
    if (committed) {
      return;
    }
    Failure.Internal first = null;
    while (!actions.isEmpty()) {
      try {
        actions.pop().run();
      } catch (Exception e) {
        if (first == null) {
          first = new Failure.Internal("could not undo a step: " + e.getMessage(), e);
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
