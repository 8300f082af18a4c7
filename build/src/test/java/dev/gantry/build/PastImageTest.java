package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.oci.Digest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PastImageTest {
  private static final String TIME = "2026-01-02T03:04:05Z";
  private static final Digest BASE = digest("base");
  private static final Digest RUN = digest("run");
  private static final PastImage.Step FROM = new PastImage.Step("base", true, TIME);
  private static final PastImage.Step ENV = new PastImage.Step("ENV A=1", false, TIME);
  private static final PastImage IMAGE =
      new PastImage(
          List.of(FROM, ENV, new PastImage.Step("RUN x", true, TIME)),
          List.of(BASE, RUN),
          List.of(BASE, RUN));

  private static Digest digest(String text) {
    return Digest.of(text.getBytes(StandardCharsets.UTF_8));
  }

  private static Optional<Digest> after(List<PastImage.Step> before, Digest below, String text) {
    return IMAGE.after(before, List.of(below), text).map(PastImage.Layer::diffId);
  }

  @Test
  void theSameInstructionOnTheSameLayersHasMadeTheNextOne() {
    assertEquals(Optional.of(RUN), after(List.of(FROM, ENV), BASE, "RUN x"));
  }

  @Test
  void anotherInstructionLayerOrPastHasNot() {
    assertEquals(Optional.empty(), after(List.of(FROM, ENV), BASE, "RUN y"));
    assertEquals(Optional.empty(), after(List.of(FROM, ENV), RUN, "RUN x"));
    assertEquals(
        Optional.empty(),
        after(List.of(FROM, new PastImage.Step("ENV A=2", false, TIME)), BASE, "RUN x"));
    assertEquals(Optional.empty(), after(List.of(FROM), BASE, "RUN x"));
  }
}
