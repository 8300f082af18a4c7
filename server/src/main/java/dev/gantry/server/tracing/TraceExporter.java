package dev.gantry.server.tracing;

import dev.gantry.grpc.Connection;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.http.Pem;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/// Sends spans in batches (OTLP 1.x, `ExportTraceServiceRequest`). Whoever adds one never waits:
/// what finds no room is dropped, and so is a batch that the collector does not take in three
/// attempts, which the engine's log says once.
final class TraceExporter implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("tracing");
  private static final String METHOD =
      "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  private static final int ATTEMPTS = 3;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LAST_WAIT = Duration.ofSeconds(2);
  private static final List<Integer> AGAIN = List.of(429, 502, 503, 504);
  private static final List<Integer> GRPC_AGAIN = List.of(1, 4, 8, 10, 11, 14, 15);

  private final SecureRandom random = new SecureRandom();
  private final TraceSettings settings;
  private final BlockingQueue<Message> queue;
  private final Thread thread;
  private volatile boolean closing;
  private boolean complained;
  private @Nullable HttpClient client;

  /// A failure after which the same may be tried again.
  private static final class Passing extends IOException {
    private static final long serialVersionUID = 1;

    Passing(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  TraceExporter(TraceSettings settings) {
    this.settings = settings;
    this.queue = new ArrayBlockingQueue<>(settings.queue());
    this.thread = Thread.ofVirtual().name("traces").start(this::run);
  }

  /// An id of so many bytes.
  byte[] random(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  static List<Message> attributes(Map<String, ?> attributes) {
    List<Message> all = new ArrayList<>();
    attributes.forEach(
        (key, value) ->
            all.add(
                new Message()
                    .text(1, key)
                    .message(
                        2,
                        value instanceof Long number
                            ? new Message().number(3, number)
                            : new Message().text(1, String.valueOf(value)))));
    return all;
  }

  void add(Message span) {
    boolean ignored = queue.offer(span);
  }

  private void run() {
    try {
      while (true) {
        Message first = queue.poll(closing ? 0 : 1, TimeUnit.SECONDS);
        if (first != null) {
          List<Message> batch = new ArrayList<>(List.of(first));
          gather(batch);
          send(batch);
        } else if (closing) {
          return;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void gather(List<Message> batch) throws InterruptedException {
    long deadline = System.nanoTime() + settings.delay().toNanos();
    while (batch.size() < settings.batch()) {
      long left = closing ? 0 : Math.min(deadline - System.nanoTime(), 200_000_000L);
      Message next = queue.poll(Math.max(0, left), TimeUnit.NANOSECONDS);
      if (next != null) {
        batch.add(next);
      } else if (left <= 0) {
        return;
      }
    }
  }

  private void send(List<Message> spans) throws InterruptedException {
    Message scope = new Message().text(1, "dev.gantry.server");
    Message request =
        new Message()
            .message(
                1,
                new Message()
                    .message(1, new Message().messages(1, attributes(settings.resource())))
                    .message(2, new Message().message(1, scope).messages(2, spans)));
    long pause = FIRST_PAUSE.toMillis();
    for (int attempt = 1; ; attempt++, pause *= 2) {
      try {
        if (settings.grpc()) {
          call(request);
        } else {
          post(request);
        }
        return;
      } catch (Passing e) {
        if (attempt == ATTEMPTS || closing) {
          complain(e);
          return;
        }
        Thread.sleep(pause);
      } catch (IOException | GrpcException | GeneralSecurityException e) {
        complain(e);
        return;
      }
    }
  }

  private void complain(Exception e) {
    if (!complained) {
      complained = true;
      LOG.log(
          System.Logger.Level.WARNING,
          "traces are lost: {0} does not take them: {1}",
          settings.endpoint(),
          e.getMessage());
    }
  }

  // ---- HTTP

  private void post(Message request)
      throws IOException, GeneralSecurityException, InterruptedException {
    HttpClient through = client;
    if (through == null) {
      HttpClient.Builder builder =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .connectTimeout(settings.timeout());
      if (settings.certificate() != null) {
        builder.sslContext(context());
      }
      through = builder.build();
      client = through;
    }
    HttpRequest.Builder post =
        HttpRequest.newBuilder(settings.endpoint())
            .timeout(settings.timeout())
            .header("Content-Type", "application/x-protobuf")
            .POST(HttpRequest.BodyPublishers.ofByteArray(request.encode()));
    settings.headers().forEach(post::setHeader);
    HttpResponse<Void> answer;
    try {
      answer = through.send(post.build(), HttpResponse.BodyHandlers.discarding());
    } catch (IOException e) {
      throw new Passing(String.valueOf(e.getMessage()), e);
    }
    if (AGAIN.contains(answer.statusCode())) {
      throw new Passing("status " + answer.statusCode(), null);
    }
    if (answer.statusCode() / 100 != 2) {
      throw new IOException("status " + answer.statusCode());
    }
  }

  // ---- gRPC

  /// A connection for each batch: they are seconds apart.
  private void call(Message request) throws IOException, GrpcException, GeneralSecurityException {
    try (Socket socket = connected()) {
      Connection connection = Connection.client(socket.getInputStream(), socket.getOutputStream());
      Thread speaker = Thread.ofVirtual().name("traces-grpc").start(() -> speak(connection));
      try {
        Map<String, List<String>> metadata = new TreeMap<>();
        settings
            .headers()
            .forEach((name, value) -> metadata.put(name.toLowerCase(Locale.ROOT), List.of(value)));
        Message ignored = connection.call(METHOD, metadata).ask(request, settings.timeout());
      } catch (GrpcException e) {
        if (GRPC_AGAIN.contains(e.code())) {
          throw new Passing(String.valueOf(e.getMessage()), e);
        }
        throw e;
      } finally {
        connection.close();
        speaker.interrupt();
      }
    }
  }

  private static void speak(Connection connection) {
    try {
      connection.run();
    } catch (IOException e) {
      connection.close(); // the call says why
    }
  }

  private Socket connected() throws IOException, GeneralSecurityException {
    URI to = settings.endpoint();
    boolean secure = to.getScheme().equals("https");
    int port = to.getPort() > 0 ? to.getPort() : secure ? 443 : 80;
    int millis = (int) settings.timeout().toMillis();
    Socket plain = new Socket();
    try {
      plain.connect(new InetSocketAddress(to.getHost(), port), millis);
      if (!secure) {
        return plain;
      }
      SSLSocket socket =
          (SSLSocket) context().getSocketFactory().createSocket(plain, to.getHost(), port, true);
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      parameters.setApplicationProtocols(new String[] {"h2"});
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      return socket;
    } catch (IOException e) {
      plain.close();
      throw new Passing(String.valueOf(e.getMessage()), e);
    }
  }

  private SSLContext context() throws IOException, GeneralSecurityException {
    if (settings.certificate() == null) {
      return SSLContext.getDefault();
    }
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    int number = 0;
    for (X509Certificate certificate : Pem.certificates(settings.certificate())) {
      store.setCertificateEntry("ca" + number++, certificate);
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  @Override
  public void close() {
    closing = true;
    try {
      boolean ended = thread.join(LAST_WAIT);
      if (!ended) {
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
