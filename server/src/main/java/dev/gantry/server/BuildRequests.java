package dev.gantry.server;

import dev.gantry.base.Failure;
import dev.gantry.build.Annotation;
import dev.gantry.build.BuildClient;
import dev.gantry.build.BuildContext;
import dev.gantry.build.BuildRequest;
import dev.gantry.build.Builder;
import dev.gantry.build.CacheSource;
import dev.gantry.build.Cancellation;
import dev.gantry.build.Form;
import dev.gantry.build.GitSource;
import dev.gantry.build.GivenSecrets;
import dev.gantry.build.KeptContexts;
import dev.gantry.build.Packaging;
import dev.gantry.build.RemoteFile;
import dev.gantry.dockerfile.BuildChecks;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.FrontendImage;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.PathPattern;
import dev.gantry.dockerfile.Warning;
import dev.gantry.engine.LayerFiles;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.ImageReference;
import dev.gantry.oci.Platform;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Reads a `POST /build`: its parameters, its context and the Dockerfile in it. Messages are
/// Docker's.
final class BuildRequests implements AutoCloseable {
  private static final int MAX_DOCKERFILE = 1 << 20;

  private final HttpRequest q;
  private final Path folder;
  private final BuildCaches caches;
  private final KeptContexts contexts;
  private Optional<ListedContext> listed = Optional.empty();
  private String fileName = "Dockerfile";
  private String fileText = "";
  private List<Warning> warnings = List.of();
  private @Nullable Dockerfile dockerfile;
  private Map<String, NamedContexts.Layout> layouts = Map.of();
  private final Function<String, BuildClient> sessions;
  private final Cancellation cancellation;
  private final Runnable watch;

  /// @param folder a new one for the context
  /// @param sessions finds the session that a client holds open beside the request
  /// @param cancellation of the build
  /// @param watch runs when nothing more comes from the client: from then on it may be watched
  BuildRequests(
      HttpRequest q,
      Path folder,
      BuildCaches caches,
      KeptContexts contexts,
      Function<String, BuildClient> sessions,
      Cancellation cancellation,
      Runnable watch) {
    this.q = q;
    this.cancellation = cancellation;
    this.watch = watch;
    this.sessions = sessions;
    this.caches = caches;
    this.contexts = contexts;
    this.folder = folder;
  }

  @Override
  public void close() {
    release();
  }

  /// The layout of the client that `name` stands for, once all is read.
  Optional<NamedContexts.Layout> layout(String name) {
    return Optional.ofNullable(layouts.get(name));
  }

  /// Nothing of the context is read any more.
  void release() {
    listed.ifPresent(ListedContext::close);
    listed = Optional.empty();
  }

  /// The names that the image shall have.
  List<ImageReference> names() {
    return q.texts("t").stream()
        .filter(t -> !t.isEmpty())
        .map(t -> ImageReference.parse(t).withDefaultTag())
        .distinct()
        .toList();
  }

