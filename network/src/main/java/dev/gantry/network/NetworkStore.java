package dev.gantry.network;

import dev.gantry.json.Json;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Where networks are kept between runs of the engine; the engine puts its metadata journal behind
/// it. A `save` or `remove` that returned survives a crash.
public interface NetworkStore {
  /// All records by network id.
  Map<String, Json.JsonObject> load();

  void save(String id, Json.JsonObject network);

  void remove(String id);

  /// A store that forgets.
  static NetworkStore inMemory() {
    Map<String, Json.JsonObject> records = new ConcurrentHashMap<>();
    return new NetworkStore() {
      @Override
      public Map<String, Json.JsonObject> load() {
        return Map.copyOf(records);
      }

      @Override
      public void save(String id, Json.JsonObject network) {
        records.put(id, network);
      }

      @Override
      public void remove(String id) {
        records.remove(id);
      }
    };
  }
}
