package dev.gantry.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class CapabilitiesTest {
  @Test
  void namesAreBits() {
    assertEquals(1, Capabilities.mask(List.of("CAP_CHOWN")));
    assertEquals(1L << 21 | 1, Capabilities.mask(List.of("CAP_CHOWN", "CAP_SYS_ADMIN")));
    assertEquals(0, Capabilities.mask(List.of("CAP_OF_WOOL")));
  }

  @Test
  void aNewUserNamespaceHasAllThatThisKernelKnows() {
    // CAP_AUDIT_READ, 37, is there since Linux 3.16
    assertTrue(Capabilities.all() >= (1L << 38) - 1, Long.toHexString(Capabilities.all()));
    assertEquals(0, Capabilities.bounding() & ~Capabilities.all());
  }
}
