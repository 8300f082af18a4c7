package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.bytes;
import static dev.gantry.conformance.registry.Distribution.digest;
import static dev.gantry.conformance.registry.Distribution.with;
import static dev.gantry.conformance.registry.Locations.NOTHING;
import static dev.gantry.conformance.registry.Locations.UNKNOWN;
import static dev.gantry.conformance.registry.Locations.blob;
import static dev.gantry.conformance.registry.Locations.name;
import static dev.gantry.conformance.registry.Locations.path;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// Blobs come whole, in two requests or in chunks, or from another repository.
interface BlobPushContract extends RegistryContract {
  @Test
  default void end4aAnd6PushInTwoRequests() {
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
  default void end4bPushInOneRequest() {
    String name = name();
    byte[] content = bytes(3000);
    String digest = digest(content);
    Answer answer =
        registry().post("/v2/" + name + "/blobs/uploads/?digest=" + digest, content).expect(201);
    assertEquals(blob(name, digest), path(answer, "Location"));
    assertArrayEquals(content, registry().get(blob(name, digest)).expect(200).bytes());
  }

  @Test
  default void end4cOtherAlgorithms() {
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
  default void digestsOfSha512() {
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
  default void end5Chunks() {
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
  default void oneStreamAndAnEmptyEnd() {
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
  default void chunksOutOfOrder() {
    String location = registry().begin(name());
    Answer first = registry().chunk(location, bytes(100), 0).expect(202);
    registry().chunk(first.header("Location"), bytes(100), 200).expect(416);
    Answer state = registry().get(first.header("Location")).expect(204);
    assertEquals("0-99", state.header("Range"));
  }

  @Test
  default void code2InvalidUpload() {
    Answer answer = ranged(registry().begin(name()), bytes(100), "from-here");
    assertEquals(400, answer.status());
    assertEquals("BLOB_UPLOAD_INVALID", answer.error());
  }

  @Test
  default void code10WrongSize() {
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
  default void theFirstChunkMustBeginAtZero() {
    registry().chunk(registry().begin(name()), bytes(100), 100).expect(416);
  }

  @Test
  default void end13SaysHowFarAnUploadIs() {
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
  default void end14EndsAnUpload() {
    String location = registry().begin(name());
    registry().delete(location).expect(204);
    assertEquals("BLOB_UPLOAD_UNKNOWN", registry().get(location).expect(404).error());
  }

  @Test
  default void code3UnknownUpload() {
    String name = name();
    String path = "/v2/" + name + "/blobs/uploads/0123456789abcdef0123456789abcdef";
    Answer answer = registry().chunk(path, bytes(10), 0).expect(404);
    assertEquals("BLOB_UPLOAD_UNKNOWN", answer.error());
  }

  @Test
  default void uploadsBelongToTheirRepository() {
    String name = name();
    String location = registry().begin(name);
    registry().get(location.replace(name, name())).expect(404);
  }

  @Test
  default void code4WrongDigest() {
    String name = name();
    Answer answer =
        registry().put(with(registry().begin(name), "digest=" + UNKNOWN), bytes(10)).expect(400);
    assertEquals("DIGEST_INVALID", answer.error());
    registry().head(blob(name, UNKNOWN)).expect(404);
  }

  @Test
  default void code4MalformedDigest() {
    Answer answer =
        registry().put(with(registry().begin(name()), "digest=sha256:abc"), bytes(10)).expect(400);
    assertEquals("DIGEST_INVALID", answer.error());
  }

  @Test
  default void code8InvalidName() {
    Answer answer = registry().post("/v2/UPPER/blobs/uploads/", NOTHING).expect(400);
    assertEquals("NAME_INVALID", answer.error());
  }

  @Test
  default void tellsTheLeastChunk() {
    Answer begun = registry().post("/v2/" + name() + "/blobs/uploads/", NOTHING).expect(202);
    assertTrue(begun.header("OCI-Chunk-Min-Length").matches("[0-9]+"));
  }

  @Test
  default void end11Mounts() {
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
  default void mountOfWhatIsNotThereBecomesAnUpload() {
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
  default void mountWithoutOrigin() {
    String from = name();
    String digest = digest(registry().pushImage(from, "a").layer());
    registry().post("/v2/" + name() + "/blobs/uploads/?mount=" + digest, NOTHING).expect(201);
  }
}
