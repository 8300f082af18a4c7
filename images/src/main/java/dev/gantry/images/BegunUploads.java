package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// Where uploads of blobs were begun: the push after one that was cut short, by the end of the
/// engine too, goes on with what the registry has. Thread-safe.
final class BegunUploads {
  private static final String TABLE = "uploads";
  private static final Duration LIFE = Duration.ofDays(1);

  private final Journal journal;
  private final Set<String> inWork = new HashSet<>();

  BegunUploads(Journal journal) {
    this.journal = journal;
  }

  /// One push's hold on the upload of a blob. A second push of the same blob to the same place at
  /// the same time has an upload of its own, of which nothing is noted.
  final class Hold implements AutoCloseable {
    private final String key;
    private final boolean alone;

    private Hold(String key) {
      this.key = key;
      synchronized (inWork) {
        alone = inWork.add(key);
      }
    }

    Optional<URI> location() {
      return alone
          ? journal.get(TABLE, key).map(r -> URI.create(r.string("Location", "")))
          : Optional.empty();
    }

    void at(URI location) {
      if (alone) {
        journal.note(
            Change.put(
                TABLE,
                key,
                Json.object()
                    .put("Location", location.toString())
                    .put("At", Instant.now().toString())));
      }
    }

    /// All of it is there.
    void ended() {
      if (alone) {
        journal.note(Change.remove(TABLE, key));
      }
    }

    @Override
    public void close() {
      if (alone) {
        synchronized (inWork) {
          inWork.remove(key);
        }
      }
    }
  }

  Hold hold(ImageReference repository, Digest blob) {
    return new Hold(repository.name() + "@" + blob);
  }

  /// Forgets what registries have forgotten by now.
  void tidy() {
    Instant oldest = Instant.now().minus(LIFE);
    journal
        .table(TABLE)
        .forEach(
            (key, record) -> {
              if (Instant.parse(record.string("At", "")).isBefore(oldest)) {
                journal.note(Change.remove(TABLE, key));
              }
            });
  }
}
