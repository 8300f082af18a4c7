package dev.gantry.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import dev.gantry.store.Journal.Change;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
  @TempDir Path folder;

  private static Json.JsonObject value(int n) {
    return Json.object().put("N", n);
  }

  private long size() throws IOException {
    return Files.size(folder.resolve("journal"));
  }

  @Test
  void changesOutliveTheJournal() {
    try (Journal journal = Journal.open(folder)) {
      journal.commit(Change.put("t", "a", value(1)), Change.put("t", "b", value(2)));
      journal.note(Change.put("t", "a", value(3)), Change.remove("t", "b"));
    }
    try (Journal journal = Journal.open(folder)) {
      assertEquals(Optional.of(value(3).text()), journal.get("t", "a").map(Json.JsonObject::text));
      assertEquals(Optional.empty(), journal.get("t", "b"));
      assertEquals(1, journal.table("t").size());
    }
  }

  /// A build that finds all in the cache changes nothing: it shall not wait for the disk either.
  @Test
  void noChangesAreNotWritten() throws IOException {
    try (Journal journal = Journal.open(folder)) {
      journal.commit(Change.put("t", "a", value(1)));
      long before = size();
      journal.commit();
      assertEquals(before, size());
    }
  }

  /// Whatever of the last record a loss of power has left, those before it are there.
  @Test
  void aRecordThatWasCutOffIsLeftOut() throws IOException {
    long whole;
    try (Journal journal = Journal.open(folder)) {
      journal.commit(Change.put("t", "a", value(1)));
      whole = size();
      journal.commit(Change.put("t", "a", value(2)), Change.put("t", "b", value(2)));
    }
    for (long length = size() - 1; length >= whole; length--) {
      try (RandomAccessFile file = new RandomAccessFile(folder.resolve("journal").toFile(), "rw")) {
        file.setLength(length);
      }
      try (Journal journal = Journal.open(folder)) {
        assertEquals(
            Optional.of(value(1).text()), journal.get("t", "a").map(Json.JsonObject::text));
        assertTrue(journal.get("t", "b").isEmpty(), "half of a record");
      }
    }
  }
}
