package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunMountTest {
  @Test
  void knowsDefaultsAndOtherNames() throws ParseFailure {
    RunMount bind = RunMount.parse("target=/t");
    assertEquals("bind", bind.kind());
    assertTrue(bind.readOnly());
    assertFalse(RunMount.parse("type=bind,dst=/t,rw").readOnly());
    RunMount cache = RunMount.parse("type=cache,destination=/c,sharing=locked,mode=0700,uid=5");
    assertEquals("/c", cache.target());
    assertEquals("locked", cache.sharing());
    assertEquals(0700, cache.mode());
    assertEquals(5, cache.uid());
    assertFalse(cache.readOnly());
    assertTrue(RunMount.parse("type=secret,id=x,required").required());
    assertEquals(64 << 20, RunMount.parse("type=tmpfs,target=/t,size=64m").size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "type=foo,target=/x;unsupported mount type \"foo\"",
        "type=cache;invalid mount: cache has no target",
        "type=tmpfs,target=/x,sharing=locked;unexpected key 'sharing' for mount type 'tmpfs'",
        "type=cache,target=/x,sharing=odd;unsupported sharing value \"odd\"",
        "type=bind,target;invalid field 'target' must be a key=value pair",
        "type=cache,target=/x,mode=9;invalid value for mode: 9",
        "type=tmpfs,target=/x,size=much;invalid value for size: much"
      })
  void refuses(String text, String message) {
    assertEquals(
        message, assertThrows(ParseFailure.class, () -> RunMount.parse(text)).getMessage());
  }
}
