package dev.gantry.registry;

import dev.gantry.base.Failure;
import dev.gantry.http.Handler;
import dev.gantry.http.Request;
import dev.gantry.http.Response;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The registry behind HTTP: finds the route, asks who it is, answers errors in the spec's form,
/// counts and logs. Paths are those of distribution-spec spec.md#endpoints.
final class Registry implements Handler {
  private static final System.Logger LOG = System.getLogger("gantry-registry");
  private static final Pattern PATH =
      Pattern.compile(
          "/v2/(?<name>.+?)/(?:"
              + "manifests/(?<manifest>[^/]+)"
              + "|blobs/uploads/?(?<begin>)"
              + "|blobs/uploads/(?<upload>[^/]+)"
              + "|blobs/(?<blob>[^/]+)"
              + "|referrers/(?<subject>[^/]+)"
              + "|tags/(?<tags>list))");

  /// The parts that answer.
  record Parts(
      BlobRoutes blobs,
      UploadRoutes uploads,
      ManifestRoutes manifests,
      DiscoveryRoutes discovery,
      Optional<PullThrough> cache,
      Optional<RateLimit> rateLimit,
      Metrics metrics) {}

  private final Parts parts;
  private final Authentication authentication;
  private final Guard guard;
  private final Optional<AccessLog> log;
  private final Optional<String> warning;
  private final boolean openMetrics;
  private volatile boolean draining;

  /// @param warning told to every client that uses the API
  /// @param openMetrics true where anybody may read the metrics here
  Registry(
      Parts parts,
      Authentication authentication,
      Guard guard,
      Optional<AccessLog> log,
      Optional<String> warning,
      boolean openMetrics) {
    this.parts = parts;
    this.authentication = authentication;
    this.guard = guard;
    this.log = log;
    this.warning = warning;
    this.openMetrics = openMetrics;
  }

  static RegistryError unsupported(Call call) {
    return new RegistryError(
        ErrorCode.UNSUPPORTED, call.request().method() + " is not for " + call.request().path());
  }

  /// From now on the health says that the end is near.
  void drain() {
    draining = true;
  }

