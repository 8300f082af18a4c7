package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class DetachKeysTest {
  private static DetachKeys keys(String text) {
    return DetachKeys.parse(text).orElseThrow();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static void passes(DetachKeys keys, String typed, String passed) {
    assertArrayEquals(bytes(passed), keys.typed(bytes(typed), typed.length()));
    assertFalse(keys.complete());
  }

  private static void detaches(DetachKeys keys, String typed, String passed) {
    assertArrayEquals(bytes(passed), keys.typed(bytes(typed), typed.length()));
    assertTrue(keys.complete());
  }

  @Test
  void theWholeSequenceDetaches() {
    detaches(keys("ctrl-p,ctrl-q"), "\020\021", "");
  }

  @Test
  void whatWasTypedBeforeTheSequenceIsPassedOn() {
    detaches(keys("ctrl-p,ctrl-q"), "exit\r\020\021lost", "exit\r");
  }

  @Test
  void theSequenceMayComeInTwoReads() {
    DetachKeys keys = keys("ctrl-p,ctrl-q");
    passes(keys, "a\020", "a");
    detaches(keys, "\021", "");
  }

  @Test
  void aBegunSequenceThatWasNotMeantIsPassedOn() {
    DetachKeys keys = keys("ctrl-p,ctrl-q");
    passes(keys, "\020", "");
    passes(keys, "x", "\020x");
  }

  @Test
  void theFirstKeyTwiceMayStillBeTheBegin() {
    DetachKeys keys = keys("ctrl-p,ctrl-q");
    passes(keys, "\020\020", "\020");
    detaches(keys, "\021", "");
  }

  @Test
  void otherKeysCanBeChosen() {
    detaches(keys("ctrl-a,d"), "\001d", "");
    detaches(keys("x"), "x", "");
    assertTrue(DetachKeys.parse("zzz-").isEmpty());
  }
}
