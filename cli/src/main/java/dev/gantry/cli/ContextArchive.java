package dev.gantry.cli;

import dev.gantry.cli.ContextStore.Context;
import dev.gantry.cli.tar.Entry;
import dev.gantry.cli.tar.TarReader;
import dev.gantry.cli.tar.TarWriter;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// A context in a file, as `context export` writes it: a tar archive with `meta.json` in it.
final class ContextArchive {
  private static final String NAME = "meta.json";

  private ContextArchive() {}

  static byte[] write(Context context) throws IOException {
    byte[] meta = ContextStore.meta(context).text().getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream archive = new ByteArrayOutputStream();
    try (TarWriter tar = new TarWriter(archive)) {
      tar.add(new Entry(NAME, '0', 0644, 0, 0, meta.length, 0, ""), new ByteArrayInputStream(meta));
    }
    return archive.toByteArray();
  }

  static Context read(byte[] archive, String file) {
    try {
      TarReader tar = new TarReader(new ByteArrayInputStream(archive));
      for (Optional<Entry> entry = tar.next(); entry.isPresent(); entry = tar.next()) {
        if (entry.get().name().equals(NAME)) {
          String text = new String(tar.content().readAllBytes(), StandardCharsets.UTF_8);
          return ContextStore.context(Json.parseObject(text));
        }
      }
    } catch (IOException | JsonException e) {
      throw new Exit(1, file + " is no exported context: " + e.getMessage());
    }
    throw new Exit(1, file + " is no exported context: there is no " + NAME + " in it");
  }
}
