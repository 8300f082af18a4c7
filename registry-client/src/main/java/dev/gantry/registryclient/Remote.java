package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.MediaTypes;
import dev.gantry.registryclient.Wire.Answer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/// One repository, wherever it can be found: mirrors and rewritten names are tried before the
/// registry that the name says, and a failure of one place is that place's alone. Everything that
/// comes is checked against the digest it was asked for by. Thread-safe.
///
/// Errors: [Failure.NotFound], [Failure.Unauthorized], [Failure.Forbidden] with the registry's own
/// words; [Failure.Corrupted] for content that is not what its digest says; [Failure.Unavailable]
/// for a rate limit, [Failure.Internal] for the rest.
public final class Remote {
  private static final int MAX_MANIFEST = 4 << 20; // distribution-spec, "Pushing Manifests"
  private static final int MAX_LIST = 4 << 20; // as JSON in memory it may take 30 times that
  private static final int MAX_PAGES = 10_000;
  private static final int BUFFER = 128 * 1024;
  private static final int MANIFEST_TRIES = 3;
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

  private record Place(Endpoint endpoint, Session session) {}

  private final Wire wire;
  private final List<Place> places = new ArrayList<>();
  private final Set<Place> answering = ConcurrentHashMap.newKeySet();
  private volatile int preferred;

  Remote(Wire wire, List<Endpoint> endpoints, Credentials credentials) {
    this.wire = wire;
    for (Endpoint e : endpoints) {
      Credentials shown = e.mirror() ? Credentials.NONE : credentials;
      places.add(new Place(e, new Session(wire, e.base(), e.insecure(), shown)));
    }
  }

  // ---- trying places in turn

  @FunctionalInterface
  private interface Step<T> {
    T at(Place place) throws IOException;
  }

  /// Tries the place that worked last, then the others; the last one's failure counts.
  private <T> T anywhere(Step<T> step) {
    Trouble last = null;
    for (Place place : order()) {
      if (isOtherwiseReached(place)) {
        continue;
      }
      try {
        T result = step.at(place);
        preferred = places.indexOf(place);
        answering.add(place);
        return result;
      } catch (Trouble e) {
        last = e;
        if (e.answered()) {
          answering.add(place);
        }
        if (e.cure() == Trouble.Cure.NONE) {
          break;
        }
      } catch (IOException e) {
        last = lost(place, e);
      }
    }
    throw last == null ? new Trouble(new Failure.Internal("no place"), Trouble.Cure.NONE) : last;
  }

  private List<Place> order() {
    List<Place> order = new ArrayList<>(places);
    if (preferred > 0) {
      order.addFirst(order.remove(preferred));
    }
    return order;
  }

  /// True if the same host has answered over HTTPS where this is HTTP, or the other way round.
  private boolean isOtherwiseReached(Place place) {
    return !answering.contains(place)
        && answering.stream()
            .anyMatch(
                a ->
                    a.endpoint().host().equals(place.endpoint().host())
                        && a.endpoint().path().equals(place.endpoint().path()));
  }

  private static Trouble lost(Place place, IOException e) {
    // Java says "closed" of a body that breaks off; Go, and so dockerd, this
    String why =
        e.getMessage() == null
            ? "connection lost"
            : e.getMessage().equals("closed") ? "unexpected EOF" : e.getMessage();
    return new Trouble(
        new Failure.Internal("reading from " + place.endpoint().host() + " failed: " + why, e),
        Trouble.Cure.RECONNECT);
  }

  /// As [#anywhere], again after a pause where that may help; for small things.
  private <T> T small(Step<T> step) {
    for (int attempt = 1; ; attempt++) {
      try {
        return anywhere(step);
      } catch (Trouble e) {
        boolean again = e.cure() == Trouble.Cure.LATER && attempt < MANIFEST_TRIES;
        if (!again || e.after().compareTo(LONGEST_PAUSE) > 0) {
          throw e.failure();
        }
        sleep(pause(attempt, e.after()));
      }
    }
  }

  private static Duration pause(int attempt, Duration wanted) {
    if (!wanted.isZero()) {
      return wanted;
    }
    long millis = Math.min(LONGEST_PAUSE.toMillis(), 250L << Math.min(attempt, 10));
    return Duration.ofMillis(millis / 2 + ThreadLocalRandom.current().nextLong(millis / 2 + 1));
  }