  /// What our own command line wants beyond Docker's parameters: the header `X-Gantry-Build`, an
  /// object in base64. `Secrets` are in base64 by name (others are asked of the session that the
  /// parameter `session` names), `Allow` are entitlements, `Images` are named contexts that stand
  /// for images, `Contexts` those that are folders, URLs and layouts; `Steps`, `Call` and `Debug`
  /// say what to answer, `Image` is how an output of that kind shall be.
  Json.JsonObject extras() {
    try {
      String text = q.header("X-Gantry-Build").orElse("");
      return text.isEmpty()
          ? Json.object()
          : Json.parseObject(new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8));
    } catch (JsonException | IllegalArgumentException e) {
      throw new Failure.InvalidRequest("the header X-Gantry-Build cannot be read", null, e);
    }
  }

  /// Whether nothing shall be built, only answered.
  boolean asks() {
    return extras().bool("Check", false) || extras().has("Call");
  }

  private static Map<String, String> texts(Json.JsonObject object) {
    Map<String, String> all = new LinkedHashMap<>();
    object.members().forEach((k, v) -> all.put(k, v instanceof Json.JsonString s ? s.value() : ""));
    return all;
  }

  /// The Dockerfile's name and text, once it is read.
  String name() {
    return fileName;
  }

  String text() {
    return fileText;
  }

  /// What it says, once it is read.
  Dockerfile dockerfile() {
    return Objects.requireNonNull(dockerfile);
  }

  /// What the build checks say of it.
  List<Warning> warnings() {
    return warnings;
  }

  BuildRequest read() throws IOException {
    checkVersion();
    if (q.flag("squash") && extras().isEmpty()) { // ours may, Docker's has to be experimental
      throw new Failure.InvalidRequest("squash is only supported with experimental mode");
    }
    String isolation = q.text("isolation");
    if (!isolation.isEmpty() && !isolation.equalsIgnoreCase("default")) {
      throw new Failure.InvalidRequest("unsupported isolation: \"" + isolation + "\"");
    }
    if (!List.of("", "null", "[]").contains(q.text("securityopt"))) {
      throw new Failure.InvalidRequest("security options are not supported on linux");
    }
    List<Platform> platforms = platforms();
    Map<String, String> arguments = arguments();
    Map<String, String> labels = map("labels", "labels");
    Json.JsonObject host = host();
    String text = "";
    if (!q.text("remote").isEmpty()) {
      watch.run();
      text = remote(q.text("remote")).orElse("");
    } else {
      try (InputStream body = q.body()) {
        String kept = q.header("X-Gantry-Context").orElse("");
        if (kept.isEmpty()) {
          LayerFiles.unpack(body, folder);
        } else {
          listed = Optional.of(ListedContext.receive(contexts, kept, body, folder));
        }
      }
      watch.run();
    }
    try (Tree tree = Tree.open(folder.toString())) {
      String name = q.text("dockerfile");
      String file = text.isEmpty() ? dockerfileName(tree, name) : "";
      text = text.isEmpty() ? read(tree, file).orElseThrow(() -> missing(name)) : text;
      if (text.isEmpty()) {
        throw new Failure.InvalidRequest(
            "the Dockerfile (" + file.substring(1) + ") cannot be empty");
      }
      fileText = text;
      fileName = file.isEmpty() ? "Dockerfile" : file.substring(1);
      FrontendImage.check(text, arguments.getOrDefault("BUILDKIT_SYNTAX", ""));
      Dockerfile parsed = Dockerfile.parse(text).withChecksOf(arguments);
      dockerfile = parsed;
      String ignored =
          read(
                  tree,
                  tree.status(file + ".dockerignore").isPresent()
                      ? file + ".dockerignore"
                      : "/.dockerignore")
              .orElse("");
      IgnoreFile rules = IgnoreFile.parse(ignored);
      warnings = BuildChecks.of(parsed, text, arguments, rules, caches::variables);
      Json.JsonObject extras = extras();
      Optional<String> refusal = parsed.refusal(warnings);
      if (refusal.isPresent() && extras.size() > 0 && !extras.bool("Check", false)) {
        throw new Failure.InvalidRequest(refusal.get());
      }
      NamedContexts named = new NamedContexts(folder);
      Map<String, byte[]> secrets = new LinkedHashMap<>();
      texts(extras.object("Secrets").orElseGet(Json::object))
          .forEach((id, value) -> secrets.put(id, Base64.getDecoder().decode(value)));
      BuildClient client = new GivenSecrets(secrets, session());
      try (var _ = cancellation.waiting()) {
        named.read(extras.object("Contexts").orElseGet(Json::object), cancellation.shield(client));
      }
      layouts = named.layouts();
      Map<String, String> images =
          new LinkedHashMap<>(texts(extras.object("Images").orElseGet(Json::object)));
      images.putAll(named.images());
      BuildContext context =
          listed.isPresent() ? listed.get().source() : BuildContext.without(folder, rules);
      return BuildRequest.of(parsed, context)
          .client(client)
          .contexts(named.sources())
          .entitlements(Set.copyOf(extras.strings("Allow")))
          .images(images)
          .target(q.text("target"))
          .platform(platforms.getFirst())
          .text(text)
          .squash(q.flag("squash"))
          .debug(extras.bool("Debug", false))
          .cacheFrom(cacheSources(extras))
          .arguments(arguments)
          .labels(labels)
          .noCache(
              q.flag("nocache"),
              extras.strings("NoCacheStages").stream()
                  .map(s -> s.toLowerCase(Locale.ROOT))
                  .toList())
          .pull(q.flag("pull"))
          .host(host)
          .done();
    } catch (ParseFailure e) {
      throw new Failure.InvalidRequest(e.text(), null, e);
    }
  }

  /// What the image shall run on, one or several.
  List<Platform> platforms() {
    List<Platform> all =
        java.util.Arrays.stream(q.text("platform").split(","))
            .map(String::strip)
            .filter(p -> !p.isEmpty())
            .map(Platform::parse)
            .distinct()
            .toList();
    return all.isEmpty() ? List.of(Platform.here()) : all;
  }

  /// Attributes of an output that is an image.
  Map<String, String> image() {
    return extras().stringMap("Image");
  }

  /// What the result gets beside its files.
  Packaging packaging() {
    Json.JsonObject extras = extras();
    List<Annotation> annotations =
        extras.strings("Annotations").stream().flatMap(a -> Annotation.parse(a).stream()).toList();
    boolean inline = BuildRequest.isOn(arguments().getOrDefault("BUILDKIT_INLINE_CACHE", ""));
    return Packaging.of(
            annotations,
            extras.stringMap("Attestations"),
            inline || extras.bool("InlineCache", false))
        .with(Form.of(image()))
        .asIndex(BuildRequest.isOn(arguments().getOrDefault("BUILDKIT_MULTI_PLATFORM", "")));
  }

  /// How the build was asked for, in the words of BuildKit's clients.
  Map<String, String> attributes() {
    Map<String, String> all = new LinkedHashMap<>();
    for (String[] pair :
        new String[][] {{"target", "target"}, {"platform", "platform"}, {"remote", "context"}}) {
      if (!q.text(pair[0]).isEmpty()) {
        all.put(pair[1], q.text(pair[0]));
      }
    }
    String folder = extras().string("Folder", ""); // what the history calls it
    if (!folder.isEmpty()) {
      all.put("vcs:localdir:context", folder);
    }
    if (q.flag("nocache")) {
      all.put("no-cache", "");
    }
    all.put("filename", fileName);
    arguments().forEach((k, v) -> all.put("build-arg:" + k, v));
    map("labels", "labels").forEach((k, v) -> all.put("label:" + k, v));
    return all;
  }

  /// The URL of the context; empty if the client has sent one.
  String remoteContext() {
    return q.text("remote").equals("client-session") ? "" : q.text("remote");
  }

  private BuildClient session() {
    String session = q.text("session");
    return session.isEmpty() ? BuildClient.NONE : sessions.apply(session);
  }

  /// The values of arguments.
  Map<String, String> arguments() {
    return map("buildargs", "build args");
  }

  private List<CacheSource> cacheSources(Json.JsonObject extras) throws IOException {
    List<String> names;
    try {
      String text = q.text("cachefrom");
      names =
          text.isEmpty() || text.equals("null")
              ? List.of()
              : Json.object().put("all", Json.parse(text)).strings("all");
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("error reading cache-from: " + e.text(), null, e);
    }
    return caches.sources(
        extras.objects("CacheFrom"), names, folder, q.header("X-Registry-Config").orElse(""));
  }

  private void checkVersion() {
    String version = q.text("version");
    if (version.equals("2")) {
      throw new Failure.Unsupported(
          "this engine builds without BuildKit: set DOCKER_BUILDKIT=0, or use gantry build");
    }
    if (!version.isEmpty() && !version.equals("1")) {
      throw new Failure.InvalidRequest("invalid version " + Json.of(version).text());
    }
  }

  private Map<String, String> map(String key, String what) {
    String text = q.text(key);
    if (text.isEmpty()) {
      return Map.of();
    }
    try {
      Map<String, String> all = new LinkedHashMap<>();
      if (Json.parse(text) instanceof Json.JsonObject object) {
        object
            .members()
            .forEach((k, v) -> all.put(k, v instanceof Json.JsonString s ? s.value() : ""));
      }
      return all;
    } catch (JsonException e) {
      throw new Failure.InvalidRequest("error reading " + what + ": " + e.text(), null, e);
    }
  }

  // ---- limits of RUN

  private Json.JsonObject host() {
    Json.JsonObject host = Json.object();
    for (String[] pair :
        new String[][] {
          {"memory", "Memory"},
          {"memswap", "MemorySwap"},
          {"shmsize", "ShmSize"},
          {"cpushares", "CpuShares"},
          {"cpuperiod", "CpuPeriod"},
          {"cpuquota", "CpuQuota"}
        }) {
      String text = q.text(pair[0]);
      if (text.matches("-?[0-9]{1,18}") && !text.equals("0")) {
        host.put(pair[1], Long.parseLong(text));
      }
    }
    for (String[] pair :
        new String[][] {
          {"cpusetcpus", "CpusetCpus"},
          {"cpusetmems", "CpusetMems"},
          {"cgroupparent", "CgroupParent"},
          {"networkmode", "NetworkMode"}
        }) {
      if (!q.text(pair[0]).isEmpty()) {
        host.put(pair[1], q.text(pair[0]));
      }
    }
    Json.JsonArray hosts = Json.array();
    for (String text : q.texts("extrahosts")) {
      for (String one : text.split(",")) {
        if (!one.isEmpty()) {
          hosts.add(one);
        }
      }
    }
    host.put("ExtraHosts", hosts);
    String ulimits = q.text("ulimits");
    if (!ulimits.isEmpty()) {
      try {
        host.put("Ulimits", Json.parse(ulimits));
      } catch (JsonException e) {
        throw new Failure.InvalidRequest("error reading ulimit settings: " + e.text(), null, e);
      }
    }
    return host;
  }

  // ---- the context

  /// Fetches the context that `remote` names; the Dockerfile's text if it is one alone.
  private Optional<String> remote(String remote) throws IOException {
    if (GitSource.isGit(remote)) {
      Path place = Files.createDirectory(folder.resolveSibling(folder.getFileName() + ".git"));
      try (var _ = cancellation.waiting()) {
        boolean keep =
            BuildRequest.isOn(arguments().getOrDefault("BUILDKIT_CONTEXT_KEEP_GIT_DIR", ""));
        GitSource.Checkout checkout =
            GitSource.parse(remote).keeping(keep).checkout(place, BuildClient.NONE);
        Files.delete(folder);
        Files.move(checkout.folder(), folder);
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new Failure.Cancelled("interrupted while fetching " + remote);
      } finally {
        Builder.remove(place);
      }
    }
    if (!remote.startsWith("http://") && !remote.startsWith("https://")) {
      throw new Failure.InvalidRequest("remoteURL (" + remote + ") could not be recognized as URL");
    }
    Path file = folder.resolveSibling(folder.getFileName() + ".remote");
    try (var _ = cancellation.waiting()) {
      RemoteFile.Answer answer = RemoteFile.fetch(remote, BuildClient.NONE, file);
      if (answer.type().startsWith("text/plain")) {
        if (Files.size(file) > MAX_DOCKERFILE) {
          throw new Failure.TooLarge("the Dockerfile is larger than 1 MiB");
        }
        return Optional.of(Files.readString(file));
      }
      try (InputStream archive = Files.newInputStream(file)) {
        LayerFiles.unpack(archive, folder);
      }
      return Optional.empty();
    } catch (RemoteFile.Refused e) {
      throw new Failure.InvalidRequest(
          "error downloading remote context "
              + remote
              + ": failed to GET "
              + remote
              + " with status "
              + e.status(),
          null,
          e);
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest(
          "remoteURL (" + remote + ") could not be recognized as URL", null, e);
    } catch (IOException e) {
      throw new Failure.InvalidRequest(
          "error downloading remote context " + remote + ": " + e.getMessage(), null, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while fetching " + remote);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static String dockerfileName(Tree tree, String wanted) throws IOException {
    String clean = "/" + PathPattern.clean(wanted.isEmpty() ? "Dockerfile" : wanted);
    if (wanted.startsWith("../") || wanted.contains("/../../")) {
      throw new Failure.InvalidRequest(
          "forbidden path outside the build context: " + wanted + " ()");
    }
    if (wanted.isEmpty()
        && tree.status(clean).isEmpty()
        && tree.status("/dockerfile").isPresent()) {
      return "/dockerfile";
    }
    return clean;
  }

  private static Failure missing(String wanted) {
    return new Failure.InvalidRequest(
        "Cannot locate specified Dockerfile: " + (wanted.isEmpty() ? "Dockerfile" : wanted));
  }

  private static Optional<String> read(Tree tree, String path) throws IOException {
    return BuildContext.text(tree, path, MAX_DOCKERFILE);
  }
}
