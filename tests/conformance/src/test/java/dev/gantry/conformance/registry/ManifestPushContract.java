package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.INDEX;
import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.bytes;
import static dev.gantry.conformance.registry.Distribution.descriptor;
import static dev.gantry.conformance.registry.Distribution.index;
import static dev.gantry.conformance.registry.Distribution.platform;
import static dev.gantry.conformance.registry.Distribution.text;
import static dev.gantry.conformance.registry.Locations.NOTHING;
import static dev.gantry.conformance.registry.Locations.UNKNOWN;
import static dev.gantry.conformance.registry.Locations.manifest;
import static dev.gantry.conformance.registry.Locations.name;
import static dev.gantry.conformance.registry.Locations.path;
import static dev.gantry.conformance.registry.Locations.strings;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Manifests are taken byte for byte, and only with what they name.
interface ManifestPushContract extends RegistryContract {
  @Test
  default void end7aPushesManifests() {
    String name = name();
    Image image = registry().image(name);
    Answer answer = registry().putManifest(name, "v1.0_x-y", image.manifest(), MANIFEST);
    answer.expect(201);
    assertEquals(manifest(name, image.digest()), path(answer, "Location"));
    assertEquals(image.digest(), answer.header("Docker-Content-Digest"));
    registry().fetch(name, "v1.0_x-y").expect(200);
  }

  @Test
  default void end7bManyTagsAtOnce() {
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
  default void manifestByAWrongDigest() {
    String name = name();
    Image image = registry().image(name);
    Answer answer = registry().putManifest(name, UNKNOWN, image.manifest(), MANIFEST);
    assertEquals("DIGEST_INVALID", answer.expect(400).error());
  }

  @Test
  default void code5ManifestWithUnknownBlobs() {
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
  default void code6InvalidManifest() {
    String name = name();
    registry().image(name);
    for (String rubbish : List.of("{", "[]", "{\"schemaVersion\":1}", "{\"schemaVersion\":2}")) {
      Answer answer = registry().putManifest(name, "a", text(rubbish), MANIFEST);
      assertEquals("MANIFEST_INVALID", answer.expect(400).error(), rubbish);
    }
  }

  @Test
  default void code6TypeAndContentDiffer() {
    String name = name();
    Image image = registry().image(name);
    registry().putManifest(name, "a", image.manifest(), INDEX).expect(400);
    registry().putManifest(name, "a", image.manifest(), MANIFEST + "; charset=utf-8").expect(201);
  }

  @Test
  default void tagGrammar() {
    String name = name();
    Image image = registry().image(name);
    registry().putManifest(name, "t".repeat(128), image.manifest(), MANIFEST).expect(201);
    for (String bad : List.of("t".repeat(129), "-a", ".a")) {
      registry().putManifest(name, bad, image.manifest(), MANIFEST).expect(400, 404);
    }
  }

  @Test
  default void nameGrammar() {
    for (String good : List.of("a", "a/b/c", "a.b_c__d-e--f", "0/1")) {
      registry().post("/v2/" + good + "/blobs/uploads/", NOTHING).expect(202);
    }
    for (String bad : List.of("a..b", "_a", "a-", "a___b", "a/-b", "A")) {
      registry().post("/v2/" + bad + "/blobs/uploads/", NOTHING).expect(400, 404);
    }
  }

  @Test
  default void manifestsUpTo4MiB() {
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
  default void manifestsOver4MiB() {
    String name = name();
    Json.JsonObject manifest = registry().image(name).json();
    manifest.put("annotations", Json.object().put("a.b", "x".repeat(4 << 20)));
    registry().putManifest(name, "a", text(manifest.text()), MANIFEST).expect(413);
  }

  @Test
  default void indexes() {
    String name = name();
    Image image = registry().pushImage(name, "one");
    byte[] index = index(image);
    registry().putManifest(name, "all", index, INDEX).expect(201);
    Answer answer = registry().get(manifest(name, "all"), "Accept", INDEX).expect(200);
    assertArrayEquals(index, answer.bytes());
    assertEquals(INDEX, answer.header("Content-Type"));
  }

  @Test
  default void dockersSchema2() {
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
  default void foreignLayersNeedNotBeThere() {
    String name = name();
    Image image = registry().image(name);
    Json.JsonObject layer =
        descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", bytes(9))
            .put("urls", Json.array().add("https://elsewhere.example/layer"));
    Json.JsonObject manifest = image.json().put("layers", Json.array().add(layer));
    registry().putManifest(name, "a", text(manifest.text()), MANIFEST).expect(201);
  }

  @Test
  default void schema1IsRefused() {
    registry()
        .putManifest(
            name(),
            "a",
            text("{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"a\",\"fsLayers\":[]}"),
            "application/vnd.docker.distribution.manifest.v1+prettyjws")
        .expect(400, 415);
  }

  @Test
  default void artifacts() {
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
}
