package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.INDEX;
import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.bytes;
import static dev.gantry.conformance.registry.Distribution.digest;
import static dev.gantry.conformance.registry.Distribution.index;
import static dev.gantry.conformance.registry.Distribution.text;
import static dev.gantry.conformance.registry.Locations.UNKNOWN;
import static dev.gantry.conformance.registry.Locations.blob;
import static dev.gantry.conformance.registry.Locations.manifest;
import static dev.gantry.conformance.registry.Locations.name;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Blobs and manifests are given as they were pushed, and to clients that take them.
interface PullContract extends RegistryContract {
  @Test
  default void end1SaysThatItIsARegistry() {
    Answer answer = registry().get("/v2/").expect(200);
    assertEquals("registry/2.0", answer.header("Docker-Distribution-API-Version"));
  }

  @Test
  default void end2GivesBlobs() {
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
  default void code1UnknownBlob() {
    String name = name();
    registry().pushImage(name, "a");
    assertEquals("BLOB_UNKNOWN", registry().get(blob(name, UNKNOWN)).expect(404).error());
    assertEquals(0, registry().head(blob(name, UNKNOWN)).expect(404).bytes().length);
  }

  @Test
  default void end3GivesManifestsByteForByte() {
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
  default void code7UnknownManifest() {
    String name = name();
    registry().pushImage(name, "a");
    for (String reference : List.of("b", UNKNOWN)) {
      Answer answer = registry().get(manifest(name, reference), "Accept", MANIFEST);
      assertEquals("MANIFEST_UNKNOWN", answer.expect(404).error());
      registry().head(manifest(name, reference), "Accept", MANIFEST).expect(404);
    }
  }

  @Test
  default void errorsAreJson() {
    Answer answer = registry().get(blob(name(), UNKNOWN)).expect(404);
    assertTrue(answer.header("Content-Type").startsWith("application/json"));
    Json.JsonObject error = answer.json().objects("errors").getFirst();
    assertTrue(error.has("message"));
  }

  @Test
  default void rangesOfBlobs() {
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
  default void whatTheClientHasIsNotSentAgain() {
    String name = name();
    String digest = registry().pushImage(name, "a").digest();
    String etag =
        registry().get(manifest(name, "a"), "Accept", MANIFEST).expect(200).header("ETag");
    assertTrue(etag.contains(digest));
    registry().get(manifest(name, "a"), "Accept", MANIFEST, "If-None-Match", etag).expect(304);
  }

  @Test
  default void indexForClientsThatTakeBoth() {
    String name = name();
    Image image = registry().pushImage(name, "one");
    registry().putManifest(name, "all", index(image), INDEX).expect(201);
    Answer both = registry().get(manifest(name, "all"), "Accept", MANIFEST + ", " + INDEX);
    assertEquals(INDEX, both.expect(200).header("Content-Type"));
  }

  @Test
  default void noAcceptTakesAnything() {
    String name = name();
    registry().pushImage(name, "a");
    registry().get(manifest(name, "a")).expect(200);
    registry().get(manifest(name, "a"), "Accept", "*/*").expect(200);
  }

  @Test
  default void whatTheClientDoesNotTakeIsUnknown() {
    String name = name();
    registry().pushImage(name, "a");
    registry().get(manifest(name, "a"), "Accept", "application/json").expect(404);
  }
}