  @Override
  public void handle(Request request, Response response) throws IOException {
    long begin = System.nanoTime();
    Call call = new Call(request, response, Identity.ANONYMOUS);
    try {
      if (request.path().startsWith("/v2")) {
        response.header("Docker-Distribution-API-Version", "registry/2.0");
        warning.ifPresent(w -> response.header("Warning", "299 - \"" + w + "\""));
      }
      response.header("X-Content-Type-Options", "nosniff");
      if (!answersOwn(request, response)) {
        call = new Call(request, response, identity(call));
        route(call);
      }
    } catch (RegistryError e) {
      error(call, e);
    } catch (Failure | JsonException e) {
      error(call, new RegistryError(ErrorCode.UNKNOWN, String.valueOf(e.getMessage())));
    } catch (IOException e) {
      broken(call, e);
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "request failed: " + request.target(), e);
      error(call, new RegistryError(ErrorCode.UNKNOWN, "internal error"));
    } finally {
      long nanos = System.nanoTime() - begin;
      parts
          .metrics()
          .request(
              routeName(request.path()),
              request.method(),
              response.status(),
              response.sent(),
              nanos);
      if (log.isPresent()) {
        log.get().add(call, response.status(), nanos);
      }
    }
  }

  private Identity identity(Call call) {
    try {
      return authentication.identify(call.request());
    } catch (RegistryError e) {
      String challenge = authentication.challenge(call.request(), "");
      if (!challenge.isEmpty()) {
        call.response().header("WWW-Authenticate", challenge);
      }
      throw e;
    }
  }

  private static void error(Call call, RegistryError e) throws IOException {
    if (call.response().isStarted()) {
      call.response().close();
      return;
    }
    call.json(e.status(), e.body());
  }

  /// The client's framing was wrong, the disk failed, or the client left; who left does not read
  /// the answer.
  private static void broken(Call call, IOException e) throws IOException {
    if (call.response().isStarted()) {
      throw e;
    }
    if (e instanceof ProtocolException) {
      error(
          call,
          new RegistryError(ErrorCode.UNKNOWN, 400, String.valueOf(e.getMessage()), Json.NULL));
      return;
    }
    boolean full = isFull(e);
    LOG.log(
        System.Logger.Level.WARNING,
        call.request().method() + " " + call.request().path() + ": " + e.getMessage());
    error(
        call,
        new RegistryError(
            ErrorCode.UNKNOWN,
            full ? 507 : 500,
            full ? "the registry's disk is full" : "the registry could not read or write",
            Json.NULL));
  }

  /// True if the disk, or what of it we may use, is full: ENOSPC or EDQUOT in the system's words.
  static boolean isFull(IOException e) {
    String text = String.valueOf(e.getMessage());
    return text.contains("No space left") || text.contains("Disk quota exceeded");
  }

  private boolean answersOwn(Request request, Response response) throws IOException {
    switch (request.path()) {
      case "/healthz" -> {
        response.header("Content-Type", "application/json");
        response.send(
            draining ? 503 : 200,
            ("{\"status\":\"" + (draining ? "stopping" : "ok") + "\"}\n")
                .getBytes(StandardCharsets.UTF_8));
        return true;
      }
      case "/" -> {
        response.empty(200);
        return true;
      }
      default -> {
        return authentication.answers(request, response);
      }
    }
  }

  /// The label of a path in the metrics.
  private static String routeName(String path) {
    switch (path) {
      case "/metrics", "/healthz", "/token" -> {
        return path.substring(1);
      }
      case "/v1/search" -> {
        return "search";
      }
      case "/v2", "/v2/" -> {
        return "base";
      }
      case "/v2/_catalog" -> {
        return "catalog";
      }
      default -> {
        Matcher parts = PATH.matcher(path);
        if (parts.matches()) {
          for (String group : List.of("manifest", "blob", "subject", "tags")) {
            if (parts.group(group) != null) {
              return group.equals("subject") ? "referrers" : group;
            }
          }
          return "upload";
        }
        return "other";
      }
    }
  }

  private void route(Call call) throws IOException {
    String path = call.request().path();
    switch (path) {
      case "/metrics" -> {
        if (!openMetrics) {
          guard.requireKnown(call);
        }
        call.response().header("Content-Type", "text/plain; version=0.0.4");
        call.response().send(200, parts.metrics().text().getBytes(StandardCharsets.UTF_8));
      }
      case "/v1/search" -> parts.discovery().search(call);
      case "/v2", "/v2/" -> base(call);
      case "/v2/_catalog" -> parts.discovery().catalog(call);
      default -> repository(call, PATH.matcher(path));
    }
  }

  private void base(Call call) throws IOException {
    if (!call.request().method().equals("GET") && !call.response().isHead()) {
      throw unsupported(call);
    }
    guard.requireKnown(call);
    call.json(200, Json.object());
  }

  private void repository(Call call, Matcher path) throws IOException {
    if (!path.matches()) {
      throw new RegistryError(
          ErrorCode.NAME_UNKNOWN, 404, "no such path", Json.of(call.request().path()));
    }
    RepositoryName name = new RepositoryName(path.group("name"));
    if (parts.cache().isPresent()) {
      PullThrough cache = parts.cache().get();
      name = cache.local(call.request(), call.response(), name);
      boolean reads = call.request().method().equals("GET") || call.response().isHead();
      if (!reads && !call.request().method().equals("DELETE") && cache.covers(name)) {
        throw new RegistryError(ErrorCode.UNSUPPORTED, name + " is a cache and takes no pushes");
      }
    }
    if (path.group("manifest") != null) {
      boolean counts = call.request().method().equals("GET");
      if (parts.rateLimit().isPresent() && (counts || call.response().isHead())) {
        parts.rateLimit().get().pass(call, counts);
      }
      parts.manifests().answer(call, name, Reference.parse(path.group("manifest")));
    } else if (path.group("begin") != null) {
      parts.uploads().begin(call, name);
    } else if (path.group("upload") != null) {
      parts.uploads().goOn(call, name, path.group("upload"));
    } else if (path.group("blob") != null) {
      parts.blobs().answer(call, name, ContentDigest.parse(path.group("blob")));
    } else if (path.group("subject") != null) {
      parts.discovery().referrers(call, name, ContentDigest.parse(path.group("subject")));
    } else {
      parts.discovery().tags(call, name);
    }
  }
}
