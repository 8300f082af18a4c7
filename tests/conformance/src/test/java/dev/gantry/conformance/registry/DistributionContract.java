package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.INDEX;
import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.bytes;
import static dev.gantry.conformance.registry.Distribution.descriptor;
import static dev.gantry.conformance.registry.Distribution.digest;
import static dev.gantry.conformance.registry.Distribution.random;
import static dev.gantry.conformance.registry.Distribution.text;
import static dev.gantry.conformance.registry.Distribution.with;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.json.Json;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What a registry must do, by the rows of the distribution-spec's features: end points (`end-N`),
/// error codes (`code-N`) and behaviours. Every test works in a repository of its own.
abstract class DistributionContract {
  private static final byte[] NOTHING = {};
  private static final String UNKNOWN = "sha256:" + "0".repeat(64);

  /// The registry under test.
  abstract Distribution registry();

  private static String name() {
    return "conformance/" + random();
  }

  private static String blob(String name, String digest) {
    return "/v2/" + name + "/blobs/" + digest;
  }

  private static String manifest(String name, String reference) {
    return "/v2/" + name + "/manifests/" + reference;
  }

  private static String path(Answer answer, String header) {
    URI uri = URI.create(answer.header(header));
    return uri.getRawPath();
  }

  private static List<String> strings(Answer answer, String key) {
    return answer.expect(200).json().strings(key);
  }

  private static String next(Answer answer) {
    String link = answer.header("Link");
    return link.contains("rel=\"next\"")
        ? link.substring(link.indexOf('<') + 1, link.indexOf('>'))
        : "";
  }

  // ---- pulling

  @Test
  void end1SaysThatItIsARegistry() {
    Answer answer = registry().get("/v2/").expect(200);
    assertEquals("registry/2.0", answer.header("Docker-Distribution-API-Version"));
  }

  @Test
  void end2GivesBlobs() {
    String name = name();
    byte[] content = bytes(5000);
    String digest = registry().pushBlob(name, content);
    Answer whole = registry().get(blob(name, digest)).expect(200);
    assertArrayEquals(content, whole.bytes());
    assertEquals(digest, whole.header("Docker-Content-Digest"));
    Answer head = registry().head(blob(name, digest)).expect(200);
    assertEquals("5000", head.header("Content-Length"));
    assertEquals(digest, head.header("Docker-Content-Digest"));
    assertEquals(0, head.bytes().length);
  }

  @Test
  void code1UnknownBlob() {
    String name = name();
    registry().pushImage(name, "a");
    assertEquals("BLOB_UNKNOWN", registry().get(blob(name, UNKNOWN)).expect(404).error());
    assertEquals(0, registry().head(blob(name, UNKNOWN)).expect(404).bytes().length);
  }

  @Test
  void end3GivesManifestsByteForByte() {
    String name = name();
    Image image = registry().image(name);
    // blanks and order are the client's own
    byte[] odd = text(new String(image.manifest(), StandardCharsets.UTF_8).replace(",", " ,\n\t"));
    registry().putManifest(name, "a", odd, MANIFEST).expect(201);
    for (String reference : List.of("a", digest(odd))) {
      Answer answer = registry().get(manifest(name, reference), "Accept", MANIFEST).expect(200);
      assertArrayEquals(odd, answer.bytes());
      assertEquals(MANIFEST, answer.header("Content-Type"));
      assertEquals(digest(odd), answer.header("Docker-Content-Digest"));
      Answer head = registry().head(manifest(name, reference), "Accept", MANIFEST).expect(200);
      assertEquals(MANIFEST, head.header("Content-Type"));
      assertEquals(digest(odd), head.header("Docker-Content-Digest"));
      assertEquals(String.valueOf(odd.length), head.header("Content-Length"));
    }
  }

  @Test
  void code7UnknownManifest() {
    String name = name();
    registry().pushImage(name, "a");
    for (String reference : List.of("b", UNKNOWN)) {
      Answer answer = registry().get(manifest(name, reference), "Accept", MANIFEST);
      assertEquals("MANIFEST_UNKNOWN", answer.expect(404).error());
      registry().head(manifest(name, reference), "Accept", MANIFEST).expect(404);
    }
  }

