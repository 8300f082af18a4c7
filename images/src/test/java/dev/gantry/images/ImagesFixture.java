package dev.gantry.images;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gantry.store.ContentStore;
import dev.gantry.store.Journal;
import dev.gantry.store.Snapshots;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/// Images in a folder of the test's own.
abstract class ImagesFixture {
  @TempDir Path folder;
  Journal journal;
  Images images;

  @BeforeEach
  final void open() {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs root");
    journal = Journal.open(folder.resolve("state"));
    images =
        new Images(
            journal,
            ContentStore.open(folder.resolve("content")),
            Snapshots.open(folder.resolve("overlay")));
  }

  @AfterEach
  final void close() {
    if (journal != null) {
      journal.close();
    }
  }
}
