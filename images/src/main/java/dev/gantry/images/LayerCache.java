package dev.gantry.images;

import dev.gantry.json.Json;
import dev.gantry.oci.Digest;
import dev.gantry.store.Journal;
import dev.gantry.store.Journal.Change;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Layers that builds made, by the digest of what they were made from. What is in here keeps its
/// layer and its content from being removed. The journal's table `build-cache`. Thread-safe.
public final class LayerCache {
  private static final String TABLE = "build-cache";

  /// A layer that can be used again.
  ///
  /// @param chain the chain id of the layer on what is below it
  /// @param size bytes of its files
  /// @param description what made it, for people
  /// @param used when it was last used, to the second
  public record Entry(
      Digest chain,
      Digest diffId,
      Digest blob,
      long size,
      String description,
      Instant created,
      Instant used,
      int uses) {
    /// The same with another size.
    public Entry withSize(long bytes) {
      return new Entry(chain, diffId, blob, bytes, description, created, used, uses);
    }
  }

  private final Journal journal;

  LayerCache(Journal journal) {
    this.journal = journal;
  }

  /// Whether there is a layer made from `key`.
  public boolean has(Digest key) {
    return journal.get(TABLE, key.toString()).isPresent();
  }

  /// The layer made from `key`; counts as a use.
  public Optional<Entry> use(Digest key) {
    Optional<Entry> found = journal.get(TABLE, key.toString()).map(LayerCache::read);
    found.ifPresent(
        e ->
            journal.note(
                change(
                    key,
                    new Entry(
                        e.chain(),
                        e.diffId(),
                        e.blob(),
                        e.size(),
                        e.description(),
                        e.created(),
                        Instant.now(),
                        e.uses() + 1))));
    return found;
  }

  /// Remembers what was made from `key`.
  public void put(Digest key, Entry entry) {
    journal.note(change(key, entry));
  }

  /// Everything, by key.
  public Map<Digest, Entry> entries() {
    Map<Digest, Entry> all = new LinkedHashMap<>();
    journal.table(TABLE).forEach((key, record) -> all.put(Digest.parse(key), read(record)));
    return all;
  }

  /// Forgets an entry; [Images#collect] then frees what nothing else needs.
  public void remove(Digest key) {
    journal.note(Change.remove(TABLE, key.toString()));
  }

  private static Change change(Digest key, Entry e) {
    return Change.put(
        TABLE,
        key.toString(),
        Json.object()
            .put("Chain", e.chain().toString())
            .put("DiffId", e.diffId().toString())
            .put("Blob", e.blob().toString())
            .put("Size", e.size())
            .put("Description", e.description())
            .put("Created", e.created().toString())
            .put("Used", e.used().toString())
            .put("Uses", e.uses()));
  }

  private static Entry read(Json.JsonObject r) {
    return new Entry(
        Digest.parse(r.string("Chain", "")),
        Digest.parse(r.string("DiffId", "")),
        Digest.parse(r.string("Blob", "")),
        r.number("Size", 0),
        r.string("Description", ""),
        Instant.parse(r.string("Created", "")),
        Instant.parse(r.string("Used", "")),
        (int) r.number("Uses", 0));
  }
}