  @Test
  void errorsAreJson() {
    Answer answer = registry().get(blob(name(), UNKNOWN)).expect(404);
    assertTrue(answer.header("Content-Type").startsWith("application/json"));
    Json.JsonObject error = answer.json().objects("errors").getFirst();
    assertTrue(error.has("message"));
  }

  @Test
  void rangesOfBlobs() {
    String name = name();
    byte[] content = bytes(1000);
    String path = blob(name, registry().pushBlob(name, content));
    Answer middle = registry().get(path, "Range", "bytes=100-199").expect(206);
    assertArrayEquals(Arrays.copyOfRange(content, 100, 200), middle.bytes());
    assertEquals("bytes 100-199/1000", middle.header("Content-Range"));
    assertArrayEquals(
        Arrays.copyOfRange(content, 900, 1000),
        registry().get(path, "Range", "bytes=900-").expect(206).bytes());
    assertArrayEquals(
        Arrays.copyOfRange(content, 990, 1000),
        registry().get(path, "Range", "bytes=-10").expect(206).bytes());
    registry().get(path, "Range", "bytes=1000-").expect(416);
  }

  @Test
  void whatTheClientHasIsNotSentAgain() {
    String name = name();
    String digest = registry().pushImage(name, "a").digest();
    String etag =
        registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(200).header("ETag");
    assertTrue(etag.contains(digest));
    registry().get(manifest(name, "a"), "Accept", MANIFEST, "If-None-Match", etag).expect(304);
  }

  // ---- pushing

  @Test
  void end4aAnd6PushInTwoRequests() {
    String name = name();
    byte[] content = bytes(3000);
    Answer begun = registry().post("/v2/" + name + "/blobs/uploads/", NOTHING).expect(202);
    Answer done =
        registry()
            .put(with(begun.header("Location"), "digest=" + digest(content)), content)
            .expect(201);
    assertEquals(blob(name, digest(content)), path(done, "Location"));
    assertEquals(digest(content), done.header("Docker-Content-Digest"));
    assertArrayEquals(content, registry().get(path(done, "Location")).expect(200).bytes());
  }

  @Test
  void end4bPushInOneRequest() {
    String name = name();
    byte[] content = bytes(3000);
    String digest = digest(content);
    Answer answer =
        registry().post("/v2/" + name + "/blobs/uploads/?digest=" + digest, content).expect(201);
    assertEquals(blob(name, digest), path(answer, "Location"));
    assertArrayEquals(content, registry().get(blob(name, digest)).expect(200).bytes());
  }

  @Test
  void end4cOtherAlgorithms() {
    String name = name();
    byte[] content = bytes(3000);
    String digest = digest("sha512", "SHA-512", content);
    Answer begun =
        registry()
            .post("/v2/" + name + "/blobs/uploads/?digest-algorithm=sha512", NOTHING)
            .expect(202);
    registry().put(with(begun.header("Location"), "digest=" + digest), content).expect(201);
    assertArrayEquals(content, registry().get(blob(name, digest)).expect(200).bytes());
  }

  @Test
  void digestsOfSha512() {
    String name = name();
    byte[] content = bytes(3000);
    String digest = digest("sha512", "SHA-512", content);
    registry().put(with(registry().begin(name), "digest=" + digest), content).expect(201);
    registry().head(blob(name, digest)).expect(200);
    Image image = registry().image(name);
    String manifest = digest("sha512", "SHA-512", image.manifest());
    Answer put = registry().putManifest(name, manifest, image.manifest(), MANIFEST).expect(201);
    assertEquals(manifest, put.header("Docker-Content-Digest"));
    assertArrayEquals(image.manifest(), registry().fetch(name, manifest).expect(200).bytes());
  }

