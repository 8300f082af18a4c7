package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.Assembly;
import dev.gantry.build.BuildDisk;
import dev.gantry.build.BuildFailure;
import dev.gantry.build.BuildProgress;
import dev.gantry.build.BuildRequest;
import dev.gantry.build.Builder;
import dev.gantry.build.Built;
import dev.gantry.build.CachePolicy;
import dev.gantry.build.Cancellation;
import dev.gantry.build.Excerpt;
import dev.gantry.build.FilesTar;
import dev.gantry.build.Form;
import dev.gantry.build.Packaging;
import dev.gantry.build.PlatformBuild;
import dev.gantry.build.Provenance;
import dev.gantry.buildkit.BuildKit;
import dev.gantry.buildkit.PassingImages;
import dev.gantry.buildkit.Recording;
import dev.gantry.dockerfile.Origin;
import dev.gantry.dockerfile.Warning;
import dev.gantry.engine.Engine;
import dev.gantry.images.Image;
import dev.gantry.images.ImageExport;
import dev.gantry.images.TransferProgress;
import dev.gantry.images.Transfers;
import dev.gantry.json.Json;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.MediaTypes;
import dev.gantry.oci.Platform;
import dev.gantry.registryclient.Credentials;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Builds as the classic endpoint takes them, the build cache, and the doors that only BuildKit's
/// clients open.
final class BuildRoutes {
  private static final Set<String> PRUNE_FILTERS =
      Set.of(
          "description",
          "id",
          "inuse",
          "parent",
          "private",
          "shared",
          "type",
          "until",
          "unused-for");

  private static final int MOST_STATEMENTS = 4;

  /// What the history says of a build.
  private static final Provenance.Wish HISTORY = new Provenance.Wish(true, "v0.2", "", false);

  private final Engine engine;
  private final Transfers transfers;
  private final Builder builder;
  private final BuildCaches caches;

