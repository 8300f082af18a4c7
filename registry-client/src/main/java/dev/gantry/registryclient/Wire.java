package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;

/// HTTP to registries: proxies, TLS, redirects, silence that ends after a while, and errors in the
/// words that Docker's users know. Knows nothing of authentication but that it never goes to a host
/// that a redirect names.
final class Wire {
  static {
    // the JDK would refuse to show a proxy its password for an HTTPS tunnel
    preset("jdk.http.auth.tunneling.disabledSchemes", "");
    // its 16 KiB would pass three threads thirty thousand times for each 500 MB
    preset("jdk.httpclient.bufsize", "65536");
  }

  private static void preset(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  private static final int MAX_REDIRECTS = 10;
  private static final int MAX_ERROR_BODY = 64 * 1024;
  private static final Duration CONNECT = Duration.ofSeconds(20);

  /// A body to send, which must be readable again for another try.
  interface Upload {
    long length();

    InputStream open() throws IOException;
  }

  /// A request.
  ///
  /// @param authorization the header; empty for none
  record Call(
      String method,
      URI uri,
      Map<String, String> headers,
      String authorization,
      @Nullable Upload body,
      boolean insecure) {

    /// As Go's errors name a request, which Docker's clients print.
    String shown() {
      return method.charAt(0) + method.substring(1).toLowerCase(Locale.ROOT) + " \"" + uri + "\"";
    }
  }

  /// An answer whose body must be closed.
  record Answer(int status, HttpHeaders headers, InputStream body, URI uri)
      implements AutoCloseable {
    String header(String name) {
      return headers.firstValue(name).orElse("");
    }

    boolean isGood() {
      return status >= 200 && status < 300;
    }

    /// The body, which is an error if it is longer than `limit`.
    byte[] bytes(int limit) throws IOException {
      byte[] bytes = body.readNBytes(limit + 1);
      if (bytes.length > limit) {
        throw new Failure.TooLarge(
            "the answer of " + uri.getHost() + " is over " + limit + " bytes");
      }
      return bytes;
    }

    /// The start of the body, for an error's text.
    byte[] start() {
      try {
        return body.readNBytes(MAX_ERROR_BODY);
      } catch (IOException e) {
        return new byte[0];
      }
    }

    @Override
    public void close() {
      try {
        body.close();
      } catch (IOException e) {
        return; // nothing of it is wanted
      }
    }
  }

  /// @param stamp when the certificates were last changed: new ones count at once
  private record Key(boolean insecure, List<Path> folders, long stamp) {}

  private final RegistryOptions options;
  private final Map<Key, HttpClient> clients = new ConcurrentHashMap<>();

  Wire(RegistryOptions options) {
    this.options = options;
  }

  RegistryOptions options() {
    return options;
  }

  private HttpClient client(URI uri, boolean insecure) {
    boolean tls = "https".equals(uri.getScheme());
    List<Path> folders =
        tls ? Tls.folders(String.valueOf(uri.getAuthority()), options.certificates()) : List.of();
    return clients.computeIfAbsent(
        new Key(tls && insecure, folders, Tls.stamp(folders)), k -> make(k, tls));
  }

  private HttpClient make(Key key, boolean tls) {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // one connection for each layer, not one for all
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .executor(Executors.newVirtualThreadPerTaskExecutor());
    if (tls) {
      builder.sslContext(Tls.context(key.folders(), key.insecure()));
    }
    RegistryOptions.Proxies proxies = options.proxies();
    if (!proxies.http().isEmpty() || !proxies.https().isEmpty()) {
      builder.proxy(new Selector(proxies));
    }
    return builder.build();
  }

  /// Sends a request and follows redirects; any status is an answer.
  ///
  /// @throws Trouble if there was none
  Answer send(Call first) {
    Call call = first;
    for (int i = 0; i <= MAX_REDIRECTS; i++) {
      Answer answer = once(call);
      String location = answer.header("Location");
      boolean redirects =
          switch (answer.status()) {
            case 301, 302, 303 ->
                !location.isEmpty()
                    && (call.method().equals("GET") || call.method().equals("HEAD"));
            case 307, 308 -> !location.isEmpty();
            default -> false;
          };
      if (!redirects) {
        return answer;
      }
      answer.close();
      call = redirected(call, location);
    }
    throw new Trouble(
        new Failure.Internal(first.shown() + ": stopped after " + MAX_REDIRECTS + " redirects"),
        Trouble.Cure.ELSEWHERE);
  }

  private static Call redirected(Call call, String location) {
    URI target;
    try {
      target = call.uri().resolve(location);
    } catch (IllegalArgumentException e) {
      throw new Trouble(
          new Failure.Internal(call.shown() + ": redirect to an invalid address"),
          Trouble.Cure.ELSEWHERE);
    }
    boolean http = "http".equals(target.getScheme());
    boolean https = "https".equals(target.getScheme());
    boolean weaker = http && "https".equals(call.uri().getScheme()) && !call.insecure();
    if (!http && !https || weaker || target.getHost() == null) {
      throw new Trouble(
          new Failure.Forbidden(
              call.shown()
                  + ": refused a redirect to "
                  + target.getScheme()
                  + "://"
                  + target.getHost()),
          Trouble.Cure.ELSEWHERE);
    }
    boolean same =
        call.uri().getScheme().equals(target.getScheme())
            && String.valueOf(call.uri().getAuthority()).equals(target.getAuthority());
    return new Call(
        call.method(),
        target,
        call.headers(),
        same ? call.authorization() : "",
        call.body(),
        call.insecure() && same);
  }

  private Answer once(Call call) {
    Thread sender = Thread.currentThread();
    Upload upload = call.body();
    try (Watch watch = new Watch(options.patience(), sender::interrupt)) {
      HttpRequest.Builder request = HttpRequest.newBuilder(call.uri());
      call.headers().forEach(request::header);
      if (!call.authorization().isEmpty()) {
        request.header("Authorization", call.authorization());
      }
      request.header("User-Agent", "gantry/0.1");
      proxyPassword(options.proxies(), call.uri())
          .ifPresent(password -> request.header("Proxy-Authorization", password));
      request.method(call.method(), publisher(upload, watch));
      try {
        HttpResponse<InputStream> response =
            client(call.uri(), call.insecure())
                .send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        if (response.statusCode() == 407) {
          response.body().close();
          throw new Trouble(
              new Failure.Internal(call.shown() + ": Proxy Authentication Required"),
              Trouble.Cure.ELSEWHERE);
        }
        return new Answer(
            response.statusCode(),
            response.headers(),
            new Watched(response.body(), options.patience()),
            call.uri());
      } catch (InterruptedException e) {
        if (watch.expired()) {
          throw new Trouble(
              new Failure.Internal(
                  call.shown() + ": no answer within " + options.patience().toSeconds() + " s"),
              Trouble.Cure.LATER);
        }
        sender.interrupt();
        throw new Failure.Cancelled(call.shown() + ": cancelled");
      } catch (IOException e) {
        throw explain(call, e);
      }
    }
  }

  private static HttpRequest.BodyPublisher publisher(@Nullable Upload upload, Watch watch) {
    if (upload == null) {
      return HttpRequest.BodyPublishers.noBody();
    }
    HttpRequest.BodyPublisher stream =
        HttpRequest.BodyPublishers.ofInputStream(
            () -> {
              try {
                return new FilterInputStream(upload.open()) {
                  @Override
                  public int read(byte[] b, int offset, int length) throws IOException {
                    watch.progress();
                    return super.read(b, offset, length);
                  }
                };
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    return upload.length() == 0
        ? HttpRequest.BodyPublishers.noBody()
        : HttpRequest.BodyPublishers.fromPublisher(stream, upload.length());
  }

  // ---- what went wrong

  private static Trouble explain(Call call, IOException e) {
    String host = call.uri().getHost();
    int port =
        call.uri().getPort() >= 0
            ? call.uri().getPort()
            : "https".equals(call.uri().getScheme()) ? 443 : 80;
    String what = cause(e, host, host + ":" + port);
    boolean tls = e instanceof SSLException;
    // Docker's clients ask /v2/ first, and so their users know this text
    URI ping = call.uri().getPath().startsWith("/v2/") ? call.uri().resolve("/v2/") : call.uri();
    boolean dial = what.startsWith("dial") || tls;
    String shown = dial && call.method().equals("GET") ? "Get \"" + ping + "\"" : call.shown();
    return new Trouble(
        new Failure.Internal(shown + ": " + what, e),
        tls ? Trouble.Cure.ELSEWHERE : Trouble.Cure.RECONNECT);
  }

  private static String cause(IOException e, String host, String address) {
    if (has(e, UnknownHostException.class) || has(e, UnresolvedAddressException.class)) {
      return "dial tcp: lookup " + host + ": no such host";
    }
    if (e instanceof HttpConnectTimeoutException) {
      return "dial tcp " + address + ": i/o timeout";
    }
    if (e instanceof HttpTimeoutException) {
      return "context deadline exceeded";
    }
    if (e instanceof ConnectException) {
      String text = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
      return "dial tcp "
          + address
          + ": connect: "
          + (text.equals("null") ? "connection refused" : text);
    }
    if (e instanceof SSLHandshakeException
        && (has(e, CertPathBuilderException.class) || has(e, CertificateException.class))) {
      String detail =
          has(e, CertPathBuilderException.class)
              ? "certificate signed by unknown authority"
              : String.valueOf(e.getMessage());
      return "tls: failed to verify certificate: x509: " + detail;
    }
    if (e instanceof SSLException
        && String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT).contains("unrecognized ssl")) {
      return "http: server gave HTTP response to HTTPS client";
    }
    if (e instanceof SSLException) {
      return "remote error: tls: " + e.getMessage();
    }
    return String.valueOf(e.getMessage() == null ? "connection lost" : e.getMessage());
  }

  private static boolean has(Throwable e, Class<? extends Throwable> kind) {
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (kind.isInstance(t)) {
        return true;
      }
    }
    return false;
  }

  /// A body that is closed if nothing of it comes for a while.
  private static final class Watched extends FilterInputStream {
    private final Watch watch;

    Watched(InputStream in, Duration patience) {
      super(in);
      watch =
          new Watch(
              patience,
              () -> {
                try {
                  in.close();
                } catch (IOException e) {
                  return; // the reader learns it from its own read
                }
              });
      watch.pause();
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      watch.progress();
      try {
        int n = super.read(bytes, offset, length);
        if (watch.expired()) {
          throw silent(null);
        }
        return n;
      } catch (IOException e) {
        throw watch.expired() ? silent(e) : e;
      } finally {
        watch.pause();
      }
    }

    private static IOException silent(@Nullable IOException cause) {
      return new IOException("the registry sent nothing for a long time", cause);
    }

    @Override
    public void close() throws IOException {
      watch.close();
      super.close();
    }
  }

  // ---- proxies

  private static Optional<URI> proxy(RegistryOptions.Proxies proxies, String scheme) {
    String text = "https".equals(scheme) ? proxies.https() : proxies.http();
    if (text.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(URI.create(text.contains("://") ? text : "http://" + text));
  }

  /// The proxy for what is at `uri`; empty if it is reached without.
  private static Optional<URI> proxy(RegistryOptions.Proxies proxies, URI uri) {
    String host = Hosts.withoutPort(String.valueOf(uri.getHost()));
    int port = uri.getPort() >= 0 ? uri.getPort() : "https".equals(uri.getScheme()) ? 443 : 80;
    boolean here = host.equals("localhost") || Hosts.isIn(host, "127.0.0.0/8");
    return here || Hosts.matches(host, port, proxies.none())
        ? Optional.empty()
        : proxy(proxies, uri.getScheme());
  }

  /// What the proxy of `uri` is shown. Not by an authenticator: Java would ask that for registries'
  /// passwords too, and end the request where it has none. To a tunnel's other end, Java does not
  /// send the header.
  private static Optional<String> proxyPassword(RegistryOptions.Proxies proxies, URI uri) {
    return proxy(proxies, uri)
        .map(URI::getUserInfo)
        .map(user -> user.contains(":") ? user : user + ":")
        .map(user -> Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)))
        .map(text -> "Basic " + text);
  }

  private static final class Selector extends ProxySelector {
    private final RegistryOptions.Proxies proxies;

    Selector(RegistryOptions.Proxies proxies) {
      this.proxies = proxies;
    }

    @Override
    public List<Proxy> select(URI uri) {
      return proxy(proxies, uri)
          .map(p -> address(p))
          .map(address -> List.of(new Proxy(Proxy.Type.HTTP, address)))
          .orElseGet(() -> List.of(Proxy.NO_PROXY));
    }

    private static InetSocketAddress address(URI proxy) {
      int port = proxy.getPort() >= 0 ? proxy.getPort() : 80;
      return InetSocketAddress.createUnresolved(proxy.getHost(), port);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {}
  }
}
