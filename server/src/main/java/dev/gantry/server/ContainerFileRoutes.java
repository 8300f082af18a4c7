package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.ImageChanges;
import dev.gantry.engine.Container;
import dev.gantry.engine.ContainerChanges;
import dev.gantry.engine.ContainerFiles;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.json.Json;
import dev.gantry.oci.ImageReference;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Files of containers: archive, export, changes, and /commit.
final class ContainerFileRoutes {
  private static final String STAT = "X-Docker-Container-Path-Stat";

  private final Engine engine;

  ContainerFileRoutes(Engine engine) {
    this.engine = engine;
  }

  void addTo(Router router) {
    router.on("HEAD", "/containers/{id}/archive", this::stat);
    router.on("GET", "/containers/{id}/archive", this::get);
    router.on("PUT", "/containers/{id}/archive", this::put);
    router.on("GET", "/containers/{id}/export", this::export);
    router.on("GET", "/containers/{id}/changes", this::changes);
    router.on("POST", "/commit", this::commit);
  }

  private static String id(Map<String, String> path) {
    return path.getOrDefault("id", "");
  }

  private void stat(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (ContainerFiles.Opened opened = engine.files().open(id(p), q.text("path"))) {
      r.header(STAT, header(opened.stat()));
    }
    r.empty(200);
  }

  private static String header(ContainerFiles.PathStat s) {
    String json =
        Json.object()
            .put("name", s.name())
            .put("size", s.size())
            .put("mode", goMode(s.mode()))
            .put("mtime", s.modified().toString().replaceFirst("(\\.[0-9]*?)0+Z$", "$1Z"))
            .put("linkTarget", s.linkTarget())
            .text();
    return Base64.getEncoder().encodeToString(json.getBytes(StandardCharsets.UTF_8));
  }

  /// A mode as Go's os.FileMode has it, which is Docker's wire format.
  static long goMode(int mode) {
    long kind =
        switch (mode & 0170000) {
          case 0040000 -> 1L << 31;
          case 0120000 -> 1L << 27;
          case 0060000 -> 1L << 26;
          case 0010000 -> 1L << 25;
          case 0140000 -> 1L << 24;
          case 0020000 -> 1L << 26 | 1L << 21;
          default -> 0;
        };
    long special =
        ((mode & 04000) != 0 ? 1L << 23 : 0)
            | ((mode & 02000) != 0 ? 1L << 22 : 0)
            | ((mode & 01000) != 0 ? 1L << 20 : 0);
    return kind | special | (mode & 0777);
  }

  private void get(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (ContainerFiles.Opened opened = engine.files().open(id(p), q.text("path"))) {
      r.header(STAT, header(opened.stat()));
      OutputStream out = buffered(r.stream(200, "application/x-tar"));
      opened.pack(out);
      out.close(); // not after a failure: the client shall see that the archive is cut off
    }
  }

  private static OutputStream buffered(OutputStream out) {
    return new java.io.BufferedOutputStream(out, 64 * 1024);
  }

  private void put(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    engine
        .files()
        .extract(
            id(p),
            q.text("path"),
            q.body(),
            new ContainerFiles.Extraction(q.flag("noOverwriteDirNonDir"), q.flag("copyUIDGID")));
    r.empty(200);
  }

  private void export(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    try (ContainerFiles.Exported exported = engine.files().export(id(p))) {
      OutputStream out = buffered(r.stream(200, "application/octet-stream"));
      exported.pack(out);
      out.close();
    }
  }

  private void changes(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Json.JsonArray list = Json.array();
    for (ContainerChanges.Change c : engine.changes().list(id(p))) {
      list.add(Json.object().put("Path", c.path()).put("Kind", c.kind().ordinal()));
    }
    r.json(200, list.isEmpty() ? Json.NULL : list);
  }

  // ---- commit

  private void commit(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    if (q.text("container").isEmpty()) {
      throw new Failure.InvalidRequest("invalid name or ID supplied: \"\"");
    }
    Container c = engine.require(q.text("container"));
    Json.JsonObject asked = ImageChanges.apply(q.jsonOrEmpty(), q.texts("changes"));
    Json.JsonObject own = c.spec().wire().object("Config").orElseGet(Json::object);
    Image image =
        engine
            .changes()
            .commit(
                c.id(),
                new ContainerChanges.Commit(
                    merged(asked, own),
                    reference(q.text("repo"), q.text("tag")),
                    q.text("comment"),
                    q.text("author"),
                    !q.has("pause") || q.flag("pause")));
    r.json(201, Json.object().put("Id", image.id().toString()));
  }

  private static @Nullable ImageReference reference(String repo, String tag) {
    if (repo.isEmpty()) {
      return null;
    }
    return ImageReference.parse(tag.isEmpty() ? repo : repo + ":" + tag).withDefaultTag();
  }

  /// What was asked, with the container's own configuration where nothing was.
  static Json.JsonObject merged(Json.JsonObject asked, Json.JsonObject own) {
    Json.JsonObject result = Json.object();
    result.put("User", nonEmpty(asked, own, "User"));
    maps(result, "ExposedPorts", asked, own);
    Json.JsonArray env = Json.array();
    List<String> wanted = asked.strings("Env");
    wanted.forEach(env::add);
    own.strings("Env").stream()
        .filter(e -> wanted.stream().noneMatch(w -> key(w).equals(key(e))))
        .forEach(env::add);
    result.put("Env", env);
    boolean entrypoint = !asked.strings("Entrypoint").isEmpty();
    Json command =
        asked.strings("Cmd").isEmpty() && !entrypoint ? own.get("Cmd") : asked.get("Cmd");
    result.put("Cmd", command == null ? Json.NULL : command);
    Json health =
        asked.get("Healthcheck") == null ? own.get("Healthcheck") : asked.get("Healthcheck");
    result.putIfPresent("Healthcheck", health);
    maps(result, "Volumes", asked, own);
    result.put("WorkingDir", nonEmpty(asked, own, "WorkingDir"));
    Json entry = entrypoint ? asked.get("Entrypoint") : own.get("Entrypoint");
    result.put("Entrypoint", entry == null ? Json.NULL : entry);
    result.putIfPresent("OnBuild", asked.get("OnBuild"));
    Json.JsonObject labels = (Json.JsonObject) own.object("Labels").orElseGet(Json::object).copy();
    asked.object("Labels").ifPresent(l -> l.members().forEach(labels::put));
    result.put("Labels", labels);
    for (String key : List.of("StopSignal", "StopTimeout", "Shell")) {
      result.putIfPresent(key, asked.get(key) == null ? own.get(key) : asked.get(key));
    }
    return result;
  }

  private static String key(String entry) {
    return entry.split("=", 2)[0];
  }

  private static String nonEmpty(Json.JsonObject asked, Json.JsonObject own, String key) {
    String text = asked.string(key, "");
    return text.isEmpty() ? own.string(key, "") : text;
  }

  private static void maps(
      Json.JsonObject result, String key, Json.JsonObject asked, Json.JsonObject own) {
    Json.JsonObject all = Json.object();
    own.object(key).ifPresent(o -> o.members().forEach(all::put));
    asked.object(key).ifPresent(o -> o.members().forEach(all::put));
    if (!all.isEmpty()) {
      result.put(key, all);
    }
  }
}
