package dev.gantry.engine;

import dev.gantry.json.Json;
import dev.gantry.network.NetworkStore;
import dev.gantry.store.Journal;
import java.util.Map;

/// Networks in the engine's journal.
public final class NetworkRecords implements NetworkStore {
  private static final String TABLE = "network";

  private final Journal journal;

  public NetworkRecords(Journal journal) {
    this.journal = journal;
  }

  @Override
  public Map<String, Json.JsonObject> load() {
    return journal.table(TABLE);
  }

  @Override
  public void save(String id, Json.JsonObject network) {
    journal.commit(Journal.Change.put(TABLE, id, network));
  }

  @Override
  public void remove(String id) {
    journal.commit(Journal.Change.remove(TABLE, id));
  }
}
