package dev.gantry.registry;

import dev.gantry.base.Failure;
import dev.gantry.http.HttpServer;
import dev.gantry.http.HttpServer.ClientCertificates;
import dev.gantry.http.Limits;
import dev.gantry.http.Pem;
import dev.gantry.http.TlsFiles;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;

/// A registry at work: wires the parts as the options say, listens, keeps house, and ends in order.
final class ServeRegistry implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("gantry-registry");
  private static final Duration MOST_BETWEEN = Duration.ofHours(1);

  private final FileStorage storage;
  private final HttpServer server;
  private final Registry registry;
  private final GarbageCollection collection;
  private final Metrics metrics;
  private final Optional<AccessLog> log;
  private final Duration interval;
  private final Duration drain;
  private final List<String> addresses = new ArrayList<>();
  private final List<Path> sockets = new ArrayList<>();
  private final Thread keeper = Thread.ofVirtual().name("keep-house").unstarted(this::keepHouse);

  /// Opens the data and listens.
  ///
  /// @throws Failure.InvalidRequest for options that contradict each other or cannot be used
  /// @throws Failure.Conflict if another registry uses the data
  static ServeRegistry start(RegistryOptions options) throws IOException {
    Path data = Path.of(options.text("data", "/var/lib/gantry-registry")).toAbsolutePath();
    FileStorage storage = FileStorage.open(data, options.path("share").map(Path::toAbsolutePath));
    try {
      ServeRegistry serving = new ServeRegistry(options, data, storage);
      serving.listen(options);
      serving.keeper.start();
      return serving;
    } catch (IOException | RuntimeException e) {
      storage.close();
      throw e;
    }
  }

  private ServeRegistry(RegistryOptions options, Path data, FileStorage storage)
      throws IOException {
    this.storage = storage;
    InstantSource clock = InstantSource.system();
    metrics = new Metrics();
    boolean known = options.path("htpasswd").isPresent() || options.text("token-realm").isPresent();
    Supplier<Policy> policy = policy(options, known);
    Authentication authentication = authentication(options, data, policy, clock);
    Guard guard =
        new Guard(authentication, policy, options.flag("read-only"), !options.flag("no-delete"));
    Gate gate = new Gate();
    Quotas quotas = new Quotas(storage, name -> policy.get().quota(name));
    Blobs blobs = new Blobs(storage, gate, quotas, clock);
    Catalog catalog = new Catalog(storage);
    Manifests manifests = new Manifests(storage, gate, blobs, quotas, catalog, clock);
    Uploads uploads = new Uploads(storage, blobs, quotas, clock, metrics::received);
    Optional<PullThrough> cache = cache(options, manifests, blobs, uploads);
    List<URI> listeners = options.urls("webhook");
    Events events =
        listeners.isEmpty() ? (action, call, name, ref, tag) -> {} : new Webhooks(listeners);
    Registry.Parts parts =
        new Registry.Parts(
            new BlobRoutes(blobs, manifests, guard, cache),
            new UploadRoutes(uploads, blobs, catalog, guard, events),
            new ManifestRoutes(manifests, guard, policy, cache, events),
            new DiscoveryRoutes(manifests, catalog, guard, cache),
            cache,
            options.rate("rate-limit").map(r -> new RateLimit(r.most(), r.window(), clock)),
            metrics);
    log = options.text("access-log").map(ServeRegistry::accessLog);
    interval = options.time("gc-interval", "1h");
    drain = options.time("drain", "15s");
    collection =
        new GarbageCollection(
            storage,
            gate,
            blobs,
            manifests,
            uploads,
            options.time("gc-grace", "24h"),
            options.time("upload-expiry", "24h"),
            clock);
    registry =
        new Registry(
            parts,
            authentication,
            guard,
            log,
            options.text("warning").map(ServeRegistry::quotable),
            options.flag("public-metrics"));
    server = new HttpServer(registry, Limits.PUBLIC);
    metrics.gauge("uploads_open", uploads::count);
    metrics.gauge("access_log_dropped_lines", () -> log.map(AccessLog::dropped).orElse(0L));
  }

  private static String quotable(String warning) {
    if (!warning.matches("[ !#-\\[\\]-~]{1,500}")) {
      throw RegistryOptions.invalid("warning", warning, "plain text without quotes");
    }
    return warning;
  }

  private static AccessLog accessLog(String where) {
    try {
      OutputStream out = where.equals("-") ? System.out : new FileOutputStream(where, true);
      return new AccessLog(out);
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not open the access log " + where, null, e);
    }
  }

  private static Supplier<Policy> policy(RegistryOptions options, boolean needsUser) {
    Policy open = Policy.open(needsUser, options.size("quota"), options.list("immutable-tag"));
    Optional<Path> file = options.path("policy");
    return file.isEmpty() ? () -> open : new Reread<>(file.get(), () -> open.with(file.get()));
  }

  private static Authentication authentication(
      RegistryOptions options, Path data, Supplier<Policy> policy, InstantSource clock)
      throws IOException {
    String service = options.text("token-service", "gantry-registry");
    Optional<String> realm = options.text("token-realm");
    Optional<Path> users = options.path("htpasswd");
    if (realm.isPresent()) {
      Path keys =
          options
              .path("token-keys")
              .orElseThrow(() -> new Failure.InvalidRequest("--token-realm needs --token-keys"));
      if (users.isPresent()) {
        throw new Failure.InvalidRequest("--token-realm and --htpasswd exclude each other");
      }
      return new TokenAuthentication(
          realm.get(),
          service,
          options.text("token-issuer", service),
          Pem.publicKeys(keys).stream().map(Jwt.Public::new).toList(),
          clock);
    }
    if (users.isEmpty()) {
      return Authentication.NONE;
    }
    Passwords passwords = new Passwords(users.get());
    return switch (options.text("auth", "basic")) {
      case "basic" -> new BasicAuthentication(passwords, service);
      case "token" -> new TokenServer(service, secret(data), passwords, policy, clock);
      default -> throw RegistryOptions.invalid("auth", options.text("auth", ""), "basic or token");
    };
  }

  /// What our tokens are signed with; kept, so that they survive a restart.
  private static Jwt.Secret secret(Path data) throws IOException {
    Path file = data.resolve("token-secret");
    if (!Files.exists(file)) {
      byte[] bytes = new byte[32];
      new SecureRandom().nextBytes(bytes);
      Path fresh = data.resolve("token-secret.new");
      Files.deleteIfExists(fresh);
      Files.createFile(
          fresh,
          java.nio.file.attribute.PosixFilePermissions.asFileAttribute(
              java.nio.file.attribute.PosixFilePermissions.fromString("rw-------")));
      Files.write(fresh, bytes, java.nio.file.StandardOpenOption.DSYNC);
      Files.move(fresh, file);
    }
    return new Jwt.Secret(Files.readAllBytes(file));
  }

  private Optional<PullThrough> cache(
      RegistryOptions options, Manifests manifests, Blobs blobs, Uploads uploads) {
    Map<String, URI> upstreams = options.spaces("proxy");
    Map<String, String> credentials = options.bySpace("proxy-credentials");
    for (String space : credentials.keySet()) {
      if (!upstreams.containsKey(space)) {
        throw new Failure.InvalidRequest(
            "--proxy-credentials for " + (space.isEmpty() ? "" : space + " ") + "without --proxy");
      }
    }
    Map<String, Upstream> bySpace = new LinkedHashMap<>();
    upstreams.forEach(
        (space, uri) ->
            bySpace.put(
                space.replace(':', '-'),
                new HttpUpstream(
                    uri,
                    Optional.ofNullable(credentials.get(space)).map(ServeRegistry::secretOf))));
    return bySpace.isEmpty()
        ? Optional.empty()
        : Optional.of(new PullThrough(bySpace, manifests, blobs, uploads, metrics));
  }

  private static String secretOf(String file) {
    try {
      String text = Files.readString(Path.of(file), StandardCharsets.UTF_8).strip();
      if (text.indexOf(':') <= 0) {
        throw new Failure.InvalidRequest(file + " is not of the form USER:PASSWORD");
      }
      return text;
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not read the credentials in " + file, null, e);
    }
  }

  // ---- listening

  private void listen(RegistryOptions options) throws IOException {
    Optional<SSLContext> tls = tls(options);
    List<String> wanted = options.list("listen");
    for (String each : wanted.isEmpty() ? List.of("127.0.0.1:5000") : wanted) {
      if (each.startsWith("unix://")) {
        Path socket = Path.of(each.substring(7));
        server.listenUnix(socket);
        sockets.add(socket);
        addresses.add(each);
        continue;
      }
      InetSocketAddress address = address(each);
      boolean clients = options.path("tls-client-ca").isPresent();
      try {
        InetSocketAddress bound =
            tls.isPresent()
                ? server.listenTls(
                    address,
                    tls.get(),
                    clients ? ClientCertificates.REQUIRED : ClientCertificates.NONE)
                : server.listenTcp(address);
        String host = bound.getAddress().getHostAddress();
        addresses.add(
            (tls.isPresent() ? "https://" : "http://")
                + (host.contains(":") ? "[" + host + "]" : host)
                + ":"
                + bound.getPort());
      } catch (IOException e) {
        server.close();
        throw new IOException("could not listen on " + each + ": " + e.getMessage(), e);
      }
    }
  }

  private static Optional<SSLContext> tls(RegistryOptions options) {
    Optional<Path> certificate = options.path("tls-cert");
    Optional<Path> key = options.path("tls-key");
    if (certificate.isPresent() != key.isPresent()) {
      throw new Failure.InvalidRequest("--tls-cert and --tls-key belong together");
    }
    if (certificate.isEmpty() && options.path("tls-client-ca").isPresent()) {
      throw new Failure.InvalidRequest("--tls-client-ca needs --tls-cert and --tls-key");
    }
    return certificate.map(
        c -> TlsFiles.server(c, key.orElseThrow(), options.path("tls-client-ca")));
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon).replaceAll("[\\[\\]]", "");
    String port = text.substring(colon + 1);
    if (colon < 0 || !port.matches("[0-9]{1,5}") || Integer.parseInt(port) > 65_535) {
      throw RegistryOptions.invalid("listen", text, "HOST:PORT, :PORT or unix:///path");
    }
    InetSocketAddress address =
        host.isEmpty()
            ? new InetSocketAddress(Integer.parseInt(port))
            : new InetSocketAddress(host, Integer.parseInt(port));
    if (address.isUnresolved()) {
      throw RegistryOptions.invalid("listen", text, "an address of this machine");
    }
    return address;
  }

  /// Where it listens, as URLs with the ports it got.
  List<String> addresses() {
    return List.copyOf(addresses);
  }

  // ---- keeping house

  private void keepHouse() {
    boolean collects = !interval.isZero();
    Duration pause = collects ? interval : MOST_BETWEEN;
    while (true) {
      try {
        Thread.sleep(pause);
        if (collects) {
          metrics.collected(collection.run());
          storage.share();
        } else {
          collection.expireUploads();
        }
      } catch (InterruptedException e) {
        return;
      } catch (IOException | RuntimeException e) {
        LOG.log(System.Logger.Level.WARNING, "the garbage collection was broken off", e);
      }
    }
  }

  /// Takes no more requests, lets those in work end, and closes the data.
  @Override
  public void close() {
    registry.drain();
    keeper.interrupt();
    try {
      server.drain(drain);
      server.close();
      log.ifPresent(AccessLog::close);
      for (Path socket : sockets) {
        Files.deleteIfExists(socket);
      }
      storage.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "could not stop in order: " + e.getMessage());
    }
  }
}
