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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// A context in a file, as `context export` writes it: a tar archive with `meta.json` in it, and
/// what TLS needs under `tls/docker/`.
///
/// @param files `ca.pem`, `cert.pem`, `key.pem`, as far as there are any
record ContextArchive(Context context, Map<String, byte[]> files) {
  private static final String NAME = "meta.json";
  private static final String SECRETS = "tls/docker/";

  static byte[] write(Context context, Map<String, byte[]> files) throws IOException {
    byte[] meta = ContextStore.meta(context).text().getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream archive = new ByteArrayOutputStream();
    try (TarWriter tar = new TarWriter(archive)) {
      add(tar, NAME, 0644, meta);
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        add(tar, SECRETS + file.getKey(), 0600, file.getValue());
      }
    }
    return archive.toByteArray();
  }

  private static void add(TarWriter tar, String name, int mode, byte[] content) throws IOException {
    tar.add(
        new Entry(name, '0', mode, 0, 0, content.length, 0, ""), new ByteArrayInputStream(content));
  }

  static ContextArchive read(byte[] archive, String file) {
    Optional<Context> context = Optional.empty();
    Map<String, byte[]> files = new LinkedHashMap<>();
    try {
      TarReader tar = new TarReader(new ByteArrayInputStream(archive));
      for (Optional<Entry> entry = tar.next(); entry.isPresent(); entry = tar.next()) {
        String name = entry.get().name();
        if (name.equals(NAME)) {
          String text = new String(tar.content().readAllBytes(), StandardCharsets.UTF_8);
          context = Optional.of(ContextStore.context(Json.parseObject(text)));
        } else if (name.startsWith(SECRETS)) {
          files.put(name.substring(SECRETS.length()), tar.content().readAllBytes());
        }
      }
    } catch (IOException | JsonException e) {
      throw new Exit(1, file + " is no exported context: " + e.getMessage());
    }
    return new ContextArchive(
        context.orElseThrow(
            () -> new Exit(1, file + " is no exported context: there is no " + NAME + " in it")),
        files);
  }
}
