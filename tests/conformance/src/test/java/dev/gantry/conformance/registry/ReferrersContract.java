package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.INDEX;
import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Distribution.descriptor;
import static dev.gantry.conformance.registry.Distribution.index;
import static dev.gantry.conformance.registry.Distribution.random;
import static dev.gantry.conformance.registry.Distribution.text;
import static dev.gantry.conformance.registry.Locations.UNKNOWN;
import static dev.gantry.conformance.registry.Locations.manifest;
import static dev.gantry.conformance.registry.Locations.name;
import static dev.gantry.conformance.registry.Locations.next;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import dev.gantry.json.Json;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What refers to an image is listed with it.
interface ReferrersContract extends RegistryContract {
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

  private String referrers(String name, Image subject) {
    return "/v2/" + name + "/referrers/" + subject.digest();
  }

  @Test
  default void end12aListsReferrers() {
    String name = name();
    Image subject = registry().image(name);
    Image before = referrer(name, subject, "application/vnd.example.sbom"); // subject may follow
    registry().putManifest(name, "a", subject.manifest(), MANIFEST).expect(201);
    Answer answer = registry().get(referrers(name, subject)).expect(200);
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
  default void end12bFilters() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    referrer(name, subject, "application/vnd.example.sbom");
    Image signature = referrer(name, subject, "application/vnd.example.signature");
    Answer answer =
        registry()
            .get(referrers(name, subject) + "?artifactType=application/vnd.example.signature")
            .expect(200);
    assertEquals("artifactType", answer.header("OCI-Filters-Applied"));
    assertEquals(List.of(signature.digest()), digests(answer));
  }

  @Test
  default void theConfigsTypeStandsForTheArtifacts() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    referrer(name, subject, manifest -> manifest);
    Answer answer = registry().get(referrers(name, subject)).expect(200);
    assertEquals(
        Distribution.CONFIG,
        answer.json().objects("manifests").getFirst().string("artifactType", ""));
  }

  @Test
  default void noReferrersAreAnEmptyIndex() {
    String name = name();
    registry().pushImage(name, "a");
    Answer answer = registry().get("/v2/" + name + "/referrers/" + UNKNOWN).expect(200);
    assertEquals(List.of(), digests(answer));
    assertTrue(answer.json().has("manifests"));
  }

  @Test
  default void malformedSubject() {
    registry().get("/v2/" + name() + "/referrers/sha256:abc").expect(400);
  }

  @Test
  default void pagesOfReferrers() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    List<String> pushed = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      pushed.add(referrer(name, subject, "application/vnd.example.sbom").digest());
    }
    List<String> found = new ArrayList<>();
    Answer page = registry().get(referrers(name, subject) + "?n=2").expect(200);
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
  default void deletedReferrersAreGone() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    Image referrer = referrer(name, subject, "application/vnd.example.sbom");
    registry().delete(manifest(name, referrer.digest())).expect(202);
    assertEquals(List.of(), digests(registry().get(referrers(name, subject))));
  }

  @Test
  default void fallbackTags() {
    String name = name();
    Image subject = registry().pushImage(name, "a");
    Image other = registry().pushImage(name, "b");
    registry()
        .putManifest(name, subject.digest().replace(':', '-'), index(other), INDEX)
        .expect(201);
    assertEquals(List.of(other.digest()), digests(registry().get(referrers(name, subject))));
  }
}
