package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.grpc.GrpcException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class CacheRecordsTest {
  private static final CacheRecords.Kept LAYER =
      new CacheRecords.Kept(
          "abc",
          "regular",
          "RUN make",
          5,
          false,
          true,
          Instant.EPOCH,
          Instant.EPOCH,
          1,
          () -> true);

  private static boolean matches(String... filters) throws GrpcException {
    return CacheFilter.parse(List.of(filters)).matches(LAYER);
  }

  @Test
  void filtersAsClientsWriteThem() throws Exception {
    assertTrue(matches());
    assertTrue(matches(""));
    assertTrue(matches("type==regular,shared==true"));
    assertTrue(matches("type==source.local", "id~=^a"));
    assertTrue(matches("shared"));
    assertFalse(matches("type!=regular"));
    assertFalse(matches("inuse"));
    assertFalse(matches("type==regular,private"));
    for (String wrong : List.of("color==red", "id~=(", "typex")) {
      assertThrows(GrpcException.class, () -> matches(wrong), wrong);
    }
  }

  private static long keep(long reserved, long most, long free, long freeNow) {
    return new CacheRecords.Wish(List.of(), false, Duration.ZERO, reserved, most, free)
        .keep(100, freeNow);
  }

  @Test
  void keepsAsMuchAsAllowed() {
    assertEquals(0, keep(0, 0, 0, 1000));
    assertEquals(30, keep(30, 0, 0, 1000));
    assertEquals(60, keep(30, 60, 0, 1000));
    assertEquals(100, keep(0, 0, 50, 1000)); // enough is free
    assertEquals(70, keep(0, 0, 50, 20)); // 30 are missing
    assertEquals(80, keep(80, 0, 50, 20));
  }
}
