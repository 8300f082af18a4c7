package dev.gantry.conformance.registry;

import static dev.gantry.conformance.registry.Distribution.MANIFEST;
import static dev.gantry.conformance.registry.Locations.name;
import static dev.gantry.conformance.registry.Locations.next;
import static dev.gantry.conformance.registry.Locations.strings;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.conformance.registry.Distribution.Answer;
import dev.gantry.conformance.registry.Distribution.Image;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Tags and repositories are listed, in pages where they are many.
interface DiscoveryContract extends RegistryContract {
  private String tagged(String... tags) {
    String name = name();
    Image image = registry().image(name);
    for (String tag : tags) {
      registry().putManifest(name, tag, image.manifest(), MANIFEST).expect(201);
    }
    return name;
  }

  @Test
  default void end8aListsTagsInOrder() {
    String name = tagged("b", "a", "10", "9", "B");
    Answer answer = registry().get("/v2/" + name + "/tags/list").expect(200);
    assertEquals(name, answer.json().string("name", ""));
    assertEquals(List.of("10", "9", "B", "a", "b"), strings(answer, "tags"));
  }

  @Test
  default void end8bPagesOfTags() {
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
  default void noTagsForN0() {
    String name = tagged("a");
    assertEquals(List.of(), strings(registry().get("/v2/" + name + "/tags/list?n=0"), "tags"));
  }

  @Test
  default void code9UnknownName() {
    Answer answer = registry().get("/v2/" + name() + "/tags/list").expect(404);
    assertEquals("NAME_UNKNOWN", answer.error());
  }

  @Test
  default void catalogOfRepositories() {
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
}