  /// What the last builds for files have said of them, by build and image.
  private final Map<String, Map<Digest, Map<String, byte[]>>> statements =
      Collections.synchronizedMap(
          new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(
                Map.Entry<String, Map<Digest, Map<String, byte[]>>> eldest) {
              return size() > MOST_STATEMENTS;
            }
          });

  private final Supplier<ServerSettings> settings;
  private @Nullable BuildKit buildKit;

  BuildRoutes(Engine engine, Transfers transfers, Supplier<ServerSettings> settings) {
    this.engine = engine;
    this.transfers = transfers;
    this.builder =
        new Builder(
            engine,
            body -> ContainerRequests.read(engine, body, ApiVersion.NEWEST, "").spec(),
            engine.folder("build"));
    this.caches = new BuildCaches(engine.images(), transfers);
    builder.sweep();
    this.settings = settings;
    builder.disk().policy(() -> settings.get().buildCache());
  }

  /// What builds keep on the disk.
  BuildDisk disk() {
    return builder.disk();
  }

  void addTo(Router router) {
    router.on("POST", "/build", this::build);
    router.on(
        "POST", "/build/context", (q, r, p) -> ListedContext.missing(builder.contexts(), q, r));
    router.on("POST", "/build/prune", this::prune);
    router.on("GET", "/build/files", this::files);
    router.on("GET", "/build/archive", this::archive);
    router.on("GET", "/build/cache", (q, r, p) -> caches.fetch(q.text("id"), r));
    router.on("POST", "/build/cancel", BuildRoutes::cancel);
    router.on("POST", "/session", this::session);
    router.on("POST", "/grpc", this::grpc);
  }

  private void build(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Path folder = Files.createTempDirectory(engine.folder("build"), "context-");
    Cancellation cancellation = new Cancellation();
    try (Recording recording = buildKit().recording();
        BuildRequests requests =
            new BuildRequests(
                q,
                folder,
                caches,
                builder.contexts(),
                id -> recording.client(buildKit().client(id)),
                cancellation,
                () -> r.whenGone(cancellation::cancel))) {
      try {
        carryOut(q, r, requests, recording, cancellation);
      } catch (BuildFailure | Failure e) {
        if (!requests.text().isEmpty() && !requests.asks()) {
          recording.refused(
              requests.attributes(),
              requests.names().stream().map(ImageReference::familiar).toList(),
              requests.name(),
              requests.text(),
              e);
        }
        throw e;
      }
    } catch (BuildFailure e) {
      throw new Failure.InvalidRequest(e.text(), null, e);
    } finally {
      Builder.remove(folder);
      if (Files.exists(BuildCaches.beside(folder))) {
        Builder.remove(BuildCaches.beside(folder));
      }
    }
  }

  private void carryOut(
      HttpRequest q,
      HttpResponse r,
      BuildRequests requests,
      Recording recording,
      Cancellation cancellation)
      throws BuildFailure, IOException {
    List<ImageReference> names = requests.names();
    BuildRequest request = requests.read();
    Instant began = Instant.now();
    if (requests.extras().bool("Check", false)) {
      requests.release();
      r.json(200, Json.object().put("Warnings", warnings(requests)));
      return;
    }
    if (requests.extras().has("Call")) {
      requests.release();
      r.json(200, answer(requests, q.text("target")));
      return;
    }
    String logins = q.header("X-Registry-Config").orElse("");
    try (PassingImages passing = new PassingImages(engine.images());
        PlatformBuild run =
            builder.plan(
                requests.platforms().stream().map(request::withPlatform).toList(),
                (name, platform, pull, waits) ->
                    requests
                        .layout(name)
                        .map(l -> l.image(engine.images(), platform, passing))
                        .orElseGet(
                            () ->
                                base(
                                    ImageReference.parse(name),
                                    name,
                                    platform,
                                    pull,
                                    logins,
                                    waits)));
        OutputStream out = r.stream(200, "application/json")) {
      cancellation.then(run::cancel);
      build(run, names, requests, out, q.flag("q"), began, logins, recording, cancellation);
      requests.release(); // before the client knows: its next build finds the context free
    }
  }

  private static Json.JsonObject answer(BuildRequests requests, String target) {
    BuildKit.Answer answer =
        BuildKit.ask(
            requests.extras().string("Call", ""),
            requests.name(),
            requests.text(),
            requests.dockerfile(),
            requests.warnings(),
            target,
            requests.arguments());
    return Json.object()
        .put("Answer", Json.object().put("Json", answer.json()).put("Text", answer.text()));
  }

  private static Json.JsonArray warnings(BuildRequests requests) {
    Json.JsonArray all = Json.array();
    for (Warning w : requests.warnings()) {
      all.add(
          Json.object()
              .put("Rule", w.rule())
              .put("Description", w.description())
              .put("Detail", w.detail())
              .put("Line", w.line())
              .put(
                  "Excerpt",
                  Excerpt.of(
                      requests.name(),
                      requests.text(),
                      new Origin(w.line(), w.line(), "", List.of()))));
    }
    return all;
  }

  /// The files of images, as an archive; of several, each in a folder called by its platform. What
  /// the build `ref` has said of them lies beside them.
  private void files(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    List<Image> images = q.texts("image").stream().map(engine.images()::require).toList();
    if (images.isEmpty()) {
      throw new Failure.InvalidRequest("an image must be named");
    }
    Map<Digest, Map<String, byte[]>> beside = statements.getOrDefault(q.text("ref"), Map.of());
    List<FilesTar.Part> parts = new ArrayList<>();
    try {
      for (Image image : images) {
        String folder = images.size() > 1 ? image.platform().toString().replace('/', '_') : "";
        Tree tree = engine.layerFiles().open(image.diffIds());
        parts.add(new FilesTar.Part(folder, tree, beside.getOrDefault(image.id(), Map.of())));
      }
      try (OutputStream out = r.stream(200, "application/x-tar")) {
        FilesTar.write(parts, out);
      }
    } finally {
      parts.forEach(part -> part.tree().close());
    }
  }

  /// What a build was made of, as an archive of images with names that they need not have here;
  /// with `oci` in the OCI layout alone.
  private void archive(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    Image image = engine.images().require(q.text("image"));
    List<ImageReference> names =
        q.texts("t").stream().map(t -> ImageReference.parse(t).withDefaultTag()).toList();
    Optional<Descriptor> root =
        q.text("root").isEmpty()
            ? Optional.empty()
            : Optional.of(new Descriptor(MediaTypes.INDEX, Digest.parse(q.text("root")), 0));
    try (OutputStream out = r.stream(200, "application/x-tar")) {
      ImageExport.write(engine.images(), image, root, names, !q.flag("oci"), out);
    }
  }

  private void build(
      PlatformBuild run,
      List<ImageReference> names,
      BuildRequests requests,
      OutputStream out,
      boolean quiet,
      Instant began,
      String logins,
      Recording recording,
      Cancellation cancellation)
      throws IOException {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    ClassicBuild classic = new ClassicBuild(quiet ? said : out, cancellation::cancel);
    boolean steps = requests.extras().bool("Steps", false) && !quiet;
    BuildProgress progress =
        recording.begin(
            requests.attributes(),
            names.stream().map(ImageReference::familiar).toList(),
            requests.name(),
            requests.text(),
            requests.dockerfile(),
            requests.arguments(),
            steps ? new StepLines(out, cancellation::cancel) : classic);
    try {
      Json.JsonObject extras = requests.extras();
      Packaging packaging = requests.packaging();
      List<Built> built = run.build(progress);
      Provenance.Invocation invocation =
          new Provenance.Invocation(
              recording.id(),
              requests.name(),
              requests.remoteContext(),
              requests.attributes(),
              began,
              Instant.now());
      Optional<String> beside = extras.string("Beside");
      boolean byDigest = requests.image().getOrDefault("push-by-digest", "").equals("true");
      Assembly.Assembled made;
      try (var _ = cancellation.waiting()) {
        made =
            Assembly.of(
                built,
                byDigest ? packaging.with(Form.of(requests.image()).withManifest()) : packaging,
                invocation,
                byDigest ? List.of() : names);
      }
      if (beside.isPresent() && packaging.attests()) {
        Map<Digest, Map<String, byte[]>> all = new LinkedHashMap<>();
        for (int i = 0; i < built.size(); i++) {
          all.put(
              made.images().get(i).id(),
              Assembly.statements(built.get(i), packaging, invocation, beside.get(), ""));
        }
        statements.put(recording.id(), all);
      }
      Image image = made.image();
      String id = image.id().toString();
      engine.publishImage("create", id, Map.of("name", id));
      Json.JsonArray left;
      if (byDigest) {
        try (var _ = cancellation.waiting()) {
          pushByDigest(made, names, logins);
        }
      } else {
        push(extras, image, names, logins, line -> stream(out, line + "\n"), cancellation);
      }
      try (var _ = cancellation.waiting()) {
        left = caches.export(extras.objects("CacheTo"), built, logins);
      }
      recording.done(
          Map.of(
              "containerimage.digest",
              made.digest().toString(),
              "containerimage.config.digest",
              id),
          Provenance.of(HISTORY, invocation, built.getFirst()));
      if (extras.size() > 0) {
        ProgressLines.line(out, Json.object().put("result", result(made, left, invocation)));
      }
      if (quiet) {
        stream(out, id + "\n");
        return;
      }
      ProgressLines.line(out, Json.object().put("aux", Json.object().put("ID", id)));
      if (!classic.warning().isEmpty()) {
        stream(out, "[Warning] " + classic.warning() + "\n");
      }
      if (steps) {
        ProgressLines.line(out, Json.object().put("checks", warnings(requests)));
      }
      stream(out, "Successfully built " + image.id().shortHex() + "\n");
      for (ImageReference tag : names) {
        engine.publishImage("tag", id, Map.of("name", tag.familiar()));
        stream(out, "Successfully tagged " + tag.familiar() + "\n");
      }
    } catch (BuildFailure | Failure e) {
      if (e instanceof BuildFailure b) {
        recording.failed(b);
      } else {
        recording.failed((Failure) e);
      }
      said.writeTo(out);
      String text = e instanceof BuildFailure b ? b.text() : ((Failure) e).text();
      int code = e instanceof BuildFailure b ? b.code() : 1;
      Json.JsonObject detail = Json.object();
      if (code != 1) {
        detail.put("code", code);
      }
      if (e instanceof BuildFailure b && b.origin() != null && requests.extras().size() > 0) {
        detail.put("excerpt", Excerpt.of(requests.name(), requests.text(), b.origin()));
      }
      if (requests.extras().bool("Debug", false)) {
        run.beforeFailure()
            .ifPresent(
                before -> {
                  Json.JsonArray arguments = Json.array();
                  before.arguments().forEach((name, value) -> arguments.add(name + "=" + value));
                  detail
                      .put("state", before.image(List.of()).id().toString())
                      .put("arguments", arguments);
                });
      }
      ProgressLines.line(
          out, Json.object().put("errorDetail", detail.put("message", text)).put("error", text));
    }
  }

  /// What `gantry build` writes into files: `--metadata-file` and caches.
  private static Json.JsonObject result(
      Assembly.Assembled made, Json.JsonArray caches, Provenance.Invocation invocation) {
    Json.JsonObject result =
        Json.object()
            .put("Ref", invocation.id())
            .put("Digest", made.digest().toString())
            .put("Config", made.image().id().toString())
            .put("Caches", caches);
    Json.JsonObject platforms = Json.object();
    made.images().forEach(i -> platforms.put(i.platform().toString(), i.id().toString()));
    result.put("Platforms", platforms);
    made.root().ifPresent(root -> result.put("Descriptor", root.json()));
    return result;
  }

  @FunctionalInterface
  private interface Lines {
    void line(String text) throws IOException;
  }

  private void push(
      Json.JsonObject extras,
      Image image,
      List<ImageReference> names,
      String logins,
      Lines lines,
      Cancellation cancellation)
      throws IOException {
    if (!extras.bool("Push", false)) {
      return;
    }
    for (ImageReference name : names) {
      lines.line("pushing " + name.familiar());
      try (var _ = cancellation.waiting()) {
        transfers.pushAll(
            image, name, Credentials.of(logins, name.domain()), TransferProgress.NONE);
      }
    }
  }

  private void pushByDigest(Assembly.Assembled made, List<ImageReference> names, String logins) {
    if (names.isEmpty()) {
      throw new Failure.InvalidRequest("tag is needed when pushing to registry");
    }
    for (ImageReference name : names) {
      transfers.pushMade(
          made.image(),
          made.root().orElseThrow(),
          name,
          Optional.empty(),
          transfers.registries().toWrite(name, Credentials.of(logins, name.domain())));
    }
  }

  private Image base(
      ImageReference wanted,
      String name,
      Platform platform,
      boolean pull,
      String logins,
      Cancellation cancellation) {
    Optional<Image> here = engine.images().find(name, Optional.of(platform));
    boolean fits =
        here.map(i -> platform.match(i.platform()) > 0 || isHere(platform)).orElse(false);
    if (here.isPresent() && fits && !pull) {
      return here.get();
    }
    ImageReference reference = wanted.withDefaultTag();
    try (var _ = cancellation.waiting()) {
      return transfers.pull(
          reference,
          isHere(platform) ? Optional.empty() : Optional.of(platform),
          Credentials.of(logins, reference.domain()),
          TransferProgress.NONE);
    }
  }

  private static boolean isHere(Platform platform) {
    return platform.equals(Platform.here());
  }

  private static void stream(OutputStream out, String text) throws IOException {
    ProgressLines.line(out, Json.object().put("stream", text));
  }

  private void prune(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    long most = size(q, "max-used-space");
    long reserved = Math.max(size(q, "keep-storage"), size(q, "reserved-space"));
    Filters filters;
    try {
      filters = Filters.parse(q.text("filters")).only(PRUNE_FILTERS);
    } catch (Failure.InvalidRequest e) {
      throw new Failure.InvalidRequest("failed to prune build cache: " + e.text(), null, e);
    }
    List<String> wanted = new ArrayList<>();
    if (filters.has("parent")) {
      wanted.add("id==" + "none"); // no record has parents
    }
    for (String field : List.of("type", "id", "description")) {
      for (String value : filters.has(field) ? filters.get(field) : List.<String>of()) {
        wanted.add(field + (field.equals("id") ? "^=" : "==") + value);
      }
    }
    for (String field : List.of("inuse", "shared", "private")) {
      if (filters.has(field)) {
        boolean on = !filters.get(field).contains("false") && !filters.get(field).contains("0");
        wanted.add(
            (field.equals("private") ? "shared" : field)
                + "=="
                + (field.equals("private") ? !on : on));
      }
    }
    Duration age = Duration.ZERO;
    for (String field : List.of("until", "unused-for")) {
      if (filters.has(field)) {
        Instant before = PruneTime.parse(filters.get(field).getFirst());
        age = Duration.between(before, Instant.now());
      }
    }
    List<BuildDisk.Entry> gone =
        builder
            .disk()
            .prune(
                new CachePolicy.Rule(
                    q.flag("all"), wanted, age, reserved, most, size(q, "min-free-space")));
    Json.JsonArray deleted = Json.array();
    gone.forEach(e -> deleted.add(e.id()));
    long freed = gone.stream().filter(e -> !e.shared()).mapToLong(BuildDisk.Entry::size).sum();
    if (deleted.size() > 0) {
      engine.publishEvent("builder", "prune", "", Map.of("reclaimed", Long.toString(freed)));
    }
    r.json(
        200,
        Json.object()
            .put("CachesDeleted", deleted.size() > 0 ? deleted : Json.NULL)
            .put("SpaceReclaimed", freed));
  }

  private static long size(HttpRequest q, String key) {
    String text = q.text(key);
    if (!text.isEmpty() && !text.matches("[+-]?[0-9]{1,18}")) {
      throw new Failure.InvalidRequest(
          key
              + " is in bytes and expects an integer, got "
              + text
              + ": strconv.Atoi: parsing "
              + Json.of(text).text()
              + ": invalid syntax");
    }
    return text.isEmpty() ? 0 : Long.parseLong(text);
  }

  private static void cancel(HttpRequest q, HttpResponse r, Map<String, String> p)
      throws IOException {
    if (q.text("id").isEmpty()) {
      throw new Failure.InvalidRequest("build ID not provided");
    }
    r.header("Content-Type", "application/json");
    r.empty(200);
  }

  /// BuildKit's clients take the connection over and speak HTTP/2 on it from then on. Docker's
  /// daemon answers this upgrade with these headers alone.
  private HttpResponse.Hijacked upgrade(HttpRequest q, HttpResponse r) throws IOException {
    String protocol = q.header("Upgrade").orElse("");
    if (protocol.isEmpty()) {
      throw new Failure.InvalidRequest("no upgrade proto in request");
    }
    if (!protocol.equalsIgnoreCase("h2c")) {
      throw new Failure.InvalidRequest("protocol " + protocol + " not supported");
    }
    for (String name : List.of("Api-Version", "Docker-Experimental", "Ostype", "Server")) {
      r.removeHeader(name);
    }
    return r.raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n");
  }

  /// Made at the first of its requests: an engine that builds nothing does not load it.
  private synchronized BuildKit buildKit() {
    if (buildKit == null) {
      buildKit =
          new BuildKit(
              engine, builder, transfers, "gantry", "v" + settings.get().version() + "+gantry");
    }
    return buildKit;
  }

  private void grpc(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    HttpResponse.Hijacked client = upgrade(q, r);
    buildKit().control(client.in(), client.out());
  }

  private void session(HttpRequest q, HttpResponse r, Map<String, String> p) throws IOException {
    HttpResponse.Hijacked client = upgrade(q, r);
    buildKit()
        .session(
            q.header("X-Docker-Expose-Session-Uuid").orElse(""),
            q.header("X-Docker-Expose-Session-Sharedkey").orElse(""),
            Set.of(q.header("X-Docker-Expose-Session-Grpc-Method").orElse("").split(",")),
            client.in(),
            client.out());
  }
}