  @Test
  void end5Chunks() {
    String name = name();
    byte[] content = bytes(30_000);
    String location = registry().begin(name);
    for (int at = 0; at < 20_000; at += 10_000) {
      byte[] chunk = Arrays.copyOfRange(content, at, at + 10_000);
      Answer answer = registry().chunk(location, chunk, at).expect(202);
      assertEquals("0-" + (at + 9999), answer.header("Range"));
      location = answer.header("Location");
    }
    byte[] last = Arrays.copyOfRange(content, 20_000, 30_000);
    registry()
        .send(
            "PUT",
            with(location, "digest=" + digest(content)),
            last,
            "Content-Type",
            "application/octet-stream",
            "Content-Range",
            "20000-29999")
        .expect(201);
    assertArrayEquals(content, registry().get(blob(name, digest(content))).bytes());
  }

  @Test
  void oneStreamAndAnEmptyEnd() {
    String name = name();
    byte[] content = bytes(30_000);
    Answer patched =
        registry()
            .send(
                "PATCH",
                registry().begin(name),
                content,
                "Content-Type",
                "application/octet-stream")
            .expect(202);
    registry()
        .put(with(patched.header("Location"), "digest=" + digest(content)), NOTHING)
        .expect(201);
    registry().head(blob(name, digest(content))).expect(200);
  }

  @Test
  void chunksOutOfOrder() {
    String location = registry().begin(name());
    Answer first = registry().chunk(location, bytes(100), 0).expect(202);
    registry().chunk(first.header("Location"), bytes(100), 200).expect(416);
    Answer state = registry().get(first.header("Location")).expect(204);
    assertEquals("0-99", state.header("Range"));
  }

  @Test
  void code2InvalidUpload() {
    Answer answer = ranged(registry().begin(name()), bytes(100), "from-here");
    assertEquals(400, answer.status());
    assertEquals("BLOB_UPLOAD_INVALID", answer.error());
  }

  @Test
  void code10WrongSize() {
    Answer answer = ranged(registry().begin(name()), bytes(100), "0-49");
    assertEquals(400, answer.status());
    assertEquals("SIZE_INVALID", answer.error());
  }

  private Answer ranged(String location, byte[] chunk, String range) {
    return registry()
        .send(
            "PATCH",
            location,
            chunk,
            "Content-Type",
            "application/octet-stream",
            "Content-Range",
            range);
  }

  @Test
  void theFirstChunkMustBeginAtZero() {
    registry().chunk(registry().begin(name()), bytes(100), 100).expect(416);
  }

  @Test
  void end13SaysHowFarAnUploadIs() {
    String name = name();
    byte[] content = bytes(200);
    Answer chunk =
        registry()
            .chunk(registry().begin(name), Arrays.copyOfRange(content, 0, 100), 0)
            .expect(202);
    Answer state = registry().get(chunk.header("Location")).expect(204);
    assertEquals("0-99", state.header("Range"));
    Answer rest =
        registry()
            .chunk(state.header("Location"), Arrays.copyOfRange(content, 100, 200), 100)
            .expect(202);
    registry().put(with(rest.header("Location"), "digest=" + digest(content)), NOTHING).expect(201);
  }

  @Test
  void end14EndsAnUpload() {
    String location = registry().begin(name());
    registry().delete(location).expect(204);
    assertEquals("BLOB_UPLOAD_UNKNOWN", registry().get(location).expect(404).error());
  }

  @Test
  void code3UnknownUpload() {
    String name = name();
    String path = "/v2/" + name + "/blobs/uploads/0123456789abcdef0123456789abcdef";
    Answer answer = registry().chunk(path, bytes(10), 0).expect(404);
    assertEquals("BLOB_UPLOAD_UNKNOWN", answer.error());
  }

  @Test
  void uploadsBelongToTheirRepository() {
    String name = name();
    String location = registry().begin(name);
    registry().get(location.replace(name, name())).expect(404);
  }

  @Test
  void code4WrongDigest() {
    String name = name();
    Answer answer =
        registry().put(with(registry().begin(name), "digest=" + UNKNOWN), bytes(10)).expect(400);
    assertEquals("DIGEST_INVALID", answer.error());
    registry().head(blob(name, UNKNOWN)).expect(404);
  }

