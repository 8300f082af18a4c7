package dev.gantry.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class UndoTest {
  private final List<String> log = new ArrayList<>();

  @Test
  void runsInReverseUnlessCommitted() {
    try (var undo = new Undo()) {
      undo.on("a", log::add);
      undo.on("b", log::add);
    }
    assertEquals(List.of("b", "a"), log);
  }

  @Test
  void keepsEverythingOnceCommitted() {
    try (var undo = new Undo()) {
      undo.on("a", log::add);
      undo.commit();
    }
    assertEquals(List.of(), log);
  }

  @Test
  void failedUndoIsSuppressedIntoTheFirstError() {
    var thrown =
        assertThrows(
            IllegalStateException.class,
            () -> {
              try (var undo = new Undo()) {
                undo.on(
                    () -> {
                      throw new java.io.IOException("busy");
                    });
                throw new IllegalStateException("first");
              }
            });
    assertEquals("first", thrown.getMessage());
    assertEquals(1, thrown.getSuppressed().length);
  }
}