  private static void sleep(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("cancelled while waiting for the registry");
    }
  }

  private static List<String> pulling(Place place) {
    return List.of("repository:" + place.endpoint().path() + ":pull");
  }

  private static List<String> pushing(Place place) {
    return List.of("repository:" + place.endpoint().path() + ":pull,push");
  }

  private static Answer good(Answer answer, String method) {
    if (answer.isGood()) {
      return answer;
    }
    byte[] start = answer.start();
    answer.close();
    throw Refusal.of(
        answer.status(), answer.headers(), start, method + " \"" + answer.uri() + "\"");
  }

  private static Answer get(Place place, String tail, Map<String, String> headers) {
    URI uri = place.endpoint().uri(tail);
    return good(place.session().send("GET", uri, headers, null, pulling(place)), "Get");
  }

  // ---- reading

  /// The manifest or index that a tag or digest names.
  public Fetched manifest(String reference) {
    return small(place -> manifest(place, reference));
  }

  private static Fetched manifest(Place place, String reference) throws IOException {
    Map<String, String> accept =
        Map.of(
            "Accept",
            String.join(", ", MediaTypes.MANIFESTS)
                + ", "
                + MediaTypes.DOCKER_SCHEMA1_SIGNED); // to be able to say what it is
    try (Answer answer = get(place, "/manifests/" + reference, accept)) {
      byte[] bytes = answer.bytes(MAX_MANIFEST);
      String said = reference.contains(":") ? reference : answer.header("Docker-Content-Digest");
      Digest digest = said.isEmpty() ? Digest.of(bytes) : Digest.parse(said);
      if (!digest.names(bytes)) {
        throw new Trouble(
            new Failure.Corrupted(
                "manifest verification failed for digest "
                    + digest
                    + " from "
                    + place.endpoint().host()),
            Trouble.Cure.ELSEWHERE);
      }
      return new Fetched(digest, MediaTypes.plain(answer.header("Content-Type")), bytes);
    }
  }

  /// A small blob, such as an image's configuration.
  public byte[] blob(Descriptor blob, int limit) {
    if (blob.size() > limit) {
      throw new Failure.TooLarge(
          blob.digest() + " has " + blob.size() + " bytes, over the limit of " + limit);
    }
    Memory memory = new Memory();
    load(blob, memory);
    byte[] bytes = memory.bytes.toByteArray();
    if (!blob.digest().names(bytes)) {
      throw new Failure.Corrupted(
          "the content that came for "
              + blob.digest()
              + " has another digest: "
              + Digest.of(bytes));
    }
    return bytes;
  }

  private static final class Memory implements BlobSink {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Override
    public long size() {
      return bytes.size();
    }

    @Override
    public void write(byte[] b, int offset, int length) {
      bytes.write(b, offset, length);
    }

    @Override
    public void restart() {
      bytes.reset();
    }
  }

  /// Loads the rest of a blob into `sink`, which checks the digest. A connection that breaks is
  /// made again, at the place where the sink is; only tries that bring nothing count against the
  /// limit of attempts.
  public void load(Descriptor blob, BlobSink sink) {
    int attempt = 0;
    while (true) {
      long before = sink.size();
      try {
        anywhere(
            place -> {
              load(place, blob, sink);
              return true;
            });
        return;
      } catch (Trouble e) {
        attempt = sink.size() > before ? 1 : attempt + 1;
        boolean final_ = e.cure() == Trouble.Cure.NONE || e.cure() == Trouble.Cure.ELSEWHERE;
        if (final_ || attempt >= wire.options().attempts()) {
          throw e.failure();
        }
        Duration pause = pause(attempt, e.after());
        sink.waiting(pause);
        sleep(pause);
      }
    }
  }

  private void load(Place place, Descriptor blob, BlobSink sink) throws IOException {
    if (sink.size() > blob.size()) {
      sink.restart();
    }
    long from = sink.size();
    if (from == blob.size() && from > 0) {
      return;
    }
    Map<String, String> range = from == 0 ? Map.of() : Map.of("Range", "bytes=" + from + "-");
    URI uri =
        blob.urls().isEmpty() || !MediaTypes.isForeign(blob.mediaType())
            ? place.endpoint().uri("/blobs/" + blob.digest())
            : foreign(blob);
    Answer raw = place.session().send("GET", uri, range, null, pulling(place));
    if (raw.status() == 416) {
      raw.close();
      sink.restart();
      throw new Trouble(
          new Failure.Internal(
              place.endpoint().host()
                  + " has less of "
                  + blob.digest()
                  + " than its manifest says"),
          Trouble.Cure.LATER);
    }
    try (Answer answer = good(raw, "Get")) {
      if (from > 0 && !(answer.status() == 206 && beginsAt(answer, from))) {
        sink.restart();
      }
      copy(answer.body(), blob, sink);
    }
  }

  private static URI foreign(Descriptor blob) {
    URI uri = URI.create(blob.urls().getFirst());
    if (!"https".equals(uri.getScheme()) && !"http".equals(uri.getScheme())) {
      throw new Trouble(
          new Failure.InvalidRequest("the foreign layer " + blob.digest() + " is at " + uri),
          Trouble.Cure.NONE);
    }
    return uri;
  }

  private static boolean beginsAt(Answer answer, long from) {
    return answer.header("Content-Range").startsWith("bytes " + from + "-");
  }

  private static void copy(InputStream in, Descriptor blob, BlobSink sink) throws IOException {
    byte[] buffer = new byte[BUFFER];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      if (sink.size() + n > blob.size()) {
        sink.restart();
        throw new Trouble(
            new Failure.Corrupted(
                "more came for "
                    + blob.digest()
                    + " than the "
                    + blob.size()
                    + " bytes that its manifest says"),
            Trouble.Cure.ELSEWHERE);
      }
      keep(sink, buffer, n);
    }
    if (sink.size() < blob.size()) {
      throw new IOException(
          "it ended after " + sink.size() + " of " + blob.size() + " bytes (unexpected EOF)");
    }
  }

  /// A full disk here is no fault of the registry.
  private static void keep(BlobSink sink, byte[] buffer, int length) {
    try {
      sink.write(buffer, 0, length);
    } catch (IOException e) {
      throw new Failure.Internal("could not keep what was loaded: " + e.getMessage(), e);
    }
  }

  /// All tags of the repository.
  public List<String> tags() {
    return small(
        place -> {
          List<String> tags = new ArrayList<>();
          pages(place, "/tags/list", json -> tags.addAll(json.strings("tags")));
          return tags;
        });
  }

  private static void pages(
      Place place, String tail, java.util.function.Consumer<Json.JsonObject> page)
      throws IOException {
    URI next = place.endpoint().uri(tail);
    for (int i = 0; i < MAX_PAGES; i++) {
      URI here = next;
      try (Answer answer =
          good(place.session().send("GET", here, Map.of(), null, pulling(place)), "Get")) {
        page.accept(json(answer));
        Optional<URI> more = next(answer.header("Link"), here);
        if (more.isEmpty()) {
          return;
        }
        next = more.get();
      }
    }
    throw new Failure.TooLarge("the list has more than " + MAX_PAGES + " pages");
  }

  static Json.JsonObject json(Answer answer) throws IOException {
    try {
      return Json.parseObject(new String(answer.bytes(MAX_LIST), StandardCharsets.UTF_8));
    } catch (JsonException e) {
      throw new Trouble(
          new Failure.Internal(answer.uri().getHost() + " answered nonsense: " + e.getMessage(), e),
          Trouble.Cure.ELSEWHERE);
    }
  }

  /// The address of a header `Link: </v2/…>; rel="next"`, of the same registry only.
  static Optional<URI> next(String link, URI here) {
    int start = link.indexOf('<');
    int end = link.indexOf('>');
    if (start < 0 || end < start || !link.substring(end).contains("next")) {
      return Optional.empty();
    }
    URI uri = here.resolve(link.substring(start + 1, end));
    return String.valueOf(uri.getAuthority()).equals(here.getAuthority())
        ? Optional.of(uri)
        : Optional.empty();
  }

  /// What refers to a manifest (distribution-spec "Listing Referrers"): an index's JSON, empty
  /// where nothing does or the registry cannot tell.
  ///
  /// @param artifactType only of this type; empty for all
  public Json.JsonArray referrers(Digest digest, String artifactType) {
    Json.JsonArray found = Json.array();
    List<Json.JsonObject> all = new ArrayList<>();
    try {
      all.addAll(
          small(
              place -> {
                List<Json.JsonObject> list = new ArrayList<>();
                pages(
                    place, "/referrers/" + digest, json -> list.addAll(json.objects("manifests")));
                return list;
              }));
    } catch (Failure.NotFound e) {
      all.addAll(taggedReferrers(digest));
    }
    for (Json.JsonObject d : all) {
      if (artifactType.isEmpty() || artifactType.equals(d.string("artifactType", ""))) {
        found.add(d);
      }
    }
    return found;
  }

  /// Registries without the endpoint keep the list under a tag made of the digest.
  private List<Json.JsonObject> taggedReferrers(Digest digest) {
    try {
      String tag = digest.algorithm() + "-" + digest.hex();
      Fetched list = manifest(tag.substring(0, Math.min(128, tag.length())));
      return Json.parseObject(new String(list.bytes(), StandardCharsets.UTF_8))
          .objects("manifests");
    } catch (Failure.NotFound | JsonException e) {
      return List.of();
    }
  }

  // ---- writing

  static Wire.Upload upload(byte[] bytes) {
    return new Wire.Upload() {
      @Override
      public long length() {
        return bytes.length;
      }

      @Override
      public InputStream open() {
        return new ByteArrayInputStream(bytes);
      }
    };
  }

  /// True if the repository has the blob.
  public boolean has(Digest digest) {
    return small(place -> exists(place, "/blobs/" + digest));
  }

  /// True if the repository has the manifest.
  public boolean hasManifest(Digest digest) {
    return small(place -> exists(place, "/manifests/" + digest));
  }

  private static boolean exists(Place place, String tail) {
    Map<String, String> accept = Map.of("Accept", String.join(", ", MediaTypes.MANIFESTS));
    URI uri = place.endpoint().uri(tail);
    try (Answer answer = place.session().send("HEAD", uri, accept, null, pushing(place))) {
      if (answer.status() == 404) {
        return false;
      }
      if (!answer.isGood()) {
        throw Refusal.of(answer.status(), answer.headers(), new byte[0], "Head \"" + uri + "\"");
      }
      return true;
    }
  }

  /// Asks the registry to take a blob over from another of its repositories.
  ///
  /// @return false if it would not: the blob must be sent
  public boolean mount(Digest digest, String from) {
    try {
      return anywhere(
          place -> {
            List<String> scopes = new ArrayList<>(pushing(place));
            scopes.add("repository:" + from + ":pull");
            URI uri = place.endpoint().uri("/blobs/uploads/?mount=" + digest + "&from=" + from);
            try (Answer answer =
                place.session().send("POST", uri, Map.of(), upload(new byte[0]), scopes)) {
              if (answer.status() == 202) {
                abandon(place, answer);
              }
              return answer.status() == 201;
            }
          });
    } catch (Trouble e) {
      return false; // sending it will tell what is wrong
    }
  }

  private static void abandon(Place place, Answer started) {
    try (Answer answer =
        place.session().send("DELETE", location(started), Map.of(), null, pushing(place))) {
      answer.status();
    } catch (Trouble e) {
      return; // registries end uploads that nobody goes on with themselves
    }
  }

  private static URI location(Answer answer) {
    String location = answer.header("Location");
    if (location.isEmpty()) {
      throw new Trouble(
          new Failure.Internal(answer.uri().getHost() + " began an upload without a location"),
          Trouble.Cure.ELSEWHERE);
    }
    return answer.uri().resolve(location);
  }

  /// Sends a blob, in pieces; a connection that breaks is made again, and the upload goes on where
  /// the registry says it is, or from the start where it cannot say.
  public void upload(BlobSource source) {
    Uploading state = new Uploading();
    state.location = source.begun().orElse(null);
    int attempt = 0;
    while (true) {
      long before = state.sent;
      try {
        anywhere(
            place -> {
              upload(place, source, state);
              return true;
            });
        return;
      } catch (Trouble e) {
        attempt = state.sent > before ? 1 : attempt + 1;
        boolean final_ = e.cure() == Trouble.Cure.NONE || e.cure() == Trouble.Cure.ELSEWHERE;
        if (final_ && !state.lost || attempt >= wire.options().attempts()) {
          throw e.failure();
        }
        Duration pause = pause(attempt, e.after());
        source.waiting(pause);
        sleep(pause);
      }
    }
  }

  /// How far an upload has come.
  private static final class Uploading {
    @org.jspecify.annotations.Nullable URI location;
    long sent;
    boolean lost; // the registry has forgotten a session that it had begun
  }

  private static void upload(Place place, BlobSource source, Uploading state) throws IOException {
    state.lost = false;
    if (state.location != null) {
      locate(place, state);
    }
    if (state.location == null) {
      begin(place, source, state);
    }
    long size = source.length();
    do {
      long length = Math.min(BlobSource.PIECE, size - state.sent);
      piece(place, source, state, length, size);
    } while (state.sent < size);
    finish(place, source, state);
  }

  /// Asks how much of an interrupted upload has arrived. Where there is no answer, it is asked
  /// again by the next try.
  private static void locate(Place place, Uploading state) {
    URI uri = java.util.Objects.requireNonNull(state.location);
    try (Answer answer = place.session().send("GET", uri, Map.of(), null, pushing(place))) {
      state.location = null;
      state.sent = 0;
      String range = answer.header("Range").replace("bytes=", "");
      if (answer.isGood() && range.matches("0-[0-9]{1,18}")) {
        long last = Long.parseLong(range.substring(2));
        state.location = answer.header("Location").isEmpty() ? uri : location(answer);
        state.sent = last == 0 ? 0 : last + 1;
      }
    }
  }

  private static void begin(Place place, BlobSource source, Uploading state) {
    URI uri = place.endpoint().uri("/blobs/uploads/");
    try (Answer answer =
        good(
            place.session().send("POST", uri, Map.of(), upload(new byte[0]), pushing(place)),
            "Post")) {
      continueAt(location(answer), source, state);
      state.sent = 0;
    }
  }

  private static void continueAt(URI location, BlobSource source, Uploading state) {
    state.location = location;
    source.uploading(location);
  }

  private static void piece(
      Place place, BlobSource source, Uploading state, long length, long size) {
    URI uri = java.util.Objects.requireNonNull(state.location);
    long from = state.sent;
    Map<String, String> headers = new TreeMap<>(Map.of("Content-Type", "application/octet-stream"));
    if (length < size) {
      headers.put("Content-Range", from + "-" + (from + length - 1));
    }
    Wire.Upload body =
        new Wire.Upload() {
          @Override
          public long length() {
            return length;
          }

          @Override
          public InputStream open() throws IOException {
            return source.open(from, length);
          }
        };
    try (Answer answer = place.session().send("PATCH", uri, headers, body, pushing(place))) {
      if (answer.status() == 404 || answer.status() == 416 || answer.status() == 400) {
        state.lost = true; // restarted meanwhile: begin anew
        state.location = null;
        state.sent = 0;
      }
      good(answer, "Patch");
      continueAt(location(answer), source, state);
      state.sent = from + length;
    }
  }

  private static void finish(Place place, BlobSource source, Uploading state) {
    URI uri = java.util.Objects.requireNonNull(state.location);
    String separator = uri.getRawQuery() == null ? "?" : "&";
    URI last = URI.create(uri + separator + "digest=" + source.digest());
    try (Answer answer =
        place.session().send("PUT", last, Map.of(), upload(new byte[0]), pushing(place))) {
      if (!answer.isGood()) {
        state.lost = answer.status() == 404 || answer.status() == 416;
        state.location = null;
        state.sent = 0;
      }
      good(answer, "Put");
    }
  }

  /// Stores a manifest under a tag or its digest.
  public void putManifest(String reference, String mediaType, byte[] bytes) {
    small(
        place -> {
          URI uri = place.endpoint().uri("/manifests/" + reference);
          Map<String, String> type = Map.of("Content-Type", mediaType);
          try (Answer answer =
              good(place.session().send("PUT", uri, type, upload(bytes), pushing(place)), "Put")) {
            return answer.status();
          }
        });
  }
}