  @Test
  void code4MalformedDigest() {
    Answer answer =
        registry().put(with(registry().begin(name()), "digest=sha256:abc"), bytes(10)).expect(400);
    assertEquals("DIGEST_INVALID", answer.error());
  }

  @Test
  void code8InvalidName() {
    Answer answer = registry().post("/v2/UPPER/blobs/uploads/", NOTHING).expect(400);
    assertEquals("NAME_INVALID", answer.error());
  }

  @Test
  void tellsTheLeastChunk() {
    Answer begun = registry().post("/v2/" + name() + "/blobs/uploads/", NOTHING).expect(202);
    assertTrue(begun.header("OCI-Chunk-Min-Length").matches("[0-9]+"));
  }

  @Test
  void end11Mounts() {
    String from = name();
    String name = name();
    byte[] content = bytes(300);
    String digest = registry().pushBlob(from, content);
    registry().head(blob(name, digest)).expect(404);
    Answer mounted =
        registry()
            .post("/v2/" + name + "/blobs/uploads/?mount=" + digest + "&from=" + from, NOTHING)
            .expect(201);
    assertEquals(blob(name, digest), path(mounted, "Location"));
    assertArrayEquals(content, registry().get(blob(name, digest)).expect(200).bytes());
  }

  @Test
  void mountOfWhatIsNotThereBecomesAnUpload() {
    String name = name();
    byte[] content = bytes(300);
    Answer begun =
        registry()
            .post(
                "/v2/" + name + "/blobs/uploads/?mount=" + digest(content) + "&from=" + name(),
                NOTHING)
            .expect(202);
    registry()
        .put(with(begun.header("Location"), "digest=" + digest(content)), content)
        .expect(201);
  }

  @Test
  void mountWithoutOrigin() {
    String from = name();
    String digest = digest(registry().pushImage(from, "a").layer());
    registry().post("/v2/" + name() + "/blobs/uploads/?mount=" + digest, NOTHING).expect(201);
  }

  @Test
  void end7aPushesManifests() {
    String name = name();
    Image image = registry().image(name);
    Answer answer = registry().putManifest(name, "v1.0_x-y", image.manifest(), MANIFEST);
    answer.expect(201);
    assertEquals(manifest(name, image.digest()), path(answer, "Location"));
    assertEquals(image.digest(), answer.header("Docker-Content-Digest"));
    registry().fetch(name, "v1.0_x-y").expect(200);
  }

