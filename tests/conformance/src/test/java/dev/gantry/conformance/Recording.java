package dev.gantry.conformance;

import dev.gantry.json.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/// What `recorder.py` wrote while it played one scenario: exchanges and event sequences.
///
/// @param scenario its name
/// @param records by name, in the order they were made; the second of a name is `NAME #2`
record Recording(String scenario, Map<String, Json.JsonObject> records) {

  /// Reads JSON lines, compressed if the name ends with `.gz`.
  static Recording read(String scenario, Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(scenario, file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in);
    }
  }

  static Recording read(String scenario, InputStream in) throws IOException {
    Map<String, Json.JsonObject> records = new LinkedHashMap<>();
    Map<String, Integer> seen = new HashMap<>();
    var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      Json.JsonObject record = Json.parseObject(line);
      // some names hold the time of their making
      String name = record.string("name", "").replaceAll("'1[0-9]{9}'", "'<seconds>'");
      int number = seen.merge(name, 1, Integer::sum);
      records.put(number == 1 ? name : name + " #" + number, record);
    }
    return new Recording(scenario, records);
  }
}