  @Test
  void end7bManyTagsAtOnce() {
    String name = name();
    Image image = registry().image(name);
    StringBuilder query = new StringBuilder(image.digest() + "?");
    List<String> tags = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      tags.add("t" + (char) ('a' + i));
      query.append(i == 0 ? "" : "&").append("tag=").append(tags.getLast());
    }
    Answer answer =
        registry().putManifest(name, query.toString(), image.manifest(), MANIFEST).expect(201);
    assertEquals(tags, answer.headers("OCI-Tag"));
    assertEquals(tags, strings(registry().get("/v2/" + name + "/tags/list"), "tags"));
  }

  @Test
  void manifestByAWrongDigest() {
    String name = name();
    Image image = registry().image(name);
    Answer answer = registry().putManifest(name, UNKNOWN, image.manifest(), MANIFEST);
    assertEquals("DIGEST_INVALID", answer.expect(400).error());
  }

  @Test
  void code5ManifestWithUnknownBlobs() {
    String name = name();
    Json.JsonObject manifest =
        registry()
            .image(name)
            .json()
            .put("layers", Json.array().add(descriptor(Distribution.LAYER, bytes(10))));
    Answer answer = registry().putManifest(name, "a", text(manifest.text()), MANIFEST);
    assertEquals("MANIFEST_BLOB_UNKNOWN", answer.expect(400, 404).error());
    registry().fetch(name, "a").expect(404);
  }

  @Test
  void code6InvalidManifest() {
    String name = name();
    registry().image(name);
    for (String rubbish : List.of("{", "[]", "{\"schemaVersion\":1}", "{\"schemaVersion\":2}")) {
      Answer answer = registry().putManifest(name, "a", text(rubbish), MANIFEST);
      assertEquals("MANIFEST_INVALID", answer.expect(400).error(), rubbish);
    }
  }

  @Test
  void code6TypeAndContentDiffer() {
    String name = name();
    Image image = registry().image(name);
    registry().putManifest(name, "a", image.manifest(), INDEX).expect(400);
    registry().putManifest(name, "a", image.manifest(), MANIFEST + "; charset=utf-8").expect(201);
  }

  @Test
  void tagGrammar() {
    String name = name();
    Image image = registry().image(name);
    registry().putManifest(name, "t".repeat(128), image.manifest(), MANIFEST).expect(201);
    for (String bad : List.of("t".repeat(129), "-a", ".a")) {
      registry().putManifest(name, bad, image.manifest(), MANIFEST).expect(400, 404);
    }
  }

  @Test
  void nameGrammar() {
    for (String good : List.of("a", "a/b/c", "a.b_c__d-e--f", "0/1")) {
      registry().post("/v2/" + good + "/blobs/uploads/", NOTHING).expect(202);
    }
    for (String bad : List.of("a..b", "_a", "a-", "a___b", "a/-b", "A")) {
      registry().post("/v2/" + bad + "/blobs/uploads/", NOTHING).expect(400, 404);
    }
  }

  @Test
  void manifestsUpTo4MiB() {
    String name = name();
    Json.JsonObject manifest = registry().image(name).json();
    int rest = (4 << 20) - manifest.text().length() - 40;
    manifest.put("annotations", Json.object().put("a.b", "x".repeat(rest)));
    byte[] large = text(manifest.text());
    assertTrue(large.length <= 4 << 20);
    registry().putManifest(name, "a", large, MANIFEST).expect(201);
    assertArrayEquals(large, registry().fetch(name, "a").expect(200).bytes());
  }

  @Test
  void manifestsOver4MiB() {
    String name = name();
    Json.JsonObject manifest = registry().image(name).json();
    manifest.put("annotations", Json.object().put("a.b", "x".repeat(4 << 20)));
    registry().putManifest(name, "a", text(manifest.text()), MANIFEST).expect(413);
  }

  @Test
  void indexes() {
    String name = name();
    Image image = registry().pushImage(name, "one");
    byte[] index = index(image);
    registry().putManifest(name, "all", index, INDEX).expect(201);
    Answer answer = registry().get(manifest(name, "all"), "Accept", INDEX).expect(200);
    assertArrayEquals(index, answer.bytes());
    assertEquals(INDEX, answer.header("Content-Type"));
  }

  @Test
  void dockersSchema2() {
    String name = name();
    Image image = registry().image(name);
    String type = "application/vnd.docker.distribution.manifest.v2+json";
    Json.JsonObject manifest = image.json().put("mediaType", type);
    manifest.put(
        "config", descriptor("application/vnd.docker.container.image.v1+json", image.config()));
    manifest.put(
        "layers",
        Json.array()
            .add(descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", image.layer())));
    byte[] bytes = text(manifest.text());
    registry().putManifest(name, "d", bytes, type).expect(201);
    Answer answer = registry().get(manifest(name, "d"), "Accept", type).expect(200);
    assertEquals(type, answer.header("Content-Type"));
    String list = "application/vnd.docker.distribution.manifest.list.v2+json";
    byte[] all =
        text(
            Json.object()
                .put("schemaVersion", 2)
                .put("mediaType", list)
                .put("manifests", Json.array().add(platform(descriptor(type, bytes))))
                .text());
    registry().putManifest(name, "l", all, list).expect(201);
    assertArrayEquals(all, registry().get(manifest(name, "l"), "Accept", list).bytes());
  }

  @Test
  void foreignLayersNeedNotBeThere() {
    String name = name();
    Image image = registry().image(name);
    Json.JsonObject layer =
        descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", bytes(9))
            .put("urls", Json.array().add("https://elsewhere.example/layer"));
    Json.JsonObject manifest = image.json().put("layers", Json.array().add(layer));
    registry().putManifest(name, "a", text(manifest.text()), MANIFEST).expect(201);
  }

  @Test
  void schema1IsRefused() {
    registry()
        .putManifest(
            name(),
            "a",
            text("{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"a\",\"fsLayers\":[]}"),
            "application/vnd.docker.distribution.manifest.v1+prettyjws")
        .expect(400, 415);
  }

  @Test
  void artifacts() {
    String name = name();
    byte[] empty = text("{}");
    byte[] layer = bytes(10);
    registry().pushBlob(name, empty);
    registry().pushBlob(name, layer);
    Json.JsonObject manifest =
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", MANIFEST)
            .put("artifactType", "application/vnd.example.thing")
            .put("config", descriptor("application/vnd.oci.empty.v1+json", empty))
            .put("layers", Json.array().add(descriptor("application/x-thing", layer)));
    registry().putManifest(name, "a", text(manifest.text()), MANIFEST).expect(201);
  }

  private static Json.JsonObject platform(Json.JsonObject descriptor) {
    return descriptor.put(
        "platform", Json.object().put("os", "linux").put("architecture", "amd64"));
  }

  private static byte[] index(Image image) {
    return text(
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", INDEX)
            .put("manifests", Json.array().add(platform(descriptor(MANIFEST, image.manifest()))))
            .text());
  }

  // ---- accepting

  @Test
  void indexForClientsThatTakeBoth() {
    String name = name();
    Image image = registry().pushImage(name, "one");
    registry().putManifest(name, "all", index(image), INDEX).expect(201);
    Answer both = registry().get(manifest(name, "all"), "Accept", MANIFEST + ", " + INDEX);
    assertEquals(INDEX, both.expect(200).header("Content-Type"));
  }

  @Test
  void noAcceptTakesAnything() {
    String name = name();
    registry().pushImage(name, "a");
    registry().get(manifest(name, "a")).expect(200);
    registry().get(manifest(name, "a"), "Accept", "*/*").expect(200);
  }

  @Test
  void whatTheClientDoesNotTakeIsUnknown() {
    String name = name();
    registry().pushImage(name, "a");
    registry().get(manifest(name, "a"), "Accept", "application/json").expect(404);
  }

  // ---- discovering

  private String tagged(String... tags) {
    String name = name();
    Image image = registry().image(name);
    for (String tag : tags) {
      registry().putManifest(name, tag, image.manifest(), MANIFEST).expect(201);
    }
    return name;
  }

  @Test
  void end8aListsTagsInOrder() {
    String name = tagged("b", "a", "10", "9", "B");
    Answer answer = registry().get("/v2/" + name + "/tags/list").expect(200);
    assertEquals(name, answer.json().string("name", ""));
    assertEquals(List.of("10", "9", "B", "a", "b"), strings(answer, "tags"));
  }

  @Test
  void end8bPagesOfTags() {
    String name = tagged("a", "b", "c", "d", "e");
    String path = "/v2/" + name + "/tags/list";
    Answer first = registry().get(path + "?n=2");
    assertEquals(List.of("a", "b"), strings(first, "tags"));
    Answer second = registry().get(next(first));
    assertEquals(List.of("c", "d"), strings(second, "tags"));
    Answer last = registry().get(next(second));
    assertEquals(List.of("e"), strings(last, "tags"));
    assertEquals("", next(last));
    assertEquals(List.of("c", "d", "e"), strings(registry().get(path + "?last=b&n=100"), "tags"));
  }

  @Test
  void noTagsForN0() {
    String name = tagged("a");
    assertEquals(List.of(), strings(registry().get("/v2/" + name + "/tags/list?n=0"), "tags"));
  }

  @Test
  void code9UnknownName() {
    Answer answer = registry().get("/v2/" + name() + "/tags/list").expect(404);
    assertEquals("NAME_UNKNOWN", answer.error());
  }

  @Test
  void catalogOfRepositories() {
    String one = tagged("a");
    String other = tagged("a");
    List<String> all = new ArrayList<>();
    Answer page = registry().get("/v2/_catalog?n=1").expect(200);
    while (true) {
      List<String> repositories = strings(page, "repositories");
      // a last page may be empty: behind it were only names that nothing was ever pushed to
      assertTrue(repositories.size() == 1 || repositories.isEmpty() && next(page).isEmpty());
      all.addAll(repositories);
      if (next(page).isEmpty()) {
        break;
      }
      page = registry().get(next(page)).expect(200);
    }
    assertTrue(all.containsAll(List.of(one, other)));
    assertEquals(all.stream().sorted().toList(), all);
  }

  // ---- referring

  private Image referrer(String name, Image subject, String type) {
    return referrer(name, subject, manifest -> manifest.put("artifactType", type));
  }

  private Image referrer(
      String name, Image subject, java.util.function.UnaryOperator<Json.JsonObject> change) {
    Image image = registry().image(name);
    Json.JsonObject manifest =
        image
            .json()
            .put("subject", descriptor(MANIFEST, subject.manifest()))
            .put("annotations", Json.object().put("org.example.n", random()));
    Image with = new Image(text(change.apply(manifest).text()), image.config(), image.layer());
    Answer answer = registry().putManifest(name, with.digest(), with.manifest(), MANIFEST);
    assertEquals(subject.digest(), answer.expect(201).header("OCI-Subject"));
    return with;
  }

  private List<String> digests(Answer answer) {
    return answer.expect(200).json().objects("manifests").stream()
        .map(d -> d.string("digest", ""))
        .toList();
  }

  private String path(String name, Image subject) {
    return "/v2/" + name + "/referrers/" + subject.digest();
  }

  @Test
  void end12aListsReferrers() {
    String name = name();
    Image subject = registry().image(name);
    Image before = referrer(name, subject, "application/vnd.example.sbom"); // subject may follow
    registry().putManifest(name, "a", subject.manifest(), MANIFEST).expect(201);
    Answer answer = registry().get(path(name, subject)).expect(200);
    assertEquals(INDEX, answer.header("Content-Type"));
    Json.JsonObject index = answer.json();
    assertEquals(2, index.number("schemaVersion", 0));
    assertEquals(INDEX, index.string("mediaType", ""));
    Json.JsonObject descriptor = index.objects("manifests").getFirst();
    assertEquals(before.digest(), descriptor.string("digest", ""));
    assertEquals(MANIFEST, descriptor.string("mediaType", ""));
    assertEquals(before.manifest().length, descriptor.number("size", 0));
    assertEquals("application/vnd.example.sbom", descriptor.string("artifactType", ""));
    assertEquals(
        before.json().object("annotations").orElseThrow(),
        descriptor.object("annotations").orElseThrow());
  }

  @Test
  void end12bFilters() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    referrer(name, subject, "application/vnd.example.sbom");
    Image signature = referrer(name, subject, "application/vnd.example.signature");
    Answer answer =
        registry()
            .get(path(name, subject) + "?artifactType=application/vnd.example.signature")
            .expect(200);
    assertEquals("artifactType", answer.header("OCI-Filters-Applied"));
    assertEquals(List.of(signature.digest()), digests(answer));
  }

  @Test
  void theConfigsTypeStandsForTheArtifacts() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    referrer(name, subject, manifest -> manifest);
    Answer answer = registry().get(path(name, subject)).expect(200);
    assertEquals(
        Distribution.CONFIG,
        answer.json().objects("manifests").getFirst().string("artifactType", ""));
  }

  @Test
  void noReferrersAreAnEmptyIndex() {
    String name = name();
    registry().pushImage(name, "a");
    Answer answer = registry().get("/v2/" + name + "/referrers/" + UNKNOWN).expect(200);
    assertEquals(List.of(), digests(answer));
    assertTrue(answer.json().has("manifests"));
  }

  @Test
  void malformedSubject() {
    registry().get("/v2/" + name() + "/referrers/sha256:abc").expect(400);
  }

  @Test
  void pagesOfReferrers() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    List<String> pushed = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      pushed.add(referrer(name, subject, "application/vnd.example.sbom").digest());
    }
    List<String> found = new ArrayList<>();
    Answer page = registry().get(path(name, subject) + "?n=2").expect(200);
    assertEquals(2, digests(page).size());
    while (true) {
      found.addAll(digests(page));
      if (next(page).isEmpty()) {
        break;
      }
      page = registry().get(next(page)).expect(200);
    }
    assertEquals(pushed.stream().sorted().toList(), found.stream().sorted().toList());
  }

  @Test
  void deletedReferrersAreGone() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    Image referrer = referrer(name, subject, "application/vnd.example.sbom");
    registry().delete(manifest(name, referrer.digest())).expect(202);
    assertEquals(List.of(), digests(registry().get(path(name, subject))));
  }

  @Test
  void fallbackTags() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    Image other = registry().pushImage(name, "b");
    registry()
        .putManifest(name, subject.digest().replace(':', '-'), index(other), INDEX)
        .expect(201);
    assertEquals(List.of(other.digest()), digests(registry().get(path(name, subject))));
  }

  // ---- deleting

  @Test
  void end9DeletesManifestsWithTheirTags() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().putManifest(name, "b", image.manifest(), MANIFEST).expect(201);
    registry().pushImage(name, "c");
    registry().delete(manifest(name, image.digest())).expect(202);
    registry().get(manifest(name, image.digest()), "Accept", MANIFEST).expect(404);
    registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(404);
    assertEquals(List.of("c"), strings(registry().get("/v2/" + name + "/tags/list"), "tags"));
    registry().delete(manifest(name, image.digest())).expect(404);
  }

  @Test
  void tagsAreDeletedAlone() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().putManifest(name, "b", image.manifest(), MANIFEST).expect(201);
    registry().delete(manifest(name, "a")).expect(202);
    registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(404);
    registry().get(manifest(name, "b"), "Accept", MANIFEST).expect(200);
    registry().get(manifest(name, image.digest()), "Accept", MANIFEST).expect(200);
    registry().delete(manifest(name, "a")).expect(404);
  }

  @Test
  void end10DeletesBlobs() {
    String name = name();
    String digest = registry().pushBlob(name, bytes(100));
    registry().delete(blob(name, digest)).expect(202);
    registry().get(blob(name, digest)).expect(404);
    registry().delete(blob(name, digest)).expect(404);
  }

  @Test
  void blobsThatManifestsNeedStay() {
    String name = name();
    Image image = registry().pushImage(name, "a");
    registry().delete(blob(name, digest(image.layer()))).expect(405);
    registry().get(blob(name, digest(image.layer()))).expect(200);
  }

  @Test
  void blobsOfOtherRepositoriesStay() {
    byte[] content = bytes(100);
    String one = name();
    String other = name();
    String digest = registry().pushBlob(one, content);
    registry().pushBlob(other, content);
    registry().delete(blob(one, digest)).expect(202);
    registry().get(blob(other, digest)).expect(200);
  }

  // ---- refusing

  @Test
  void unsupportedMethods() {
    String name = name();
    for (String target :
        List.of("/v2/", "/v2/_catalog", "/v2/" + name + "/tags/list", blob(name, UNKNOWN))) {
      Answer answer = registry().post(target, NOTHING);
      assertTrue(answer.status() >= 400 && answer.status() < 500, target + answer.status());
    }
  }

  @Test
  void unknownPaths() {
    for (String target : List.of("/v3/", "/v2/a/b", "/v2/a/manifests/", "/v2//manifests/a")) {
      Answer answer = registry().get(target);
      assertTrue(answer.status() >= 300 && answer.status() < 500, target + answer.status());
    }
  }

  @Test
  void wrongNumbersOfAPage() {
    String name = name();
    registry().pushImage(name, "a");
    for (String n : List.of("-1", "x", URLEncoder.encode("1e3", StandardCharsets.UTF_8))) {
      registry().get("/v2/" + name + "/tags/list?n=" + n).expect(400);
    }
  }
}
